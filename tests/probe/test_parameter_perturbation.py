"""Steps in parameter space of a function that is linear in its parameters: the amplitudes follow by hand."""

import pytest
import torch
from torch import nn

from frequency_reg.probe.parameter_perturbation import ParameterPerturbation
from frequency_reg.streams import stream_seed
from tests.probe.functions import CLASSES, DATA, Waves

SETTINGS = {"deltas": [0.0, 0.1, 2.0], "directions": 25, "every": 1, "direction_seed": 3}


def probe(**changes):
    made = ParameterPerturbation(**(SETTINGS | changes))
    made.prepare(DATA)
    return made


def test_amplitudes_after_steps_written_out():
    model = Waves(k2=0.8, k5=-0.4, k7=1.0).train()
    tables = list(probe().measure(model, 6))
    assert model.training
    assert [table for table, _ in tables] == ["parameter_perturbation"] * 3
    steps = [torch.randn(3, generator=torch.Generator().manual_seed(stream_seed(3, i))) for i in range(25)]
    for (_, rows), delta in zip(tables, (0.0, 0.1, 2.0), strict=True):
        assert (rows["epoch"], rows["delta"], rows["frequency"], rows["directions"]) == (6, delta, [2, 5], 25)
        assert rows["target_amplitude"] == pytest.approx([1, 1], abs=1e-6)
        assert rows["amplitude"] == pytest.approx([0.8, 0.4], abs=1e-6)
        for i, weight in enumerate((0.8, -0.4)):
            moved = torch.stack([abs(weight + delta * step[i] / step.norm()) for step in steps])
            assert rows["perturbed_mean"][i] == pytest.approx(float(moved.mean()), abs=1e-5)
            assert rows["perturbed_sd"][i] == pytest.approx(float(moved.std()), abs=1e-5)
            assert rows["retention"][i] == pytest.approx(float(moved.mean()) / abs(weight), rel=1e-4)
    assert tables[0][1]["retention"] == pytest.approx([1, 1], abs=1e-5)


def test_one_direction_has_no_deviation_and_a_silent_model_no_retention():
    ((_, rows),) = probe(directions=1, deltas=[1.0]).measure(Waves(k2=0.0, k5=0.0), 0)
    assert rows["retention"] == [None, None]
    assert all(value != value for value in rows["perturbed_sd"])  # NaN, which the records hold as NULL


def test_the_models_weights_and_the_random_state_stay():
    torch.manual_seed(0)
    state, model = torch.get_rng_state(), Waves(k2=1.0)
    before = model.weight.detach().clone()
    list(probe().measure(model, 0))
    assert torch.equal(model.weight, before)
    assert torch.equal(state, torch.get_rng_state())


def test_deeper_networks_step_in_all_their_parameters_together():
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

        def forward(self, points):
            return self.layers(points.flatten(1))

    model = Net()
    ((_, rows),) = probe(deltas=[1.5], directions=2).measure(model, 0)
    own = nn.utils.parameters_to_vector(model.parameters()).detach()
    amplitudes = []
    for i in range(2):
        step = torch.randn(len(own), generator=torch.Generator().manual_seed(stream_seed(3, i)))
        moved = Net()
        nn.utils.vector_to_parameters(own + 1.5 * step / step.norm(), moved.parameters())
        spectrum = torch.fft.rfft(moved(DATA.test.images).detach()[:, 0].double()) * 2 / 32
        amplitudes.append(spectrum.abs()[[2, 5]])
    assert rows["perturbed_mean"] == pytest.approx(torch.stack(amplitudes).mean(0).tolist(), rel=1e-4)


def test_data_without_a_function_are_refused():
    with pytest.raises(ValueError, match="probe=parameter_perturbation measures one-valued functions on a grid"):
        ParameterPerturbation(**SETTINGS).prepare(CLASSES)
