from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.contrast import Contrast
from tests.corruption.real_images import cifar10_images

FACTOR = [0.75, 0.5, 0.4, 0.3, 0.15]


def test_each_channel_keeps_its_own_mean(generator: Generator) -> None:
    images = torch.tensor([[[0.0, 0.4]], [[0.5, 1.0]]]).unsqueeze(0)  # (1, 2, 1, 2): means .2 and .75
    drawn = Contrast(factor=[0.5])(images, 1, generator)
    torch.testing.assert_close(drawn.flatten(), torch.tensor([0.1, 0.3, 0.625, 0.875]))


def test_more_contrast_is_clipped(generator: Generator) -> None:
    images = torch.tensor([0.0, 0.4, 0.8]).view(1, 1, 1, 3)  # mean .4, deviations doubled: -.4, .4, 1.2
    assert Contrast(factor=[2.0])(images, 1, generator).flatten().tolist() == pytest.approx([0, 0.4, 1])


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_numpy(natural: Tensor, severity: int, generator: Generator) -> None:
    pixels = natural.double().numpy()
    means = pixels.mean((2, 3), keepdims=True)
    expected = np.clip((pixels - means) * FACTOR[severity - 1] + means, 0, 1)
    np.testing.assert_allclose(Contrast(factor=FACTOR)(natural, severity, generator).numpy(), expected, atol=1e-6)


@pytest.mark.real_data
def test_real_images_within_truncation(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 100)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    means = images.mean((1, 2), keepdims=True)
    for severity, factor in enumerate(FACTOR, start=1):
        ours = Contrast(factor=FACTOR)(pixels, severity, generator).permute(0, 2, 3, 1).numpy() * 255
        assert np.abs(ours - np.uint8((images - means) * factor + means)).mean() < 1


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    contrast = Contrast(factor=FACTOR)
    errors = [(contrast(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(contrast.parameters) == FACTOR
