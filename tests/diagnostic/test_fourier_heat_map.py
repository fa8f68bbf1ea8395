"""The heat map of linear models, known by hand; the map of activations against a second forward pass."""

import math

import pytest
import torch

from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.fourier_basis import fourier_basis
from frequency_reg.diagnostic.fourier_heat_map import FourierHeatMap
from frequency_reg.model.base import Model
from frequency_reg.model.lenet import LeNet
from frequency_reg.probe.kernel_spectrum import convolution_layers
from frequency_reg.regularizer.spectral_mask_per_class import SpectralMaskPerClass
from tests.diagnostic.linear import ask, random_split, table, two_classes

GREY = 128 / 255


def heat_map(**changes):
    return FourierHeatMap(**{"norm": 4.0, "relative_to": 32.0, "images": None, "layers": False, **changes})


def grey(n: int, channels: int = 1) -> Split:
    images = torch.full((n, channels, 8, 8), 128, dtype=torch.uint8)
    return Split(images, torch.ones(n, dtype=torch.long))


def test_a_model_that_looks_at_one_frequency_errs_at_that_one_in_half_of_the_images():
    """w = U_f, bias .5 v: the perturbation adds +v or -v at f, so the margin is 1.5 v or -.5 v, and .5 v elsewhere."""
    basis = fourier_basis(8, 8)
    chosen = 13
    v = 1.0  # 4 * 8 / 32
    bias = 0.5 * v - float((basis.waves[chosen] * GREY).sum())
    question = ask(two_classes(basis.waves[chosen][None], bias), grey(400))
    rows = table(heat_map(), question, "fourier_heat_map")
    assert len(rows) == 34
    errors = [row["error"] for row in rows]
    assert [error for i, error in enumerate(errors) if i != chosen] == [0.0] * 33
    assert errors[chosen] == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(400))
    assert rows[chosen]["accuracy"] == 1 - errors[chosen]
    up, down = math.log1p(math.exp(-1.5)), math.log1p(math.exp(0.5))
    expected = (1 - errors[chosen]) * up + errors[chosen] * down
    assert rows[chosen]["loss"] == pytest.approx(expected, rel=1e-5)
    assert (rows[chosen]["fy"], rows[chosen]["fx"]) == (int(basis.fy[chosen]), int(basis.fx[chosen]))
    assert {row["norm"] for row in rows} == {v}


def test_signs_are_drawn_for_each_channel():
    """Margin .5 v + r1 v + r2 v with two channels: negative for one of four pairs of signs."""
    wave = fourier_basis(8, 8).waves[5]
    bias = 0.5 - 2 * float((wave * GREY).sum())
    rows = table(heat_map(), ask(two_classes(wave.expand(2, 8, 8), bias), grey(1000, 2)), "fourier_heat_map")
    assert rows[5]["error"] == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 1000))


def test_white_images_are_clipped():
    """White images under DC: +v is clipped away, -v darkens each pixel by v / 8; w sees the mean pixel only."""
    split = Split(torch.full((200, 1, 8, 8), 255, dtype=torch.uint8), torch.ones(200, dtype=torch.long))
    model = two_classes(torch.full((1, 8, 8), 1 / 64), -0.9)  # errs where the mean pixel is below .9
    row = table(heat_map(), ask(model, split), "fourier_heat_map")[0]
    assert row["radius"] == 0
    up, down = math.log1p(math.exp(-0.1)), math.log1p(math.exp(0.025))  # means 1 and .875
    assert row["loss"] == pytest.approx((1 - row["error"]) * up + row["error"] * down, rel=1e-5)
    assert 0.3 < row["error"] < 0.7


def test_norm_keeps_the_power_per_pixel():
    split = random_split(3, (3, 32, 32), 2)
    model = two_classes(torch.zeros(3, 32, 32), 1.0)
    small = table(heat_map(norm=2.0, images=1), ask(model, split), "fourier_heat_map")
    assert len(small) == 514
    assert {row["norm"] for row in small} == {2.0}
    assert {row["n"] for row in small} == {1}


def test_activation_map_equals_a_second_forward_pass():
    torch.manual_seed(0)
    model = LeNet(
        kernel_size=3, padding=1, width=1.0, image_shape=(1, 8, 8), num_classes=10, mean=(0.3,), std=(0.4,)
    ).eval()
    split = grey(6)
    rows = table(heat_map(layers=True), ask(model, split, batch_size=16), "fourier_activation_map")
    assert {(row["layer"], row["depth"]) for row in rows} == {("conv1", 0), ("conv2", 1)}
    basis = fourier_basis(8, 8)
    signs = torch.randint(0, 2, (34, 6, 1), generator=ask(model, split).generator("fourier_heat_map"), dtype=torch.int8)
    clean = torch.full((6, 1, 8, 8), GREY)

    def first_layer(pixels):
        return model.conv1((pixels - 0.3) / 0.4).detach()

    for index in (0, 7, 33):
        moved = clean + (2.0 * signs[index] - 1)[:, :, None, None] * basis.waves[index]
        change = (first_layer(moved.clamp(0, 1)) - first_layer(clean)).flatten(1).norm(dim=1).mean()
        expected = float(change / first_layer(clean).flatten(1).norm(dim=1).mean())
        assert rows[index]["value"] == pytest.approx(expected, rel=1e-4)
    assert not any(module._forward_hooks for module in model.modules())


def test_no_activation_map_without_convolutions_or_unasked():
    model = two_classes(torch.ones(1, 8, 8), 0.0)
    assert table(heat_map(layers=True), ask(model, grey(2)), "fourier_activation_map") == []


class Strips(Model):
    """Two convolutions with square kernels, and one of 1 x 3 between them."""

    def __init__(self):
        super().__init__(image_shape=(1, 8, 8), num_classes=2, mean=(0.0,), std=(1.0,))
        self.first = torch.nn.Conv2d(1, 2, 3)
        self.strip = torch.nn.Conv2d(2, 2, (1, 3))
        self.last = torch.nn.Conv2d(2, 2, 3)

    def logits(self, x):
        return self.last(self.strip(self.first(x))).mean((2, 3))


def test_depth_counts_square_kernels_as_the_spectra_do_and_says_so():
    """A layer has one depth in all tables, or the maps could not be laid beside the spectra."""
    model = Strips()
    rows = table(heat_map(layers=True), ask(model, grey(2)), "fourier_activation_map")
    found = {row["layer"]: row["depth"] for row in rows}
    assert found == {"first": 0, "last": 1}
    assert found == {layer.name: layer.depth for layer in convolution_layers(model)}
    said = FourierHeatMap.schemas["fourier_activation_map"].field("depth").metadata[b"definition"].decode()
    assert said.startswith("index among the convolutions with square kernels, 0 is")


@pytest.mark.parametrize("batch_size", [8, 16, 48])
def test_activation_map_of_a_model_that_passes_its_batch_several_times(batch_size):
    """Masks per class repeat the batch, one class behind the other: the map must not depend on how it was cut."""
    torch.manual_seed(0)
    shape = {"image_shape": (1, 8, 8), "num_classes": 3, "mean": (0.3,), "std": (0.4,)}
    masks = SpectralMaskPerClass(class_mask_shape="per_channel", class_mask_init_mean=0.6, class_mask_init_sd=0.2)
    model = masks.prepare(LeNet(kernel_size=3, padding=1, width=1.0, **shape)).eval()
    torch.manual_seed(1)
    split = Split(torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8), torch.arange(6) % 3)
    one, several = (
        [
            row["value"]
            for row in table(heat_map(layers=True), ask(model, split, batch_size=b), "fourier_activation_map")
        ]
        for b in (1, batch_size)
    )
    assert several == pytest.approx(one, rel=1e-4)
