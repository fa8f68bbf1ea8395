"""Learned spectral masks: against plain convolutions, ideal filters, a hand-made Algorithm 1, and autograd."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.spectral_mask import MaskedConv2d, SpectralMask
from frequency_reg.regularizer.weight_decay import WeightDecay

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}
OPTIONS = {
    "mask_shape": "per_channel",
    "convolution": "linear",
    "mask_values": "binary",
    "mask_gradient": "binary",
    "random_drop": 0.0,
}
MASK = {**OPTIONS, "init_mean": 0.8, "init_sd": 0.2}


def masked(conv: nn.Conv2d, size: tuple[int, int], **changes) -> MaskedConv2d:
    return MaskedConv2d(conv, size, **{**OPTIONS, **changes})


@pytest.mark.parametrize(
    ("k", "stride", "padding", "size"),
    [
        (k, stride, padding, size)
        for k, stride, size in itertools.product((1, 3, 5), (1, 2), ((8, 8), (9, 7)))
        for padding in range(k)
        if min(size) + 2 * padding >= k
    ],
)
def test_nothing_masked_equals_a_plain_convolution_in_values_and_gradients(k, stride, padding, size):
    generator = torch.Generator().manual_seed(0)
    conv = nn.Conv2d(3, 4, k, stride=stride, padding=padding)
    results = []
    for layer in (conv, masked(conv, size)):
        x = torch.randn(2, 3, *size, generator=generator.manual_seed(1), requires_grad=True)
        y = layer(x)
        conv.zero_grad()
        (y * torch.randn(y.shape, generator=generator.manual_seed(2))).sum().backward()
        results.append((y.detach(), x.grad, conv.weight.grad.clone(), conv.bias.grad.clone()))
    for plain, through_spectrum in zip(*results, strict=True):
        assert through_spectrum.shape == plain.shape
        assert torch.allclose(plain, through_spectrum, atol=1e-5)


def test_unmasked_circular_convolution_wraps_around():
    conv = nn.Conv2d(2, 3, 3, padding=1)
    x = torch.randn(2, 2, 8, 8)
    wrapped = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), conv.weight, conv.bias)
    assert torch.allclose(masked(conv, (8, 8), convolution="circular")(x), wrapped, atol=1e-5)


@pytest.mark.parametrize("size", [8, 9])
def test_a_disc_equals_an_ideal_low_pass(size):
    """A circular identity convolution whose mask keeps a disc is the ideal low-pass of numpy's full complex DFT."""
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.zeros_(conv.weight)
    with torch.no_grad():
        conv.weight[0, 0, 1, 1] = 1.0
    layer = masked(conv, (size, size), convolution="circular")
    f = torch.fft.fftfreq(size) * size
    half = torch.fft.rfftfreq(size) * size
    with torch.no_grad():
        layer.mask.copy_((torch.hypot(f[:, None], half[None, :]) <= 2.5).float()[None])
    x = torch.randn(2, 1, size, size)
    disc = torch.hypot(f[:, None], f[None, :]) <= 2.5
    expected = torch.fft.ifft2(torch.fft.fft2(x) * disc).real
    assert torch.allclose(layer(x), expected, atol=1e-5)
    assert layer.share_removed() == pytest.approx(1 - float(disc.float().mean()))


def full_plane(layer: MaskedConv2d, channel: int) -> torch.Tensor:
    """The mask on all n_h x n_w bins, filled by conjugate symmetry."""
    n_h, n_w = layer.fft_size
    tied = layer.tied_mask().detach()[channel]
    full = torch.empty(n_h, n_w)
    for h, w in itertools.product(range(n_h), range(n_w)):
        full[h, w] = tied[h, w] if w <= n_w // 2 else tied[-h % n_h, n_w - w]
    return full


@pytest.mark.parametrize("size", [(6, 6), (5, 7), (6, 5)])
def test_ties_make_the_full_mask_hermitian_so_that_outputs_are_real(size):
    layer = masked(nn.Conv2d(1, 2, 3, padding=1), size)
    nn.init.uniform_(layer.mask)
    for channel in range(2):
        full = full_plane(layer, channel)
        mirrored = full.flip(0, 1).roll((1, 1), (0, 1))
        assert torch.equal(full, mirrored)
        spectrum = torch.fft.fft2(torch.randn(layer.fft_size))
        assert float(torch.fft.ifft2(spectrum * (full >= 0.5)).imag.abs().max()) < 1e-6


def test_forward_equals_the_full_complex_spectrum_times_the_binary_mask():
    conv = nn.Conv2d(2, 3, 3, padding=1, stride=2)
    layer = masked(conv, (7, 8))
    nn.init.uniform_(layer.mask)
    x = torch.randn(2, 2, 7, 8)
    full = F.conv2d(x, conv.weight, padding=2)
    planes = torch.stack([full_plane(layer, c) >= 0.5 for c in range(3)])
    filtered = torch.fft.ifft2(torch.fft.fft2(full) * planes).real
    expected = filtered[:, :, 1:8:2, 1:9:2] + conv.bias.view(-1, 1, 1)
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_gradient_of_the_mask_is_algorithm_1_on_a_3_by_3_example():
    """dM = Re(sum conj(S) dS_hat) with y = Re ifft2(S_hat) on a 3 x 3 circular grid, every sum written out in loops."""
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.ones_(conv.weight)
    layer = masked(conv, (3, 3), convolution="circular")
    with torch.no_grad():
        layer.mask.copy_(torch.tensor([[0.9, 0.2], [0.7, 0.6], [0.1, 0.3]])[None])
    x = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(3))
    upstream = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(4))
    layer(x).backward(upstream)

    spectrum, gradient = (
        torch.fft.fft2(x[:, 0]),
        torch.fft.fft2(upstream[:, 0]) / 9,
    )  # d loss / d S_hat of the full plane
    product = (spectrum.conj() * gradient).real.sum(0)
    expected = torch.zeros(3, 2)
    for h, w in itertools.product(range(3), range(3)):
        # each of the 9 bins belongs to the parameter that holds its value: column 2 mirrors column 1, row 2 of column
        # 0 mirrors row 1
        row, column = (h, w) if w <= 1 else (-h % 3, 3 - w)
        if column == 0:
            row = min(row, -row % 3)
        expected[row, column] += product[h, w]
    assert torch.allclose(layer.mask.grad[0], expected, atol=1e-5)
    assert float(layer.mask.grad[0, 2, 0]) == 0.0  # the tied row is never read


@pytest.mark.parametrize(("mask_gradient", "factor"), [("binary", 0.0), ("real", 0.3)])
def test_gradient_to_the_signal_is_multiplied_by_the_binary_or_the_real_mask(mask_gradient, factor):
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.ones_(conv.weight)
    layer = masked(conv, (4, 4), convolution="circular", mask_gradient=mask_gradient)
    nn.init.constant_(layer.mask, 0.3)
    x = torch.randn(1, 1, 4, 4, requires_grad=True)
    upstream = torch.randn(1, 1, 4, 4)
    y = layer(x)
    assert torch.equal(y, torch.zeros_like(y))
    y.backward(upstream)
    assert torch.allclose(x.grad, factor * upstream, atol=1e-6)


def test_real_masks_scale_the_spectrum():
    conv = nn.Conv2d(1, 2, 3, padding=1, bias=False)
    layer = masked(conv, (8, 8), mask_values="real")
    nn.init.constant_(layer.mask, 0.25)
    x = torch.randn(2, 1, 8, 8)
    assert torch.allclose(layer(x), 0.25 * conv(x), atol=1e-5)


def test_real_mask_gradient_equals_finite_differences():
    conv = nn.Conv2d(1, 1, 3, padding=1).double()
    layer = masked(conv, (4, 5), mask_values="real", mask_gradient="real").double()
    nn.init.uniform_(layer.mask)
    x = torch.randn(1, 1, 4, 5, dtype=torch.float64)
    loss = lambda: float((layer(x) ** 3).sum())  # noqa: E731
    (layer(x) ** 3).sum().backward()
    for index in [(0, 0, 0), (0, 1, 0), (0, 2, 1), (0, 5, 3)]:
        with torch.no_grad():
            layer.mask[index] += 1e-3
            up = loss()
            layer.mask[index] -= 2e-3
            numeric = (up - loss()) / 2e-3
            layer.mask[index] += 1e-3
        assert float(layer.mask.grad[index]) == pytest.approx(numeric, rel=1e-2, abs=1e-3)  # the FFT is float32


def test_shared_mask_has_one_channel_and_sums_its_gradient():
    conv = nn.Conv2d(1, 4, 3, padding=1)
    shared, separate = masked(conv, (8, 8), mask_shape="shared"), masked(conv, (8, 8))
    x, upstream = torch.randn(2, 1, 8, 8), torch.randn(2, 4, 8, 8)
    for layer in (shared, separate):
        layer(x).backward(upstream)
    assert shared.mask.shape == (1, 10, 6)
    assert torch.allclose(shared.mask.grad, separate.mask.grad.sum(0, keepdim=True), atol=1e-4)


def test_share_removed_counts_both_half_planes():
    layer = masked(nn.Conv2d(1, 1, 3, padding=1), (4, 4), convolution="circular")
    with torch.no_grad():
        layer.mask[0, 1, 0] = 0.0  # its mirror (3, 0) goes with it
        layer.mask[0, 0, 1] = 0.0  # its mirror is (0, 3), in the other half plane
        layer.mask[0, 0, 0] = 0.0  # DC alone
        layer.mask[0, 3, 0] = 0.0  # tied to (1, 0): not read
    assert layer.share_removed() == pytest.approx(5 / 16)


def test_random_drop_removes_that_share_in_training_only_and_keeps_the_mean():
    conv = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    layer = masked(conv, (16, 16), random_drop=0.2)
    _, forward, _ = layer.train()._masks()
    assert float((forward == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert float(forward.max()) == pytest.approx(1 / 0.8)
    layer.eval()
    x = torch.randn(1, 1, 16, 16)
    assert torch.allclose(layer(x), conv(x), atol=1e-5)


def test_prepare_masks_block_convolutions_only_and_shares_their_weights():
    model = ResNet20(width=4, kernel_size=3, shortcut="projection", **GREY)
    before = dict(model.named_parameters())
    model = SpectralMask(**MASK).prepare(model)
    found = [name for name, m in model.named_modules() if isinstance(m, MaskedConv2d)]
    assert found == list(model.block_convolutions)
    assert type(model.conv1) is nn.Conv2d
    assert all(dict(model.named_parameters())[name] is parameter for name, parameter in before.items())
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)


def test_initialisation_is_near_its_mean_and_clipped_and_after_step_clips():
    regularizer = SpectralMask(**MASK)
    model = regularizer.prepare(LeNet(kernel_size=5, padding=2, width=4.0, **GREY))
    mask = model.conv2.mask
    assert float(mask.detach().median()) == pytest.approx(0.8, abs=0.03)
    assert (float(mask.detach().min()), float(mask.detach().max())) >= (0.0, 1.0)
    with torch.no_grad():
        mask += 5
    regularizer.after_step(model, 0.1)
    assert float(mask.detach().max()) == 1.0
    rows = {(layer, quantity): value for layer, quantity, value in regularizer.report(model)}
    assert rows["conv2", "share_removed"] == 0.0
    assert rows["conv2", "share_kept"] == 1.0
    assert 0 < rows["conv1", "share_removed"] < 0.2  # P(N(.8, .2) < .5) = 6.7%


def test_masks_are_not_decayed_when_composed_with_weight_decay():
    parts = {"weight_decay": WeightDecay(weight_decay=0.1, decoupled=False), "spectral_mask": SpectralMask(**MASK)}
    regularizer = Composition(parts)
    model = regularizer.prepare(LeNet(kernel_size=5, padding=2, width=1.0, **GREY))
    decay = {p: g.get("weight_decay") for g in regularizer.parameter_groups(model) for p in g["params"]}
    assert {name: decay[p] for name, p in model.named_parameters() if name.endswith("mask")} == {
        "conv1.mask": 0.0,
        "conv2.mask": 0.0,
    }
    assert {decay[p] for name, p in model.named_parameters() if not name.endswith("mask")} == {0.1}
    assert len(decay) == len(list(model.parameters()))


def test_masks_are_not_decayed_by_decoupled_weight_decay_either():
    parts = {"weight_decay": WeightDecay(weight_decay=0.5, decoupled=True), "spectral_mask": SpectralMask(**MASK)}
    regularizer = Composition(parts)
    model = regularizer.prepare(LeNet(kernel_size=5, padding=2, width=1.0, **GREY))
    mask, weight = model.conv1.mask.detach().clone(), model.conv1.weight.detach().clone()
    regularizer.after_step(model, 0.1)
    assert torch.equal(model.conv1.mask, mask)
    assert torch.allclose(model.conv1.weight, 0.95 * weight)


def test_error_texts():
    with pytest.raises(ValueError, match="MLP has no block convolutions to mask; choose a convolutional model"):
        SpectralMask(**MASK).prepare(MLP(hidden=[8], activation="relu", **GREY))
    with pytest.raises(ValueError, match="groups, dilation, padding beyond k - 1 and padding with"):
        masked(nn.Conv2d(2, 2, 3, groups=2), (8, 8))
    with pytest.raises(ValueError, match=r"circularly: its padding is not \(k - 1\) / 2"):
        masked(nn.Conv2d(2, 2, 3), (8, 8), convolution="circular")
    layer = masked(nn.Conv2d(1, 1, 3, padding=1), (8, 8))
    with pytest.raises(ValueError, match=r"this layer was made for \(8, 8\) px inputs, got \(9, 8\)"):
        layer(torch.rand(1, 1, 9, 8))


def test_gradient_of_a_real_mask_that_is_dropped_is_that_of_the_loss():
    """A bin that was dropped tells its mask nothing; one that stayed counts 1 / (1 - p) times, as in the output."""
    torch.manual_seed(0)
    choices = {"mask_values": "real", "mask_gradient": "real", "random_drop": 0.5, "convolution": "circular"}
    layer = masked(nn.Conv2d(1, 1, 3, padding=1), (5, 5), **choices).double().train()
    with torch.no_grad():
        layer.mask.uniform_(0.2, 0.9)
    x, weights = torch.randn(2, 1, 5, 5).double(), torch.randn(2, 1, 5, 5).double()

    def loss() -> torch.Tensor:
        torch.manual_seed(7)  # the same bins are dropped each time
        return (layer(x) * weights).sum()

    (found,) = torch.autograd.grad(loss(), layer.mask)
    expected = torch.zeros_like(found)
    with torch.no_grad():
        for place in itertools.product(*map(range, found.shape)):
            for sign in (1, -1):
                layer.mask[place] += sign * 1e-6
                expected[place] += sign * loss() / 2e-6
                layer.mask[place] -= sign * 1e-6
    assert torch.allclose(found, expected, atol=1e-6)
    assert 0 < int((found == 0).sum()) < found.numel()


def test_a_padding_with_other_than_zeros_is_refused():
    with pytest.raises(ValueError, match="padding with other than zeros are not supported"):
        masked(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (8, 8))
