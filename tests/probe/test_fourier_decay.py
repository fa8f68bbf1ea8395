"""Exact spectra of networks whose function is known, and what the probe refuses."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from frequency_reg.config import ConfigError, instantiate
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.dataset.sinusoids import Sinusoids
from frequency_reg.experiment import build_probes
from frequency_reg.model.lenet import LeNet
from frequency_reg.probe.fourier_decay import FourierDecay, relu_layers
from tests.contract.house import node

LINE = Sinusoids(
    frequencies=[2], amplitudes="equal", phases="zero", phase_seed=0, length=2.0, grid=32, n_train=None, point_seed=0
).load()
CIRCLE = 2 * math.pi * torch.arange(8) / 8
POINTS = Split(torch.stack([CIRCLE.cos(), CIRCLE.sin()], 1)[:, None, None], torch.zeros(8, 1))
PLANE = ImageData(POINTS, POINTS, POINTS, (), (0.0,), (1.0,), "0" * 64)


def probe(data, **changes):
    made = FourierDecay(**({"every": 1, "frequencies": 6, "highest": 32, "points": 512} | changes))
    made.prepare(data)
    return made


def mlp(inputs, *hidden, mean=0.0, std=1.0):
    torch.manual_seed(0)
    made = {**node("model", "mlp"), "hidden": list(hidden)}
    return instantiate(made, image_shape=(1, 1, inputs), num_classes=1, mean=(mean,), std=(std,))


def set_weights(model, *layers):
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    for module, (weight, bias) in zip(linear, layers, strict=True):
        module.weight.data, module.bias.data = torch.tensor(weight), torch.tensor(bias)
    return model


def test_the_spectrum_of_one_unit_by_hand():
    # f(x) = relu(x - 1) on [0, 2): F(w) = int_0^1 t exp(-i w (t + 1)) dt, at w = pi k.
    model = set_weights(mlp(1, 1), ([[1.0]], [-1.0]), ([[1.0]], [0.0])).train()
    (table, rows), (other, row) = probe(LINE).measure(model, 0)
    assert model.training
    assert (table, rows["direction"], rows["angle"]) == ("fourier_decay", "axis", None)
    assert rows["frequency"] == [1, 2, 4, 8, 16, 32]
    w = math.pi * np.array(rows["frequency"])
    expected = np.abs((np.exp(-1j * w) * (1 + 1j * w) - 1) / w**2)  # times 2 / T = 1
    assert rows["amplitude"] == pytest.approx(expected)
    # Without f(2) exp(-2 i w) / (i w), of size 1 / w, the slope's step of 1 at x = 1 and that at the end are left.
    assert rows["interior"] == pytest.approx(np.abs(np.exp(-1j * w) - np.exp(-2j * w)) / w**2, abs=1e-15)
    assert rows["numerical"] == pytest.approx(expected, rel=0.014)
    assert rows["lipschitz_bound"] == pytest.approx(np.minimum(1, 2 / w) * 2 / w)
    assert rows["norm_bound"] == pytest.approx(rows["lipschitz_bound"])
    assert (other, row["regions"], row["lipschitz"], row["norm_product"]) == ("linear_regions", 2, 1, 1)
    assert 0 < row["numerical_error"] < 0.014


def test_a_numerical_spectrum_ends_where_its_grid_does():
    ((_, rows), _) = probe(LINE, points=128).measure(mlp(1, 4), 0)
    assert [value is None for value in rows["numerical"]] == [k > 8 for k in rows["frequency"]]


def test_both_directions_of_a_ridge_in_the_plane():
    # relu(x) on [-1, 1]^2: regions meet at x = 0; nothing falls slower than along the axes, and x shows more than y.
    model = set_weights(mlp(2, 1), ([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0]))
    *spectra, (_, row) = probe(PLANE).measure(model, 0)
    by_name = {rows["direction"]: rows for _, rows in spectra}
    assert (row["variables"], row["regions"], row["lipschitz"]) == (2, 2, 1)
    assert by_name["normal"]["angle"] == pytest.approx(0, abs=1e-9)
    # Along x: F = 2 int_0^1 x exp(-i w x) dx with w = pi k; times 2 / T^2 = 1 / 2.
    w = math.pi * np.array(by_name["normal"]["frequency"])
    assert by_name["normal"]["amplitude"] == pytest.approx(np.abs((np.exp(-1j * w) * (1 + 1j * w) - 1) / w**2))
    for rows in by_name.values():
        resolved = [n for n in zip(rows["numerical"], rows["amplitude"], strict=True) if n[0] is not None]
        assert all(abs(numerical - exact) < 0.02 * exact + 1e-6 for numerical, exact in resolved)
        assert all(i <= b * (1 + 1e-9) for i, b in zip(rows["interior"], rows["lipschitz_bound"], strict=True))


def test_normalisation_is_folded_into_the_first_layer():
    model = mlp(2, 3, mean=0.5, std=2.0).double()
    (weight, bias), (readout, last) = relu_layers(model)
    x = torch.rand(5, 1, 1, 2, dtype=torch.float64)
    found = np.maximum(x.flatten(1).numpy() @ weight.T + bias, 0) @ readout.T + last
    assert found == pytest.approx(model(x).detach().numpy())


def test_models_of_other_parts_and_too_large_ones_are_refused():
    made = probe(PLANE)
    lenet = LeNet(kernel_size=5, padding=2, width=1.0, image_shape=(1, 8, 8), num_classes=1, mean=(0.0,), std=(1.0,))
    with pytest.raises(
        ValueError, match=r"linear layers with ReLU between them, such as model=mlp; this one has .*Conv2d"
    ):
        made.check(lenet)
    with pytest.raises(ValueError, match=r"has 200 hidden units; .* at most 128, such as model=mlp"):
        made.check(mlp(2, 100, 100))


def test_data_of_another_kind_are_refused():
    images = Split(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="one-valued functions of one or two variables, such as dataset=sinusoids"):
        probe(ImageData(images, images, images, ("0",), (0.3,), (0.4,), "0" * 64))


def test_a_model_is_refused_before_a_run():
    config = SimpleNamespace(probe=node("probe", "fourier_decay"), epochs=1)
    lenet = LeNet(kernel_size=5, padding=2, width=1.0, image_shape=(1, 8, 8), num_classes=1, mean=(0.0,), std=(1.0,))
    with pytest.raises(ConfigError, match="probe=fourier_decay measures networks of linear layers"):
        build_probes(config, LINE, lenet)
