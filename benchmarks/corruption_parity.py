"""How far our 19 corruptions of CIFAR-10-C are from independent implementations, on real images.

    FREQUENCY_REG_DATA=... python benchmarks/corruption_parity.py [--images 1000] [--markdown]

Ours is ``suite=cifar10_c`` on CIFAR-10 test images, in float32 and not rounded. The reference is what
``tests/corruption/`` and ``corruption_references.py`` write with NumPy, SciPy, OpenCV, scikit-image and Pillow. All
numbers are in levels, 1/255 of the range of a pixel. Two comparisons, in the columns of each severity's table:

* **the same draws**: the reference gets the very random numbers that ours took (or needs none): mean and largest
  absolute difference over all values; ``bytes`` is the mean against the reference truncated to 8 bits, as the published
  files are: half a level of it is the truncation. JPEG and pixelation are bytes in any case.
* **other draws** (random corruptions only): residuals, corrupted minus clean, of ours and of the reference under
  NumPy's random numbers. Their mean and their mean square, each with z, the mean over images of ours minus the
  reference's on the same image in units of its standard error; ``spec`` the largest deviation from 1, in percent, of
  the ratio of radially averaged power spectra over the integer radii 1 .. 16, with the z of that radius of largest
  |z|; ``KS`` the Kolmogorov-Smirnov distance between all residual values, 0 to 1.

The last table is against imagecorruptions (``pip install --no-deps imagecorruptions``) with our constants put in place
of its own and our draws in place of NumPy's: mean and largest difference. It departs from the published code, and so
from ours, where it blurs bytes (glass blur), rounds the flakes and smears them before it cuts the enlarged layer to the
image, a pixel away (snow at severity 4); ours departs from both where the liquid overflows a byte (spatter at 3).
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from unittest import mock

import corruption_references as references
import numpy as np
import torch
from corruption_throughput import corruptions, stand_in
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, stats
from skimage.util import random_noise
from torch import Generator
from training_throughput import load

from frequency_reg.corrupted import truncated
from frequency_reg.corruption.base import Corruption, standard_normal
from frequency_reg.corruption.frost import album
from tests.corruption import (
    test_brightness,
    test_contrast,
    test_defocus_blur,
    test_elastic_transform,
    test_fog,
    test_frost,
    test_glass_blur,
    test_impulse_noise,
    test_jpeg_compression,
    test_motion_blur,
    test_pixelate,
    test_saturate,
    test_shot_noise,
    test_snow,
    test_spatter,
    test_speckle_noise,
    test_zoom_blur,
)

Pixels: TypeAlias = NDArray[Any]
SEVERITIES = range(1, 6)
SIDE = 32
RADII = range(1, SIDE // 2 + 1)


class Replayed:
    """Hands out given numbers in the order in which NumPy's generator is asked.

    Args:
        draws: one array or number for each call: standard normal values, uniform ones in [-1, 1], probabilities of
            Poisson counts, or whole numbers as they are.
    """

    def __init__(self, draws: Iterable[Any]) -> None:
        self.draws = iter(draws)

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: object = None) -> Any:  # noqa: ARG002
        """As NumPy's."""
        return loc + scale * next(self.draws)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: object = None) -> Any:  # noqa: ARG002
        """As NumPy's."""
        return low + (high - low) * (next(self.draws) + 1) / 2

    def poisson(self, lam: Pixels) -> Any:
        """As NumPy's, by inversion."""
        return stats.poisson.ppf(next(self.draws), lam)

    def integers(self, low: int, high: int | None = None, size: object = None) -> Any:  # noqa: ARG002
        """As NumPy's."""
        return next(self.draws)

    randint = integers


Reference: TypeAlias = Callable[[Pixels, int, Any], Pixels]
"""(image (32, 32, 3) in [0, 1], severity, NumPy's generator or :class:`Replayed`) -> image, not rounded."""


def impulse_noise(image: Pixels, severity: int, rng: Any) -> Pixels:
    """scikit-image's; with given draws the rule itself."""
    amount = test_impulse_noise.AMOUNT[severity - 1]
    if isinstance(rng, Replayed):
        uniform = rng.uniform(0, 1)
        return np.where(uniform < amount / 2, 0, np.where(uniform >= 1 - amount / 2, 1, image))
    return np.asarray(random_noise(image, mode="s&p", amount=amount, rng=rng))  # type: ignore[no-untyped-call]


def shot_noise(image: Pixels, severity: int, rng: Any) -> Pixels:
    """Counts by count."""
    photons = test_shot_noise.PHOTONS[severity - 1]
    return np.asarray(rng.poisson(image * photons) / photons)


def gaussian_blur(image: Pixels, severity: int, _: Any) -> Pixels:
    """SciPy's."""
    return np.asarray(references.gaussian_blur(image[None], severity)[0])


def glass_blur(image: Pixels, severity: int, rng: Any) -> Pixels:
    """SciPy's filter and a loop over pixels."""
    sigma, delta = test_glass_blur.SIGMA[severity - 1], test_glass_blur.DELTA[severity - 1]
    blur = partial(ndimage.gaussian_filter, sigma=(sigma, sigma, 0), mode="nearest", truncate=4)
    image, visited = blur(image), (2, SIDE - 2 * delta, SIDE - 2 * delta)
    for _ in range(test_glass_blur.ITERATIONS[severity - 1]):
        image = test_glass_blur.shuffled(image, delta, rng.integers(-delta, delta, visited))
    return np.asarray(blur(image))


def motion_blur(image: Pixels, severity: int, rng: Any) -> Pixels:
    """Step by step along the line."""
    radius, sigma = test_motion_blur.RADIUS[severity - 1], test_motion_blur.SIGMA[severity - 1]
    return test_motion_blur.by_pixels(image, radius, sigma, float(rng.uniform(-45, 45)))


def elastic_transform(image: Pixels, severity: int, rng: Any) -> Pixels:
    """OpenCV's affine map, SciPy's displacement."""
    draws = rng.uniform(-1, 1, 6 + 2 * SIDE * SIDE)
    return test_elastic_transform.by_opencv(image.astype(np.float32), severity, draws)


def fog(image: Pixels, severity: int, rng: Any) -> Pixels:
    """Diamond-square by slices."""
    amplitude = test_fog.AMPLITUDE[severity - 1]
    cloud = references.diamond_square(SIDE, test_fog.DECAY[severity - 1], rng)
    return np.asarray((image + amplitude * cloud[..., None]) * image.max() / (image.max() + amplitude))


def frost(image: Pixels, severity: int, rng: Any) -> Pixels:
    """Every fifth pixel of the photographs."""
    photograph = references.photographs()[rng.integers(5)]
    top, left = (rng.integers(0, side - SIDE) for side in photograph.shape[:2])
    crop = photograph[top : top + SIDE, left : left + SIDE]
    return np.asarray(test_frost.IMAGE[severity - 1] * image + test_frost.FROST[severity - 1] * crop)


def _bytes(image: Pixels) -> NDArray[np.uint8]:
    return np.asarray(image * 255 + 0.5).astype(np.uint8)


REFERENCES: dict[str, Reference] = {
    "gaussian_noise_c": lambda x, s, rng: x + rng.normal(0, references.GAUSSIAN_NOISE[s - 1], x.shape),
    "shot_noise": shot_noise,
    "impulse_noise": impulse_noise,
    "defocus_blur": lambda x, s, _: test_defocus_blur.by_opencv(x[None], s)[0],
    "glass_blur": glass_blur,
    "motion_blur": motion_blur,
    "zoom_blur": lambda x, s, _: test_zoom_blur.by_scipy(x[None], s)[0],
    "snow": lambda x, s, rng: test_snow.by_reference(x[None], s, rng)[0],
    "frost": frost,
    "fog": fog,
    "brightness": lambda x, s, _: test_brightness.by_skimage(x, test_brightness.SHIFT[s - 1]),
    "contrast": lambda x, s, _: (x - x.mean((0, 1))) * test_contrast.FACTOR[s - 1] + x.mean((0, 1)),
    "elastic_transform": elastic_transform,
    "pixelate": lambda x, s, _: test_pixelate.by_pillow(_bytes(x), test_pixelate.SIZES[s - 1]) / 255,
    "jpeg_compression": lambda x, s, _: (
        test_jpeg_compression.by_pillow(_bytes(x), test_jpeg_compression.QUALITY[s - 1]) / 255
    ),
    "speckle_noise": lambda x, s, rng: x + x * rng.normal(0, test_speckle_noise.SIGMA[s - 1], x.shape),
    "gaussian_blur_c": gaussian_blur,
    "spatter": lambda x, s, rng: test_spatter.by_reference(x[None], s, rng)[0],
    "saturate": lambda x, s, _: test_saturate.by_skimage(x, s),
}
"""By the names of ``suite=cifar10_c``, in its order."""

Draws: TypeAlias = Iterator[list[Any]]


def _normal_values(n: int, _: int, generator: Generator) -> Draws:
    noise = standard_normal(torch.empty(n, 3, SIDE, SIDE), generator)
    return ([image] for image in noise.permute(0, 2, 3, 1).double().numpy())


def _probabilities(n: int, _: int, generator: Generator) -> Draws:
    """The middles of draws of 24 bits."""
    uniform = torch.rand(n, 3, SIDE, SIDE, generator=generator).permute(0, 2, 3, 1).double().numpy()
    return ([image + 2**-25] for image in uniform)


def _shares(n: int, severity: int, generator: Generator) -> Draws:
    return ([2 * image - 1] for (image,) in _probabilities(n, severity, generator))


def _moves(n: int, severity: int, generator: Generator) -> Draws:
    visited = n, test_glass_blur.ITERATIONS[severity - 1], 2, SIDE - 2, SIDE - 2
    return (list(image) for image in torch.randint(-1, 1, visited, generator=generator).numpy())


def _angles(n: int, _: int, generator: Generator) -> Draws:
    return ([2 * share - 1] for share in torch.rand(n, generator=generator, dtype=torch.float64).tolist())


def _flakes(n: int, severity: int, generator: Generator) -> Draws:
    """The middle of the noise, which is all that the enlargement shows, and the angle."""
    zoom = test_snow.CONSTANTS["zoom"][severity - 1]
    side = int(np.ceil(SIDE / zoom))
    top = (SIDE - side) // 2
    for values in standard_normal(torch.empty(n, side * side + 1), generator).double():
        noise = np.zeros((SIDE, SIDE))
        noise[top : top + side, top : top + side] = values[:-1].view(side, side)
        yield [noise, 2 * torch.special.ndtr(values[-1]).item() - 1]


def _crops(n: int, _: int, generator: Generator) -> Draws:
    sizes = album(0.2, coloured=True).sizes.tolist()
    for a, b, c in torch.rand(n, 3, generator=generator).tolist():
        height, width = sizes[int(5 * a)]
        yield [int(5 * a), int(b * (height - SIDE)), int(c * (width - SIDE))]


def _wibbles(n: int, _: int, generator: Generator) -> Draws:
    for draws in torch.rand(n, SIDE * SIDE - 1, generator=generator).double().mul(2).sub(1).numpy():
        used, points, values = 0, 1, []
        while points < SIDE:
            values += list(draws[used : used + 3 * points**2].reshape(3, points, points))
            used, points = used + 3 * points**2, 2 * points
        yield values


def _fields(n: int, severity: int, generator: Generator) -> Draws:
    bent = severity > 1
    uniform = torch.rand(n, 6 + 2 * SIDE * SIDE * bent, generator=generator).double().mul(2).sub(1).numpy()
    return ([draws] for draws in uniform)


def _liquid(n: int, _: int, generator: Generator) -> Draws:
    return ([layer] for layer in standard_normal(torch.empty(n, SIDE, SIDE), generator).double().numpy())


DRAWS: dict[str, Callable[[int, int, Generator], Draws]] = {
    "gaussian_noise_c": _normal_values,
    "shot_noise": _probabilities,
    "impulse_noise": _shares,
    "glass_blur": _moves,
    "motion_blur": _angles,
    "snow": _flakes,
    "frost": _crops,
    "fog": _wibbles,
    "elastic_transform": _fields,
    "speckle_noise": _normal_values,
    "spatter": _liquid,
}
"""What ours takes from a generator for n images at a severity, image by image, in the order of the reference's calls.

The order within an image is that of ``frequency_reg/corruption``; a change there shows here as a large difference.
"""


@dataclass(frozen=True)
class Compared:
    """One corruption at one severity, in levels.

    Attributes:
        mean: mean absolute difference under the same draws.
        largest: the largest.
        truncated: the mean one to the reference truncated to 8 bits.
        eight_bit: the same with ours truncated too.
        residual: under other draws, as :class:`Residuals`; None where nothing is random.
    """

    mean: float
    largest: float
    truncated: float
    eight_bit: float
    residual: Residuals | None


@dataclass(frozen=True)
class Residuals:
    """Ours and the reference's residuals; see the text on top."""

    means: tuple[float, float, float]
    powers: tuple[float, float, float]
    spectrum: float
    spectrum_z: float
    ks: float


def ours(corruption: Corruption, images: Pixels, severity: int, seed: int) -> Pixels:
    """Images (N, 32, 32, 3) in [0, 1], float64 -> corrupted ones."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    corrupted = corruption(pixels, severity, torch.Generator().manual_seed(seed))
    return corrupted.permute(0, 2, 3, 1).double().numpy()


def by_reference(reference: Reference, images: Pixels, severity: int, rngs: Iterable[Any]) -> Pixels:
    """Image by image, each with its generator; clipped."""
    pairs = zip(images, rngs, strict=True)
    return np.clip(np.stack([reference(image, severity, rng) for image, rng in pairs]).astype(np.float64), 0, 1)


def compare(name: str, corruption: Corruption, images: Pixels, severity: int) -> Compared:
    """One corruption at one severity."""
    generator, n = torch.Generator().manual_seed(severity), len(images)
    found = ours(corruption, images, severity, severity)
    taken = DRAWS[name](n, severity, generator) if name in DRAWS else iter([[]] * n)
    expected = by_reference(REFERENCES[name], images, severity, map(Replayed, taken))
    difference = np.abs(found - expected) * 255
    stored = np.floor(expected * 255 + 1e-9)  # k / 255 * 255 may be just below k
    cut = truncated(torch.from_numpy(found)).double().numpy() * 255
    differences = difference.mean(), difference.max(), np.abs(found * 255 - stored).mean(), np.abs(cut - stored).mean()
    residual = None
    if name in DRAWS:
        other = by_reference(REFERENCES[name], images, severity, [np.random.default_rng(severity)] * n)
        residual = compare_residuals((found - images) * 255, (other - images) * 255)
    return Compared(*differences, residual)


def compare_residuals(a: Pixels, b: Pixels) -> Residuals:
    """Residuals (N, H, W, C) of ours and of the reference, of the same images under different draws."""
    spectra = [radial_power(residual) for residual in (a, b)]
    ratio = spectra[0].mean(0) / np.maximum(spectra[1].mean(0), 1e-12)
    scores = [z(x, y) for x, y in zip(spectra[0].T, spectra[1].T, strict=True)]
    averages = tuple(float(residual.mean()) for residual in (a, b))
    powers = tuple(float((residual**2).mean()) for residual in (a, b))
    axes = (1, 2, 3)
    return Residuals(
        (*averages, z(a.mean(axes), b.mean(axes))),  # type: ignore[arg-type]
        (*powers, z((a**2).mean(axes), (b**2).mean(axes))),  # type: ignore[arg-type]
        100 * float(np.abs(ratio - 1).max()),
        max(scores, key=abs),
        kolmogorov_smirnov(a.ravel(), b.ravel()),
    )


def radial_power(residuals: Pixels) -> Pixels:
    """(N, radii): mean power of each image over channels and over frequencies whose radius rounds to each of RADII."""
    frequency = np.fft.fftfreq(SIDE) * SIDE
    radius = np.rint(np.hypot(frequency[:, None], frequency[None]))
    power = (np.abs(np.fft.fft2(residuals, axes=(1, 2))) ** 2).mean(-1)
    return np.stack([power[:, radius == r].mean(1) for r in RADII], 1)


def z(a: Pixels, b: Pixels) -> float:
    """Mean of the paired differences (N,) in units of its standard error."""
    difference = a - b
    error = difference.std(ddof=1) / len(difference) ** 0.5
    return float(difference.mean() / error) if error > 0 else 0.0


def kolmogorov_smirnov(a: Pixels, b: Pixels) -> float:
    """Largest distance of the two distribution functions; values are first rounded to 1e-3 levels."""
    a, b = (np.sort(np.rint(values * 1000).astype(np.int64)) for values in (a, b))
    values = np.union1d(a, b)
    shares = [np.searchsorted(sample, values, side="right") / len(sample) for sample in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


CONSTANTS: dict[str, Callable[[Any], list[Any]]] = {
    "gaussian_noise_c": lambda c: c.sigma,
    "shot_noise": lambda c: c.photons,
    "defocus_blur": lambda c: list(zip(c.radius, c.alias_blur, strict=True)),
    "glass_blur": lambda c: list(zip(c.sigma, c.max_delta, c.iterations, strict=True)),
    "motion_blur": lambda c: list(zip(map(int, c.radius), c.sigma, strict=True)),
    "zoom_blur": lambda c: [np.arange(1, factor + 0.005, 0.01) for factor in c.factor],
    "snow": lambda c: list(
        zip(c.noise_mean, c.noise_deviation, c.zoom, c.threshold, map(int, c.radius), c.sigma, c.keep, strict=True)
    ),
    "fog": lambda c: list(zip(c.amplitude, c.decay, strict=True)),
    "brightness": lambda c: c.shift,
    "contrast": lambda c: c.factor,
    "pixelate": lambda c: [size / SIDE for size in c.size],
    "jpeg_compression": lambda c: c.quality,
    "speckle_noise": lambda c: c.sigma,
    "gaussian_blur_c": lambda c: c.sigma,
    "spatter": lambda c: list(
        zip(c.noise_mean, c.noise_deviation, c.sigma, c.threshold, c.strength, c.mud, strict=True)
    ),
    "saturate": lambda c: list(zip(c.scale, c.shift, strict=True)),
}
"""Ours, in the form of imagecorruptions' lists; impulse noise, frost and the elastic transform are not among them.

Its impulse noise is scikit-image's, as the reference above, with a seed that cannot be set; its frost takes the
photographs at 1.1 of their size and its elastic transform has no affine part, whatever the constants.
"""


class _NumPyWith:
    """NumPy with other random numbers, and with the name that NumPy 2 took away."""

    float_ = np.float64

    def __init__(self, random: Replayed) -> None:
        self.random = random

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def imagecorruptions_with(name: str, constants: list[Any]) -> Reference:
    """Its function, whose line ``c = [...][severity - 1]`` takes ``constants`` instead, made anew in its module."""
    module: Any = importlib.import_module("imagecorruptions.corruptions")
    own = name.removesuffix("_c")
    tree = ast.parse(inspect.getsource(getattr(module, own)))
    (assigned,) = (
        node for node in ast.walk(tree) if isinstance(node, ast.Assign) and ast.unparse(node).startswith("c =")
    )
    assigned.value = ast.parse("constants[severity - 1]", mode="eval").body
    module.constants, module.gaussian = constants, _gaussian
    exec(compile(ast.fix_missing_locations(tree), own, "exec"), vars(module))

    def corrupt(image: Pixels, severity: int, rng: Replayed) -> Pixels:
        module.np = _NumPyWith(rng)
        return np.asarray(getattr(module, own)(Image.fromarray(_bytes(image)), severity)) / 255

    return corrupt


def _gaussian(image: Pixels, sigma: float, *, multichannel: bool = False, **options: Any) -> Pixels:
    """scikit-image's, which no longer has ``multichannel``."""
    from skimage.filters import gaussian

    return np.asarray(gaussian(image, sigma=sigma, channel_axis=-1 if multichannel else None, **options))  # type: ignore[no-untyped-call]


def their_draws(name: str, n: int, severity: int, generator: Generator) -> Draws:
    """As :data:`DRAWS`, but glass blur asks pixel by pixel, columns before rows."""
    if name not in DRAWS:
        return iter([[]] * n)
    draws = DRAWS[name](n, severity, generator)
    if name != "glass_blur":
        return draws
    return ([move for moves in image for move in moves[::-1, ::-1, ::-1].reshape(2, -1).T] for image in draws)


def third_party(suite: dict[str, Corruption], images: Pixels) -> Iterator[list[str]]:
    """Rows: a corruption and, at each severity, mean and largest difference from imagecorruptions."""
    for name, constants in CONSTANTS.items():
        corrupt, row = imagecorruptions_with(name, constants(suite[name])), [name]
        for severity in SEVERITIES:
            generator = torch.Generator().manual_seed(severity)
            rngs = map(Replayed, their_draws(name, len(images), severity, generator))
            expected = by_reference(corrupt, images, severity, rngs)
            difference = np.abs(ours(suite[name], images, severity, severity) - expected) * 255
            row.append(f"{difference.mean():.3f} {difference.max():.1f}")
        yield row


HEAD = ["", "mean", "max", "bytes", "8 bit", "mean", "ref.", "z", "square", "ref.", "z", "spec%", "z", "KS"]


def row(name: str, found: Compared) -> list[str]:
    """Cells under HEAD."""
    cells = [name, f"{found.mean:.3f}", f"{found.largest:.2f}", f"{found.truncated:.3f}", f"{found.eight_bit:.3f}"]
    if (residual := found.residual) is None:
        return cells + ["-"] * (len(HEAD) - len(cells))
    cells += [f"{value:.2f}" for value in residual.means[:2]] + [f"{residual.means[2]:.1f}"]
    cells += [f"{value:.1f}" for value in residual.powers]
    return [*cells, f"{residual.spectrum:.1f}", f"{residual.spectrum_z:.1f}", f"{residual.ks:.4f}"]


def table(rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    """Rows under their first one, as Markdown or in columns."""
    if markdown:
        rows = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1:]]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])] for cells in rows)
    return "\n".join(" ".join(line) for line in lines)


def verdicts(found: dict[tuple[str, int], Compared]) -> list[str]:
    """What the tables say, in lines."""
    worst = max(found, key=lambda key: found[key].mean)
    scores = [
        (abs(score), f"{name} {severity}")
        for (name, severity), compared in found.items()
        if (r := compared.residual)
        for score in (r.means[2], r.powers[2], r.spectrum_z)
    ]
    beyond = [f"{where} ({score:.1f})" for score, where in sorted(scores, reverse=True) if score > 3]
    tried = len(scores) // 3 * (2 + len(RADII))
    rough = max(found, key=lambda key: found[key].truncated)
    return [
        f"largest mean difference under the same draws: {found[worst].mean:.4f} levels ({worst[0]}, severity "
        f"{worst[1]}); target: below 1",
        f"largest mean difference from truncated bytes: {found[rough].truncated:.3f} levels ({rough[0]}, "
        f"severity {rough[1]})",
        f"of {tried} z of means, squares and {len(RADII)} radii, chance alone leaves {0.0027 * tried:.1f} beyond 3; "
        f"largest of each column beyond 3: {', '.join(beyond) or 'none'}",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table a severity, what they say, and the table of imagecorruptions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000, help="the first test images; z needs some hundreds")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    options = parser.parse_args(arguments)
    show = partial(table, markdown=options.markdown)
    images = load().test.images[: options.images].permute(0, 2, 3, 1).double().numpy() / 255
    suite, found = corruptions(), {}
    print(f"{len(images)} CIFAR-10 test images, levels of 1/255; same draws: the first four columns; else other draws")
    for severity in SEVERITIES:
        rows = [[f"severity {severity}", *HEAD[1:]]]
        for name in REFERENCES:
            found[name, severity] = compare(name, suite[name], images, severity)
            rows.append(row(name, found[name, severity]))
        print(f"\n{show(rows)}", flush=True)
    print("", *(textwrap.fill(line, 100) for line in verdicts(found)), sep="\n")
    if importlib.util.find_spec("imagecorruptions"):
        stand_in()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its imports of what SciPy moved
            heads = ["imagecorruptions", *(f"severity {severity}" for severity in SEVERITIES)]
            rows = [heads, *third_party(suite, images)]
        print(f"\n{show(rows)}")


if __name__ == "__main__":
    import pytest

    # The tests' implementations look their libraries up at every image.
    with mock.patch.object(pytest, "importorskip", importlib.import_module):
        main()
