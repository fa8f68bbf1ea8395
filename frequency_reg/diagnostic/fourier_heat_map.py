"""Fourier heat map: the error under a perturbation of one spatial frequency, for each of them; and layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from frequency_reg.dataset.base import Split, as_values
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Diagnostic, Question, Rows
from frequency_reg.diagnostic.fourier_basis import FourierBasis, fourier_basis
from frequency_reg.records import field

FREQUENCY = [
    field("fy", pa.int32(), "frequency along the columns; -f has the value of f", unit="cycle per image"),
    field("fx", pa.int32(), "frequency along the rows; of +f and -f one is listed", unit="cycle per image"),
    field("radius", pa.float64(), "sqrt(fy^2 + fx^2)", unit="cycle per shorter side"),
    field("multiplicity", pa.int32(), "DFT bins of the row: 2 (+f and -f), or 1 where they are one"),
    field("norm", pa.float64(), "L2 norm v of the perturbation of each channel, before clipping, pixels in [0, 1]"),
]


class FourierHeatMap(Diagnostic):
    """Error rate under ``clip(x + r v U_f, 0, 1)`` for each frequency f, with ||U_f|| = 1.

    U_f is the cosine of frequency f = (fy, fx) (:func:`frequency_reg.diagnostic.fourier_basis.fourier_basis`): +f and
    -f share it, so that 32 x 32 images have 514 rows. r is +1 or -1, drawn for each image, channel and frequency.

    Source: Yin, Lopes, Shlens, Cubuk, Gilmer 2019, "A Fourier Perspective on Model Robustness in Computer Vision",
    section 2 (v = 4 on CIFAR-10) and its maps of layers. Deviations: the phase is 0, which the text leaves open; a
    layer's change is divided by the clean activation's norm, so that layers and models compare.

    v = norm sqrt(H W) / relative_to: what is kept over image sizes is the perturbation's root mean square per pixel,
    which is norm / relative_to (.125 with the defaults) before clipping.

    Cost: frequencies x images forward passes, in batches of frequencies x images: 257,000 of a 32 x 32 image with the
    defaults, minutes for ResNet-20 on a CPU; ``layers`` takes about twice the time.

    Args:
        norm: v on images of ``relative_to`` x ``relative_to`` pixels in [0, 1].
        relative_to: side in pixels that ``norm`` belongs to.
        images: the first so many of the split; None takes all.
        layers: also write ``fourier_activation_map``: for each convolution with a square kernel, with a(x) its output
            before batch norm and means over images, ``mean ||a(x') - a(x)|| / mean ||a(x)||``.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "fourier_heat_map": pa.schema(
            [
                RUN_ID,
                SPLIT,
                *FREQUENCY,
                field("error", pa.float64(), "share of perturbed images that are misclassified"),
                field("accuracy", pa.float64(), "1 - error"),
                field("loss", pa.float64(), "mean cross-entropy of the perturbed images", unit="nat"),
                field("n", pa.int64(), "images perturbed by each frequency", unit="image"),
            ]
        ),
        "fourier_activation_map": pa.schema(
            [
                RUN_ID,
                SPLIT,
                field("layer", pa.string(), "module path of the convolution"),
                field("depth", pa.int32(), "index among the convolutions with square kernels, 0 is the stem"),
                *FREQUENCY,
                field("value", pa.float64(), "mean L2 change of the convolution's output / mean L2 norm of the clean"),
                field("n", pa.int64(), "images perturbed by each frequency", unit="image"),
            ]
        ),
    }

    def __init__(
        self,
        *,
        norm: Annotated[float, Gt(0)],
        relative_to: Annotated[float, Gt(0)],
        images: Annotated[int, Ge(1)] | None,
        layers: bool,
    ) -> None:
        self.norm = norm
        self.relative_to = relative_to
        self.images = images
        self.layers = layers

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        height, width = split.images.shape[-2:]
        norm = self.norm * math.sqrt(height * width) / self.relative_to
        basis = fourier_basis(height, width)
        changes = _LayerChanges(question.model if self.layers else nn.Module(), len(basis.fy), split.images.device)
        with changes.watched():
            correct, loss = _perturbed(question, split, basis.waves * norm, changes)
        shared = {"split": question.split_name, **_frequencies(basis), "norm": norm, "n": len(split)}
        accuracy = correct / len(split)
        scores = {"error": 1 - accuracy, "accuracy": accuracy, "loss": loss / len(split)}
        yield "fourier_heat_map", {**shared, **{name: value.tolist() for name, value in scores.items()}}
        for depth, (layer, value) in enumerate(changes.relative().items()):
            yield "fourier_activation_map", {**shared, "layer": layer, "depth": depth, "value": value.tolist()}


def _frequencies(basis: FourierBasis) -> dict[str, list[Any]]:
    return {name: getattr(basis, name).tolist() for name in ("fy", "fx", "radius", "multiplicity")}


def _perturbed(question: Question, split: Split, waves: Tensor, changes: _LayerChanges) -> tuple[Tensor, Tensor]:
    """Images classified correctly and summed losses, (B,) float64 each, under each of the waves (B, H, W).

    Some images meet some frequencies at a time: their clean activations are kept meanwhile, which all images' at once
    would be too large for.
    """
    device, shape = split.images.device, (len(waves), len(split), split.images.shape[1])
    generator = question.generator("fourier_heat_map")
    signs = torch.randint(0, 2, shape, generator=generator, dtype=torch.int8).mul_(2).sub_(1).to(device)
    waves = waves.to(device)
    totals = torch.zeros(2, len(waves), dtype=torch.float64, device=device)
    for chosen in torch.arange(len(split), device=device).split(max(1, question.batch_size // 8)):
        pixels, labels = as_values(split.images[chosen]), split.labels[chosen]
        changes.meet_clean()
        if changes.any:
            question.logits(pixels)
        for bases in torch.arange(len(waves), device=device).split(max(1, question.batch_size // len(chosen))):
            changes.meet(bases, len(chosen))
            moved = waves[bases, None, None] * signs[bases[:, None], chosen, :, None, None]
            perturbed = (pixels + moved).clamp_(0, 1).flatten(0, 1)
            correct, loss = question.outcomes(perturbed, labels.repeat(len(bases)))
            totals[0, bases] += correct.view(len(bases), -1).sum(1)
            totals[1, bases] += loss.view(len(bases), -1).sum(1)
    return totals[0].cpu(), totals[1].cpu()


class _LayerChanges:
    """Sums, over images, of the norms of every convolution's clean output and of its change by each frequency."""

    def __init__(self, model: nn.Module, frequencies: int, device: torch.device) -> None:
        self._layers = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, nn.Conv2d) and module.kernel_size[0] == module.kernel_size[1]
        }
        self._clean: dict[str, Tensor] = {}
        self._norm = {name: torch.zeros((), dtype=torch.float64, device=device) for name in self._layers}
        self._change = {name: torch.zeros(frequencies, dtype=torch.float64, device=device) for name in self._layers}
        self._bases: Tensor | None = None
        self._images = 0

    @property
    def any(self) -> bool:
        """Whether there is a convolution to watch."""
        return bool(self._layers)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Follow the forward passes from here on."""
        handles = [module.register_forward_hook(self._hook(name)) for name, module in self._layers.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            self._clean.clear()

    def meet_clean(self) -> None:
        """The next forward pass is of clean images (n, C, H, W)."""
        self._bases = None

    def meet(self, bases: Tensor, images: int) -> None:
        """The next one is of (b n, C, H, W): the same n images under each of the frequencies ``bases`` (b,)."""
        self._bases, self._images = bases, images

    def relative(self) -> dict[str, Tensor]:
        """Mean change over mean norm, by layer: (B,) float64 on the CPU; NaN where the clean output is 0."""
        return {name: (self._change[name] / self._norm[name]).cpu() for name in self._layers}

    def _hook(self, name: str) -> Any:
        def compare(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            # Channels last, as they lie in memory, or flattening would copy; the norm does not depend on the order.
            values = output.detach().permute(0, 2, 3, 1).flatten(1).float()
            if self._bases is None:
                self._clean[name] = values
                self._norm[name] += torch.linalg.vector_norm(values, dim=1).double().sum()
                return
            # A model may pass each batch through its layers several times over, one batch behind the other.
            passes = values.view(-1, len(self._bases), self._images, values.shape[1])
            change = passes - self._clean[name].view(-1, 1, self._images, values.shape[1])
            self._change[name][self._bases] += torch.linalg.vector_norm(change, dim=3).double().sum((0, 2))

        return compare
