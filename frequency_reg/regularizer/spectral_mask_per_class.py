"""A learned spectral mask for each class: which frequencies of the feature maps speak for it.

Guo and Ouyang 2020 (arXiv 2007.03244) name masks per class as future work and leave open how a network with them is
evaluated. With f(x; M_c) the logits of the network whose block convolutions are masked by the masks of class c, the
score of class c is its own logit under its own masks, in training and in evaluation alike::

    s_c(x) = f_c(x; M_c)          c = 1 .. K          loss = cross-entropy(s(x), y)

The label selects no mask: it is not known in evaluation, and in training a network would learn to read it off the mask.
(Under the mask of its label alone every image can be classified from the mask's mark on the feature maps.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Gt
from torch import Tensor, nn

from frequency_reg.model.base import Model, trace_shapes
from frequency_reg.regularizer.base import ParameterGroup, Regularizer
from frequency_reg.spectrum.masking import THRESHOLD, column_counts, masked_spectrum, tied_half_plane

PARAMETER = "class_mask"


class SpectralMaskPerClass(Regularizer):
    """Masks the outputs of a model's block convolutions (neither stem nor shortcuts), by K masks each.

    ::

        y = DFT2^-1( DFT2(conv(x)) . B(M_c) )      B(M) = [M >= 0.5]      dM_c = Re(sum conj(S) . dS_hat)

    as in :mod:`frequency_reg.regularizer.spectral_mask`, straight through the threshold, with ``M <- clip(M, 0, 1)``
    after each update. The DFT has the size of the convolution's output (strided, padded as it is): the mask wraps
    around the map, which the linear masks of ``spectral_mask`` do not. Both can be chosen together.

    Source: the future work of arXiv 2007.03244; the scores are ours, see the module's text.

    Cost: K forward and backward passes for each image, as one of a batch K times as large, in evaluation too; K masks
    of the size of ``spectral_mask``'s in memory. Batch norm's statistics are over the images under all masks.

    Args:
        class_mask_shape: one mask per class and output channel, or one per class ``shared`` by all channels.
        class_mask_init_mean, class_mask_init_sd: masks start from N(mean, sd), each class from its own.

    Reports per layer ``class_share_removed``, the share of bins (both half-planes) with M below 0.5, mean over classes,
    and ``class_share_disagreed``, the share of bins that some class keeps and another removes.

    Raises:
        ValueError: from :meth:`prepare`, if the model names no block convolutions or has fewer than two classes.
    """

    classes_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        class_mask_shape: Literal["per_channel", "shared"],
        class_mask_init_mean: float,
        class_mask_init_sd: Annotated[float, Gt(0)],
    ) -> None:
        self.shared = class_mask_shape == "shared"
        self.init_mean = class_mask_init_mean
        self.init_sd = class_mask_init_sd

    def prepare(self, model: Model) -> Model:
        """Give every block convolution its masks, and the model its K passes."""
        name = type(model).__name__
        if not model.block_convolutions or model.num_classes < 2:
            what = "has no block convolutions to mask" if model.num_classes > 1 else "tells no classes apart"
            raise ValueError(
                f"regularizer=spectral_mask_per_class: {name} {what}; choose a convolutional model, such as "
                "model=lenet or model=resnet20, and a data set with classes"
            )
        for layer, shapes in trace_shapes(model, model.block_convolutions).items():
            channels, height, width = shapes.leaving
            size = (model.num_classes, 1 if self.shared else channels, height, width // 2 + 1)
            mask = nn.Parameter(torch.empty(size))
            nn.init.normal_(mask, self.init_mean, self.init_sd)
            convolution = model.get_submodule(layer)
            convolution.register_parameter(PARAMETER, mask)
            convolution.register_forward_hook(_mask_output)
        model.register_forward_pre_hook(_for_every_class)
        model.register_forward_hook(_own_logits)
        self._clip(model)
        return model

    def parameter_groups(self, model: Model) -> list[ParameterGroup]:
        """The masks are trained like the weights, but not decayed."""
        return [{"params": [mask for _, mask in _masks(model)], "weight_decay": 0.0}]

    def after_step(self, model: Model, learning_rate: float) -> None:  # noqa: ARG002
        """``M <- clip(M, 0, 1)``."""
        self._clip(model)

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """Shares of bins removed, and treated otherwise by some classes, per layer."""
        shapes = trace_shapes(model, model.block_convolutions)
        for layer, mask in _masks(model):
            width = shapes[layer].leaving[2]
            kept = (tied_half_plane(mask.detach(), width) >= THRESHOLD).double()
            counts = column_counts(width, kept.device)
            bins = float(counts.sum()) * kept.shape[-2] * kept.shape[1]
            yield layer, "class_share_removed", 1 - float((kept.mean(0) * counts).sum()) / bins
            differs = kept.amax(0) != kept.amin(0)
            yield layer, "class_share_disagreed", float((differs * counts).sum()) / bins

    @staticmethod
    def _clip(model: Model) -> None:
        with torch.no_grad():
            for _, mask in _masks(model):
                mask.clamp_(0, 1)


def _mask_output(convolution: nn.Module, _: Any, output: Tensor) -> Tensor:
    """The convolution's output (K N, C, H, W), image after image for class after class, under each class's mask."""
    masks, whole = tied_half_plane(getattr(convolution, PARAMETER), output.shape[-1]), slice(None)
    filtered = []
    with torch.autocast(output.device.type, enabled=False):
        for mask, maps in zip(masks, output.float().chunk(len(masks)), strict=True):
            binary = (mask.detach() >= THRESHOLD).to(mask.dtype)
            filtered.append(masked_spectrum(maps, mask, binary, binary, whole, whole))
    return torch.cat(filtered).to(output.dtype)


def _for_every_class(model: Model, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
    (images,) = inputs
    return (images.repeat(model.num_classes, 1, 1, 1),)


def _own_logits(_: nn.Module, __: Any, outputs: Tensor) -> Tensor:
    """(K N, K) -> (N, K): of every class the logit under its own masks."""
    own: Tensor = outputs.unflatten(0, (outputs.shape[1], -1)).diagonal(dim1=0, dim2=2)
    return own


def _masks(model: Model) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, getattr(model.get_submodule(name), PARAMETER)) for name in model.block_convolutions)
