"""Frequency-weighted decay: against scipy's DCT of every kernel, the published parametrisation, and values by hand."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.frequency_weighted_decay import FrequencyWeightedDecay, dct_analysis, frequency_weights

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}
DEFAULTS = {
    "frequency_weighted_decay": 1.0,
    "coefficient_norm": "squared",
    "dct_scale": "orthonormal",
    "frequency_weight": "squared_radius",
    "decayed_layers": "all",
}


def regularizer(**changes) -> FrequencyWeightedDecay:
    return FrequencyWeightedDecay(**{**DEFAULTS, **changes})


def resnet(kernel_size: int = 3) -> ResNet20:
    return ResNet20(width=2, kernel_size=kernel_size, shortcut="projection", **GREY)


def spatial(model: nn.Module) -> list[np.ndarray]:
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1]
    return [m.weight.detach().double().numpy() for m in convolutions]


def naive(weight: np.ndarray, *, plain: bool, unit_sum: bool, highest: bool) -> float:
    """The penalty of one layer, coefficient by coefficient, from scipy's orthonormal DCT-II."""
    k = weight.shape[-1]
    coefficients = dctn(weight, type=2, axes=(2, 3), norm="ortho")
    total = 0.0
    for i, j in itertools.product(range(k), repeat=2):
        c = coefficients[:, :, i, j]
        if unit_sum:
            unit = np.zeros((k, k))
            unit[i, j] = 1.0
            c = c * np.abs(dctn(unit, type=3, norm="ortho")).sum()  # the sum of |b| of the unit image of (i, j)
        a = (max(i, j) if max(i, j) > k // 2 else 0) if highest else i**2 + j**2
        total += a * (np.sqrt((c**2).sum()) if plain else (c**2).sum())
    return total


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("unit_sum", [False, True])
@pytest.mark.parametrize("highest", [False, True])
def test_equals_scipys_dct_of_every_kernel(kernel_size, plain, unit_sum, highest):
    model = resnet(kernel_size)
    chosen = regularizer(
        frequency_weighted_decay=0.2,
        coefficient_norm="plain" if plain else "squared",
        dct_scale="unit_sum" if unit_sum else "orthonormal",
        frequency_weight="highest" if highest else "squared_radius",
    )
    chosen.prepare(model)
    expected = 0.2 * sum(naive(w, plain=plain, unit_sum=unit_sum, highest=highest) for w in spatial(model))
    assert chosen.penalty(model).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5])
def test_coefficients_put_the_kernel_together_again_from_images_whose_values_sum_to_one(kernel_size):
    """The published parametrisation: w = sum_ij c_ij b_ij / ||b_ij||_1 with b_ij written out as cosines."""
    kernel = torch.randn(kernel_size, kernel_size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    coefficients = (kernel.flatten() @ dct_analysis(kernel_size, "unit_sum")).view(kernel_size, kernel_size)
    again = torch.zeros_like(kernel)
    for i, j in itertools.product(range(kernel_size), repeat=2):
        image = torch.tensor(
            [
                [
                    math.cos(math.pi / kernel_size * i * (m + 0.5)) * math.cos(math.pi / kernel_size * j * (n + 0.5))
                    for n in range(kernel_size)
                ]
                for m in range(kernel_size)
            ],
            dtype=torch.float64,
        )
        again += coefficients[i, j] * image / image.abs().sum()
    assert torch.allclose(again, kernel)


def single_kernel(kernel: list[list[float]], **changes) -> tuple[nn.Module, torch.Tensor]:
    model = LeNet(kernel_size=3, padding=1, width=1.0, **GREY)
    chosen = regularizer(**changes)
    chosen.prepare(model)
    with torch.no_grad():
        model.conv1.weight.zero_()
        model.conv2.weight.zero_()
        model.conv1.weight[0, 0] = torch.tensor(kernel)
    return model, chosen.penalty(model)


def test_by_hand_on_3_by_3():
    """A constant is DC; columns (1, 0, -1) are the coefficient (0, 1) alone; columns (1, -2, 1) are (0, 2) alone."""
    assert single_kernel([[2.0] * 3] * 3)[1].item() == pytest.approx(0.0, abs=1e-6)
    assert single_kernel([[1.0, 0.0, -1.0]] * 3)[1].item() == pytest.approx(1 * 6)
    assert single_kernel([[1.0, -2.0, 1.0]] * 3)[1].item() == pytest.approx(4 * 18)
    outer = [[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]]
    model, penalty = single_kernel(outer, frequency_weighted_decay=0.5)
    assert penalty.item() == pytest.approx(0.5 * 8 * 36)
    penalty.backward()  # an image of the basis is an eigenvector: the gradient is 2 lambda (i^2 + j^2) w
    assert torch.allclose(model.conv1.weight.grad[0, 0], 8 * torch.tensor(outer), atol=1e-4)


def test_plain_norm_by_hand_and_its_gradient_where_coefficients_are_zero():
    model, penalty = single_kernel([[1.0, -2.0, 1.0]] * 3, coefficient_norm="plain")
    assert penalty.item() == pytest.approx(4 * 18**0.5, rel=1e-4)
    penalty.backward()
    assert model.conv1.weight.grad.isfinite().all()
    assert not model.conv2.weight.grad.any()


@pytest.mark.parametrize("coefficient_norm", ["squared", "plain"])
@pytest.mark.parametrize("dct_scale", ["orthonormal", "unit_sum"])
def test_gradient_passes_gradcheck(coefficient_norm, dct_scale):
    model = LeNet(kernel_size=3, padding=1, width=0.4, **GREY).double()
    chosen = regularizer(coefficient_norm=coefficient_norm, dct_scale=dct_scale)
    chosen.prepare(model)
    weights = (model.conv1.weight.detach(), model.conv2.weight.detach())
    del model.conv1._parameters["weight"], model.conv2._parameters["weight"]

    def penalty(a, b):
        model.conv1.weight, model.conv2.weight = a, b
        return chosen.penalty(model)

    assert torch.autograd.gradcheck(penalty, tuple(w.requires_grad_() for w in weights))


def test_weights_of_the_coefficients_by_hand():
    assert frequency_weights(3, "squared_radius").tolist() == [0, 1, 4, 1, 2, 5, 4, 5, 8]
    assert frequency_weights(3, "highest").tolist() == [0, 0, 2, 0, 0, 2, 2, 2, 2]
    five = [[0, 0, 0, 3, 4], [0, 0, 0, 3, 4], [0, 0, 0, 3, 4], [3, 3, 3, 3, 4], [4, 4, 4, 4, 4]]
    assert frequency_weights(5, "highest").view(5, 5).tolist() == five


def test_the_first_third_are_the_first_7_of_19_layers():
    model = resnet()
    chosen = regularizer(decayed_layers="first_third")
    chosen.prepare(model)
    expected = sum(naive(w, plain=False, unit_sum=False, highest=False) for w in spatial(model)[:7])
    assert chosen.penalty(model).item() == pytest.approx(expected, rel=1e-5)


def test_the_pull_grows_with_frequency():
    """Steps on the penalty alone shrink the coefficient (i, j) by 1 - 2 lr lambda (i^2 + j^2) each."""
    model = resnet()
    chosen = regularizer(frequency_weighted_decay=0.01)
    chosen.prepare(model)
    before = dctn(spatial(model)[3], axes=(2, 3), norm="ortho")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        chosen.penalty(model).backward()
        optimizer.step()
    after = dctn(spatial(model)[3], axes=(2, 3), norm="ortho")
    factor = np.array([[(1 - 0.01 * (i**2 + j**2)) ** 3 for j in range(3)] for i in range(3)])
    assert np.allclose(after, before * factor, atol=1e-6)


def test_reports_the_mean_square_frequency_of_every_layer():
    model = resnet()
    chosen = regularizer(frequency_weighted_decay=0.0)
    chosen.prepare(model)
    rows = {layer: value for layer, quantity, value in chosen.report(model) if quantity == "mean_square_frequency"}
    assert len(rows) == 19
    power = dctn(spatial(model)[0], axes=(2, 3), norm="ortho") ** 2
    radius = np.add.outer(np.arange(3) ** 2, np.arange(3) ** 2)
    assert rows["conv1"] == pytest.approx((power * radius).sum() / power.sum())
    assert rows["stages.2.2.conv2"] == pytest.approx(10 / 3, rel=0.2)  # white at initialisation


def test_strength_zero_adds_nothing():
    model = resnet()
    chosen = regularizer(frequency_weighted_decay=0.0)
    assert chosen.prepare(model) is model
    assert chosen.penalty(model) is None


def test_a_model_without_convolutions_is_refused():
    with pytest.raises(ValueError, match="regularizer=frequency_weighted_decay: MLP has no convolution with kernels"):
        regularizer().prepare(MLP(hidden=[8], activation="relu", **GREY))


def test_a_layer_of_zeros_has_no_frequency_to_report():
    part = regularizer()
    model = part.prepare(resnet())
    model.conv1.weight.data.zero_()
    found = {layer: value for layer, _, value in part.report(model)}
    assert "conv1" not in found
    assert np.isfinite(list(found.values())).all()
