"""The penalty on a band: against numpy's DFT of every kernel, values by hand, and weight decay."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.frequency_penalty import FrequencyPenalty, band_form, in_band, radius
from frequency_reg.regularizer.spectral_mask import SpectralMask
from frequency_reg.regularizer.weight_decay import WeightDecay

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}
DEFAULTS = {
    "frequency_penalty": 1.0,
    "penalty_on": "operator",
    "penalty_from": 0.25,
    "penalty_to": 1.0,
    "operator_size": 32,
    "penalty_scale": "absolute",
    "penalized_layers": "all",
}
EVERYTHING = {"penalty_from": 0.0, "penalty_to": 1.0}


def regularizer(**changes) -> FrequencyPenalty:
    return FrequencyPenalty(**{**DEFAULTS, **changes})


def resnet(kernel_size: int = 3) -> ResNet20:
    return ResNet20(width=2, kernel_size=kernel_size, shortcut="pad", **GREY)


def one_kernel(kernel: list[list[float]], **changes) -> tuple[nn.Module, torch.Tensor]:
    """LeNet whose stem's first kernel is the given one and all others are 0, and its penalty."""
    size = len(kernel)
    model = LeNet(kernel_size=size, padding=1, width=1.0, **GREY)
    chosen = regularizer(**changes)
    chosen.prepare(model)
    with torch.no_grad():
        model.conv1.weight.zero_()
        model.conv2.weight.zero_()
        model.conv1.weight[0, 0] = torch.tensor(kernel)
    return model, chosen.penalty(model)


def numpy_energies(weight: torch.Tensor, n: int | None, lower: float, upper: float) -> np.ndarray:
    """(out, in): energy of every kernel in the band, with a loop over the bins of numpy's DFT."""
    size = n or weight.shape[-1]
    power = np.abs(np.fft.fft2(weight.detach().double().numpy(), s=(size, size))) ** 2
    f = np.fft.fftfreq(size)
    energy = np.zeros(weight.shape[:2])
    for u, v in itertools.product(range(size), repeat=2):
        if lower - 1e-12 <= np.hypot(f[u], f[v]) < upper - 1e-12:
            energy += power[:, :, u, v] / size**2
    return energy


BANDS = [(0.25, 1.0), (0.0, 0.25), (0.2, 0.4), (0.3, 0.45), (0.0, 1.0)]


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
@pytest.mark.parametrize(("penalty_on", "n"), [("kernel", None), ("operator", 12), ("operator", 15)])
@pytest.mark.parametrize(("lower", "upper"), BANDS)
def test_equals_numpys_dft_of_every_kernel(kernel_size, penalty_on, n, lower, upper):
    model = resnet(kernel_size)
    settings = {"penalty_on": penalty_on, "operator_size": n or 32, "penalty_from": lower, "penalty_to": upper}
    weights = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
    energies = [numpy_energies(w, n, lower, upper) for w in weights]

    absolute = regularizer(frequency_penalty=0.3, **settings)
    absolute.prepare(model)
    assert absolute.penalty(model).item() == pytest.approx(0.15 * sum(e.sum() for e in energies), rel=1e-5)

    relative = regularizer(frequency_penalty=0.3, penalty_scale="relative", **settings)
    relative.prepare(model)
    shares = [
        e.sum(1) / (w.detach().double().numpy() ** 2).sum((1, 2, 3)) for e, w in zip(energies, weights, strict=True)
    ]
    assert relative.penalty(model).item() == pytest.approx(0.15 * sum(s.sum() for s in shares), rel=1e-3)


def test_by_hand_on_3_by_3():
    """A centred delta has |DFT|^2 = 1 in all 9 bins: 4 of 9 on radius 1/3 (.333), 4 on sqrt(2)/3 (.471), 1 at DC."""
    delta = [[0.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]
    ring = {"penalty_on": "kernel", "penalty_from": 0.3, "penalty_to": 0.4}
    _, penalty = one_kernel(delta, frequency_penalty=0.2, **ring)
    assert penalty.item() == pytest.approx(0.1 * 9 * 4 / 9)
    constant = [[1.0] * 3] * 3
    assert one_kernel(constant, **ring)[1].item() == pytest.approx(0, abs=1e-6)
    # all of a constant's energy is at DC: |DFT(0, 0)|^2 / 9 = 81 / 9
    dc = {"penalty_on": "kernel", "penalty_from": 0.0, "penalty_to": 0.3}
    assert one_kernel(constant, frequency_penalty=1.0, **dc)[1].item() == pytest.approx(0.5 * 9)


def test_gradient_by_hand_on_3_by_3():
    """d/dw of lambda/2 w^T Q w = lambda Q w; the diagonal bins of a delta: Q[p, centre] = 1/9 sum cos(2 pi f.d / 3).

    With f in {(+-1, +-1)} the sum over the 4 bins is 4 cos(2 pi dx / 3) cos(2 pi dy / 3): 4 at the centre, -2 beside
    it, 1 at the corners.
    """
    diagonal = {"penalty_on": "kernel", "penalty_from": 0.4, "penalty_to": 0.5}
    model, penalty = one_kernel([[0.0] * 3, [0.0, 1.0, 0.0], [0.0] * 3], frequency_penalty=0.9, **diagonal)
    penalty.backward()
    expected = 0.1 * torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    assert torch.allclose(model.conv1.weight.grad[0, 0], expected, atol=1e-6)
    assert not model.conv2.weight.grad.any()


@pytest.mark.parametrize("penalty_scale", ["absolute", "relative"])
@pytest.mark.parametrize("penalty_on", ["kernel", "operator"])
def test_gradient_passes_gradcheck(penalty_scale, penalty_on):
    model = LeNet(kernel_size=3, padding=1, width=0.4, **GREY).double()
    chosen = regularizer(penalty_scale=penalty_scale, penalty_on=penalty_on, operator_size=9)
    chosen.prepare(model)
    first, second = (model.conv1.weight.detach(), model.conv2.weight.detach())

    def penalty(a, b):
        del model.conv1.weight, model.conv2.weight
        model.conv1.weight, model.conv2.weight = a, b
        return chosen.penalty(model)

    del model.conv1._parameters["weight"], model.conv2._parameters["weight"]
    model.conv1.weight, model.conv2.weight = first, second
    assert torch.autograd.gradcheck(penalty, (first.requires_grad_(), second.requires_grad_()))


@pytest.mark.parametrize("penalty_on", ["kernel", "operator"])
def test_the_whole_plane_is_coupled_weight_decay_of_the_convolutions(penalty_on):
    """Parseval: lambda / 2 ||W||^2; one step of SGD on both is the same step."""
    model = resnet()
    chosen = regularizer(frequency_penalty=0.02, penalty_on=penalty_on, **EVERYTHING)
    chosen.prepare(model)
    penalty = chosen.penalty(model)
    kernels = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert penalty.item() == pytest.approx(0.01 * sum(float(w.detach().double().square().sum()) for w in kernels))

    (group,) = WeightDecay(weight_decay=0.02, decoupled=False).parameter_groups(model)
    expected = [w.detach() * (1 - 0.1 * group["weight_decay"]) for w in kernels]
    penalty.backward()
    torch.optim.SGD(kernels, lr=0.1).step()
    assert all(torch.allclose(w, e, atol=1e-7) for w, e in zip(kernels, expected, strict=True))


@pytest.mark.parametrize(("kernel_size", "size"), [(3, 3), (5, 5), (4, 4), (3, 32), (7, 9)])
def test_forms_of_bands_that_tile_the_plane_sum_to_the_identity(kernel_size, size):
    edges = [0.0, 0.2, 0.25, 0.5, 1.0]
    forms = [band_form(kernel_size, size, a, b) for a, b in itertools.pairwise(edges)]
    assert torch.allclose(sum(forms), torch.eye(kernel_size**2, dtype=torch.float64), atol=1e-12)
    assert all(float(torch.linalg.eigvalsh(form).min()) > -1e-12 for form in forms)


def test_kernel_forms_are_projectors():
    form = band_form(5, 5, 0.25, 0.45)
    assert torch.allclose(form @ form, form, atol=1e-12)
    assert round(float(form.trace())) == int(in_band(5, 0.25, 0.45).sum())


def test_radii_are_in_cycles_per_sample_and_edges_are_inside_below_and_outside_above():
    assert torch.allclose(radius(3).unique(), torch.tensor([0, 1 / 3, 2**0.5 / 3], dtype=torch.float64))
    assert float(radius(4).max()) == pytest.approx(0.5**0.5)
    assert int(in_band(5, 0.2, 0.4).sum()) == 8  # (+-1, 0), (0, +-1), (+-1, +-1); not (+-2, 0) at .4
    assert int(in_band(8, 0.5, 1.0).sum()) == int((radius(8) >= 0.5).sum()) > 0


def test_a_band_of_the_operator_is_the_same_for_every_kernel_size():
    """A 3 x 3 kernel in the middle of a 7 x 7 one is the same operator, but another set of kernel bins."""
    small = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    large = torch.zeros(7, 7, dtype=torch.float64)
    large[2:5, 2:5] = small.view(3, 3)
    energies = [float(w @ band_form(k, 32, 0.3, 0.5) @ w) for k, w in ((3, small), (7, large.flatten()))]
    assert energies[0] == pytest.approx(energies[1])


def test_relative_does_not_change_with_the_scale_of_a_filter_and_absolute_does():
    for scale, changes in (("relative", False), ("absolute", True)):
        model = resnet()
        chosen = regularizer(penalty_scale=scale)
        chosen.prepare(model)
        before = chosen.penalty(model).item()
        with torch.no_grad():
            for index, module in enumerate(m for m in model.modules() if isinstance(m, nn.Conv2d)):
                module.weight[0] *= 2.0 + index
        assert (chosen.penalty(model).item() == pytest.approx(before, rel=1e-4)) is not changes


def test_relative_of_filters_that_died_is_finite():
    model = resnet()
    chosen = regularizer(penalty_scale="relative")
    chosen.prepare(model)
    with torch.no_grad():
        model.conv1.weight.zero_()
    chosen.penalty(model).backward()
    assert not model.conv1.weight.grad.any()


@pytest.mark.parametrize(("penalized_layers", "touched"), [("all", 19), ("blocks", 18), ("stem", 1)])
def test_only_the_chosen_convolutions_get_a_gradient(penalized_layers, touched):
    model = resnet()
    chosen = regularizer(penalized_layers=penalized_layers)
    chosen.prepare(model)
    chosen.penalty(model).backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert len(with_gradient) == touched
    assert ("conv1.weight" in with_gradient) == (penalized_layers != "blocks")


def test_masks_are_not_penalized_and_masked_convolutions_are():
    mask = SpectralMask(
        mask_shape="per_channel",
        convolution="linear",
        mask_values="binary",
        mask_gradient="binary",
        init_mean=0.8,
        init_sd=0.2,
        random_drop=0.0,
    )
    for parts in ({"frequency_penalty": regularizer(), "spectral_mask": mask}, {"a": mask, "b": regularizer()}):
        both = Composition(parts)
        model = both.prepare(LeNet(kernel_size=5, padding=2, width=1.0, **GREY))
        both.penalty(model).backward()
        assert model.conv1.mask.grad is None
        assert model.conv1.weight.grad.any()


def test_strength_zero_adds_nothing():
    model = resnet()
    chosen = regularizer(frequency_penalty=0.0)
    assert chosen.prepare(model) is model
    assert chosen.penalty(model) is None


def test_reports_the_share_of_energy_in_the_band_of_every_layer():
    model = resnet()
    chosen = regularizer(frequency_penalty=0.0, penalized_layers="blocks")
    chosen.prepare(model)
    rows = {layer: value for layer, quantity, value in chosen.report(model) if quantity == "band_energy_share"}
    assert list(rows) == list(model.block_convolutions)
    weight = model.stages[1][0].conv1.weight
    expected = numpy_energies(weight, 32, 0.25, 1.0).sum() / float(weight.detach().double().square().sum())
    assert rows["stages.1.0.conv1"] == pytest.approx(expected)


def test_gradient_steps_on_the_penalty_alone_empty_the_band():
    model = resnet(5)
    chosen = regularizer(penalty_on="kernel", penalty_from=0.3)
    chosen.prepare(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        chosen.penalty(model).backward()
        optimizer.step()
    assert all(value < 1e-6 for _, _, value in chosen.report(model))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"penalty_from": 0.5, "penalty_to": 0.5}, r"penalty_from=0.5: must be below regularizer.penalty_to=0.5"),
        (
            {"penalty_on": "kernel", "penalty_from": 0.35, "penalty_to": 0.45},
            r"penalty_from=0.35 regularizer.penalty_to=0.45: no bin of the 3 x 3 DFT has a radius in this band; "
            r"they are at 0, 0.333, 0.471$",
        ),
        ({"operator_size": 2}, "operator_size=2: smaller than a kernel of 3 x 3; choose at least 3"),
    ],
)
def test_bands_without_meaning_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        regularizer(**changes).prepare(resnet())


def test_layers_that_a_model_does_not_have_are_refused():
    with pytest.raises(ValueError, match="penalized_layers=stem: LeNet has no such convolution above 1 x 1"):
        regularizer(penalized_layers="stem").prepare(LeNet(kernel_size=5, padding=2, width=1.0, **GREY))


def test_a_layer_of_zeros_has_no_share_to_report():
    part = regularizer()
    model = part.prepare(ResNet20(width=2, kernel_size=3, shortcut="projection", **GREY))
    model.conv1.weight.data.zero_()
    found = {layer: value for layer, _, value in part.report(model)}
    assert "conv1" not in found
    assert np.isfinite(list(found.values())).all()
