from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from frequency_reg.dataset.base import DataError, Dataset, Decoded, ImageData, pixel_moments, refuse_html


class Numbered(Dataset):
    """Ten training images, image i all grey level i, label i; two test images."""

    class_names = tuple("0123456789")

    def locate(self) -> None:
        pass

    def load(self) -> ImageData:
        levels = np.arange(12, dtype=np.uint8)
        images = np.broadcast_to(levels[:, None, None, None], (12, 1, 2, 2))
        return self.split(Decoded.of(images[:10], levels[:10].astype(np.int64), images[10:], np.array([0, 1])))


def numbered(validation_size: int = 3, split_seed: int = 0) -> ImageData:
    return Numbered(
        validation_size=validation_size, split_seed=split_seed, crop_padding=0, horizontal_flip=False
    ).load()


def test_splits_are_disjoint_and_complete() -> None:
    data = numbered()
    train, validation = data.train.labels.tolist(), data.validation.labels.tolist()
    assert (len(data.train), len(data.validation), len(data.test)) == (7, 3, 2)
    assert sorted(train + validation) == list(range(10))
    assert data.train.images[:, 0, 0, 0].tolist() == train  # images went with their labels
    assert data.validation.images[:, 0, 0, 0].tolist() == validation
    assert (data.train.images.dtype, data.train.labels.dtype) == (torch.uint8, torch.int64)
    assert data.image_shape == (1, 2, 2)


def test_validation_split_has_its_own_seed() -> None:
    torch.manual_seed(1)
    first = numbered(split_seed=0).validation.labels
    torch.manual_seed(2)
    assert torch.equal(first, numbered(split_seed=0).validation.labels)
    assert any(not torch.equal(first, numbered(split_seed=seed).validation.labels) for seed in (1, 2, 3))
    assert numbered(split_seed=0).digest == numbered(split_seed=1).digest


def test_moments_are_those_of_the_training_split() -> None:
    data = numbered()
    pixels = data.train.images.double() / 255
    assert data.mean == pytest.approx([pixels.mean().item()])
    assert data.std == pytest.approx([pixels.std(correction=0).item()])


def test_moments_by_hand() -> None:
    # Channel 0: 0 and 255 in equal shares: mean 1/2, deviation 1/2. Channel 1: all 51: mean .2, deviation 0.
    images = torch.tensor([[[0, 255]], [[51, 51]]], dtype=torch.uint8).expand(1100, 2, 1, 2)
    mean, std = pixel_moments(images)
    assert mean == pytest.approx((0.5, 0.2))
    assert std == pytest.approx((0.5, 0.0), abs=1e-12)


def test_digest_sees_every_pixel_label_and_shape() -> None:
    images, labels = np.zeros((2, 1, 2, 2), np.uint8), np.zeros(2, np.int64)
    other_image, other_label = images.copy(), labels.copy()
    other_image[1, 0, 1, 1] = 1
    other_label[1] = 1
    digests = {
        Decoded.of(images, labels, images, labels).digest,
        Decoded.of(images, labels, other_image, labels).digest,
        Decoded.of(images, other_label, images, labels).digest,
        Decoded.of(images.reshape(2, 1, 4, 1), labels, images, labels).digest,
    }
    assert len(digests) == 4
    assert Decoded.of(images, labels, images, labels).digest in digests


@pytest.mark.parametrize("size", [0, 10, 11])
def test_validation_size_must_leave_training_images(size: int) -> None:
    message = rf"dataset.validation_size={size}: choose 1 to 9; it is taken from the 10 training images"
    with pytest.raises(ValueError, match=message):
        numbered(validation_size=size)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>404", b"\n  <HTML><head>", b"\xef\xbb\xbf<!doctype HTML>"])
def test_html_page_is_named(tmp_path: Path, page: bytes) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(page)
    with pytest.raises(DataError, match=r"data.parquet is an HTML page, not a Parquet file: .*Delete it; fetch it"):
        refuse_html(path, expected="a Parquet file", mend="fetch it")


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.parquet").mkdir()
    with pytest.raises(DataError, match=r"data.parquet cannot be read \(Is a directory\); fetch it"):
        refuse_html(tmp_path / "data.parquet", expected="a Parquet file", mend="fetch it")


def test_other_files_are_not_called_html(tmp_path: Path) -> None:
    path = tmp_path / "data"
    for content in (b"", b"PAR1<html>", b"\x00\x00\x08\x03"):
        path.write_bytes(content)
        refuse_html(path, expected="data", mend="")
