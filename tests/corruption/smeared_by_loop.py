from __future__ import annotations

import math

import numpy as np


def smeared_by_loop(image: np.ndarray, taps: int, sigma: float, degrees: float) -> np.ndarray:
    """ImageMagick's rule on an image (H, W) or (H, W, C), step by step, with indices clamped to the image."""
    weights = np.exp(-(np.arange(taps) ** 2) / (2 * sigma**2))
    rows, columns = np.indices(image.shape[:2])
    smeared = np.zeros(image.shape)
    for i, weight in enumerate(weights / weights.sum()):
        down = math.ceil(i * math.sin(math.radians(degrees)) - 0.5)
        right = math.ceil(i * math.cos(math.radians(degrees)) - 0.5)
        seen = np.clip(rows + down, 0, image.shape[0] - 1), np.clip(columns + right, 0, image.shape[1] - 1)
        smeared += weight * image[seen]
    return smeared
