from __future__ import annotations

import pytest
import torch

from frequency_reg.corruption.published import check_same_test_set, row_name
from frequency_reg.dataset.base import DataError, ImageData, Split
from tests.contract.house import variants


def data(labels: list[int], classes: int = 3) -> ImageData:
    test = Split(torch.zeros(len(labels), 3, 4, 4, dtype=torch.uint8), torch.tensor(labels))
    return ImageData(test, test, test, tuple(f"c{i}" for i in range(classes)), (0.5,) * 3, (0.5,) * 3, "digest")


def test_names_cannot_be_those_of_computed_corruptions() -> None:
    assert row_name("cifar10c", "fog") == "cifar10c:fog"
    assert not any(":" in name for name in variants("corruption"))


def test_the_same_test_set_in_any_order_passes() -> None:
    check_same_test_set("here", (3, 4, 4), torch.tensor([2, 0, 1, 0]), data([0, 0, 1, 2]))


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((3, 8, 8), [0, 0, 1, 2], r"here: images of shape \(3, 8, 8\), those of the data set have \(3, 4, 4\); choose"),
        ((3, 4, 4), [0, 1, 1, 2], "4 images a severity in 3 classes, the test set has 4 in 3, and not as many of each"),
        ((3, 4, 4), [0, 0, 1], "3 images a severity in 2 classes, the test set has 4 in 3"),
        ((3, 4, 4), [0, 0, 1, 2, 3], "5 images a severity in 4 classes"),
    ],
)
def test_another_test_set_is_refused(shape: tuple[int, ...], labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_same_test_set("here", shape, torch.tensor(labels), data([0, 0, 1, 2]))
