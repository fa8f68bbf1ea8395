"""Fourier heat maps: the half-plane that is recorded becomes the whole plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.frames.fourier_heat_map import fourier_heat_map as frame
from analysis.plot.fourier_heat_map import fourier_heat_map, plane
from tests.analysis.synthetic import write_run


def half_plane(side: int) -> pd.DataFrame:
    """One of +f and -f for each frequency of a square image; the error grows with fy^2 + 2 fx^2."""
    frequencies = np.fft.fftfreq(side, 1 / side).astype(int)
    listed: dict[tuple[int, int], None] = {}
    for fy in frequencies:
        for fx in frequencies:
            opposite = (int((-fy + side // 2) % side - side // 2), int((-fx + side // 2) % side - side // 2))
            if opposite not in listed:
                listed[int(fy), int(fx)] = None
    rows = pd.DataFrame(list(listed), columns=["fy", "fx"])
    return rows.assign(error=(rows["fy"] ** 2 + 2 * rows["fx"] ** 2) / side**2)


@pytest.mark.parametrize("side", [7, 8, 32])
def test_the_plane_is_whole_and_point_symmetric(side: int) -> None:
    rows = half_plane(side)
    grid = plane(rows.rename(columns={"error": "mean"}))
    assert grid.shape == (side, side)
    f = np.fft.fftshift(np.fft.fftfreq(side, 1 / side))
    assert grid == pytest.approx((f[:, None] ** 2 + 2 * f[None, :] ** 2) / side**2)


def write_map(folder: Path, seed: int, *, images: int = 500, regularizer: str = "none") -> None:
    """A run whose error is a tenth of that of :func:`half_plane`, and .2 higher for seed 1."""
    write_run(folder, {"regularizer": regularizer}, seed)
    rows = half_plane(8).assign(run_id=f"id-{folder.name}", split="test", radius=0.0, multiplicity=2, norm=1.0)
    rows = rows.assign(error=rows["error"] * 0.1 + 0.2 * seed, n=images)
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), folder / "fourier_heat_map.parquet")


def test_means_over_seeds_are_drawn_on_one_scale(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_map(tmp_path / f"r{seed}", seed)
    figure = fourier_heat_map(frame(analysis.load(tmp_path)))
    drawn = np.asarray(figure.axes[0].images[0].get_array())
    f = np.fft.fftshift(np.fft.fftfreq(8, 1 / 8))
    assert drawn == pytest.approx(100 * (0.1 + 0.1 * (f[:, None] ** 2 + 2 * f[None, :] ** 2) / 64))
    assert figure.get_suptitle() == "mean over n = 2 seeds, 500 images, norm 1"
    assert figure.axes[0].get_title() == "none"


def test_maps_of_other_images_are_not_laid_over_one_another(tmp_path: Path) -> None:
    write_map(tmp_path / "few", 0, images=100)
    write_map(tmp_path / "many", 1)
    figure = fourier_heat_map(frame(analysis.load(tmp_path)))
    assert [ax.get_title() for ax in figure.axes[:2]] == ["none\n100 images", "none\n500 images"]
    assert figure.get_suptitle() == "mean over n = 1 seed, norm 1"
    middle = [np.asarray(ax.images[0].get_array())[4, 4] for ax in figure.axes[:2]]
    assert middle == pytest.approx([0, 20])


def test_records_without_the_diagnostic_have_an_empty_frame(sweep: Path) -> None:
    assert frame(analysis.load(sweep)).empty
