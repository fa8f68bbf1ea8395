"""Findings: sentences with numbers worked out by hand, and no claim where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import analysis
from analysis import compare
from analysis.formatting import with_sign
from analysis.frames.function import first_reached
from analysis.frames.ssr import null_distribution
from analysis.report.family import family
from analysis.report.findings import Finding, findings, places, turned, verdicts
from tests.analysis.diagnosed import diagnosed
from tests.analysis.fitted import fitted
from tests.analysis.synthetic import SWEEP, write_run, write_sweep

REFERENCE = Path(__file__).parents[3] / "outputs" / "reference"


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
        "dropout 0.5 against none (n = 3 pairs): only before Holm's correction (its own interval leaves out 0): "
        "clean accuracy higher by 3.00 pp [+0.52, +5.48], "
    )
    # p = 1 - t / sqrt(t^2 + 2), t = .03 / (.01 / sqrt(3)): .0351; six equal tests (clean, two strengths of noise and
    # three of resizing), those of the section Differences, so Holm's p is .21.
    assert "over all 6 tests of the section Differences" in rest[0]
    assert "n = 3 cannot reach .05" in rest[1]


def test_a_difference_that_survives_and_one_that_is_not_there(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"none-{seed}", SWEEP[0], seed, clean=0.80, layers=(), corruptions={})
        clean = 0.85 + 0.0001 * seed
        write_run(tmp_path / f"drop-{seed}", SWEEP[3], seed, clean=clean, layers=(), corruptions={})
    first = texts(findings(analysis.load(tmp_path)), "Against the baseline")[0]
    # Differences .0500, .0501, .0502: half-width 4.302653 * .0001 / sqrt(3) = .000248.
    assert "(n = 3 pairs): after Holm's correction: clean accuracy higher by 5.01 pp [+4.99, +5.03]." in first
    assert "not distinguishable" not in first


def test_single_runs_rank_nothing(tmp_path: Path) -> None:
    write_sweep(tmp_path / "s", (0,), SWEEP[:2], layers=())
    found = findings(analysis.load(tmp_path / "s"))
    text = " ".join(texts(found, "Against the baseline"))
    assert "single runs, which show no difference: clean accuracy (+2.00 pp)" in text
    assert "correction:" not in text
    assert "n = 1: no interval, no test and no ranking" in text
    assert "A single complete run, which has no interval and ranks nothing: none, weight_decay 0.0001." in texts(
        found, "What to keep in mind"
    )


def test_an_order_that_turns_with_the_reference_is_flagged() -> None:
    frame = pd.DataFrame({
        "configuration": ["dropout 0.5"] * 4, "baseline": ["none"] * 4,
        "metric": ["ssr/first/dc/init", "ssr/first/dc/epoch_1", "ssr/last/dc/init", "ssr/last/dc/epoch_1"],
        "low": [-0.4, 1.0, 0.1, -0.1], "high": [-0.1, 3.0, 0.2, 0.1], "p_holm": [0.01, 0.02, 0.01, 1.0],
    })  # fmt: skip
    rows = turned(frame).set_index("position")
    assert rows["turns"].to_dict() == {"first": True, "last": False}
    # One side does not survive: the order may turn, no more.
    weaker = turned(frame.assign(p_holm=[0.01, 0.2, 0.01, 1.0])).set_index("position")
    assert weaker["turns"].to_dict() == {"first": False, "last": False}
    assert weaker["may"].to_dict() == {"first": True, "last": False}
    assert weaker.loc["first", ["above", "below"]].tolist() == ["dc/epoch_1", "dc/init"]
    assert rows.loc["first", ["above", "below"]].tolist() == ["dc/epoch_1", "dc/init"]
    assert rows.loc["last", ["above", "below"]].tolist() == ["dc/init", ""]


def test_the_null_by_hand(tmp_path: Path) -> None:
    # conv1 after 3 epochs: SSR = suppression * 3; the null's draws are normal with sd .16 there.
    for name, choices, suppression in (("in", SWEEP[0], 0.01), ("out", SWEEP[3], 0.4)):
        for seed in range(3):
            folder = tmp_path / f"{name}-{seed}"
            write_run(folder, choices, seed, suppression=suppression, layers=("conv1",), draws=400)
    first, second = texts(findings(analysis.load(tmp_path)), "SSR beside its null")
    assert "the whole interval over seeds lies inside the null" in first
    assert "none (+0.030 [+0.030, +0.030], n = 3); null −0.3" in first
    assert "(95% of 1200 draws)" in first
    assert "lies outside the null: dropout 0.5 (+1.200 [+1.200, +1.200], n = 3)" in second


def test_few_draws_have_a_range_and_an_interval_may_straddle_its_edge(tmp_path: Path) -> None:
    draws = np.random.default_rng(0).normal(0, 0.16, (1, 5))[0]  # what the generator records at seed 0
    for seed, suppression in enumerate((0.0, 0.1)):
        write_run(tmp_path / f"n{seed}", SWEEP[0], seed, suppression=suppression, layers=("conv1",), draws=5)
        null = tmp_path / "n0" / "ssr_null.parquet"
        table = pq.ParquetFile(tmp_path / f"n{seed}" / "ssr_null.parquet").read()
        values = pq.ParquetFile(null).read().column("value")
        pq.write_table(
            table.set_column(table.column_names.index("value"), table.field("value"), values),
            tmp_path / f"n{seed}" / "ssr_null.parquet",
        )
    found = texts(findings(analysis.load(tmp_path)), "SSR beside its null")
    assert "straddles the null's edge" in found[0]
    assert f"null {with_sign(f'{draws.min():.3f}')} to {with_sign(f'{draws.max():.3f}')} (range of 5 draws)" in found[0]


def test_places_beside_the_null_need_the_whole_interval() -> None:
    rows = pd.DataFrame({
        "low": [0.1, 0.4, 0.6, -0.9, np.nan], "high": [0.4, 0.7, 0.8, -0.6, np.nan], "n": [3, 3, 3, 3, 1],
        "null_low": -0.5, "null_high": 0.5,
    })  # fmt: skip
    assert places(rows).tolist() == ["inside", "straddles", "outside", "outside", "single"]


def test_one_null_for_a_network_and_one_for_each_of_two(tmp_path: Path) -> None:
    for i, model in enumerate(("resnet20", "resnet18")):
        for j, choices in enumerate((SWEEP[0], SWEEP[3])):
            write_run(tmp_path / f"{i}{j}", {**choices, "model": model}, 2 * i + j, layers=("conv1",), draws=30)
    null = null_distribution(analysis.load(tmp_path), normalizations=("dc",))
    drawn = {seed: np.random.default_rng(seed).normal(0, 0.16, (1, 30))[0] for seed in range(4)}
    for model, seeds in (("resnet20", (0, 1)), ("resnet18", (2, 3))):
        pooled = np.concatenate([drawn[seed] for seed in seeds])
        rows = null[null["context"].str.contains(model)]
        assert len(rows) == 2
        assert rows["n"].tolist() == [60, 60]
        assert rows["low"].tolist() == pytest.approx([np.quantile(pooled, 0.025)] * 2)
        assert rows["high"].tolist() == pytest.approx([np.quantile(pooled, 0.975)] * 2)


def test_findings_and_differences_are_one_family() -> None:
    records = analysis.load(REFERENCE / "cifar10_weight_decay")
    frame = compare.differences(records)
    texts_of = " ".join(texts(findings(records), "Against the baseline"))
    assert f"over all {frame['p'].notna().sum()} tests of the section Differences" in texts_of
    pd.testing.assert_frame_equal(family(records), frame)


def test_runs_that_failed_and_mixtures_are_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0, layers=(), made_by={"torch": "2.11"})
    write_run(tmp_path / "b", SWEEP[0], 1, layers=(), made_by={"torch": "2.12"})
    write_run(tmp_path / "c", SWEEP[3], 0, clean=None, status="diverged", layers=())
    cautions = texts(findings(analysis.load(tmp_path)), "What to keep in mind")
    assert cautions[0] == "1 run did not complete (1 diverged) and is in no mean: dropout 0.5 (1)."
    assert any("2 versions of torch" in sentence for sentence in cautions)


def test_many_configurations_are_counted_not_listed(tmp_path: Path) -> None:
    sweep: list[dict[str, object]] = [{"regularizer": "dropout", "regularizer.dropout": d / 20} for d in range(1, 12)]
    sweep.append({"regularizer": "none"})
    root = write_sweep(tmp_path / "s", (0, 1, 2), sweep, layers=(), corruptions={})
    first = findings(analysis.load(root))[0]
    assert not any("dropout 0.05" in sentence for sentence in first.sentences)
    # Differences of equal size in every seed have no spread and no test: none is called higher or lower. One of the
    # eleven has the baseline's own accuracies.
    assert first.rows[1] == ("dropout", "clean accuracy", "11", "0", "0", "11", "10", "1")


def test_many_regularizers_of_one_strength_each_are_named_where_they_stand_out(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / f"none-{seed}", SWEEP[0], seed, clean=0.80, layers=(), corruptions={})
        for number in range(9):
            # The first gains .0500, .0501, .0502, which survives; the others gain nothing, the last ran once.
            clean = 0.85 + 0.0001 * seed if number == 0 else 0.80
            if number < 8 or seed == 0:
                folder = tmp_path / f"r{number}-{seed}"
                write_run(folder, {"regularizer": f"r{number}"}, seed, clean=clean, layers=(), corruptions={})
    first = findings(analysis.load(tmp_path))[0]
    assert first.rows == [
        ("metric", "higher, after Holm", "lower, after Holm", "higher, only before", "lower, only before"),
        ("clean accuracy", "r0", "–", "–", "–"),
    ]
    assert first.sentences[1] == "At least one does in 1 of 1 metrics."
    assert first.sentences[2] == "Single runs, which show no difference: r8."


def test_verdicts() -> None:
    frame = pd.DataFrame({
        "n": [1, 3, 3, 3], "p_holm": [np.nan, 0.01, 0.2, 0.9], "low": [np.nan, 1.0, 0.1, -1.0],
        "high": [np.nan, 2.0, 0.3, 1.0],
    })  # fmt: skip
    assert verdicts(frame).tolist() == ["single", "survives", "own", "equal"]


def test_findings_hold_every_recorded_text_as_text(tmp_path: Path) -> None:
    for seed in range(2):
        write_run(tmp_path / f"a{seed}", {"regularizer": "none", "tag": "{x} %s <b>"}, seed, layers=())
        write_run(tmp_path / f"b{seed}", {"regularizer": "{0} %d"}, seed, layers=())
    assert findings(analysis.load(tmp_path))


def test_what_is_fitted_of_each_frequency_and_when(tmp_path: Path) -> None:
    told = {finding.title: finding.sentences for finding in findings(fitted(tmp_path))}
    none, decay = told["Which frequencies are fitted, and when?"]
    # Of 5, .9 epoch / 3 + .02 seed: .3, .6 and .32, .62, so both seeds at epoch 2 of 10 updates; of 50 at most .32.
    # At the end .90, .92 and .30, .32, each +- t(.975, 1) x .01 = .127; the other configuration has half of that.
    assert none == (
        "none (n = 2): explained variance after 30 updates 0.910 ± 0.127 of 5, 0.310 ± 0.127 of 50 (frequencies in "
        "cycles per period). Half of a frequency is first explained: 5 after 20 ± 0 updates; 50 in no seed."
    )
    assert "0.455 ± 0.064 of 5, 0.155 ± 0.064 of 50" in decay
    assert decay.endswith("Half of a frequency is first explained: 5 in no seed; 50 in no seed.")


def test_half_is_reached_in_some_seeds_only(tmp_path: Path) -> None:
    frame = first_reached(fitted(tmp_path, seeds=(0, 1, 2, 3, 4)), 0.35).set_index(["configuration", "frequency"])
    # Of 50 at the end .30 to .38: seeds 3 (.36) and 4 (.38), at epoch 3.
    row = frame.loc[("none", 50)]
    assert (row["seeds"], row["reached"], row["mean"], row["half_width"]) == (5, 2, 30, 0)


def masked(value: Callable[[int, int], float]) -> Callable[[int, int], dict[str, pd.DataFrame]]:
    """A check called steps, which allows .01, with the value of configuration and seed, on 60 images."""

    def tables(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
        found = value(configuration, seed)
        row = {"split": "test", "check": "steps", "value": found, "tolerance": 0.01, "passed": found <= 0.01, "n": 60}
        return {"gradient_masking_checks": pd.DataFrame([row])}

    return tables


def test_a_failed_check_for_masked_gradients_is_told(tmp_path: Path) -> None:
    records = diagnosed(tmp_path, masked(lambda configuration, seed: 0.3 * configuration * seed))
    # .0 and .3: mean .15, half-width 12.706205 x .3 / 2.
    told = [text for text in texts(findings(records), "What to keep in mind") if "asked gradients" in text]
    assert told == [
        "Masked gradients: accuracies under gradient attacks overstate the robustness of weight_decay 0.001, which "
        "fails steps in 1 of 2 seeds (mean 15.00 ± 190.59 pp, 1.00 pp are allowed, 60 images)."
    ]


def test_passed_checks_prove_nothing(tmp_path: Path) -> None:
    records = diagnosed(tmp_path, masked(lambda *_: 0.01))
    told = [text for text in texts(findings(records), "What to keep in mind") if "asked gradients" in text]
    assert told == [
        "No sign of masked gradients: 2 configurations pass every check (steps) in every seed, n = 2, on 60 images. "
        "That does not prove that there are none."
    ]
