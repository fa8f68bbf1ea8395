"""Learned spectral masks (Guo and Ouyang 2020, arXiv 2007.03244, Algorithm 1).

Every masked convolution learns which bins of its output's spectrum to keep::

    S = DFT2(x * w)       S_hat = S . B(M)      B(M) = [M >= 0.5]      y = DFT2^-1(S_hat)

A mask per output channel and frequency multiplies the sum over input channels, so that masking S equals: plain
convolution, real DFT of its output, mask, inverse DFT (:mod:`frequency_reg.spectrum.masking`). No convolution in the
frequency domain is needed.

Backward, with dS_hat the gradient of the loss with respect to S_hat (straight through the threshold)::

    dM = Re(sum_batch conj(S) . dS_hat)         dS = dS_hat . B(M)

After each update ``M <- clip(M, 0, 1)``. Where the paper's text is open, the resolution is the default and the other
reading an option; see the arguments of :class:`SpectralMask`. Fine-tuning from a trained run is ``initial_weights``
(:mod:`frequency_reg.initial`), the masks themselves are recorded by the probe ``spectral_mask``, and masks per class
are a regularizer of their own (:mod:`frequency_reg.regularizer.spectral_mask_per_class`).

A trained mask is not folded into the weights for inference. The folded layer is a convolution whose kernel has the
size of the DFT, (H + k - 1) x (W + k - 1) in place of k x k, or H x W circularly; ``benchmarks/mask_layer.py`` builds
it, checks that its output is the same and times it: in evaluation it takes 2.5 to 6 times as long as the mask as it is
(``benchmarks/RESULTS.md``), and larger maps make the kernel larger still.
Only a mask that keeps every bin folds for nothing, and then the layer's weight is the plain convolution's already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from frequency_reg.model.base import Model, trace_shapes
from frequency_reg.regularizer.base import ParameterGroup, Regularizer, replace_module
from frequency_reg.regularizer.full_convolution import FullConvolution
from frequency_reg.spectrum.masking import THRESHOLD, column_counts, masked_spectrum, tied_half_plane


class SpectralMask(Regularizer):
    """Masks the spectra of a model's block convolutions (neither stem nor shortcuts).

    Args:
        mask_shape: one mask per output channel, or one ``shared`` by all channels of a layer.
        convolution: ``linear`` masks at the size of the full linear convolution, (H + k - 1) x (W + k - 1), and crops;
            ``circular`` wraps around the image and masks at its own size.
        mask_values: ``binary`` applies B(M), ``real`` applies M itself.
        mask_gradient: the factor of dS_hat in dS: the ``binary`` mask, or the ``real`` M.
        init_mean, init_sd: M starts from N(mean, sd). From scratch .8 and .2; for fine-tuning .6 and .1.
        random_drop: additional probability of dropping a surviving bin in a training step; the surviving ones are
            scaled by 1 / (1 - p) so that the expected spectrum is kept (inverted, as in dropout). A dropped bin gives
            its M no gradient in that step.

    Reports per layer ``share_removed``, the share of the spectrum's bins (both half-planes) with M below 0.5, and
    ``share_kept``.

    Raises:
        ValueError: from :meth:`prepare`, if the model names no block convolutions or one cannot be masked.
    """

    def __init__(
        self,
        *,
        mask_shape: Literal["per_channel", "shared"],
        convolution: Literal["linear", "circular"],
        mask_values: Literal["binary", "real"],
        mask_gradient: Literal["binary", "real"],
        init_mean: float,
        init_sd: Annotated[float, Gt(0)],
        random_drop: Annotated[float, Ge(0), Lt(1)],
    ) -> None:
        self._options: dict[str, Any] = {
            "mask_shape": mask_shape,
            "convolution": convolution,
            "mask_values": mask_values,
            "mask_gradient": mask_gradient,
            "random_drop": random_drop,
        }
        self.init_mean = init_mean
        self.init_sd = init_sd

    def prepare(self, model: Model) -> Model:
        """Replace every block convolution by a masked one that shares its weight."""
        if not model.block_convolutions:
            raise ValueError(
                f"regularizer=spectral_mask: {type(model).__name__} has no block convolutions to mask; "
                "choose a convolutional model, such as model=lenet or model=resnet20"
            )
        for name, shapes in trace_shapes(model, model.block_convolutions).items():
            _, height, width = shapes.entering
            masked = MaskedConv2d(model.get_submodule(name), (height, width), **self._options)
            nn.init.normal_(masked.mask, self.init_mean, self.init_sd)
            replace_module(model, name, masked)
        self._clip(model)
        return model

    def parameter_groups(self, model: Model) -> list[ParameterGroup]:
        """The masks are trained like the weights, but not decayed."""
        return [{"params": [module.mask for _, module in _masked(model)], "weight_decay": 0.0}]

    def after_step(self, model: Model, learning_rate: float) -> None:  # noqa: ARG002
        """``M <- clip(M, 0, 1)``."""
        self._clip(model)

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """Share of bins removed and kept, per layer."""
        for name, module in _masked(model):
            removed = module.share_removed()
            yield name, "share_removed", removed
            yield name, "share_kept", 1 - removed

    @staticmethod
    def _clip(model: Model) -> None:
        with torch.no_grad():
            for _, module in _masked(model):
                module.mask.clamp_(0, 1)


def _masked(model: nn.Module) -> Iterator[tuple[str, MaskedConv2d]]:
    return ((name, module) for name, module in model.named_modules() if isinstance(module, MaskedConv2d))


class MaskedConv2d(FullConvolution):
    """A convolution whose output spectrum is masked; shares the weight and bias of the convolution it replaces.

    Attributes:
        mask: M, (C_out or 1, n_h, n_w // 2 + 1) in [0, 1]: the half plane of a real DFT of size n_h x n_w. In columns
            0 and n_w / 2 (even n_w) the bins h and n_h - h are conjugates of each other; the lower h holds the value of
            both, or the mask of the real output would not be binary.

    Raises:
        ValueError: see :class:`FullConvolution`.
    """

    def __init__(
        self,
        convolution_layer: nn.Module,
        input_size: tuple[int, int],
        *,
        mask_shape: str,
        convolution: str,
        mask_values: str,
        mask_gradient: str,
        random_drop: float,
    ) -> None:
        super().__init__(convolution_layer, input_size, circular=convolution == "circular", purpose="mask")
        self.binary_values = mask_values == "binary"
        self.binary_gradient = mask_gradient == "binary"
        self.random_drop = random_drop
        half = self.fft_size[1] // 2 + 1
        channels = self.out_channels if mask_shape == "per_channel" else 1
        self.mask = nn.Parameter(torch.ones(channels, self.fft_size[0], half, device=self.weight.device))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(N, C_in, H, W) -> (N, C_out, H_out, W_out), as the convolution it replaces."""
        full, offset = self.full(input)
        with torch.autocast(input.device.type, enabled=False):
            output = masked_spectrum(full.to(self.mask.dtype), *self._masks(), *self.window(offset))
        return self.with_bias(output).to(full.dtype)

    def tied_mask(self) -> Tensor:
        """M on the half plane (C, n_h, n_w // 2 + 1), each conjugate pair reading its one representative."""
        return tied_half_plane(self.mask, self.fft_size[1])

    def share_removed(self) -> float:
        """Share of the bins of the full plane whose mask is below the threshold."""
        n_h, n_w = self.fft_size
        removed = (self.tied_mask().detach() < THRESHOLD) * column_counts(n_w, self.mask.device)
        return float(removed.sum() / (len(self.mask) * n_h * n_w))

    def _masks(self) -> tuple[Tensor, Tensor, Tensor]:
        """M with its ties, the factor of the forward pass, and the factor of dS_hat in dS."""
        tied = self.tied_mask()
        values = tied.detach()
        binary = (values >= THRESHOLD).to(values.dtype)
        forward = binary if self.binary_values else values
        backward = binary if self.binary_gradient else values
        if self.training and self.random_drop > 0:
            kept = tied_half_plane((torch.rand_like(values) >= self.random_drop).to(values.dtype), self.fft_size[1])
            kept = kept / (1 - self.random_drop)
            tied, forward, backward = tied * kept, forward * kept, backward * kept
        return tied, forward, backward
