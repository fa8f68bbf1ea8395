"""Masks per class: scores pass by pass, gradients by hand, and that no label is needed or leaks."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.spectral_mask_per_class import SpectralMaskPerClass
from frequency_reg.regularizer.weight_decay import WeightDecay
from frequency_reg.spectrum.masking import tied_half_plane

FACTS = {"image_shape": (1, 8, 8), "num_classes": 3, "mean": (0.3,), "std": (0.4,)}
DEFAULTS = {"class_mask_shape": "per_channel", "class_mask_init_mean": 0.5, "class_mask_init_sd": 0.3}


def masked(model: nn.Module, **changes) -> nn.Module:
    torch.manual_seed(4)
    return SpectralMaskPerClass(**{**DEFAULTS, **changes}).prepare(model)


def lenet() -> LeNet:
    torch.manual_seed(0)
    return LeNet(kernel_size=3, padding=1, width=0.5, **FACTS)


def full_plane(half: torch.Tensor, width: int) -> torch.Tensor:
    """A tied half plane (..., n_h, width // 2 + 1) on all bins, by conjugate symmetry."""
    n_h = half.shape[-2]
    rows = [
        [half[..., h, w] if w <= width // 2 else half[..., -h % n_h, width - w] for w in range(width)]
        for h in range(n_h)
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


@pytest.mark.parametrize("shape", ["per_channel", "shared"])
def test_the_score_of_a_class_is_its_logit_under_its_own_masks(shape):
    model, plain = masked(lenet(), class_mask_shape=shape), lenet()
    x = torch.rand(5, 1, 8, 8)
    scores = model(x)
    assert scores.shape == (5, 3)

    def under(image, c):
        """The network of class c written out, its masks on the whole plane of numpy-like complex DFTs."""
        y = (image - 0.3) / 0.4
        for layer, size in (("conv1", 8), ("conv2", 4)):
            y = getattr(plain, layer)(y)
            half = tied_half_plane(model.get_parameter(f"{layer}.class_mask").detach()[c], size)
            keep = full_plane(half, size) >= 0.5
            y = plain.pool(torch.relu(torch.fft.ifft2(torch.fft.fft2(y) * keep).real))
        y = torch.relu(plain.fc1(y.flatten(1)))
        return plain.fc3(torch.relu(plain.fc2(y)))

    for c in range(3):
        assert torch.allclose(scores[:, c], under(x, c)[:, c], atol=1e-5)


def test_masks_that_keep_all_leave_the_network_as_it_was():
    model, plain = masked(lenet(), class_mask_init_mean=5.0), lenet()
    x = torch.rand(4, 1, 8, 8)
    assert torch.allclose(model(x), plain(x), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 6), (4, 5)])
def test_ties_make_the_full_mask_hermitian(height, width):
    full = full_plane(tied_half_plane(torch.rand(2, height, width // 2 + 1), width), width)
    assert torch.equal(full, full.flip(-2, -1).roll((1, 1), (-2, -1)))


def test_gradients_reach_the_masks_of_every_class_by_algorithm_1():
    """A single 1 x 1 convolution of weight 1: dM_c(h, w) = Re(conj(S) dS_hat), sums written out on the whole plane."""

    class One(nn.Module):
        block_convolutions = ("conv",)
        image_shape, num_classes = (1, 3, 3), 2

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1, bias=False)
            nn.init.ones_(self.conv.weight)
            self.mean = torch.zeros(1)

        def forward(self, x):
            y = self.conv(x)[:, 0]
            return torch.stack([y[:, 0, 0], y[:, 1, 2]], 1)

    model = masked(One())
    x, upstream = torch.rand(2, 1, 3, 3), torch.tensor([[1.0, 2.0], [-1.0, 0.5]])
    model(x).backward(upstream)
    spectrum = torch.fft.fft2(x[:, 0])
    for c, place in enumerate([(0, 0), (1, 2)]):
        arriving = torch.zeros(2, 3, 3)
        arriving[:, place[0], place[1]] = upstream[:, c]
        product = (spectrum.conj() * torch.fft.fft2(arriving) / 9).real.sum(0)
        expected = torch.zeros(3, 2)
        for h in range(3):
            for w in range(3):
                row, column = (h, w) if w <= 1 else (-h % 3, 3 - w)
                expected[min(row, -row % 3) if column == 0 else row, column] += product[h, w]
        assert torch.allclose(model.conv.class_mask.grad[c, 0], expected, atol=1e-5)


def test_no_label_reaches_the_network():
    """Training and evaluation compute the same scores from the images alone."""
    model = masked(lenet())
    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(model.train()(x), model.eval()(x))
    assert "augment" not in vars(SpectralMaskPerClass)
    assert list(inspect.signature(model.forward).parameters) == ["images"]


def test_a_copy_has_masks_of_its_own():
    model = masked(lenet())
    other = copy.deepcopy(model)
    x = torch.rand(2, 1, 8, 8)
    before = model(x)
    with torch.no_grad():
        other.conv1.class_mask.zero_()
    assert torch.equal(model(x), before)
    assert not torch.allclose(other(x), before)


def test_report_by_hand():
    regularizer = SpectralMaskPerClass(**{**DEFAULTS, "class_mask_shape": "shared"})
    model = regularizer.prepare(lenet())
    with torch.no_grad():
        for layer in ("conv1", "conv2"):
            model.get_parameter(f"{layer}.class_mask").fill_(1.0)
        mask = model.conv2.class_mask  # 4 x 4 maps: 16 bins, half plane 4 x 3
        mask[0, 0, 1, 1] = 0.1  # with its conjugate (3, 3): 2 of 16, class 0
        mask[:, 0, 0, 0] = 0.2  # DC of all classes: 1 of 16
        mask[1, 0, 1, 2] = 0.3  # Nyquist column: (3, 2) is tied to it: 2 of 16, class 1
        mask[2, 0, 3, 0] = 0.0  # tied to (1, 0): not read
    rows = {(layer, quantity): value for layer, quantity, value in regularizer.report(model)}
    assert rows["conv1", "class_share_removed"] == 0
    assert rows["conv2", "class_share_removed"] == pytest.approx((3 + 3 + 1) / 48)
    assert rows["conv2", "class_share_disagreed"] == pytest.approx(4 / 16)


def test_masks_start_clipped_stay_clipped_and_are_not_decayed():
    parts = {
        "spectral_mask_per_class": SpectralMaskPerClass(**DEFAULTS),
        "weight_decay": WeightDecay(weight_decay=0.1, decoupled=False),
    }
    regularizer = Composition(parts)
    model = regularizer.prepare(ResNet20(width=2, kernel_size=3, shortcut="pad", norm="batch", **FACTS))
    masks = {name: p for name, p in model.named_parameters() if name.endswith("class_mask")}
    assert len(masks) == 18
    assert masks["stages.1.0.conv1.class_mask"].shape == (3, 4, 4, 3)  # the strided output's size
    decay = {p: g.get("weight_decay") for g in regularizer.parameter_groups(model) for p in g["params"]}
    assert {decay[p] for p in masks.values()} == {0.0}
    assert {decay[p] for name, p in model.named_parameters() if name not in masks} == {0.1}
    with torch.no_grad():
        masks["stages.0.0.conv1.class_mask"].add_(3)
    regularizer.after_step(model, 0.1)
    assert all(float(p.detach().min()) >= 0 and float(p.detach().max()) <= 1 for p in masks.values())


def test_error_texts():
    with pytest.raises(ValueError, match="per_class: MLP has no block convolutions to mask; choose a convolutional"):
        masked(MLP(hidden=[4], activation="relu", **FACTS))
    one = LeNet(kernel_size=3, padding=1, width=0.5, **{**FACTS, "num_classes": 1})
    with pytest.raises(ValueError, match=r"LeNet tells no classes apart; .* and a data set with classes"):
        masked(one)
