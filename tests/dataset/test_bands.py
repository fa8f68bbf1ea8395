from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from frequency_reg.dataset.bands import Bands

DEFAULTS: dict[str, Any] = {
    "size": 32,
    "channels": 1,
    "classes": 10,
    "n_train": 1200,
    "n_test": 1000,
    "bands": [[1.0, 4.0], [4.0, 8.0], [8.0, 16.0]],
    "snr": [0.1, 0.1, 0.1],
    "contrast": 0.125,
    "pattern_seed": 0,
    "validation_size": 200,
    "split_seed": 0,
    "crop_padding": 0,
    "horizontal_flip": False,
}


def bands(**changes: Any) -> Bands:
    return Bands(**(DEFAULTS | changes))


def keep_band(images: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    f = np.fft.fftfreq(images.shape[-1]) * images.shape[-1]
    radius = np.hypot(f[:, None], f[None, :])
    return np.fft.ifft2(np.fft.fft2(images) * ((radius >= low) & (radius < high))).real


def nearest_template(dataset: Bands, keep: tuple[float, float], *, invert: bool = False) -> float:
    """Test accuracy of the nearest class mean of the training images, on filtered images."""
    data = dataset.load()

    def seen(images: NDArray[Any]) -> NDArray[Any]:
        band = keep_band(images, *keep)
        return (images - band if invert else band).reshape(len(images), -1)

    train, test = seen(data.train.images.numpy() / 255.0), seen(data.test.images.numpy() / 255.0)
    means = np.stack([train[data.train.labels.numpy() == label].mean(0) for label in range(dataset.classes)])
    distance = ((test[:, None] - means) ** 2).sum(-1)
    return float((distance.argmin(1) == data.test.labels.numpy()).mean())


def test_class_is_in_the_declared_band_only() -> None:
    dataset = bands(bands=[[4.0, 8.0]], snr=[0.1])
    # 1,000 test images: the standard error at chance, .1, is .0095.
    assert nearest_template(dataset, (4, 8)) > 0.9
    assert nearest_template(dataset, (4, 8), invert=True) < 0.14


def test_every_band_tells_the_class_alone_and_what_is_between_does_not() -> None:
    dataset = bands(bands=[[1.0, 4.0], [9.0, 12.0]], snr=[0.1, 0.1])
    assert nearest_template(dataset, (1, 4)) > 0.9
    assert nearest_template(dataset, (9, 12)) > 0.9
    assert nearest_template(dataset, (4, 9)) < 0.14


def test_a_band_without_signal_is_at_chance() -> None:
    dataset = bands(snr=[0.1, 0.0, 0.1])
    assert nearest_template(dataset, (4, 8)) < 0.14
    assert nearest_template(dataset, (8, 16)) > 0.9


def test_equal_snr_is_equal_evidence_in_narrow_and_wide_bands() -> None:
    # An observer who knows two patterns errs with probability Phi(-d'/2), d' = sqrt(2 snr C H W).
    snr = 0.004
    dataset = bands(classes=2, bands=[[1.0, 3.0], [8.0, 16.0]], snr=[snr, snr], n_train=300, n_test=4000)
    data = dataset.load()
    images = data.test.images.numpy().reshape(4000, -1) / 255.0
    expected = norm.cdf(np.sqrt(2 * snr * 32 * 32) / 2)
    for patterns in dataset.patterns().reshape(2, 2, -1):
        choice = (images @ (patterns[1] - patterns[0]) > 0).astype(int)
        assert (choice == data.test.labels.numpy()).mean() == pytest.approx(expected, abs=4 * 0.5 / 4000**0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_patterns_have_unit_power_in_their_band_and_are_orthogonal(channels: int) -> None:
    patterns = bands(channels=channels).patterns()
    assert patterns.shape == (3, 10, channels, 32, 32)
    flat = patterns.reshape(30, -1)
    np.testing.assert_allclose(flat @ flat.T / flat.shape[1], np.eye(30), atol=1e-12)
    for band, (low, high) in zip(patterns, DEFAULTS["bands"], strict=True):
        np.testing.assert_allclose(keep_band(band, low, high), band, atol=1e-12)


def test_measured_snr_contrast_and_clipping() -> None:
    dataset = bands(contrast=0.2, snr=[0.3, 0.1, 0.2], n_test=4000)
    data = dataset.load()
    images = data.test.images.numpy() / 255.0
    assert images.mean() == pytest.approx(0.5, abs=0.002)
    assert images.std() == pytest.approx(0.2, rel=0.02)  # clipping takes a little
    clipped = np.isin(data.test.images.numpy(), (0, 255)).mean()
    assert clipped == pytest.approx(2 * norm.cdf(-0.5 / 0.2), rel=0.1)
    means = np.stack([images[data.test.labels.numpy() == label].mean(0) for label in range(10)])
    noise = np.mean([images[data.test.labels.numpy() == label].var(0).mean() for label in range(10)])
    for (low, high), snr in zip(dataset.bands, dataset.snr, strict=True):
        # The mean of 400 images still holds 1/400 of the band's share of the noise.
        assert (keep_band(means, low, high) ** 2).mean() / noise == pytest.approx(snr, rel=0.06)


def test_seeded_and_balanced() -> None:
    first, again, other = bands().load(), bands().load(), bands(pattern_seed=1).load()
    assert first.digest == again.digest != other.digest
    assert np.bincount(first.test.labels.numpy()).tolist() == [100] * 10
    longer = bands(n_train=2000, n_test=1500)
    np.testing.assert_array_equal(longer.patterns(), bands().patterns())
    assert (longer.load().test.images[:1000] == first.test.images).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"snr": [0.1]}, r"dataset.snr=\[0.1\]: 1 values for the 3 of dataset.bands; give one a band"),
        ({"bands": [[4.0, 4.0]], "snr": [1.0]}, r"\[4, 4\) is empty; write each band as \[low, high\]"),
        ({"bands": [[4.0, 8.0], [1.0, 5.0]], "snr": [1.0, 1.0]}, r"\[1, 5\) and \[4, 8\) overlap"),
        ({"bands": [[1.0, 1.2]], "snr": [1.0]}, r"\[1, 1.2\) holds 4 independent patterns at dataset.size=32, too few"),
        ({"bands": [[30.0, 40.0]], "snr": [1.0]}, r"holds 0 independent patterns"),
        ({"validation_size": 1200}, r"dataset.validation_size=1200: choose 1 to 1199"),
    ],
)
def test_messages(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bands(**changes)
