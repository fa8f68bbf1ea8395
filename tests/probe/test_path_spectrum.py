"""Power along a curve and along lines, of functions whose spectrum is known."""

import math

import pytest
import torch
from torch import nn

from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.probe.path_spectrum import PathSpectrum
from tests.probe.functions import CLASSES, DATA, Waves

SETTINGS = {"path": "line", "points": 16, "pairs": 30, "pair_seed": 0, "every": 1}

ENDS = Split(torch.tensor([0.0, 1.0])[:, None, None, None], torch.tensor([[0.0], [1.0]]))
SEGMENT = ImageData(ENDS, ENDS, ENDS, (), (0.0,), (1.0,), "0" * 64)


def probe(data, **changes):
    made = PathSpectrum(**(SETTINGS | changes))
    made.prepare(data)
    return made


class Cosines(nn.Module):
    """Two outputs: 3 cos(pi 4 x) + 1, and 0; a line between 0 and 1 sees two whole cycles whichever way it goes."""

    def forward(self, points):
        assert not self.training
        x = points.flatten(1)
        return torch.cat([3 * torch.cos(4 * math.pi * x) + 1, 0 * x], 1)


def test_a_curve_has_the_power_of_its_sinusoids():
    ((table, rows),) = probe(DATA, path="curve").measure(Waves(k2=0.8, k7=0.2).train(), 4)
    assert (table, rows["epoch"], rows["path"], rows["paths"]) == ("path_spectrum", 4, "curve", 1)
    assert rows["frequency"] == list(range(1, 16))
    expected = [0.0] * 15
    expected[1], expected[6] = 0.32, 0.02  # amplitude^2 / 2
    assert rows["power"] == pytest.approx(expected, abs=1e-6)


def test_lines_have_multiples_of_half_a_cycle_and_no_jump():
    ((_, rows),) = probe(SEGMENT).measure(Cosines(), 0)
    assert (rows["path"], rows["paths"]) == ("between", 30)
    assert rows["frequency"] == [k / 2 for k in range(1, 16)]
    expected = [0.0] * 15
    expected[3] = 9 / 2 / 2  # 2 cycles; the mean over two outputs, of which one is silent
    assert rows["power"] == pytest.approx(expected, abs=1e-5)


def test_power_along_a_line_sums_to_the_variance():
    class Steep(nn.Module):
        def forward(self, points):
            return points.flatten(1).exp()

    ((_, rows),) = probe(SEGMENT, points=200).measure(Steep(), 0)
    t = (torch.arange(200).double() + 0.5) / 200
    assert sum(rows["power"]) == pytest.approx(float(t.exp().var(unbiased=False)), rel=1e-4)


def test_lines_within_and_between_labels_are_told_apart():
    class Mean(nn.Module):
        def forward(self, images):
            return images.flatten(1).mean(1, keepdim=True)

    levels = torch.tensor([0, 0, 255, 255], dtype=torch.uint8)[:, None, None, None].expand(4, 1, 2, 2)
    images = Split(levels, torch.tensor([0, 0, 1, 1]))
    made = probe(ImageData(images, images, images, ("a", "b"), (0.5,), (0.5,), "0" * 64))
    found = {rows["path"]: rows for _, rows in made.measure(Mean(), 0)}
    assert sum(found["within"]["power"]) == 0
    assert sum(found["between"]["power"]) == pytest.approx((1 - 1 / 16**2) / 12, rel=1e-4)  # of 16 equal steps
    assert found["within"]["paths"] + found["between"]["paths"] == 30


def test_what_is_refused():
    with pytest.raises(ValueError, match="path=curve: only where the test points are a curve in order"):
        probe(CLASSES, path="curve")
