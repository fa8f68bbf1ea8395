"""The spectrum of a model's function: of models whose function is known."""

import math

import pytest
import torch
from torch import nn

from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.dataset.sinusoids import Sinusoids
from frequency_reg.probe.function_spectrum import FunctionSpectrum

DATA = Sinusoids(
    frequencies=[2, 5],
    amplitudes="equal",
    phases="zero",
    phase_seed=0,
    length=1.0,
    grid=32,
    n_train=10,
    point_seed=0,
).load()


class Known(nn.Module):
    """Half of the first sinusoid, none of the second, and one of 7 cycles that the target does not have."""

    def forward(self, points):
        x = points.flatten(1)
        assert not self.training
        return 0.5 * torch.sin(2 * math.pi * 2 * x) + 0.3 * torch.cos(2 * math.pi * 7 * x) + 4


def probe(**changes):
    made = FunctionSpectrum(**({"frequencies": "target", "every": 1, "fits": 0, "fits_until": 10} | changes))
    made.prepare(DATA)
    return made


def test_amplitudes_and_explained_variance_of_a_known_function():
    model = Known().train()
    ((table, rows),) = probe().measure(model, 3)
    assert model.training
    assert (table, rows["epoch"], rows["frequency"]) == ("function_spectrum", 3, [2, 5])
    assert rows["target_amplitude"] == pytest.approx([1, 1], abs=1e-6)
    assert rows["amplitude"] == pytest.approx([0.5, 0], abs=1e-6)
    assert rows["explained_variance"] == pytest.approx([0.75, 0], abs=1e-6)


def test_all_frequencies_shows_what_the_target_does_not_have():
    ((_, rows),) = probe(frequencies="all").measure(Known(), 0)
    assert rows["frequency"] == list(range(1, 16))
    assert rows["amplitude"][6] == pytest.approx(0.3, abs=1e-6)
    assert [k for k, v in zip(rows["frequency"], rows["explained_variance"], strict=True) if v is not None] == [2, 5]


def test_every_and_the_epochs_at_which_the_function_itself_is_written():
    made = probe(every=4, fits=4, fits_until=9)
    made.last = 11
    asked = [epoch for epoch in range(12) if made.due(epoch)]
    assert asked == [0, 1, 4, 8, 9, 11]
    tables = {epoch: [table for table, _ in made.measure(Known(), epoch)] for epoch in asked}
    assert [epoch for epoch, names in tables.items() if "function_spectrum" in names] == [0, 4, 8, 11]
    assert [epoch for epoch, names in tables.items() if "function_fit" in names] == [0, 1, 4, 9]
    (fit,) = (rows for table, rows in made.measure(Known(), 9) if table == "function_fit")
    assert fit["position"][:3] == [0, 1 / 32, 2 / 32]
    assert fit["target"] == pytest.approx(DATA.test.labels.flatten().tolist())
    assert fit["output"][0] == pytest.approx(4.3)


def test_data_without_a_function_are_refused():
    images = Split(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4))
    data = ImageData(images, images, images, ("a", "b", "c", "d"), (0.5,), (0.5,), "0" * 64)
    made = FunctionSpectrum(frequencies="target", every=1, fits=0, fits_until=1)
    with pytest.raises(ValueError, match="probe=function_spectrum measures one-valued functions on a grid"):
        made.prepare(data)
