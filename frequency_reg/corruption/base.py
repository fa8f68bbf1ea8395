"""The contract of a corruption.

A corruption is a callable ``(images, severity, generator) -> images`` on a floating batch (N, C, H, W) in [0, 1], made
before the model normalises. Severity 0 is the clean set and returns the very tensor it was given; severities 1..n use
the constructor's lists, one value a severity. A variant is one file with a class that derives from :class:`Corruption`
and one ``conf/corruption/<name>.yaml``; its constructor takes keywords only, and their defaults stand in the YAML.

Randomness comes from the given generator alone, image after image, so that the result depends on the generator's state
but not on how the images are cut into batches. A generator on the CPU is required for that (a GPU generator's numbers
depend on the launch grid), and it gives the same perturbation on every device.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Generator, Tensor


class Corruption(ABC):
    """Perturbs images in [0, 1] by one of n severities."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """What ``parameters`` counts, as text for an axis."""

    @property
    @abstractmethod
    def parameters(self) -> Sequence[float]:
        """The physical parameter of severities 1..n, in units of ``unit``."""

    @abstractmethod
    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """The perturbed images (N, C, H, W), same dtype and device; ``images`` is left as it is.

        Args:
            images: (N, C, H, W) in [0, 1], checked.
            severity: 1..n, checked; index ``severity - 1`` of the constructor's lists.
            generator: the only source of randomness, on the CPU.
        """

    @property
    def distortion_grows(self) -> bool:
        """Whether the last severity distorts more than the first, in mean square; some published constants do not."""
        return True

    def changes(self, channels: int, severity: int) -> bool:  # noqa: ARG002
        """Whether a severity changes images of so many channels: grey has no saturation to lose, for one."""
        return True

    def __call__(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> perturbed images of the same shape, dtype and device.

        Args:
            images: floating batch (N, C, H, W), pixels in [0, 1].
            severity: 0 (clean: ``images`` itself is returned) to ``len(parameters)``.
            generator: a CPU generator; two calls that continue one generator equal one call on both batches.

        Raises:
            ValueError: a severity out of range, a wrong shape, dtype or range of pixels, a generator elsewhere than on
                the CPU, or a result that is not finite.
        """
        if not 0 <= severity <= len(self.parameters):
            raise ValueError(
                f"{self._name}: severity {severity} does not exist; choose 0 (clean) to {len(self.parameters)}"
            )
        if generator.device.type != "cpu":
            raise ValueError(
                f"{self._name}: the generator is on {generator.device}; give a CPU generator, torch.Generator(), whose "
                "numbers do not depend on the batch size"
            )
        self._check(images)
        if severity == 0:
            return images
        corrupted = self.corrupt(images, severity, generator)
        # Constants beyond all measure: a model would score the NaN as an image, and nothing would show it.
        if not corrupted.sum(dtype=torch.promote_types(corrupted.dtype, torch.float32)).isfinite():
            raise ValueError(f"{self._name}: severity {severity} gives NaN or infinite pixels; check its constants")
        return corrupted

    def _check(self, images: Tensor) -> None:
        expected = f"{self._name}: expected floating images (N, C, H, W) in [0, 1]"
        if images.ndim != 4 or images.numel() == 0:
            raise ValueError(f"{expected}, got shape {tuple(images.shape)}")
        if not images.is_floating_point():
            raise ValueError(f"{expected}, got dtype {images.dtype}; use images.float() / 255")
        low, high = (bound.item() for bound in torch.aminmax(images))
        if not (low >= 0 and high <= 1):  # so written that NaN fails too
            bytelike = low >= 0 and 1 < high <= 255
            mend = "they look like 0-255 pixels, divide by 255" if bytelike else "do not normalise them"
            raise ValueError(f"{expected}, got values in [{low:g}, {high:g}]; {mend}")

    @property
    def _name(self) -> str:
        return f"corruption {type(self).__module__.rpartition('.')[2]}"


def standard_normal(images: Tensor, generator: Generator) -> Tensor:
    """Independent N(0, 1) values of the shape, dtype and device of ``images`` (N, C, H, W).

    Drawn in float32 image after image: torch's CPU ``randn`` fills blocks of 16 and draws a last incomplete block
    again, so every image gets whole blocks, and the surplus is dropped. Without that, images whose number of values is
    no multiple of 16 (5 x 5, say) would get other noise in other batch sizes.
    """
    n, values = len(images), math.prod(images.shape[1:])
    noise = torch.randn(n, -(-values // 16) * 16, generator=generator)[:, :values]
    return noise.reshape(images.shape).to(device=images.device, dtype=images.dtype)
