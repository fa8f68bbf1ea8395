"""The exact regions and transform of networks of two variables: closed forms, quadrature, sums over fine grids."""

import numpy as np
import pytest

from frequency_reg.spectrum.linear_regions import bound, linear_regions, parts, polygon_transform
from frequency_reg.spectrum.relu_network import norm_product, values

LOW, HIGH = np.array([-1.0, -1.0]), np.array([1.0, 1.0])
PYRAMID = [
    (np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), np.zeros(4)),
    (np.full((1, 4), -1.0), np.array([0.5])),
    (np.array([[1.0]]), np.zeros(1)),
]
"""relu(1/2 - |x| - |y|)."""


def random_network(seed, widths=(2, 10, 8, 1)):
    rng = np.random.default_rng(seed)
    pairs = zip(widths[1:], widths, strict=False)
    return [(rng.normal(size=(m, n)) * np.sqrt(2 / n), 0.5 * rng.normal(size=m)) for m, n in pairs]


def areas(regions):
    x, along = regions.start, regions.along
    twice = x[:, 0] * along[:, 1] - x[:, 1] * along[:, 0]
    return np.bincount(regions.region, twice) / 2


def test_transform_of_a_rectangle_is_a_product():
    corners = np.array([[0.5, -1], [2, -1], [2, 1], [0.5, 1]])
    w = np.array([[1.0, 2.0], [-7.0, 0.0], [0.0, 3.0], [30.0, -40.0]])
    one = 1.5 * np.sinc(w[:, 0] * 1.5 / (2 * np.pi)) * np.exp(-1.25j * w[:, 0])
    other = 2 * np.sinc(w[:, 1] * 2 / (2 * np.pi))
    assert polygon_transform(corners, w) == pytest.approx(one * other, abs=1e-13)


def test_transform_of_a_triangle_by_hand():
    # Over y from 0 to 1 - x first, then over x from 0 to 1.
    u, v = 3.0, 5.0
    whole, rest = (1 - np.exp(-1j * u)) / (1j * u), (1 - np.exp(-1j * (u - v))) / (1j * (u - v))
    expected = (whole - np.exp(-1j * v) * rest) / (1j * v)
    found = polygon_transform(np.array([[0.0, 0], [1, 0], [0, 1]]), np.array([[u, v]]))
    assert found == pytest.approx([expected])


def test_regions_of_one_unit_are_two_rectangles():
    regions = linear_regions([(np.array([[1.0, 0]]), np.array([0.5])), (np.array([[3.0]]), np.array([7.0]))], LOW, HIGH)
    assert sorted(areas(regions)) == pytest.approx([1, 3])
    steep = int(np.argmax(areas(regions)))
    assert regions.gradient[steep].tolist() == [3, 0]
    assert regions.offset[steep] == pytest.approx(8.5)
    assert regions.gradient[1 - steep].tolist() == [0, 0]
    assert regions.outer.sum() == 6
    assert regions.lipschitz == 3


def test_regions_of_a_pyramid():
    regions = linear_regions(PYRAMID, LOW, HIGH)
    # Each quadrant is a face and the rest of it.
    assert sorted(areas(regions)) == pytest.approx([0.125] * 4 + [0.875] * 4)
    faces = regions.gradient[areas(regions) < 0.5]
    assert sorted(map(tuple, faces.tolist())) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]


@pytest.mark.parametrize("seed", range(3))
def test_regions_cover_the_square_and_are_the_network(seed):
    layers = random_network(seed)
    regions = linear_regions(layers, LOW, HIGH)
    assert len(regions.gradient) > 20
    assert areas(regions).sum() == pytest.approx(4, rel=1e-12)
    assert (areas(regions) > 0).all()
    # At corners, middles of edges and centres of polygons: the plane of the region is the network.
    centre = np.stack([np.bincount(regions.region, regions.start[:, i]) for i in (0, 1)], 1)
    centre /= np.bincount(regions.region)[:, None]
    for points, region in (
        (regions.start, regions.region),
        (regions.start + regions.along / 2, regions.region),
        (centre, np.arange(len(centre))),
    ):
        plane = (points * regions.gradient[region]).sum(1) + regions.offset[region]
        assert plane == pytest.approx(values(layers, points), abs=1e-11)


def test_transform_of_a_pyramid_is_the_closed_form():
    """With s = x + y and t = x - y, the pyramid is 1/2 - max(|s|, |t|), the integral over r of squares |s|, |t| < r.

    A square |s|, |t| < r has area 2 r^2 in (x, y) and the transform (1/2) 4 r^2 sinc(p r) sinc(q r), p = (u + v) / 2
    and q = (u - v) / 2: that of the pyramid is its integral over r from 0 to 1/2.
    """
    w = np.array([[3.0, 1.0], [20.0, 5.0], [0.0, 9.0]])
    node, weight = np.polynomial.legendre.leggauss(60)
    r, dr = (node + 1) / 4, weight / 4
    p, q = (w[:, :1] + w[:, 1:]) / 2, (w[:, :1] - w[:, 1:]) / 2
    expected = (2 * r**2 * np.sinc(p * r / np.pi) * np.sinc(q * r / np.pi)) @ dr
    cut, interior = parts(linear_regions(PYRAMID, LOW, HIGH), w)
    assert cut == pytest.approx(np.zeros(3), abs=1e-15)
    assert interior == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("seed", range(2))
def test_transform_agrees_with_the_trapezoidal_sum_on_a_fine_grid(seed):
    layers, n = random_network(seed), 400
    x = np.linspace(-1, 1, n + 1)
    weight = np.full(n + 1, 2 / n)
    weight[[0, -1]] /= 2
    grid = np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2)
    f = values(layers, grid).reshape(n + 1, n + 1) * weight[:, None] * weight
    w = np.array([[1.0, 0.0], [3.0, 4.0], [-20.0, 7.0], [0.1, 60.0]])
    waves = [np.exp(-1j * np.outer(w[:, i], x)) for i in (0, 1)]
    expected = ((waves[0] @ f) * waves[1]).sum(1)
    cut, interior = parts(linear_regions(layers, LOW, HIGH), w)
    # The trapezoid's error is about (w h)^2 / 12 of the cut's size, here (60 / 200)^2 / 12 = 7.5e-3 at most.
    assert np.abs(cut + interior - expected).max() < 7.5e-3 * np.abs(cut).max()
    assert np.abs(cut + interior - expected)[0] < 5e-5


def test_generic_directions_fall_like_the_cube_and_normals_of_edges_like_the_square():
    regions = linear_regions(PYRAMID, LOW, HIGH)
    size = np.geomspace(1e3, 1e5, 400)
    slopes = {}
    for name, angle in (("normal to a face's edge", np.pi / 4), ("generic", 0.3)):
        w = size[:, None] * np.array([np.cos(angle), np.sin(angle)])
        found = np.abs(parts(regions, w).interior)
        slopes[name] = np.polyfit(np.log(size), np.log(found + 1e-300), 1)[0]
    assert slopes["normal to a face's edge"] == pytest.approx(-2, abs=0.1)
    assert slopes["generic"] == pytest.approx(-3, abs=0.1)


@pytest.mark.parametrize("seed", range(2))
def test_the_bounds_hold_and_follow_one_another(seed):
    layers = random_network(seed)
    regions = linear_regions(layers, LOW, HIGH)
    rng = np.random.default_rng(seed)
    angle, size = rng.uniform(0, 2 * np.pi, 200), np.geomspace(1, 1e4, 200)
    w = size[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    w[:4] = np.array([[1.0, 0], [10, 0], [0, 100], [0, 1000]])
    sharp, loose = (bound(regions, slope, w) for slope in (regions.lipschitz, norm_product(layers)))
    assert (np.abs(parts(regions, w).interior) <= sharp).all()
    assert (sharp <= loose).all()


def test_what_cannot_be_answered_is_refused():
    layers = random_network(0)
    with pytest.raises(ValueError, match="is empty; choose low < high"):
        linear_regions(layers, LOW, LOW)
    with pytest.raises(ValueError, match="more than 10 linear regions; choose a smaller one"):
        linear_regions(layers, LOW, HIGH, most=10)
