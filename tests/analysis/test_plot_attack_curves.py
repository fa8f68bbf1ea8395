"""Accuracy against eps: a panel for each norm and number of images, a line for each configuration and attack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer

from analysis.frames.attack_curves import attack_curves as frame
from analysis.plot.attack_curves import attack_curves
from tests.analysis.diagnosed import diagnosed

IMAGES = {"fgsm": 50, "pgd": 50}
EPS = {"linf": [0.0, 2 / 255, 8 / 255], "l2": [0.0, 0.5]}


def attacks(configuration: int, seed: int, images: Mapping[str, int] = IMAGES) -> dict[str, pd.DataFrame]:
    """Accuracy .8 - eps x 10 (fgsm: x 5) + .1 for configuration 1, +- .02 by seed; only pgd knows l2."""
    rows = []
    for attack, steps, restarts, slope in (("fgsm", 1, 1, 5), ("pgd", 20, 2, 10)):
        for norm in ("linf", "l2") if attack == "pgd" else ("linf",):
            for eps in EPS[norm]:
                accuracy = 0.8 - slope * (eps if norm == "linf" else eps / 10) + 0.1 * configuration + 0.04 * seed
                used = (steps, restarts) if eps else (0, 0)
                rows.append(("test", attack, norm, eps, *used, accuracy, 1.0, images[attack]))
                rows.append(("validation", attack, norm, eps, *used, 0.0, 1.0, 10))
    columns = ["split", "attack", "norm", "eps", "steps", "restarts", "accuracy", "loss", "n"]
    return {"attacks": pd.DataFrame(rows, columns=columns)}


def test_the_clean_point_belongs_to_its_attack(tmp_path: Path) -> None:
    found = frame(diagnosed(tmp_path, attacks))
    pgd = found[(found["configuration"] == "none") & (found["attack"] == "pgd") & (found["norm"] == "linf")]
    assert pgd["eps"].tolist() == EPS["linf"]
    assert set(pgd["steps"]) == {20}
    assert set(pgd["restarts"]) == {2}
    assert set(pgd["images"]) == {50}
    assert pgd["mean"].tolist() == pytest.approx([0.82, 0.82 - 20 / 255, 0.82 - 80 / 255])
    # n = 2: t(.975, 1) = 12.7062, sd = .04 / sqrt 2, so that the half-width is 12.7062 x .02.
    assert pgd["half_width"].tolist() == pytest.approx([0.254124] * 3, rel=1e-5)


def test_lines_and_cut_intervals(tmp_path: Path) -> None:
    figure = attack_curves(frame(diagnosed(tmp_path, attacks)))
    linf, l2 = figure.axes
    assert (linf.get_title(), l2.get_title()) == ("L∞ norm", "L2 norm")
    assert [tick.get_text() for tick in linf.get_xticklabels()] == ["clean", "2", "8"]
    assert [tick.get_text() for tick in l2.get_xticklabels()] == ["clean", "0.5"]
    bars = [container for container in linf.containers if isinstance(container, ErrorbarContainer)]
    drawn = [container.lines[0] for container in bars]
    expected = [
        [100 * (0.82 + 0.1 * configuration - slope * eps) for eps in EPS["linf"]]
        for configuration in (0, 1)
        for slope in (5, 10)
    ]
    for line, accuracy in zip(drawn, expected, strict=True):
        assert line.get_ydata() == pytest.approx(accuracy)
        assert np.rint(np.asarray(line.get_xdata(), float)).tolist() == [0, 1, 2]
    assert len({np.asarray(line.get_xdata(), float)[0] for line in drawn}) == 4
    assert drawn[0].get_color() == drawn[1].get_color() != drawn[2].get_color()
    assert drawn[0].get_linestyle() != drawn[1].get_linestyle()
    (bar,) = bars[2].lines[2]
    assert bar.get_segments()[0][:, 1] == pytest.approx([92 - 25.4124, 100])  # 117 % is no accuracy


def test_attacks_on_other_images_share_no_panel(tmp_path: Path) -> None:
    """A clean accuracy on 100 images beside one on 50 would look as if an attack of size 0 changed it."""
    found = frame(
        diagnosed(tmp_path, lambda configuration, seed: attacks(configuration, seed, {"fgsm": 100, "pgd": 50}))
    )
    figure = attack_curves(found)
    titles = ["L∞ norm: 50 images", "L∞ norm: 100 images", "L2 norm: 50 images"]
    assert [ax.get_title() for ax in figure.axes] == titles
    assert [len(ax.containers) for ax in figure.axes] == [2, 2, 2]
    few, many = (ax.lines[0].get_ydata() for ax in figure.axes[:2])
    assert few == pytest.approx([82, 82 - 2000 / 255, 82 - 8000 / 255])
    assert many == pytest.approx([82, 82 - 1000 / 255, 82 - 4000 / 255])


def test_the_legend_says_what_each_attack_did(tmp_path: Path) -> None:
    figure = attack_curves(frame(diagnosed(tmp_path, attacks)))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["none", "weight_decay 0.001", "fgsm, 1 step, 50 images", "pgd, 20 steps, 2 restarts, 50 images"]
    assert figure.legends[0].get_title().get_text() == "mean and 95% interval, n = 2 seeds"


def test_of_many_configurations_each_attack_has_its_panel(tmp_path: Path) -> None:
    found = frame(diagnosed(tmp_path, attacks))
    many = [found.assign(configuration=found["configuration"] + f" {i}") for i in range(3)]
    figure = attack_curves(pd.concat(many, ignore_index=True))
    assert [ax.get_title() for ax in figure.axes] == [
        "L∞ norm: fgsm, 1 step, 50 images",
        "L∞ norm: pgd, 20 steps, 2 restarts, 50 images",
        "L2 norm: pgd, 20 steps, 2 restarts, 50 images",
    ]
    assert [len(ax.containers) for ax in figure.axes] == [6, 6, 6]
    assert len(figure.legends[0].get_texts()) == 6
