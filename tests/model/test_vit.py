"""Vision transformer: parameters counted by hand, attention against torch's, patches and their spectra."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from frequency_reg.config import ConfigError, instantiate
from frequency_reg.model.vit import EncoderBlock, ViT
from frequency_reg.probe.kernel_spectrum import KernelSpectrum
from frequency_reg.probe.operator_spectrum import OperatorSpectrum
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.dropout import Dropout
from frequency_reg.regularizer.spectral_mask import SpectralMask
from frequency_reg.spectrum import radial_profile
from tests.contract.house import node

COLOUR = {"image_shape": (3, 32, 32), "num_classes": 10, "mean": (0.5,) * 3, "std": (0.25,) * 3}
SMALL = {"patch": 4, "depth": 2, "width": 8, "heads": 2, "mlp_ratio": 2.0}


def small(**changes) -> ViT:
    torch.manual_seed(0)
    return ViT(**{**SMALL, **COLOUR, **changes})


def test_parameters_of_the_defaults_by_hand():
    model = instantiate(node("model", "vit"), **COLOUR)
    embedding = 3 * 16 * 256 + 256 + 64 * 256
    attention = (256 * 768 + 768) + (256 * 256 + 256)
    mlp = (256 * 512 + 512) + (512 * 256 + 256)
    blocks = 6 * (attention + mlp + 2 * 2 * 256)
    assert sum(p.numel() for p in model.parameters()) == embedding + blocks + 2 * 256 + (256 * 10 + 10) == 3_194_634


def test_attention_equals_torch_s_and_mixes_tokens():
    torch.manual_seed(0)
    block = EncoderBlock(width=12, heads=3, hidden=24)
    x = torch.randn(2, 5, 12)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(block.qkv.weight)
        theirs.in_proj_bias.copy_(block.qkv.bias)
        theirs.out_proj.weight.copy_(block.projection.weight)
        theirs.out_proj.bias.copy_(block.projection.bias)
    assert torch.allclose(block.attention(x), theirs(x, x, x, need_weights=False)[0], atol=1e-6)
    assert not torch.allclose(block.attention(x)[:, :2], block.attention(x[:, :2]))


def test_block_is_pre_norm_with_two_residuals():
    block = EncoderBlock(width=8, heads=2, hidden=12)
    x = torch.randn(2, 3, 8) * 4
    y = x + block.attention(F.layer_norm(x, (8,)))
    z = F.gelu(F.layer_norm(y, (8,)) @ block.fc1.weight.T + block.fc1.bias)
    assert torch.allclose(block(x), y + z @ block.fc2.weight.T + block.fc2.bias, atol=1e-5)


def test_tokens_are_the_patches_row_by_row_plus_their_positions():
    model = small(image_shape=(3, 8, 12)).eval()
    entering = []
    model.blocks[0].register_forward_pre_hook(lambda _, inputs: entering.append(inputs[0]))
    images = torch.rand(2, 3, 8, 12)
    model(images)
    x = (images - 0.5) / 0.25
    for token, (row, column) in enumerate([(0, 0), (0, 4), (0, 8), (4, 0), (4, 4), (4, 8)]):
        pixels = x[:, :, row : row + 4, column : column + 4].flatten(1)
        expected = pixels @ model.embedding.weight.flatten(1).T + model.embedding.bias + model.position[token]
        assert torch.allclose(entering[0][:, token], expected, atol=1e-5)


def test_the_mean_of_the_tokens_is_read_and_only_positions_tell_their_order():
    model = small().eval()
    images = torch.rand(2, 3, 32, 32)
    turned = images.view(2, 3, 8, 4, 32).flip(2).reshape(2, 3, 32, 32)  # the rows of patches in reverse order
    assert not torch.allclose(model(images), model(turned), atol=1e-5)
    nn.init.zeros_(model.position)
    assert torch.allclose(model(images), model(turned), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 64, 64), (3, 28, 40)])
def test_any_size_that_the_patch_divides(shape):
    data = {"image_shape": shape, "mean": (0.5,) * shape[0], "std": (0.25,) * shape[0]}
    assert small(**data)(torch.rand(2, *shape)).shape == (2, 10)


def test_error_texts():
    message = r"model\.patch=5: 32 x 28 images cannot be cut into patches of 5 x 5; .* both sides are 1, 2, 4$"
    with pytest.raises(ValueError, match=message):
        small(patch=5, image_shape=(3, 32, 28))
    with pytest.raises(ValueError, match=r"^model\.heads=3: must divide model\.width=8$"):
        small(heads=3)
    with pytest.raises(ConfigError, match=r"^model\.patch=64: 32 x 32 images cannot be cut"):
        instantiate({**node("model", "vit"), "patch": 64}, **COLOUR)


def test_linear_layers_and_norms_keep_torch_s_initialisation():
    model = small(width=64)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            assert float(module.weight.detach().abs().max()) <= module.in_features**-0.5
        if isinstance(module, nn.LayerNorm):
            assert (float(module.weight.detach().min()), float(module.bias.detach().abs().max())) == (1.0, 0.0)
    assert float(model.position.detach().std()) == pytest.approx(0.02, rel=0.1)


def test_dropout_acts_after_the_gelu_of_every_block():
    model = Composition({"dropout": Dropout(dropout=0.5)}).prepare(small()).train()
    seen = []
    for block in model.blocks:
        block.between.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    model(torch.rand(2, 3, 32, 32))
    assert len(seen) == 2
    for before, after in seen:
        assert before.shape == (2, 64, 16)
        assert float(before.detach().min()) > -0.18  # the least value of a GELU is -.17
        assert float((after == 0).float().mean()) == pytest.approx(0.5, abs=0.05)


def test_spectral_masks_are_refused_by_name():
    mask = instantiate({"_target_": "frequency_reg.regularizer.spectral_mask.SpectralMask", **_mask_parameters()})
    assert isinstance(mask, SpectralMask)
    with pytest.raises(ValueError, match="regularizer=spectral_mask: ViT has no block convolutions to mask; choose a"):
        mask.prepare(small())


def _mask_parameters() -> dict[str, object]:
    return {key: value for key, value in node("regularizer", "spectral_mask").items() if key != "_target_"}


@pytest.mark.parametrize(
    ("patch", "squared_radii", "multiplicities"),
    [
        (4, [0, 1, 2, 4, 5, 8], [1, 4, 4, 2, 4, 1]),
        (8, [0, 1, 2, 4, 5, 8, 9, 10, 13, 16, 17, 18, 20, 25, 32], [1, 4, 4, 4, 8, 4, 4, 8, 8, 2, 4, 4, 4, 4, 1]),
    ],
)
def test_spectrum_of_the_embedding_has_the_rings_of_an_even_kernel(patch, squared_radii, multiplicities):
    """By hand: frequencies -k/2 .. k/2 - 1, so the Nyquist -k/2 has no partner; 16 and 64 bins in all."""
    rows = dict(KernelSpectrum(null_draws=2, null_seed=0).measure(small(patch=patch), 0))
    assert (rows["spectra"]["layer"], rows["spectra"]["kernel"]) == ("embedding", patch)
    assert [r * r for r in rows["spectra"]["radius"]] == pytest.approx(squared_radii)
    assert rows["spectra"]["multiplicity"] == multiplicities
    assert sum(multiplicities) == patch * patch
    assert set(rows["ssr"]["status"]) == {"ok", "no_gain"}


@pytest.mark.parametrize("k", [4, 8])
def test_power_of_even_kernels_by_hand(k):
    """A checkerboard has all its power, (k^2)^2, at the Nyquist corner; stripes at the edge, one of the ring's two."""
    column = torch.arange(k).remainder(2).mul(-2).add(1).double()  # 1, -1, 1, ...
    for kernel, radius, bins in (
        (column[:, None] * column, k / 2**0.5, 1),
        (column.expand(k, k), k / 2, 2),
        (torch.ones(k, k, dtype=torch.float64), 0.0, 1),
    ):
        profile = radial_profile(kernel)
        expected = torch.where((profile.radius - radius).abs() < 1e-9, float(k**4) / bins, 0.0)
        assert torch.allclose(profile.power, expected.double(), atol=1e-8)
    wave = torch.cos(2 * torch.pi * torch.arange(k) / k).double().expand(k, k)  # two of the four bins at radius 1
    profile = radial_profile(wave)
    assert float(profile.power[1]) == pytest.approx(2 * (k * k / 2) ** 2 / 4, rel=1e-5)
    assert float((profile.power * profile.multiplicity).sum()) == pytest.approx(k * k * float(wave.square().sum()))


def test_operator_spectrum_takes_the_embedding_before_its_stride():
    ((_, rows),) = OperatorSpectrum(size=16, every=1).measure(small(), 0)
    assert (rows["layer"], rows["size"], rows["stride"]) == ("embedding", 16, 4)
    assert sum(rows["multiplicity"]) == 16 * 16


def test_bfloat16_and_channels_last_stay_near_float32_and_repeat():
    model = small(width=32, heads=4).to(memory_format=torch.channels_last)
    images = torch.rand(4, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    expected, results = model(images), []
    for _ in range(2):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(images)
        logits.float().square().sum().backward()
        results.append((logits.detach(), model.embedding.weight.grad.clone()))
    assert torch.allclose(results[0][0].float(), expected, atol=0.03)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
