"""Maps of learned masks: which layers and epoch, and what is painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.frames.mask_maps import mask_maps as frame
from analysis.plot.mask_maps import mask_maps, whole_plane
from tests.analysis.diagnosed import diagnosed

HEIGHT, WIDTH = 5, 4


def masks(configuration: int, seed: int, layers: int = 3, epochs: tuple[int, ...] = (0, 10)) -> dict[str, pd.DataFrame]:
    """Kept is (|fy| + fx) / 10 + depth / 100 + configuration / 10 + .02 seed at the last epoch, 1 before."""
    rows = [
        (epoch, f"conv{depth}", depth, fy, fx,
         (abs(fy) + fx) / 10 + depth / 100 + configuration / 10 + 0.02 * seed if epoch == max(epochs) else 1.0)
        for epoch in epochs for depth in range(layers) for fy in (0, 1, 2, -2, -1) for fx in range(WIDTH // 2 + 1)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["epoch", "layer", "depth", "fy", "fx", "kept"])
    return {"mask": table.assign(height=HEIGHT, width=WIDTH, mean=0.5, masks=8)}


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [(1, {"first": 0}), (2, {"first": 0, "last": 1}), (16, {"first": 0, "middle": 7, "last": 15})],
)
def test_first_middle_and_last_at_the_last_epoch(tmp_path: Path, layers: int, chosen: dict[str, int]) -> None:
    found = frame(diagnosed(tmp_path, lambda c, s: masks(c, s, layers), (0,)))
    assert dict(zip(found["position"], found["depth"], strict=True)) == chosen
    assert set(found["epoch"]) == {10}


def test_both_half_planes_are_painted_on_one_scale(tmp_path: Path) -> None:
    figure = mask_maps(frame(diagnosed(tmp_path, masks)))
    images = [ax.images[0] for ax in figure.axes[:6]]
    fy, fx = np.arange(-2, 3)[:, None], np.array([-2, -1, 0, 1])[None, :]
    plane = 10.0 * (abs(fy) + abs(fx))
    for place, image in enumerate(images):
        configuration, depth = place // 3, place % 3
        assert np.asarray(image.get_array()) == pytest.approx(plane + depth + 10 * configuration + 1)
        assert image.get_clim() == (0, 100)
    assert figure.axes[0].get_title() == "first masked layer\nconv0"
    assert figure.axes[3].get_ylabel() == "weight_decay 0.001\nfy"
    assert "epoch 10; mean over n = 2 seeds" in figure.get_suptitle()


def test_an_odd_width_has_no_nyquist_column() -> None:
    rows = pd.DataFrame([(fy, fx, 10 * fy + fx) for fy in (0, 1, -1) for fx in (0, 1)], columns=["fy", "fx", "mean"])
    assert whole_plane(rows.assign(height=3, width=3)).tolist() == [[11, -10, -9], [1, 0, 1], [-9, 10, 11]]


def test_runs_without_masks_leave_no_row(tmp_path: Path) -> None:
    figure = mask_maps(frame(diagnosed(tmp_path, lambda c, s: masks(c, s) if c else {}, (0,))))
    assert len([ax for ax in figure.axes if ax.images]) == 3
    empty = mask_maps(frame(diagnosed(tmp_path / "none", lambda *_: {}, (0,))))
    assert "No run recorded its masks" in empty.texts[0].get_text()
