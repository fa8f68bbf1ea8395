"""Synthetic images whose class is written in chosen bands of spatial frequency.

Made for one question: which band does a network use? Every band alone tells the class, with a signal-to-noise ratio of
its own; whoever removes a band from the test images sees what the network loses.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from numpy.typing import NDArray

from frequency_reg.dataset.base import Dataset, Decoded, ImageData

Band = Annotated[list[Annotated[float, Ge(0)]], MinLen(2), MaxLen(2)]


class Bands(Dataset):
    """x = 1/2 + s (n + sum_b sqrt(snr_b) t[y, b]), clipped to [0, 1] and rounded to 8 bits.

    n is white Gaussian noise of variance 1; t[y, b] is the fixed pattern of class y in band b, with mean square 1 over
    pixels and channels and no power outside the band; s = contrast / sqrt(1 + sum_b snr_b) makes ``contrast`` the
    standard deviation of the pixels.

    *Signal-to-noise ratio*: snr_b = mean square of the pattern / variance of the noise, both over the whole image, not
    within the band. The noise is white, so an observer who knows the patterns finds two classes apart by
    d' = sqrt(2 snr_b C H W) in every band, wide or narrow, high or low: equal snr is equal evidence, and a preference
    of a network for one band is its own.

    Patterns of a band are exactly orthogonal (random phases and amplitudes from filtered white noise, then
    Gram-Schmidt over the classes); those of different bands are orthogonal because bands do not overlap. They stand
    still: random crops and flips would blur the phases that tell the classes apart, so the defaults have none. Pixels
    are nearly Gaussian, so a share of about 2 Phi(-1 / (2 contrast)) is clipped: .0063% at .125, 4.6% at .25.

    Source: the construction is this project's own; signal known exactly in white noise and its d' are those of Green &
    Swets 1966, "Signal Detection Theory and Psychophysics", chapter 6.

    Args:
        size: height and width in pixels.
        channels: number of channels, with independent patterns and noise.
        classes: number of classes; they take turns, so every split before validation is balanced.
        n_train: training images, those of the validation split included.
        n_test: test images.
        bands: [low, high) radii in cycles per image, radius sqrt(u^2 + v^2) with u, v = ``fftfreq(size) * size``.
        snr: one signal-to-noise ratio a band.
        contrast: standard deviation of the pixels in [0, 1].
        pattern_seed: seed of patterns and noise. Patterns, training and test noise are separate streams: other numbers
            of images leave the patterns as they are.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: a band that is empty, overlaps another or has too few frequencies for the classes; not one snr a
            band; ``validation_size`` leaves no training images.
    """

    def __init__(
        self,
        *,
        size: Annotated[int, Ge(2)],
        channels: Annotated[int, Ge(1)],
        classes: Annotated[int, Ge(2)],
        n_train: Annotated[int, Ge(2)],
        n_test: Annotated[int, Ge(1)],
        bands: Annotated[list[Band], MinLen(1)],
        snr: list[Annotated[float, Ge(0)]],
        contrast: Annotated[float, Gt(0), Le(0.25)],
        pattern_seed: Annotated[int, Ge(0)],
        validation_size: Annotated[int, Ge(1)],
        split_seed: Annotated[int, Ge(0)],
        crop_padding: Annotated[int, Ge(0)],
        horizontal_flip: bool,
    ) -> None:
        super().__init__(
            validation_size=validation_size,
            split_seed=split_seed,
            crop_padding=crop_padding,
            horizontal_flip=horizontal_flip,
        )
        self.check_validation_size(n_train)
        _check_bands(bands, snr)
        self.shape = (channels, size, size)
        self.classes = classes
        self.n_train = n_train
        self.n_test = n_test
        self.bands = bands
        self.snr = snr
        self.contrast = contrast
        self.pattern_seed = pattern_seed
        self.class_names = tuple(f"pattern {label}" for label in range(classes))
        for low, high in bands:
            self._check_room(low, high)

    def locate(self) -> None:
        """Nothing to find: the images are computed."""

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`."""
        signal = np.tensordot(np.sqrt(self.snr), self.patterns(), axes=1)
        train, test = self._images(signal, self.n_train, stream=1), self._images(signal, self.n_test, stream=2)
        return self.split(Decoded.of(*train, *test))

    def patterns(self) -> NDArray[np.float64]:
        """Patterns t, (bands, classes, C, H, W): mean square 1, orthogonal within and between bands."""
        rng = np.random.default_rng((self.pattern_seed, 0))
        drawn = []
        for low, high in self.bands:
            spectrum = np.fft.fft2(rng.standard_normal((self.classes, *self.shape)))
            filtered = np.fft.ifft2(spectrum * self._inside(low, high)).real
            orthonormal, triangle = np.linalg.qr(filtered.reshape(self.classes, -1).T)
            # The signs of a QR factorisation differ between LAPACKs; a positive diagonal makes it Gram-Schmidt.
            drawn.append((orthonormal * np.sign(np.diag(triangle))).T)
        unit_norm: NDArray[np.float64] = np.stack(drawn).reshape(-1, self.classes, *self.shape)
        return unit_norm * math.sqrt(math.prod(self.shape))

    def _images(
        self, signal: NDArray[np.float64], count: int, *, stream: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images uint8 (count, C, H, W) and labels (count,), from the sum of the patterns (classes, C, H, W)."""
        rng = np.random.default_rng((self.pattern_seed, stream))
        labels = np.arange(count) % self.classes
        images = rng.standard_normal((count, *self.shape), dtype=np.float32)
        images += signal.astype(np.float32)[labels]
        images *= 255 * self.contrast / np.sqrt(1 + sum(self.snr))
        images += 127.5
        return np.rint(images.clip(0, 255)).astype(np.uint8), labels

    def _inside(self, low: float, high: float) -> NDArray[np.bool_]:
        size = self.shape[-1]
        frequency = np.fft.fftfreq(size) * size
        radius = np.hypot(frequency[:, None], frequency[None, :])
        inside: NDArray[np.bool_] = (radius >= low) & (radius < high)
        return inside

    def _check_room(self, low: float, high: float) -> None:
        # As many independent real images as complex bins: each bin and its conjugate share two real numbers.
        room = int(self._inside(low, high).sum()) * self.shape[0]
        if room < self.classes:
            raise ValueError(
                f"dataset.bands: [{low:g}, {high:g}) holds {room} independent patterns at dataset.size="
                f"{self.shape[-1]}, too few for dataset.classes={self.classes}; widen the band"
            )


def _check_bands(bands: list[list[float]], snr: list[float]) -> None:
    if len(snr) != len(bands):
        raise ValueError(f"dataset.snr={snr}: {len(snr)} values for the {len(bands)} of dataset.bands; give one a band")
    for low, high in bands:
        if not low < high:
            raise ValueError(f"dataset.bands: [{low:g}, {high:g}) is empty; write each band as [low, high], low < high")
    ordered = sorted(bands)
    for (low, high), (next_low, next_high) in pairwise(ordered):
        if next_low < high:
            raise ValueError(
                f"dataset.bands: [{low:g}, {high:g}) and [{next_low:g}, {next_high:g}) overlap; a frequency can belong "
                "to one band only"
            )
