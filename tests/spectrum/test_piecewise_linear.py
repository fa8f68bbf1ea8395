"""The exact pieces and transform of networks of one variable: worked out by hand, by quadrature, and by fine DFTs."""

import numpy as np
import pytest

from frequency_reg.spectrum.piecewise_linear import PiecewiseLinear, bound, fourier_transform, linear_pieces, parts
from frequency_reg.spectrum.relu_network import norm_product, values

RELU = [(np.array([[1.0]]), np.array([-0.25])), (np.array([[2.0]]), np.array([0.5]))]
"""2 relu(x - 1/4) + 1/2."""
HAT = [
    (np.array([[1.0], [1.0], [1.0]]), np.array([-1.0, -2.0, -3.0])),
    (np.array([[1.0, -2.0, 1.0]]), np.array([0.0])),
]
"""1 - |x - 2| on [1, 3], 0 elsewhere."""


def random_network(seed, widths=(1, 12, 12, 12, 1)):
    rng = np.random.default_rng(seed)
    pairs = zip(widths[1:], widths, strict=False)
    return [(rng.normal(size=(m, n)) * np.sqrt(2 / n), rng.normal(size=m)) for m, n in pairs]


def test_pieces_of_one_unit():
    line = linear_pieces(RELU, 0, 1)
    assert line.x.tolist() == [0, 0.25, 1]
    assert line.y == pytest.approx([0.5, 0.5, 2])
    assert line.slopes == pytest.approx([0, 2])


def test_a_second_layer_cuts_the_pieces_of_the_first():
    # relu(1/2 - |x|): the first layer breaks at 0, the second at -1/2 and 1/2.
    folded = [
        (np.array([[1.0], [-1.0]]), np.zeros(2)),
        (np.array([[-1.0, -1.0]]), np.array([0.5])),
        (np.array([[1.0]]), np.zeros(1)),
    ]
    line = linear_pieces(folded, -1, 1)
    assert line.x == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert line.y == pytest.approx([0, 0, 0.5, 0, 0], abs=1e-15)


def test_zeros_at_one_place_and_at_the_ends_are_one_breakpoint():
    twice = [(np.array([[1.0], [2.0], [1.0]]), np.array([-0.5, -1.0, 0.0])), (np.array([[1.0, 1.0, 1.0]]), np.zeros(1))]
    assert linear_pieces(twice, 0, 1).x.tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("seed", range(3))
def test_between_breakpoints_the_network_is_the_line(seed):
    layers = random_network(seed)
    line = linear_pieces(layers, -2, 3)
    x = np.linspace(-2, 3, 5001)
    assert len(line.x) > 20
    assert np.interp(x, line.x, line.y) == pytest.approx(values(layers, x[:, None]), abs=1e-11)


def test_transform_of_a_hat_is_the_closed_form():
    # A triangle of half width 1 at 2: sinc(w / 2)^2 exp(-2 i w). On a wider interval there is no cut.
    w = np.array([0.3, 1.0, 7.0, 50.5, 1e4])
    line = linear_pieces(HAT, 0, 5)
    cut, interior = parts(line, w)
    expected = (np.sin(w / 2) / (w / 2)) ** 2 * np.exp(-2j * w)
    assert cut == pytest.approx(np.zeros(5), abs=1e-15)
    assert interior == pytest.approx(expected, abs=1e-13)
    assert fourier_transform(line, np.array([0.0])) == pytest.approx([1.0])


def test_transform_of_a_ramp_is_the_closed_form():
    # int_0^1 x exp(-i w x) dx = (exp(-i w) (1 + i w) - 1) / w^2
    w = np.array([0.5, 2.0, 30.0])
    line = PiecewiseLinear(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert fourier_transform(line, w) == pytest.approx((np.exp(-1j * w) * (1 + 1j * w) - 1) / w**2, abs=1e-14)


def test_transform_agrees_with_quadrature():
    # Two Gauss-Legendre nodes a piece would not do for fast waves: 24 on each, for w up to 60.
    layers, w = random_network(5), np.array([1.0, 10.0, 60.0])
    line = linear_pieces(layers, -1, 1)
    node, weight = np.polynomial.legendre.leggauss(24)
    x = line.x[:-1, None] + np.diff(line.x)[:, None] * (node + 1) / 2
    f = values(layers, x.reshape(-1, 1)).reshape(x.shape) * weight * np.diff(line.x)[:, None] / 2
    expected = [(f * np.exp(-1j * each * x)).sum() for each in w]
    assert fourier_transform(line, w) == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_coefficients_agree_with_a_fine_dft_within_what_aliases(seed):
    """The trapezoidal DFT (the mean of both ends at the jump) is c_k plus the c_(k + j n), j != 0.

    Those of the interior are at most sum |change of slope| / w^2, ends included; those of the cut, J / (i w), add up to
    J / (2 pi i) (pi / n cot(pi k / n) - 1 / k).
    """
    layers, n, k = random_network(seed), 2**14, np.arange(1, 400)
    line = linear_pieces(layers, 0, 1)
    f = values(layers, np.arange(n)[:, None] / n)
    f[0] = (line.y[0] + line.y[-1]) / 2
    found = np.fft.fft(f)[k] / n
    cut, interior = parts(line, 2 * np.pi * k)
    jump = line.y[0] - line.y[-1]
    assert cut == pytest.approx(jump / (2j * np.pi * k))
    aliased_cut = jump / (2j * np.pi) * (np.pi / n / np.tan(np.pi * k / n) - 1 / k)
    kinks = np.abs(np.diff(line.slopes, append=line.slopes[0])).sum()
    others = sum(1 / (2 * np.pi * (k + j * n)) ** 2 for j in range(-50, 51) if j)
    error = np.abs(found - cut - interior - aliased_cut)
    assert (error <= 1.02 * kinks * others + 1e-13).all()
    assert error.max() < 1e-6 * np.abs(f).max()  # against coefficients of up to 1e-1: the bound is no empty one


def test_the_interior_falls_like_the_square_and_the_cut_like_the_frequency():
    line = linear_pieces(random_network(1), 0, 1)
    w = 2 * np.pi * np.array([1e5, 2e5, 5e5, 1e6]) + 1
    cut, interior = parts(line, w)
    kinks = np.exp(-1j * np.outer(w, line.x[1:-1])) @ np.diff(line.slopes)
    ends = line.slopes[0] * np.exp(-1j * w * line.x[0]) - line.slopes[-1] * np.exp(-1j * w * line.x[-1])
    assert interior * w**2 == pytest.approx(-(kinks + ends), rel=1e-6)
    assert np.abs(cut * w) == pytest.approx(np.abs(line.y[0] - line.y[-1] * np.exp(-1j * w)))


@pytest.mark.parametrize("seed", range(3))
def test_the_bounds_hold_and_follow_one_another(seed):
    layers = random_network(seed)
    line = linear_pieces(layers, 0, 1)
    w = np.geomspace(1, 1e5, 300)
    steepest = np.abs(line.slopes).max()
    sharp, loose = (bound(line, size, w) for size in (steepest, norm_product(layers)))
    assert (np.abs(parts(line, w).interior) <= sharp).all()
    assert (sharp <= loose).all()
    assert (sharp <= 2 * len(line.slopes) * steepest / w**2 * (1 + 1e-12)).all()
    naive = [steepest / each * sum(min(length, 2 / each) for length in np.diff(line.x)) for each in w]
    assert sharp == pytest.approx(naive)


def test_many_frequencies_are_taken_in_blocks(monkeypatch):
    line, w = linear_pieces(HAT, 0, 5), np.linspace(1, 9, 10)
    whole = parts(line, w).interior
    monkeypatch.setattr("frequency_reg.spectrum.piecewise_linear._CELLS", 8)
    assert np.array_equal(whole, parts(line, w).interior)


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError, match=r"the interval \[1, 1\] is empty; choose low < high"):
        linear_pieces(RELU, 1, 1)
