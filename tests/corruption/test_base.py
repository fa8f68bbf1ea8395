from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption, standard_normal


class Darker(Corruption):
    """The smallest corruption: pixels times a factor."""

    unit = "factor"

    @property
    def parameters(self) -> Sequence[float]:
        return [0.5, 0.25]

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        return images * self.parameters[severity - 1]


def test_severity_chooses_the_parameter(generator: Generator) -> None:
    images = torch.ones(2, 3, 4, 4)
    assert torch.equal(Darker()(images, 1, generator), images / 2)
    assert torch.equal(Darker()(images, 2, generator), images / 4)


def test_severity_zero_is_the_very_same_tensor(generator: Generator) -> None:
    images = torch.rand(2, 3, 4, 4)
    assert Darker()(images, 0, generator) is images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 4, 4), r"expected floating images \(N, C, H, W\) in \[0, 1\], got shape \(3, 4, 4\)"),
        (torch.rand(0, 3, 4, 4), r"got shape \(0, 3, 4, 4\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), r"got dtype torch.uint8; use images.float\(\) / 255"),
        (torch.full((1, 3, 4, 4), 200.0), r"got values in \[200, 200\]; they look like 0-255 pixels, divide by 255"),
        (torch.linspace(-1, 1, 16).view(1, 1, 4, 4), r"got values in \[-1, 1\]; do not normalise them"),
        (torch.full((1, 3, 4, 4), torch.nan), r"got values in \[nan, nan\]"),
    ],
)
def test_bad_images_are_named(images: Tensor, message: str, generator: Generator) -> None:
    for severity in (0, 1):
        with pytest.raises(ValueError, match=message):
            Darker()(images, severity, generator)


@pytest.mark.parametrize("severity", [-1, 3])
def test_severity_out_of_range(severity: int, generator: Generator) -> None:
    with pytest.raises(ValueError, match=rf"severity {severity} does not exist; choose 0 \(clean\) to 2"):
        Darker()(torch.rand(1, 1, 4, 4), severity, generator)


def test_generator_must_be_on_the_cpu() -> None:
    class Elsewhere:
        device = torch.device("cuda:0")

    with pytest.raises(ValueError, match=r"the generator is on cuda:0; give a CPU generator"):
        Darker()(torch.rand(1, 1, 4, 4), 1, Elsewhere())  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 5, 5), (1, 1, 1), (1, 8, 8), (3, 32, 32)])
def test_noise_does_not_depend_on_the_batch_size(shape: tuple[int, ...]) -> None:
    images = torch.zeros(64, *shape)
    whole = standard_normal(images, torch.Generator().manual_seed(3))
    for sizes in ([32, 32], [1] * 64, [3, 29, 7, 25]):
        generator = torch.Generator().manual_seed(3)
        parts = [standard_normal(part, generator) for part in torch.split(images, sizes)]
        assert torch.equal(whole, torch.cat(parts))


def test_noise_is_standard_normal() -> None:
    noise = standard_normal(torch.zeros(2000, 1, 5, 5), torch.Generator().manual_seed(4))
    # 50,000 values: standard errors 1/sqrt(n) = .0045 of the mean, sqrt(2/n) = .0063 of the variance, sqrt(24/n) = .022
    # of the fourth moment's excess; four of each.
    assert abs(noise.mean().item()) < 0.018
    assert abs(noise.var().item() - 1) < 0.026
    assert abs((noise**4).mean().item() - 3) < 0.2
    pixels = noise.flatten(1)
    correlation = torch.corrcoef(pixels.T) - torch.eye(25)
    assert correlation.abs().max().item() < 5 / 2000**0.5


def test_a_result_that_is_not_finite_is_refused(generator: Generator) -> None:
    class Endless(Darker):
        @property
        def parameters(self) -> Sequence[float]:
            return [float("inf")]

    images = torch.rand(2, 3, 4, 4)
    images[0, 0, 0, 0] = 0  # 0 x infinity
    with pytest.raises(ValueError, match="severity 1 gives NaN or infinite pixels; check its constants"):
        Endless()(images, 1, generator)


def test_noise_takes_dtype_of_the_images(generator: Generator) -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert standard_normal(torch.zeros(1, 1, 4, 4, dtype=dtype), generator).dtype == dtype
