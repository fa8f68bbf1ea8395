"""Class activation maps: which images and maps are painted, and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.frames.class_activation import class_activation as frame
from analysis.frames.class_activation import shown_images
from analysis.plot.class_activation import class_activation, picture
from tests.analysis.diagnosed import diagnosed


def tables(configuration: int, seed: int, images: int = 6, channels: int = 3) -> dict[str, pd.DataFrame]:
    """2 x 3 maps: value image + 10 configuration + 2 seed + y - x for the label, 99 else; 4 x 6 images."""
    maps = [
        (split, image, of, image % 3, y, x, image + 10 * configuration + 2 * seed + y - x if of == "label" else 99.0)
        for split in ("validation", "test")
        for image in range(images)
        for of in ("label", "prediction")
        for y in range(2)
        for x in range(3)
    ]
    pixels = [
        ("test", image, channel, y, x, (image + channel + y) / 20)
        for image in range(images)
        for channel in range(channels)
        for y in range(4)
        for x in range(6)
    ]
    columns = ["split", "image", "of", "class_index", "y", "x", "value"]
    found = pd.DataFrame(maps, columns=columns).assign(layer="stages.2", height=2, width=3, correct=True)
    seen = pd.DataFrame(pixels, columns=["split", "image", "channel", "y", "x", "pixel"])
    return {"class_activation_map": found, "class_activation_image": seen}


def test_images_stand_above_the_maps_of_their_labels(tmp_path: Path) -> None:
    records = diagnosed(tmp_path, tables)
    figure = class_activation(frame(records), shown_images(records))
    axes = np.array(figure.axes).reshape(3, 4)
    y, x = np.arange(2)[:, None], np.arange(3)[None, :]
    for column in range(4):
        pixels = np.asarray(axes[0, column].images[0].get_array())
        assert pixels.shape == (4, 6, 3)
        assert pixels[2, 5] == pytest.approx([(column + channel + 2) / 20 for channel in range(3)])
        assert axes[0, column].get_title() == f"class {column % 3}"
        for configuration in (0, 1):
            image = axes[configuration + 1, column].images[0]
            assert np.asarray(image.get_array()) == pytest.approx(column + 10 * configuration + 1 + y - x)
            low, high = image.get_clim()
            assert low == -high
    assert axes[2, 0].get_ylabel() == "weight_decay 0.001"
    assert figure.get_suptitle() == "maps of 2 x 3 places; mean over n = 2 seeds"


def test_grey_images_are_grey() -> None:
    places = [(0, y, x, y + x / 10) for y in range(2) for x in range(2)]
    rows = pd.DataFrame(places, columns=["channel", "y", "x", "mean"])
    assert picture(rows).tolist() == [[0, 0.1], [1, 1.1]]


def test_without_the_diagnostic_nothing_is_drawn(tmp_path: Path) -> None:
    records = diagnosed(tmp_path, lambda *_: {}, (0,))
    figure = class_activation(frame(records), shown_images(records))
    assert "No run asked for the diagnostic class_activation_map" in figure.texts[0].get_text()
