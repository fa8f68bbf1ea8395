"""Paired differences against a baseline."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

import analysis
from analysis import compare
from tests.analysis.synthetic import SWEEP, clean_accuracy, write_run, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_every_configuration_is_compared_with_none(records: analysis.Records) -> None:
    frame = compare.differences(records)
    assert set(frame["baseline"]) == {"none"}
    assert set(frame["label"]) == {"dropout 0.5", "spectral_mask", "weight_decay 0.0001", "weight_decay 0.001"}
    # clean, 2 noise, 3 resize, 2 layers x 5 normalizations x 2 references
    assert (frame.groupby("label")["metric"].nunique() == 1 + 5 + 20).all()


def test_differences_by_hand(tmp_path: Path) -> None:
    none, decay = (0.80, 0.82, 0.81), (0.83, 0.84, 0.86)
    for seed in (0, 1, 2):
        write_run(tmp_path / f"a{seed}", {"regularizer": "none"}, seed, clean=none[seed])
        choices = {"regularizer": "weight_decay", "regularizer.weight_decay": 0.1}
        write_run(tmp_path / f"b{seed}", choices, seed, clean=decay[seed])
    frame = compare.differences(analysis.load(tmp_path), metrics=["clean_accuracy", "train_accuracy"])
    row = frame.iloc[0]
    expected = stats.ttest_rel(decay, none)
    assert row["mean"] == pytest.approx((0.03 + 0.02 + 0.05) / 3)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert row["half_width"] == pytest.approx(row["mean"] - expected.confidence_interval().low)
    assert row["p_holm"] == pytest.approx(2 * expected.pvalue)  # two tests with the same differences


def test_strength_zero_is_the_baseline_where_none_was_not_run(tmp_path: Path) -> None:
    for strength in (0.0, 0.1):
        choices = {"regularizer": "weight_decay", "regularizer.weight_decay": strength}
        write_run(tmp_path / f"w{strength}", choices, 0)
    records = analysis.load(tmp_path)
    assert compare.baselines(records.configurations) == {"weight_decay 0.1": "weight_decay 0"}


def test_each_context_has_a_default_baseline_of_its_own(tmp_path: Path) -> None:
    """A model with ``none`` takes strength 0 from no other model, and where both were run ``none`` is the baseline."""
    for model in ("lenet", "resnet20"):
        for strength in (0.0, 0.1):
            choices = {"model": model, "regularizer": "weight_decay", "regularizer.weight_decay": strength}
            write_run(tmp_path / f"{model}{strength}", choices, 0, layers=())
    write_run(tmp_path / "none", {"model": "lenet", "regularizer": "none"}, 0, layers=())
    assert compare.baselines(analysis.load(tmp_path).configurations) == {
        "lenet · weight_decay 0": "lenet · none",
        "lenet · weight_decay 0.1": "lenet · none",
        "resnet20 · weight_decay 0.1": "resnet20 · weight_decay 0",
    }


def test_masks_with_a_weight_decay_of_zero_are_no_default_baseline(tmp_path: Path) -> None:
    for strength in (0.0, 0.1):
        choices = {"regularizer": "spectral_mask+weight_decay", "regularizer.weight_decay": strength}
        write_run(tmp_path / f"w{strength}", choices, 0)
    with pytest.raises(analysis.AnalysisError, match="no configuration has regularizer=none or strength 0"):
        compare.baselines(analysis.load(tmp_path).configurations)


def test_contexts_are_not_mixed(tmp_path: Path) -> None:
    for model in ("lenet", "resnet20"):
        for index, regularizer in enumerate(("none", "spectral_mask")):
            choices = {"model": model, "regularizer": regularizer}
            write_run(tmp_path / f"{model}{index}", choices, 0, clean=clean_accuracy(index, 0))
    partner = compare.baselines(analysis.load(tmp_path).configurations)
    assert partner == {
        "lenet · spectral_mask": "lenet · none",
        "resnet20 · spectral_mask": "resnet20 · none",
    }


def test_chosen_baseline(records: analysis.Records) -> None:
    frame = compare.differences(records, {"regularizer.weight_decay": "1e-3"}, ["clean_accuracy"])
    assert set(frame["baseline"]) == {"weight_decay 0.001"}
    none = frame[frame["label"] == "none"].iloc[0]
    assert none["mean"] == pytest.approx(-0.04)


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ({"regulariser": "none"}, r"unknown baseline key 'regulariser'.*Did you mean regularizer"),
        ({"seed": "0"}, "Seeds are paired, not compared"),
        ({"regularizer": "l1"}, r"no configuration has regularizer=l1\. Values here: none, dropout"),
        ({"regularizer": "weight_decay"}, "2 configurations fit the baseline"),
    ],
)
def test_bad_baselines(records: analysis.Records, baseline: dict[str, str], message: str) -> None:
    with pytest.raises(analysis.AnalysisError, match=message):
        compare.differences(records, baseline)


def test_no_default_baseline(sweep: Path) -> None:
    with pytest.raises(analysis.AnalysisError, match=r"one configuration only .*Give the folder of the sweep"):
        compare.differences(analysis.load(sweep / "run-3-0"))


def test_one_seed_has_differences_but_no_test(tmp_path: Path) -> None:
    frame = compare.differences(analysis.load(write_sweep(tmp_path / "s", seeds=(0,))))
    assert (frame["n"] == 1).all()
    assert frame[["p", "p_holm", "half_width"]].isna().all(axis=None)
    text = compare.terminal(frame)
    assert "no interval, no test and no ranking" in text
    assert "±" not in text.partition("difference:")[0]


def test_the_text_fits_80_columns_and_names_the_family(records: analysis.Records) -> None:
    frame = compare.differences(records).assign(p=0.01, p_holm=0.5)
    frame.loc[frame.index[0], "p"] = None
    text = compare.terminal(frame)
    assert max(map(len, text.splitlines())) <= 80
    assert f"family of all {len(frame) - 1} tests" in " ".join(text.split())
    assert "family" not in compare.terminal(frame.assign(p=None))
    assert "n = 3 cannot reach .05" in " ".join(text.split())


def test_nothing_to_compare_is_said(sweep: Path) -> None:
    frame = compare.differences(analysis.load(sweep / "run-0-0"))
    assert "nothing to compare" in " ".join(compare.terminal(frame).split())


def test_the_effect_size_is_that_of_the_paired_differences(tmp_path: Path) -> None:
    """Hedges' g at n = 3 by hand: J = Gamma(1) / Gamma(1/2) = 1 / sqrt(pi); mean and sd of .03, .02, .05."""
    none, decay = (0.80, 0.82, 0.81), (0.83, 0.84, 0.86)
    for seed in (0, 1, 2):
        write_run(tmp_path / f"a{seed}", {"regularizer": "none"}, seed, clean=none[seed], layers=())
        choices = {"regularizer": "weight_decay", "regularizer.weight_decay": 0.1}
        write_run(tmp_path / f"b{seed}", choices, seed, clean=decay[seed], layers=())
    frame = compare.differences(analysis.load(tmp_path), metrics=["clean_accuracy"])
    differences = np.array([0.03, 0.02, 0.05])
    g = differences.mean() / differences.std(ddof=1) / math.sqrt(math.pi)
    assert frame["hedges_g"].iloc[0] == pytest.approx(g)
    assert not frame["can_reach"].iloc[0]
    assert compare.cells(frame)[0] == ["clean accuracy pp", "+3.33 ± 3.79", f"+{g:.3f}", "3", ".063", ".063"]
    assert "Hedges' g" in " ".join(compare.terminal(frame).split())


def test_the_exported_frame(records: analysis.Records) -> None:
    frame = compare.export(compare.differences(records, metrics=["clean_accuracy", "clean_loss"]))
    assert list(frame)[:5] == ["configuration", "baseline", "metric", "unit", "mean"]
    assert frame["unit"].tolist() == ["fraction", "nat"] * 4
    # Configuration i against none, every seed: .02 i.
    clean = frame[frame["metric"] == "clean_accuracy"].set_index("configuration")["mean"]
    assert clean["dropout 0.5"] == pytest.approx(0.06)


def test_latex_has_a_tabular_for_each_configuration(records: analysis.Records) -> None:
    text = compare.latex(compare.differences(records, metrics=["clean_accuracy"]))
    assert text.count(r"\begin{tabular}{lrrrrr}") == 4
    assert r"% weight\_decay 0.001 minus none" in text
    assert r"metric & difference & g & n & p & Holm p \\" in text


def test_long_names_of_layers_and_corruptions_fit(tmp_path: Path) -> None:
    for i, regularizer in enumerate(("none", "spectral_mask")):
        for seed in (0, 1):
            write_run(tmp_path / f"r{i}{seed}", {"regularizer": regularizer}, seed, clean=0.8 + 0.01 * i * seed,
                      layers=("stage1.block0." + "deep." * 12 + "conv1",), corruptions={"c" * 70: (0.1,)})  # fmt: skip
    records = analysis.load(tmp_path)
    metrics = ["clean_accuracy", "accuracy/" + "c" * 70 + "/0.1", f"ssr/{records['ssr']['layer'].iloc[0]}/dc/init"]
    text = compare.terminal(compare.differences(records, metrics=metrics))
    assert max(map(len, text.splitlines())) <= 80
    assert "c" * 70 in "".join(text.split())


def test_no_baseline_among_several_asks_for_one(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[3:], layers=())
    with pytest.raises(analysis.AnalysisError, match=r"no baseline: .*--baseline KEY=VALUE.*differ in regularizer"):
        compare.differences(analysis.load(root))


def said(root: Path) -> str:
    return " ".join(compare.terminal(compare.differences(analysis.load(root), metrics=["clean_accuracy"])).split())


def test_runs_without_a_seed_are_not_paired_and_that_is_said(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2], layers=())
    for folder in root.iterdir():
        table = pq.ParquetFile(folder / "run.parquet").read()
        pq.write_table(table.drop_columns(["config.seed"]), folder / "run.parquet")
    assert said(root).startswith("There is nothing to compare. weight_decay 0.0001: no seed is recorded")


def test_keys_in_which_no_baseline_agrees_are_named(tmp_path: Path) -> None:
    for i, (regularizer, rate) in enumerate((("none", 0.1), ("none", 0.2), ("dropout", 0.3), ("dropout", 0.1))):
        choices = {"regularizer": regularizer, "optimizer": "sgd", "optimizer.lr": rate}
        write_run(tmp_path / f"r{i}", choices, 0, layers=())
    text = said(tmp_path)
    assert "Not compared: " in text
    assert text.endswith("lr=0.3 · dropout: no baseline agrees in optimizer.lr.")


def test_a_missing_complete_run_and_unlike_seeds_are_said(tmp_path: Path) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0, layers=())
    write_run(tmp_path / "b", SWEEP[3], 0, clean=None, status="diverged", layers=())
    write_run(tmp_path / "c", SWEEP[4], 1, layers=())
    text = said(tmp_path)
    assert "dropout 0.5: no complete run." in text
    assert "spectral_mask: no seed in common with the baseline." in text
    assert "seed is recorded" not in text


def strengths_of_decay(root: Path) -> analysis.Records:
    """Dropout at .80 clean, three strengths of weight decay at .90, .81 and .70, a second model without decay."""
    for strength, clean in ((1e-4, 0.90), (1e-3, 0.81), (1e-2, 0.70)):
        choices = {"regularizer": "weight_decay", "regularizer.weight_decay": strength}
        for seed in (0, 1):
            write_run(root / f"w{strength}-{seed}", choices, seed, clean=clean + seed / 100, layers=())
    for model in ("resnet20", "lenet"):
        for seed in (0, 1):
            choices = {**SWEEP[3], "model": model}
            write_run(root / f"{model}-{seed}", choices, seed, clean=0.80 + 3 * seed / 100, layers=())
    return analysis.load(root)


def test_the_baseline_is_matched_on_validation_accuracy(tmp_path: Path) -> None:
    records = strengths_of_decay(tmp_path)
    wanted = {"regularizer": "weight_decay"}
    with pytest.raises(analysis.AnalysisError, match="3 configurations fit the baseline of"):
        compare.differences(records, wanted)
    frame = compare.differences(records, wanted, ["clean_accuracy"], match="validation_accuracy")
    assert frame["configuration"].unique().tolist() == ["resnet20 · dropout 0.5"]
    assert set(frame["baseline"]) == {"resnet20 · weight_decay 0.001"}
    # (.80 - .81 + .83 - .82) / 2 = 0, both in the metric that was matched and in the clean accuracy.
    assert frame["metric"].tolist() == ["validation_accuracy", "clean_accuracy"]
    assert frame["mean"].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    text = " ".join(compare.footer(frame))
    assert "nearest in mean validation_accuracy of the validation split; the first row says how near" in text
    assert "lenet · dropout 0.5: no baseline agrees in model" in text


def test_test_data_chooses_no_baseline(tmp_path: Path) -> None:
    records = strengths_of_decay(tmp_path)
    with pytest.raises(analysis.AnalysisError, match=r"--match clean_accuracy: expected .* test data chooses"):
        compare.differences(records, {"regularizer": "weight_decay"}, match="clean_accuracy")


def test_without_values_to_match_the_reason_is_told(tmp_path: Path) -> None:
    for number, choices in enumerate((SWEEP[1], SWEEP[2])):
        write_run(tmp_path / f"w{number}", choices, 0, layers=())
    write_run(tmp_path / "d", SWEEP[3], 0, clean=None, status="failed", layers=())
    frame = compare.differences(analysis.load(tmp_path), {"regularizer": "weight_decay"}, match="validation_accuracy")
    assert "dropout 0.5: no complete run." in " ".join(compare.footer(frame))
