from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from frequency_reg.dataset import svhn
from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.svhn import Svhn

rng = np.random.default_rng(0)
TRAIN, TEST = (rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8) for n in (10, 3))
TRAIN_Y, TEST_Y = np.arange(1, 11), np.array([10, 1, 9])


@pytest.fixture(autouse=True)
def _small(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache
    monkeypatch.setattr(svhn, "N_TRAIN", 10)
    monkeypatch.setattr(svhn, "N_TEST", 3)


def write(folder: Path, **test: Any) -> Path:
    """MATLAB files with X (32, 32, 3, N) and y (N, 1) in 1..10; ``test`` replaces what the test file holds."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, images, y in (("train", TRAIN, TRAIN_Y), ("test", TEST, TEST_Y)):
        content = {"X": images.transpose(2, 3, 1, 0), "y": y[:, None].astype(np.uint8)}
        content = test if test and name == "test" else content
        savemat(folder / f"{name}_32x32.mat", content, do_compression=True)
    return folder


def dataset(root: Path) -> Svhn:
    return Svhn(root=str(root), validation_size=2, split_seed=0, crop_padding=0, horizontal_flip=False)


@pytest.mark.parametrize("folder", ["", "svhn", "SVHN"])
def test_pixels_in_their_places_and_ten_is_zero(tmp_path: Path, folder: str) -> None:
    write(tmp_path / folder)
    data = dataset(tmp_path).load()
    np.testing.assert_array_equal(data.test.images, TEST)
    assert data.test.labels.tolist() == [0, 1, 9]
    assert data.class_names == tuple("0123456789")
    assert sorted(data.train.labels.tolist() + data.validation.labels.tolist()) == list(range(10))


def test_one_file_missing(tmp_path: Path) -> None:
    (write(tmp_path / "svhn") / "test_32x32.mat").unlink()
    with pytest.raises(DataError, match=r"svhn lacks test_32x32.mat; to get it: python -c"):
        dataset(tmp_path).locate()
    with pytest.raises(DataError, match=r"dataset.root=.*nowhere: no SVHN here, nor in its svhn \(train_32x32.mat"):
        dataset(tmp_path / "nowhere").locate()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><p>404", "test_32x32.mat is an HTML page, not a MATLAB file of SVHN"),
        (b"", "test_32x32.mat is no MATLAB file of version 5: it begins with b'', expected"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "is no MATLAB file of version 5: it begins with b'.x89HDF"),
    ],
)
def test_other_files_are_recognised_before_any_run(tmp_path: Path, content: bytes, message: str) -> None:
    (write(tmp_path) / "test_32x32.mat").write_bytes(content)
    with pytest.raises(DataError, match=message):
        dataset(tmp_path).locate()


@pytest.mark.parametrize("keep", [19, 128, 200, 5000, -1])
def test_a_truncated_file_is_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path) / "test_32x32.mat"
    os.truncate(path, keep if keep > 0 else path.stat().st_size + keep)
    dataset(tmp_path).locate()
    with pytest.raises(DataError, match=rf"{path} (is damaged: |holds ).*Delete it; to get it"):
        dataset(tmp_path).load()


X, Y = TEST.transpose(2, 3, 1, 0), TEST_Y[:, None].astype(np.uint8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": X[..., :2], "y": Y}, r"holds X \(32, 32, 3, 2\), y \(3, 1\); SVHN has X \(32, 32, 3, 3\), y \(3, 1\)"),
        ({"X": X}, r"holds X \(32, 32, 3, 3\); SVHN has X"),
        ({"X": X.astype(float), "y": Y}, "X is float64, expected uint8"),
        ({"X": X, "y": Y - 1}, r"y must be 1 to 10 \(10 means 0\), found 0 to 9"),
        ({"X": X, "y": Y + 1.5}, r"y must be 1 to 10 \(10 means 0\), found 2.5 to 11.5"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    write(tmp_path, **content)
    with pytest.raises(DataError, match=message):
        dataset(tmp_path).load()


@pytest.mark.real_data
def test_real_svhn(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svhn, "N_TRAIN", 73_257)
    monkeypatch.setattr(svhn, "N_TEST", 26_032)
    try:
        dataset(real_data).locate()
    except DataError as error:
        pytest.skip(str(error))
    data = dataset(real_data).load()
    # Known of SVHN: means .4377 .4438 .4728.
    assert data.mean == pytest.approx([0.4377, 0.4438, 0.4728], abs=1e-3)
