"""The kernel spectrum probe: layers found, references kept, values equal to the definitions on the weights."""

import math

import pytest
import torch
from torch import nn

from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.probe.kernel_spectrum import KernelSpectrum, convolution_layers
from frequency_reg.regularizer.dropout import Dropout
from frequency_reg.spectrum import radial_profile, spectral_suppression_ratio

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def resnet() -> ResNet20:
    torch.manual_seed(0)
    return ResNet20(width=4, kernel_size=3, shortcut="projection", **GREY)


def measure(probe: KernelSpectrum, model: nn.Module, epoch: int) -> dict[str, list[dict]]:
    """Rows by table, one dictionary a row."""
    tables: dict[str, list[dict]] = {}
    for name, columns in probe.measure(model, epoch):
        lists = {k: list(v) if hasattr(v, "__len__") and not isinstance(v, str) else None for k, v in columns.items()}
        n = max(len(v) for v in lists.values() if v is not None)
        for i in range(n):
            row = {k: columns[k] if v is None else v[i] for k, v in lists.items()}
            tables.setdefault(name, []).append(row)
    return tables


def perturb(model: nn.Module, scale: float) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))


def test_every_convolution_is_found_with_its_batch_norm_even_behind_dropout():
    model = Dropout(dropout=0.5).prepare(resnet())
    layers = convolution_layers(model)
    assert len(layers) == 21  # stem, 18 in blocks, 2 projections
    assert [layer.depth for layer in layers] == list(range(21))
    assert all(layer.norm is not None for layer in layers)
    assert layers[1].norm is model.stages[0][0].bn1
    assert layers[0].name == "conv1"


def test_spectra_hold_the_profile_of_every_layer():
    model = resnet()
    rows = measure(KernelSpectrum(null_draws=0, null_seed=0), model, 0)["spectra"]
    profile = radial_profile(model.stages[2][1].conv2.weight)
    found = [r for r in rows if r["layer"] == "stages.2.1.conv2"]
    assert [r["power"] for r in found] == profile.power.tolist()
    assert [r["multiplicity"] for r in found] == [1, 4, 4]
    assert {r["kernel"] for r in rows} == {1, 3}


def test_ssr_against_both_references():
    model, probe = resnet(), KernelSpectrum(null_draws=0, null_seed=0)
    states = []
    for epoch in range(3):
        states.append(model.conv1.weight.detach().clone())
        rows = measure(probe, model, epoch)["ssr"]
        assert {r["reference"] for r in rows} == ({"init"} if epoch == 0 else {"init", "epoch_1"})
        perturb(model, 0.1)
    found = {(r["normalization"], r["reference"]): r["value"] for r in rows if r["layer"] == "conv1"}
    for normalization in ("dc", "total", "energy", "absolute"):
        for reference, state in (("init", states[0]), ("epoch_1", states[1])):
            expected = spectral_suppression_ratio(state, states[2], normalization)
            assert found[normalization, reference] == pytest.approx(expected, rel=1e-12)
    assert len(found) == 10


def test_absolute_folded_takes_in_the_gain_of_the_batch_norm():
    """Doubling the weight and halving the norm's gain leaves the layer's function, and the folded power, as it was."""
    model, probe = resnet(), KernelSpectrum(null_draws=0, null_seed=0)
    rows = [r for r in measure(probe, model, 0)["ssr"] if r["normalization"] == "absolute_folded"]
    assert {(r["value"], r["status"]) for r in rows if r["layer"] == "conv1"} == {(None, "no_statistics")}
    model.train()(torch.rand(8, 1, 8, 8))
    measure(probe, model, 1)
    with torch.no_grad():
        model.conv1.weight.mul_(2)
        model.bn1.weight.div_(2)
    found = {(r["normalization"], r["reference"]): r for r in measure(probe, model, 2)["ssr"] if r["layer"] == "conv1"}
    assert found["absolute", "epoch_1"]["value"] == pytest.approx(1 - 4)
    assert found["absolute_folded", "epoch_1"]["value"] == pytest.approx(0, abs=1e-6)
    assert found["absolute_folded", "init"]["status"] == "no_statistics"


def test_status_says_why_a_value_is_missing():
    probe = KernelSpectrum(null_draws=0, null_seed=0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, bias=False))
    nn.init.zeros_(model[2].weight)
    rows = {(r["layer"], r["normalization"]): (r["value"], r["status"]) for r in measure(probe, model, 0)["ssr"]}
    assert rows["0", "dc"] == (0.0, "ok")
    assert rows["0", "absolute_folded"] == (None, "no_gain")
    assert rows["1", "dc"] == (None, "no_high_band")
    assert rows["2", "absolute"] == (None, "zero_reference")
    assert rows["2", "dc"] == (None, "zero_power")
    nn.init.ones_(model[2].weight)
    later = {(r["layer"], r["normalization"]): r for r in measure(probe, model, 1)["ssr"] if r["reference"] == "init"}
    assert later["2", "dc"]["status"] == "no_reference"
    nn.init.constant_(model[0].weight, math.nan)
    rows = {(r["layer"], r["normalization"]): r["status"] for r in measure(probe, model, 2)["ssr"]}
    assert rows["0", "dc"] == "not_finite"


def test_null_is_the_spread_between_initialisations_and_touches_nothing():
    model, probe = resnet(), KernelSpectrum(null_draws=60, null_seed=0)
    weights, random_state = model.conv1.weight.detach().clone(), torch.get_rng_state()
    rows = measure(probe, model, 0)["ssr_null"]
    assert torch.equal(model.conv1.weight, weights)
    assert torch.equal(torch.get_rng_state(), random_state)
    values = torch.tensor([r["value"] for r in rows if r["layer"] == "stages.2.1.conv2" and r["normalization"] == "dc"])
    # 16 x 16 white kernels: H = 2, its DC estimate has relative sd sqrt(2 / 256) per initialisation, two of them differ
    assert float(values.std()) == pytest.approx(2**0.5 * (2 / 256) ** 0.5, rel=0.35)
    assert "ssr_null" not in measure(probe, model, 1)
    again = measure(KernelSpectrum(null_draws=60, null_seed=0), model, 0)["ssr_null"]
    assert again == rows


def test_state_survives_an_interruption():
    model, first = resnet(), KernelSpectrum(null_draws=0, null_seed=0)
    measure(first, model, 0)
    perturb(model, 0.1)
    measure(first, model, 1)
    perturb(model, 0.1)
    second = KernelSpectrum(null_draws=0, null_seed=0)
    second.load_state_dict(first.state_dict())
    assert measure(second, model, 2) == measure(first, model, 2)
