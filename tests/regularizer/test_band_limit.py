"""Band limits against numpy's FFTs of input and filter, forward and backward, and shares counted by hand."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.band_limit import BandLimit, BandLimitedConv2d, LowPass, low_pass_matrix
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.spectral_mask import MaskedConv2d, SpectralMask

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}
MASK = {
    "mask_shape": "per_channel",
    "convolution": "linear",
    "mask_values": "binary",
    "mask_gradient": "binary",
    "init_mean": 100.0,  # clipped to 1: nothing masked
    "init_sd": 1e-3,
    "random_drop": 0.0,
}


def lenet() -> LeNet:
    torch.manual_seed(0)
    return LeNet(kernel_size=3, padding=1, width=1.0, **GREY)


def limited_by_fft(x: np.ndarray, w: np.ndarray, cutoff: tuple[int, int], padding: int, stride: int) -> np.ndarray:
    """(C_in, H, W) and (C_out, C_in, k, k), their spectra each cut at the corner, then multiplied and inverted."""
    k = w.shape[-1]
    n = [side + k - 1 for side in x.shape[-2:]]
    low = [np.abs(np.fft.fftfreq(m) * m).round() <= a for m, a in zip(n, cutoff, strict=True)]
    corner = np.outer(*low)
    flipped = w[..., ::-1, ::-1]  # torch's convolution is a correlation
    spectra = (np.fft.fft2(x, n) * corner)[None] * (np.fft.fft2(flipped, n) * corner)
    full = np.fft.ifft2(spectra.sum(1)).real
    first = k - 1 - padding
    ends = [first + side + 2 * padding - k + 1 for side in x.shape[-2:]]
    return full[:, first : ends[0] : stride, first : ends[1] : stride]


@pytest.mark.parametrize(("stride", "padding", "size"), [*itertools.product((1, 2), (0, 1), ((8, 8), (9, 7)))])
def test_output_is_that_of_cut_spectra_of_input_and_filter(stride, padding, size):
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3, stride=stride, padding=padding).double()
    limited = BandLimitedConv2d(conv, size, 0.5)
    cutoff = tuple(limited.low_pass.cutoff(n) for n in limited.fft_size)
    x = torch.randn(1, 2, *size)
    expected = limited_by_fft(x[0].numpy(), conv.weight.detach().numpy(), cutoff, padding, stride)
    expected = expected + conv.bias.detach().numpy()[:, None, None]
    conv.float()
    assert np.allclose(limited(x)[0].detach().numpy(), expected, atol=1e-5)


def test_gradients_are_projected_too():
    """<y(x), g> is bilinear in x and w: each gradient is what the same product with numpy's spectra gives."""
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    limited, g = BandLimitedConv2d(conv, (6, 6), 0.6), torch.randn(1, 6, 6)
    cutoff = tuple(limited.low_pass.cutoff(n) for n in limited.fft_size)
    x = torch.randn(1, 1, 6, 6, requires_grad=True)
    d_x, d_w = torch.autograd.grad((limited(x)[0] * g).sum(), [x, limited.weight])
    w, pixels = conv.weight.detach().numpy(), x.detach()[0].numpy()
    for place in itertools.product(range(6), range(6)):
        unit = np.zeros((1, 6, 6))
        unit[0][place] = 1
        expected = (limited_by_fft(unit, w, cutoff, 1, 1) * g.numpy()).sum()
        assert d_x[0, 0][place].item() == pytest.approx(expected, abs=1e-5)
    for place in itertools.product(range(3), range(3)):
        unit = np.zeros((1, 1, 3, 3))
        unit[0, 0][place] = 1
        expected = (limited_by_fft(pixels, unit, cutoff, 1, 1) * g.numpy()).sum()
        assert d_w[0, 0][place].item() == pytest.approx(expected, abs=1e-5)


def test_kept_frequencies_by_hand():
    # n = 34, c = .5: sqrt(.5) 34 = 24.04, so 25 of 34 frequencies, up to 12; both axes keep 625 of 1156 bins
    assert LowPass(0.5).cutoff(34) == 12
    assert LowPass(0.5).share_removed(34, 34) == pytest.approx(1 - 625 / 1156)
    # n = 10, c = .75: half of 10 is 5 frequencies, up to 2: exactly a quarter of the bins
    assert LowPass(0.75).cutoff(10) == 2
    assert LowPass(0.75).share_removed(10, 10) == pytest.approx(0.75)
    # hardly any: 10 frequencies with the Nyquist one, all
    assert LowPass(1e-6).share_removed(10, 10) == 0
    # nearly all: DC alone
    assert LowPass(0.999).cutoff(10) == 0


@pytest.mark.parametrize("c", [0.01, 0.3, 0.5, 0.8, 0.95])
def test_never_more_than_the_share_is_removed_and_one_frequency_less_would_be(c):
    for n in (4, 7, 10, 34):
        low_pass = LowPass(c)
        assert low_pass.share_removed(n, n) <= c + 1e-9
        if (fewer := 2 * low_pass.cutoff(n) - 1) > 0:
            assert 1 - (fewer / n) ** 2 > c


def test_matrix_keeps_low_sinusoids_and_removes_high_ones():
    position = torch.arange(12)
    for f in range(7):
        wave = torch.cos(2 * torch.pi * f * position / 12 + 0.3)
        assert torch.allclose(low_pass_matrix(12, 3) @ wave, wave if f <= 3 else 0 * wave, atol=1e-5)


def test_every_convolution_above_1x1_is_limited_and_says_what_it_lost():
    regularizer = BandLimit(band_limit=0.5)
    model = regularizer.prepare(ResNet20(width=2, kernel_size=3, shortcut="projection", **GREY))
    names = {name for name, m in model.named_modules() if isinstance(m, BandLimitedConv2d)}
    assert names == {"conv1", *model.block_convolutions}
    removed = {name: value for name, quantity, value in regularizer.report(model) if quantity == "share_above_limit"}
    # 8 px: n = 10, 7.07 -> 9 of 10; 4 px: n = 6, 4.24 -> 5 of 6; 2 px: n = 4, 2.83 -> 3 of 4
    expected = {"conv1": 1 - 0.81, "stages.1.1.conv1": 1 - 25 / 36, "stages.2.1.conv2": 1 - 9 / 16}
    assert set(removed) == names
    assert {name: removed[name] for name in expected} == pytest.approx(expected)


def test_learned_masks_mask_the_limited_spectrum():
    images = torch.rand(2, 1, 8, 8)
    limit = BandLimit(band_limit=0.7)
    alone = limit.prepare(lenet())(images)
    both = Composition({"band_limit": limit, "spectral_mask": SpectralMask(**MASK)})
    masked = both.prepare(lenet())
    assert isinstance(masked.conv1, MaskedConv2d)
    assert torch.allclose(masked(images), alone, atol=1e-5)
    assert {name for name, quantity, _ in limit.report(masked) if quantity == "share_above_limit"} == {"conv1", "conv2"}


def test_models_without_spatial_convolutions_are_refused():
    with pytest.raises(ValueError, match="regularizer=band_limit: MLP has no convolution with kernels above 1 x 1"):
        BandLimit(band_limit=0.5).prepare(MLP(hidden=[4], activation="relu", **GREY))
