"""AugMix: chains and mixtures with stand-in operations, and what a batch keeps."""

import pytest
import torch

from frequency_reg.model.mlp import MLP
from frequency_reg.regularizer import augmix
from frequency_reg.regularizer.augmix import AugMix

MODEL = MLP(hidden=[4], activation="relu", image_shape=(3, 8, 8), num_classes=10, mean=(0.5,) * 3, std=(0.2,) * 3)
LABELS = torch.arange(2000) % 10


def mixed(images: torch.Tensor, severity: float = 3.0, width: int = 3, depth: int = 3, alpha: float = 1.0):
    torch.manual_seed(0)
    found = AugMix(augmix=severity, mixture_width=width, mixture_depth=depth, mixture_alpha=alpha)
    return found.augment(MODEL, images, LABELS[: len(images)])[0]


def test_levels_are_uniform_and_of_either_sign(monkeypatch):
    seen = []
    monkeypatch.setattr(augmix, "OPERATIONS", (lambda images, level: seen.append(level) or images,))
    mixed(torch.rand(2000, 1, 2, 2), severity=5.0, width=1, depth=1)
    (levels,) = seen
    assert len(levels) == 2000
    assert levels.abs().min() >= 0.1
    assert levels.abs().max() <= 5
    assert levels.abs().mean().item() == pytest.approx(2.55, abs=4 * 4.9 / 12**0.5 / 2000**0.5)
    assert (levels > 0).float().mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 2000**0.5)


def test_a_chain_has_one_to_depth_operations(monkeypatch):
    monkeypatch.setattr(augmix, "OPERATIONS", (lambda images, _: images / 2,))
    chains = AugMix(augmix=3.0, mixture_width=1, mixture_depth=3, mixture_alpha=1.0)._chains(torch.ones(3000, 1, 1, 1))
    values, counts = chains.flatten().unique(return_counts=True)
    assert values.tolist() == [0.125, 0.25, 0.5]
    assert counts.float().div(3000).tolist() == pytest.approx([1 / 3] * 3, abs=4 * (2 / 9 / 3000) ** 0.5)


def test_operations_are_equally_likely(monkeypatch):
    shifts = tuple(lambda images, _, i=i: images + 10.0**-i for i in range(1, 4))
    monkeypatch.setattr(augmix, "OPERATIONS", shifts)
    chains = AugMix(augmix=3.0, mixture_width=1, mixture_depth=1, mixture_alpha=1.0)._chains(torch.zeros(3000, 1, 1, 1))
    assert chains.unique(return_counts=True)[1].div(3000).tolist() == pytest.approx([1 / 3] * 3, abs=0.035)


def test_the_mixture_is_convex_and_on_average_half_the_image(monkeypatch):
    """Black images whose chains are white: what shows is m, which is uniform at alpha = 1, whatever the weights."""
    monkeypatch.setattr(augmix, "OPERATIONS", (lambda images, _: torch.ones_like(images),))
    found = mixed(torch.zeros(2000, 1, 2, 2))
    share = found.flatten(1)
    assert torch.allclose(share, share[:, :1].expand(-1, 4))
    assert share[:, 0].mean().item() == pytest.approx(0.5, abs=4 / 12**0.5 / 2000**0.5)
    assert (share[:, 0] < 0.25).float().mean().item() == pytest.approx(0.25, abs=0.04)


def test_images_stay_in_range_and_the_batch_as_it_was():
    images = torch.rand(64, 3, 8, 8)
    before = images.clone()
    found = mixed(images, severity=10.0)
    assert torch.equal(images, before)
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found - images).abs().amax((1, 2, 3)).gt(1e-4).float().mean() > 0.9


def test_the_least_severity_is_no_trap():
    """Below .1, the lowest level of the source, all levels are the severity itself."""
    images = torch.rand(8, 3, 8, 8)
    assert torch.isfinite(mixed(images, severity=0.05)).all()
