"""The spectral norm penalty against decompositions, torch's own parametrization, and the operator as a matrix."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.model.vit import ViT
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.spectral_mask import SpectralMask
from frequency_reg.regularizer.spectral_norm import SpectralNorm

DATA = {"image_shape": (2, 6, 6), "num_classes": 5, "mean": (0.3,) * 2, "std": (0.4,) * 2}
CONVERGED = 100


def prepared(model, of="matrix", strength=0.1, power_iterations=CONVERGED):
    torch.manual_seed(1)
    regularizer = SpectralNorm(spectral_norm=strength, spectral_norm_of=of, power_iterations=power_iterations)
    return regularizer, regularizer.prepare(model)


def lenet() -> LeNet:
    torch.manual_seed(0)
    return LeNet(kernel_size=3, padding=1, width=0.5, **DATA)


def as_matrix(conv: nn.Conv2d, shape: tuple[int, ...]) -> torch.Tensor:
    """The convolution without bias, column by column: its answer to every unit image."""
    units = torch.eye(torch.Size(shape).numel()).view(-1, *shape)
    return F.conv2d(units, conv.weight, stride=conv.stride, padding=conv.padding).flatten(1).T.detach()


def test_penalty_and_gradient_are_those_of_singular_value_decompositions():
    regularizer, model = prepared(lenet())
    weights = [model.get_parameter(f"{name}.weight") for name in ("conv1", "conv2", "fc1", "fc2", "fc3")]
    penalty = regularizer.penalty(model)
    found = torch.autograd.grad(penalty, weights)
    expected = 0.0
    for weight, gradient in zip(weights, found, strict=True):
        u, s, vh = torch.linalg.svd(weight.detach().flatten(1), full_matrices=False)
        expected += 0.1 / 2 * float(s[0]) ** 2
        assert torch.allclose(gradient.flatten(1), 0.1 * s[0] * torch.outer(u[:, 0], vh[0]), atol=2e-4)
    assert penalty.item() == pytest.approx(expected, rel=1e-4)


def test_one_iteration_follows_the_weight_as_torch_does():
    """torch divides by the norm that it follows with one iteration an access: weight / parametrized = sigma."""
    linear = nn.Linear(7, 5)
    model = MLP(hidden=[5], activation="relu", image_shape=(1, 1, 7), num_classes=5, mean=(0.0,), std=(1.0,))
    model.hidden[0][0].weight.data.copy_(linear.weight)
    regularizer, model = prepared(model, power_iterations=1)
    regularizer._inputs = {"hidden.0.0": (7,)}
    nn.utils.parametrizations.spectral_norm(linear, n_power_iterations=1)
    state = linear.parametrizations.weight[0]
    for step in range(5):
        state._v.copy_(model.get_buffer("hidden.0.0.spectral_norm_vector"))
        noise = 0.3 * torch.randn(5, 7)
        model.hidden[0][0].weight.data.add_(noise)
        linear.parametrizations.weight.original.data.add_(noise)
        sigma = (regularizer.penalty(model) * 2 / 0.1).sqrt().item()
        ratio = linear.parametrizations.weight.original[0, 0] / linear.weight[0, 0]
        assert sigma == pytest.approx(ratio.item(), rel=1e-4), step


@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 1), (2, 0)])
def test_operator_is_the_norm_of_the_convolution_as_a_matrix(stride, padding):
    model = lenet()
    torch.manual_seed(3)
    model.conv1 = nn.Conv2d(2, 3, 3, stride=stride, padding=padding)
    model.pool = nn.Identity()
    model.conv2 = nn.Conv2d(3, 2, 3, padding=3)
    side = (6 + 2 * padding - 3) // stride + 1
    model.fc1 = nn.Linear(2 * (side + 4) ** 2, 60)
    regularizer, model = prepared(model, "operator")
    weights = {name: model.get_parameter(f"{name}.weight").detach() for name in ("fc1", "fc2", "fc3")}
    expected = {
        "conv1": torch.linalg.matrix_norm(as_matrix(model.conv1, (2, 6, 6)), 2),
        "conv2": torch.linalg.matrix_norm(as_matrix(model.conv2, (3, side, side)), 2),
        **{name: torch.linalg.matrix_norm(weight, 2) for name, weight in weights.items()},
    }
    squares = sum(float(sigma) ** 2 for sigma in expected.values())
    assert regularizer.penalty(model).item() == pytest.approx(0.1 / 2 * squares, rel=1e-3)
    reported = {name: value for name, _, value in regularizer.report(model)}
    assert reported == pytest.approx({name: float(sigma) for name, sigma in expected.items()}, rel=1e-2)


def test_masks_and_positions_are_no_linear_maps():
    mask = SpectralMask(
        mask_shape="per_channel", convolution="linear", mask_values="binary", mask_gradient="binary", init_mean=0.8,
        init_sd=0.2, random_drop=0.0,
    )  # fmt: skip
    norm = SpectralNorm(spectral_norm=0.1, spectral_norm_of="matrix", power_iterations=1)
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA)
    both = Composition({"spectral_mask": mask, "spectral_norm": norm})
    both.prepare(model)
    both.penalty(model).backward()
    touched = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    blocks = {f"stages.{s}.{b}.conv{c}.weight" for s in range(3) for b in range(3) for c in (1, 2)}
    assert touched == {"conv1.weight", "readout.weight", *blocks}
    vit = ViT(patch=3, depth=1, width=8, heads=2, mlp_ratio=2.0, **DATA)
    regularizer, vit = prepared(vit)
    regularizer.penalty(vit).backward()
    touched = {name for name, parameter in vit.named_parameters() if parameter.grad is not None}
    inside = {f"blocks.0.{name}.weight" for name in ("qkv", "projection", "fc1", "fc2")}
    assert touched == {"embedding.weight", "readout.weight", *inside}


def test_an_interrupted_run_goes_on_with_the_same_vectors():
    regularizer, model = prepared(lenet(), power_iterations=1)
    regularizer.penalty(model)
    saved = {name: value.clone() for name, value in model.state_dict().items()}
    expected = regularizer.penalty(model).item()
    again, resumed = prepared(lenet(), power_iterations=1)
    torch.manual_seed(5)
    resumed.load_state_dict(saved)
    assert again.penalty(resumed).item() == expected


def test_zero_adds_no_buffer():
    plain = set(lenet().state_dict())
    regularizer, model = prepared(lenet(), strength=0.0)
    assert set(model.state_dict()) == plain
    assert regularizer.penalty(model) is None


@pytest.mark.parametrize("scale", [1e-20, 1e-30])
def test_tiny_weights_have_tiny_norms(scale):
    """Their squares are 0 in float32: a vector must be scaled before it is made a unit."""
    torch.set_flush_denormal(True)
    regularizer, model = prepared(lenet())
    model.fc2.weight.data.mul_(scale)
    found = {name: value for name, _, value in regularizer.report(model)}
    expected = float(torch.linalg.matrix_norm(model.fc2.weight.detach().double(), 2))
    assert found["fc2"] == pytest.approx(expected, rel=1e-3)


def test_a_layer_that_was_zero_is_penalized_once_it_is_not():
    regularizer, model = prepared(lenet())
    weight = model.fc2.weight.detach().clone()
    model.fc2.weight.data.zero_()
    assert regularizer.penalty(model).isfinite()
    model.fc2.weight.data.copy_(weight)
    found = {name: value for name, _, value in regularizer.report(model)}
    assert found["fc2"] == pytest.approx(float(torch.linalg.matrix_norm(weight, 2)), rel=1e-2)


def test_an_operator_that_cannot_be_transposed_is_refused():
    model = lenet()
    model.conv1 = nn.Conv2d(2, 4, 3, padding=1, groups=2)
    model.conv2 = nn.Conv2d(4, 8, 3, padding=1)
    with pytest.raises(ValueError, match=r"spectral_norm_of=operator: conv1 is Conv2d.*groups=2.*use .*=matrix"):
        prepared(model, "operator")
