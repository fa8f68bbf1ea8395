"""The corruptions of CIFAR-10-C as one would write them with NumPy, SciPy, OpenCV, scikit-image and Pillow.

Each is a function (bytes (N, 32, 32, 3), severity) -> bytes of that shape, with the constants of ``conf/corruption``.
They are the independent implementations of ``tests/corruption/``, with these exceptions: tests have none for Gaussian
noise, and only lines within a test for impulse noise, Gaussian blur, contrast and frost, which stand here again; and
that for fog visits point after point, to be read and not to be fast, so here the map is made by slices of arrays. The
angles of motion blur and the fields of the elastic transform are drawn beforehand, not in the time measured. Noise,
contrast and Gaussian blur take the whole batch at once; the others work image by image.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.util import random_noise

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

Bytes = NDArray[np.uint8]
Pixels = NDArray[Any]
Reference = Callable[[Bytes, int], Bytes]

GAUSSIAN_NOISE = (0.04, 0.06, 0.08, 0.09, 0.1)
GAUSSIAN_BLUR = (0.4, 0.6, 0.7, 0.8, 1.0)
RNG = np.random.default_rng(0)


def gaussian_noise(images: Pixels, severity: int) -> Pixels:
    """Images in [0, 1], as below."""
    return images + RNG.normal(size=images.shape, scale=GAUSSIAN_NOISE[severity - 1])


def impulse_noise(images: Pixels, severity: int) -> Pixels:
    """scikit-image's, without the seed of the test."""
    amount = test_impulse_noise.AMOUNT[severity - 1]
    return np.asarray(random_noise(images, mode="s&p", amount=amount))  # type: ignore[no-untyped-call]


def gaussian_blur(images: Pixels, severity: int) -> Pixels:
    """SciPy's, which is scikit-image's."""
    sigma = GAUSSIAN_BLUR[severity - 1]
    return np.asarray(ndimage.gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest", truncate=4))


def contrast(images: Pixels, severity: int) -> Pixels:
    """Deviations from the mean of each channel of each image, shrunk."""
    means = images.mean((1, 2), keepdims=True)
    return np.asarray((images - means) * test_contrast.FACTOR[severity - 1] + means)


def frost(image: Pixels, severity: int) -> Pixels:
    """One image (32, 32, 3) under a crop of a photograph that was decoded before."""
    photograph = photographs()[RNG.integers(5)]
    top, left = (RNG.integers(0, side - 32) for side in photograph.shape[:2])
    crop = photograph[top : top + 32, left : left + 32]
    return test_frost.IMAGE[severity - 1] * image + test_frost.FROST[severity - 1] * crop


@cache
def photographs() -> list[Pixels]:
    """Every fifth pixel of the five photographs, in [0, 1]."""
    found = {path.name: str(path.locate()) for path in metadata.files("imagecorruptions") or []}
    names = [f"frost{i}.{'png' if i < 4 else 'jpg'}" for i in range(1, 6)]
    return [np.asarray(Image.open(found[name]).convert("RGB"))[2::5, 2::5] / 255 for name in names]


def diamond_square(side: int, decay: float, rng: np.random.Generator) -> Pixels:
    """A map (side, side) in [0, 1]; the draws of ``test_fog.one_by_one`` in the same order give the same map."""
    heights = np.zeros((side, side))
    step, wibble = side, 100.0
    while step > 1:
        half = step // 2
        corners = heights[::step, ::step]
        below = np.roll(corners, -1, 0)
        right = np.roll(corners, -1, 1)
        around = (corners + below + right + np.roll(below, -1, 1)) / 4
        centres = around + wibble**2 * rng.uniform(-1, 1, around.shape)
        upper = (corners + right + centres + np.roll(centres, 1, 0)) / 4
        left = (corners + below + centres + np.roll(centres, 1, 1)) / 4
        heights[half::step, half::step] = centres
        heights[::step, half::step] = upper + wibble**2 * rng.uniform(-1, 1, upper.shape)
        heights[half::step, ::step] = left + wibble**2 * rng.uniform(-1, 1, left.shape)
        step, wibble = half, wibble / decay
    low, high = heights.min(), heights.max()
    return np.asarray((heights - low) / (high - low))


def fog(image: Pixels, severity: int) -> Pixels:
    """One image (32, 32, 3) under a cloud of its own."""
    amplitude = test_fog.AMPLITUDE[severity - 1]
    cloud = diamond_square(32, test_fog.DECAY[severity - 1], RNG)
    return np.asarray((image + amplitude * cloud[..., None]) * image.max() / (image.max() + amplitude))


def elastic_transform(images: Pixels, severity: int) -> Pixels:
    """Fields drawn beforehand."""
    pairs = zip(images.astype(np.float32), draws(len(images), 6 + 2 * 32 * 32), strict=True)
    return np.stack([test_elastic_transform.by_opencv(image, severity, drawn) for image, drawn in pairs])


def motion_blur(images: Pixels, severity: int) -> Pixels:
    """Angles drawn beforehand."""
    radius, sigma = test_motion_blur.RADIUS[severity - 1], test_motion_blur.SIGMA[severity - 1]
    angles = 45 * draws(len(images), 1)[:, 0]
    pairs = zip(images, angles.tolist(), strict=True)
    return np.stack([test_motion_blur.by_pixels(image, radius, sigma, angle) for image, angle in pairs])


@cache
def draws(n: int, values: int) -> Pixels:
    """Uniform in [-1, 1], (n, values), the same at every call."""
    return np.random.default_rng(1).uniform(-1, 1, (n, values))


def _of_batches(corrupt: Callable[[Pixels, int], Pixels], images: Bytes, severity: int) -> Bytes:
    return (np.clip(corrupt(images / 255, severity), 0, 1) * 255).astype(np.uint8)


def _of_images(corrupt: Callable[[Pixels, int], Pixels], images: Bytes, severity: int) -> Bytes:
    return np.stack([(np.clip(corrupt(image / 255, severity), 0, 1) * 255).astype(np.uint8) for image in images])


def _with_rng(corrupt: Callable[..., Pixels]) -> Callable[[Pixels, int], Pixels]:
    return lambda images, severity: corrupt(images, severity, RNG)


def _of_bytes(corrupt: Callable[[Bytes, int], Bytes], constants: list[int], images: Bytes, severity: int) -> Bytes:
    return np.stack([corrupt(image, constants[severity - 1]) for image in images])


def references() -> dict[str, Reference]:
    """By the names of ``suite=cifar10_c``."""
    brightness = test_brightness.SHIFT
    whole: dict[str, Callable[[Pixels, int], Pixels]] = {
        "gaussian_noise_c": gaussian_noise,
        "shot_noise": test_shot_noise.by_numpy,
        "impulse_noise": impulse_noise,
        "speckle_noise": test_speckle_noise.by_numpy,
        "gaussian_blur_c": gaussian_blur,
        "contrast": contrast,
        "defocus_blur": test_defocus_blur.by_opencv,
        "glass_blur": test_glass_blur.by_loops,
        "motion_blur": motion_blur,
        "zoom_blur": test_zoom_blur.by_scipy,
        "elastic_transform": elastic_transform,
        "snow": _with_rng(test_snow.by_reference),
        "spatter": _with_rng(test_spatter.by_reference),
    }
    single: dict[str, Callable[[Pixels, int], Pixels]] = {
        "frost": frost,
        "fog": fog,
        "brightness": lambda image, severity: test_brightness.by_skimage(image, brightness[severity - 1]),
        "saturate": test_saturate.by_skimage,
    }
    return {
        **{name: partial(_of_batches, corrupt) for name, corrupt in whole.items()},
        **{name: partial(_of_images, corrupt) for name, corrupt in single.items()},
        "pixelate": partial(_of_bytes, test_pixelate.by_pillow, test_pixelate.SIZES),
        "jpeg_compression": partial(_of_bytes, test_jpeg_compression.by_pillow, test_jpeg_compression.QUALITY),
    }
