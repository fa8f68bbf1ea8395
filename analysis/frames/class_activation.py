"""Class activation maps, and the images that they are of."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

SHOWN = 4
"""Images that are shown: the first of the split."""


def class_activation(records: Records) -> pd.DataFrame:
    """Evidence for the label's class at every place of the last feature map, for the first images of the test split.

    Returns:
        The description, image (position in the split), class_index, layer, height, width (of the map), y, x, statistics
        of the value. Empty where no run asked for the diagnostic ``class_activation_map``.
    """
    query = f"""
        SELECT run_id, image, class_index, layer, height, width, y, x, value FROM class_activation_map
        WHERE split = 'test' AND "of" = 'label' AND image < {SHOWN}"""
    return recorded(
        records, "class_activation_map", query, ["image", "class_index", "layer", "height", "width", "y", "x"]
    )


def shown_images(records: Records) -> pd.DataFrame:
    """Those images: image, channel, y, x, pixel in [0, 1], with the description of the configuration that saw them."""
    query = f"""
        SELECT run_id, image, channel, y, x, pixel AS value FROM class_activation_image
        WHERE split = 'test' AND image < {SHOWN}"""
    return recorded(records, "class_activation_image", query, ["image", "channel", "y", "x"])
