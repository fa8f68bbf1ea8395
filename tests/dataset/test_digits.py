from __future__ import annotations

import hashlib
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from frequency_reg.dataset.digits import Digits


def digits(validation_size: int = 200, split_seed: int = 0) -> Digits:
    return Digits(validation_size=validation_size, split_seed=split_seed, crop_padding=0, horizontal_flip=False)


def test_sizes_and_form() -> None:
    data = digits().load()
    assert (len(data.train), len(data.validation), len(data.test)) == (1097, 200, 500)
    assert data.image_shape == (1, 8, 8)
    assert data.class_names == tuple("0123456789")
    assert torch.bincount(data.test.labels).min() > 35  # 50 expected of each class


def test_every_image_is_scikit_learns_at_its_grey_level() -> None:
    data = digits().load()
    # Exact rounding of v 255 / 16; no v gives a half.
    level = {v: round(Fraction(v * 255, 16)) for v in range(17)}
    source = load_digits()
    expected = sorted(
        (bytes(level[int(v)] for v in image.ravel()), int(label))
        for image, label in zip(source.images, source.target, strict=True)
    )
    splits = (data.train, data.validation, data.test)
    ours = sorted(
        (image.numpy().tobytes(), int(label))
        for split in splits
        for image, label in zip(split.images, split.labels, strict=True)
    )
    assert ours == expected
    assert max(level.values()) == 255


def test_test_images_are_frozen() -> None:
    first, second = digits(split_seed=0).load(), digits(split_seed=5, validation_size=300).load()
    assert torch.equal(first.test.images, second.test.images)
    assert not torch.equal(first.validation.images[:200], second.validation.images[:200])
    # Published numbers rest on this very test set: a library that draws another one must be noticed.
    labels = hashlib.sha256(np.asarray(first.test.labels, np.int64).tobytes()).hexdigest()
    assert labels == "ef09993b65073b9ea1ebda43d786f0dffbc9acd341f52f5540575dbc291cc77f"


def test_validation_size_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ValueError, match=re.escape("dataset.validation_size=1297: choose 1 to 1296")):
        digits(validation_size=1297)
