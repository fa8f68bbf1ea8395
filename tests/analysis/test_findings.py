"""Findings: sentences with numbers worked out by hand, and no claim where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import published
from analysis.findings import Finding, findings, signed, turned, verdicts
from tests.analysis.synthetic import SWEEP, write_run, write_sweep


def texts(found: list[Finding], title: str) -> list[str]:
    return [sentence for finding in found if finding.title == title for sentence in finding.sentences]


def test_differences_by_hand(tmp_path: Path) -> None:
    for seed, clean in enumerate((0.80, 0.81, 0.82)):
        write_run(tmp_path / f"none-{seed}", SWEEP[0], seed, clean=clean, layers=())
    # Differences .02, .03, .04: mean .03, sd .01, half-width 4.302653 * .01 / sqrt(3) = .024841.
    for seed, clean in enumerate((0.82, 0.84, 0.86)):
        write_run(tmp_path / f"drop-{seed}", SWEEP[3], seed, clean=clean, layers=())
    first, *rest = texts(findings(analysis.load(tmp_path)), "Against the baseline")
    assert first.startswith(
        "dropout 0.5 against none (n = 3 pairs): clean accuracy higher by 3.00 pp [+0.52, +5.48], "
        "not after Holm's correction, though its own interval leaves out 0;"
    )
    # p = 1 - t / sqrt(t^2 + 2), t = .03 / (.01 / sqrt(3)): .0351; four equal tests, so Holm's p is .14.
    assert rest[0].endswith("Holm's correction is over the 4 tests of this summary.")
    assert "n = 3 cannot reach .05" in rest[1]


def test_a_difference_that_survives_and_one_that_is_not_there(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"none-{seed}", SWEEP[0], seed, clean=0.80, layers=(), corruptions={})
        clean = 0.85 + 0.0001 * seed
        write_run(tmp_path / f"drop-{seed}", SWEEP[3], seed, clean=clean, layers=(), corruptions={})
    first = texts(findings(analysis.load(tmp_path)), "Against the baseline")[0]
    # Differences .0500, .0501, .0502: half-width 4.302653 * .0001 / sqrt(3) = .000248.
    assert "clean accuracy higher by 5.01 pp [+4.99, +5.03], survives Holm's correction" in first
    assert "not distinguishable" not in first


def test_single_runs_rank_nothing(tmp_path: Path) -> None:
    write_sweep(tmp_path / "s", (0,), SWEEP[:2], layers=())
    found = findings(analysis.load(tmp_path / "s"))
    text = " ".join(texts(found, "Against the baseline"))
    assert "single runs, which show no difference: clean accuracy (+2.00 pp)" in text
    assert "survives" not in text
    assert "n = 1: no interval, no test and no ranking" in text
    assert "A single complete run, which has no interval and ranks nothing: none, weight_decay 0.0001." in texts(
        found, "What to keep in mind"
    )


def test_an_order_that_turns_with_the_reference_is_flagged() -> None:
    frame = pd.DataFrame({
        "configuration": ["dropout 0.5"] * 4, "baseline": ["none"] * 4,
        "metric": ["ssr/first/dc/init", "ssr/first/dc/epoch_1", "ssr/last/dc/init", "ssr/last/dc/epoch_1"],
        "low": [-0.4, 1.0, 0.1, -0.1], "high": [-0.1, 3.0, 0.2, 0.1],
    })  # fmt: skip
    rows = turned(frame).set_index("position")
    assert rows["turns"].to_dict() == {"first": True, "last": False}
    assert rows.loc["first", ["above", "below"]].tolist() == ["dc/epoch_1", "dc/init"]
    assert rows.loc["last", ["above", "below"]].tolist() == ["dc/init", ""]


def test_the_null_by_hand(tmp_path: Path) -> None:
    # conv1 after 3 epochs: SSR = suppression * 3; the null's draws are normal with sd .16 there.
    for name, choices, suppression in (("in", SWEEP[0], 0.01), ("out", SWEEP[3], 0.4)):
        for seed in range(3):
            folder = tmp_path / f"{name}-{seed}"
            write_run(folder, choices, seed, suppression=suppression, layers=("conv1",), draws=400)
    first, second = texts(findings(analysis.load(tmp_path)), "SSR beside its null")
    assert "inside the null" in first
    assert "none (+0.030; null −0.3" in first
    assert "outside the null: dropout 0.5 (+1.200;" in second


def test_runs_that_failed_and_mixtures_are_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0, layers=(), made_by={"torch": "2.11"})
    write_run(tmp_path / "b", SWEEP[0], 1, layers=(), made_by={"torch": "2.12"})
    write_run(tmp_path / "c", SWEEP[3], 0, clean=None, status="diverged", layers=())
    cautions = texts(findings(analysis.load(tmp_path)), "What to keep in mind")
    assert cautions[0] == "1 runs did not complete (1 diverged) and are in no mean: dropout 0.5 (1)."
    assert any("2 versions of torch" in sentence for sentence in cautions)


def test_many_configurations_are_counted_not_listed(tmp_path: Path) -> None:
    sweep: list[dict[str, object]] = [{"regularizer": "dropout", "regularizer.dropout": d / 20} for d in range(1, 12)]
    sweep.append({"regularizer": "none"})
    root = write_sweep(tmp_path / "s", (0, 1, 2), sweep, layers=(), corruptions={})
    first = findings(analysis.load(root))[0]
    assert not any("dropout 0.05" in sentence for sentence in first.sentences)
    # Differences of equal size in every seed have no spread and no test: none is called higher or lower.
    assert first.rows[1] == ("dropout", "clean accuracy", "11", "0", "0", "11", "11", "1")


def test_verdicts() -> None:
    frame = pd.DataFrame({
        "n": [1, 3, 3, 3], "p_holm": [np.nan, 0.01, 0.2, 0.9], "low": [np.nan, 1.0, 0.1, -1.0],
        "high": [np.nan, 2.0, 0.3, 1.0],
    })  # fmt: skip
    assert verdicts(frame).tolist() == ["single", "survives", "own", "equal"]


def test_signs_are_typographic() -> None:
    assert [signed(text) for text in ("1.2", "-1.2", "–")] == ["+1.2", "−1.2", "–"]


def test_findings_hold_every_recorded_text_as_text(tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / f"a{seed}", {"regularizer": "none", "tag": "{x} %s <b>"}, seed, layers=())
        write_run(tmp_path / f"b{seed}", {"regularizer": "{0} %d"}, seed, layers=())
    assert findings(analysis.load(tmp_path))


def test_reproduced_only_in_an_equal_setting(tmp_path: Path) -> None:
    """92.03 lies in the prediction interval of .92, .92, .93; 94.46 does not in that of .900, .901, .902."""
    same = {"model": "resnet18", "epochs": 50}
    for seed, clean in enumerate((0.92, 0.92, 0.93)):
        write_run(tmp_path / f"n{seed}", {"regularizer": "none", **same}, seed, clean=clean, layers=())
    decay = {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3, **same}
    for seed, clean in enumerate((0.900, 0.901, 0.902)):
        write_run(tmp_path / f"w{seed}", decay, seed, clean=clean, layers=())
    study = published.studies(analysis.load(tmp_path))[0]
    rows = study.rows.set_index(["configuration", "metric"])
    assert study.deviations == ""
    assert rows.loc[("none", "clean_accuracy"), "verdict"] == "reproduced"
    # mean .901, sd .001: half-width 4.302653 * .001 * sqrt(4 / 3) = .004968.
    decayed = rows.loc[("weight_decay 0.001", "clean_accuracy")]
    assert decayed["low"] == pytest.approx(0.901 - 0.0049683, abs=1e-6)
    assert decayed["verdict"] == "not reproduced"
    sign = study.signs.set_index("metric").loc["clean_accuracy"]
    assert sign["published"] == pytest.approx(0.0243)
    assert not sign["agrees"]


def test_other_data_sets_and_model_families_are_not_set_beside(tmp_path: Path) -> None:
    for i, choices in enumerate(({"dataset": "mnist"}, {"model": "vit_small"})):
        write_run(tmp_path / f"r{i}", {"regularizer": "none", **choices}, 0, layers=())
    assert published.studies(analysis.load(tmp_path)) == []
