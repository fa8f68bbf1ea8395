"""Pairs of digits: which images, which values, and that only training labels carry the noise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from frequency_reg.dataset import idx as idx_files
from frequency_reg.dataset.base import DataError, ImageData
from frequency_reg.dataset.mnist_pair import MnistPair
from tests.dataset.test_mnist import idx

SIZES = {
    "train-images-idx3-ubyte": (40, 28, 28),
    "train-labels-idx1-ubyte": (40,),
    "t10k-images-idx3-ubyte": (20, 28, 28),
    "t10k-labels-idx1-ubyte": (20,),
}
TRAIN_PIXELS = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)

DEFAULTS: dict[str, Any] = {
    "digits": [3, 8],
    "n_train": 5,
    "validation_size": 2,
    "split_seed": 0,
    "noise": "none",
    "noise_amplitude": 0.5,
    "noise_frequency": 1.0,
    "noise_from": 0.5,
    "kernel_width": "median",
    "noise_seed": 0,
}


@pytest.fixture
def root(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An MNIST of 40 and 20 images whose labels count 0 .. 9 again and again."""
    assert cache
    monkeypatch.setattr(idx_files, "FILES", SIZES)
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, shape in SIZES.items():
        values = TRAIN_PIXELS.tobytes() if name == "train-images-idx3-ubyte" else None
        (raw / name).write_bytes(idx(shape, values))
    return tmp_path / "root"


def load(root: Path, **changes: Any) -> ImageData:
    return MnistPair(root=str(root), **(DEFAULTS | changes)).load()


def test_the_first_images_of_the_pair_train_and_others_validate(root: Path) -> None:
    data = load(root)
    # Labels count up: the pair's images are 3, 8, 13, 18, ..
    expected = TRAIN_PIXELS[[3, 8, 13, 18, 23]] / 255
    assert np.allclose(data.train.images[:, 0].numpy(), expected, atol=1e-6)
    assert data.train.labels.flatten().tolist() == [-1, 1, -1, 1, -1]
    others = {33: -1.0, 28: 1.0, 38: 1.0}
    for image, value in zip(data.validation.images, data.validation.labels, strict=True):
        (place,) = (i for i in others if np.allclose(image[0].numpy(), TRAIN_PIXELS[i] / 255, atol=1e-6))
        assert value.item() == others[place]
    assert len(data.validation) == 2
    assert data.test.labels.flatten().tolist() == [-1, 1, -1, 1]
    assert load(root, digits=[8, 3]).test.labels.flatten().tolist() == [1, -1, 1, -1]
    assert len(load(root, n_train=None).train) == 6


def test_radial_noise_is_the_sine_of_the_norm_on_training_labels_alone(root: Path) -> None:
    clean, noisy = load(root), load(root, noise="radial", noise_frequency=0.3)
    for i, place in enumerate([3, 8, 13, 18, 23]):
        norm = math.sqrt(((TRAIN_PIXELS[place] / 255) ** 2).sum())
        added = noisy.train.labels[i].item() - clean.train.labels[i].item()
        assert added == pytest.approx(0.5 * math.sin(2 * math.pi * 0.3 * norm), abs=1e-5)
    assert torch.equal(noisy.validation.labels, clean.validation.labels)
    assert torch.equal(noisy.test.labels, clean.test.labels)
    assert noisy.digest != clean.digest


@pytest.mark.parametrize("noise", ["white", "kernel"])
def test_random_noise_has_the_size_asked_for_and_its_own_seed(root: Path, noise: str) -> None:
    clean, noisy = load(root, n_train=6), load(root, n_train=6, noise=noise)
    added = noisy.train.labels - clean.train.labels
    assert added.square().mean().sqrt().item() == pytest.approx(0.5, rel=1e-5)
    assert torch.equal(noisy.validation.labels, clean.validation.labels)
    assert not torch.equal(noisy.train.labels, load(root, n_train=6, noise=noise, noise_seed=1).train.labels)


def test_kernel_noise_has_nothing_on_the_slow_eigenvectors(root: Path) -> None:
    clean, noisy = load(root, n_train=6), load(root, n_train=6, noise="kernel")
    points = TRAIN_PIXELS[[3, 8, 13, 18, 23, 28]].reshape(6, -1) / 255
    distances = np.array([[((a - b) ** 2).sum() for b in points] for a in points])
    pairs = sorted(math.sqrt(distances[i, j]) for i in range(6) for j in range(i))
    sigma = pairs[7] / 2  # 15 pairs: the eighth is the median
    values, vectors = np.linalg.eigh(np.exp(-distances / (2 * sigma**2)))
    slow = vectors[:, np.argsort(values)[::-1][:3]]
    added = (noisy.train.labels - clean.train.labels).flatten().numpy()
    assert np.abs(slow.T @ added).max() == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(added) == pytest.approx(0.5 * math.sqrt(6), rel=1e-5)


@pytest.mark.parametrize("noise", ["radial", "white", "kernel"])
def test_no_amplitude_is_no_noise(root: Path, noise: str) -> None:
    assert torch.equal(load(root, noise=noise, noise_amplitude=0.0).train.labels, load(root).train.labels)


def test_what_cannot_be_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset.digits=\[3, 3\]: choose two different digits, such as \[3,8\]"):
        load(root, digits=[3, 3])
    message = r"dataset.n_train=7 dataset.validation_size=2: together at most 8, the images of 3 and 8 in the training"
    with pytest.raises(DataError, match=message):
        load(root, n_train=7)


@pytest.mark.real_data
@pytest.mark.usefixtures("cache")
def test_real_pair(real_data: Path) -> None:
    data = load(real_data, n_train=None, validation_size=1000)
    # MNIST has 6,131 threes and 5,851 eights to train on, 1,010 and 974 to test.
    assert (len(data.train), len(data.validation), len(data.test)) == (10982, 1000, 1984)
    assert (data.test.labels == -1).sum() == 1010
    norms = data.train.images.flatten(1).norm(dim=1)
    assert 4 < float(norms.min()) < float(norms.max()) < 17
