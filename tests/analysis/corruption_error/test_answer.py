"""``corruption-error``: numbers by hand and against pandas, baselines of three kinds, what is refused, the report."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import analysis
from analysis.__main__ import main
from analysis.corruption_error.benchmark import CONSTANTS, OWN_NAMES, PARAMETERS
from analysis.corruption_error.formula import BENCHMARK
from analysis.frames.corruption_error import corruption_errors, scored
from analysis.load import AnalysisError
from analysis.report import document
from tests.analysis import naive
from tests.analysis.page import Page
from tests.analysis.synthetic import edit, write_run

Accuracy = Callable[[str, int], float]
CONF = Path(__file__).parents[3] / "conf" / "corruption"
COMPUTED = {("gaussian_noise_c" if name == "gaussian_noise" else name): values for name, values in PARAMETERS.items()}
PUBLISHED: Mapping[str, Any] = {f"cifar10c:{name}": (1, 2, 3, 4, 5) for name in PARAMETERS}
NONE = {"regularizer": "none"}
DECAY = {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3}


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def write(
    folder: Path, choices: Mapping[str, Any], seed: int, accuracy: Accuracy, clean: float = 0.9, **options: Any
) -> None:
    """A run whose accuracy under a corruption (its recorded name) at a severity is ``accuracy(name, severity)``."""
    write_run(folder, choices, seed, clean=clean, **{"layers": (), "epochs": 1, "corruptions": COMPUTED, **options})

    def change(table: pd.DataFrame) -> pd.DataFrame:
        pairs = zip(table["corruption"], table["severity"], strict=True)
        return table.assign(accuracy=[accuracy(name, severity) if severity else clean for name, severity in pairs])

    edit(folder, "robustness", change)


def flat(value: float, **special: float) -> Accuracy:
    return lambda name, _: special.get(name, value)


def ran(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["corruption-error", *map(str, words)])
    output = capsys.readouterr()
    return code, output.out, " ".join(output.err.split())


def frame(capsys: pytest.CaptureFixture[str], *words: object) -> pd.DataFrame:
    code, out, err = ran(capsys, *words, "--format", "csv")
    assert (code, err) == (0, "")
    return pd.read_csv(io.StringIO(out))


def value(
    table: pd.DataFrame, metric: str, configuration: str, column: str = "mean", images: str = "computed"
) -> float:
    rows = table[(table["metric"] == metric) & (table["configuration"] == configuration) & (table["images"] == images)]
    assert len(rows) == 1
    return float(rows[column].iloc[0])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Errors of none .4 (seed 0) and .5 (seed 1), of weight decay .2, under fog .6; clean .1 and .05."""
    root = tmp_path_factory.mktemp("outputs") / "two"
    write(root / "n0", NONE, 0, flat(0.6))
    write(root / "n1", NONE, 1, flat(0.5))
    for seed in (0, 1):
        write(root / f"w{seed}", DECAY, seed, flat(0.8, fog=0.4), clean=0.95)
    return root


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Computed and published images, random accuracies, 2 configurations x 3 seeds."""
    root = tmp_path_factory.mktemp("outputs") / "both"
    draws = np.random.default_rng(7)
    for label, choices in (("n", NONE), ("w", DECAY)):
        for seed in range(3):
            write(
                root / f"{label}{seed}",
                choices,
                seed,
                lambda *_: draws.uniform(0.3, 0.8),
                corruptions={**COMPUTED, **PUBLISHED},
            )
    return root


def test_paired_by_hand(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame(capsys, two, "--baseline", "regularizer=none", "--per-corruption")
    decay, none = "weight_decay 0.001", "none"
    # CE of seed 0: .2 / .4, of seed 1: .2 / .5; under fog .6 / .4 and .6 / .5.
    assert value(table, "ce/snow", decay) == pytest.approx((0.5 + 0.4) / 2)
    assert value(table, "ce/fog", decay) == pytest.approx((1.5 + 1.2) / 2)
    seeds = [(14 * 0.5 + 1.5) / 15, (14 * 0.4 + 1.2) / 15]
    assert value(table, "mce", decay) == pytest.approx(np.mean(seeds))
    assert value(table, "mce", decay, "half_width") == pytest.approx(naive.T[2] * abs(seeds[0] - seeds[1]) / 2)
    # Increase over the clean error: .15 (fog .55) against .3 and .4.
    relative = [(14 * 0.15 + 0.55) / 15 / against for against in (0.3, 0.4)]
    assert value(table, "relative_mce", decay) == pytest.approx(np.mean(relative))
    assert value(table, "mean_accuracy", decay) == pytest.approx((14 * 0.8 + 0.4) / 15)
    assert value(table, "clean_error", decay) == pytest.approx(0.05)
    assert (value(table, "mce", none), value(table, "relative_ce/fog", none)) == (1, 1)
    assert table[(table["metric"] == "mce") & (table["configuration"] == none)]["half_width"].isna().all()
    assert table["paired"].all()
    assert set(table["baseline"]) == {"none"}


def test_a_run_as_the_baseline_is_fixed(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame(capsys, two, "--where", "regularizer=weight_decay", "--baseline", two / "n1")
    assert value(table, "mce", "weight_decay 0.001") == pytest.approx((14 * 0.4 + 1.2) / 15)
    assert not table["paired"].any()
    out = ran(capsys, two, "--where", "regularizer=weight_decay", "--baseline", two / "n1")[1]
    assert "Baseline n1: not paired (not of the same seeds): divided by the baseline's mean" in " ".join(out.split())


def test_other_seeds_are_divided_by_the_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "n0", NONE, 0, flat(0.6))
    write(tmp_path / "n1", NONE, 1, flat(0.5))
    write(tmp_path / "w5", DECAY, 5, flat(0.8))
    table = frame(capsys, tmp_path, "--baseline", "regularizer=none")
    assert value(table, "mce", "weight_decay 0.001") == pytest.approx(0.2 / 0.45)  # not (.2 / .4 + .2 / .5) / 2
    assert value(table, "relative_mce", "weight_decay 0.001") == pytest.approx(0.1 / 0.35)
    paired = table.set_index(["configuration", "metric"])["paired"].xs("mce", level="metric")
    assert paired.to_dict() == {"none": True, "weight_decay 0.001": False}


def test_a_published_table_as_the_baseline(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "paper.csv"
    rows = [f"{name},{severity},0.8\n" for name in BENCHMARK for severity in range(1, 6)]
    path.write_text("corruption,severity,error\nclean,0,0.3\n" + "".join(rows))
    table = frame(capsys, two, "--baseline", path)
    assert value(table, "mce", "weight_decay 0.001") == pytest.approx((14 * 0.25 + 0.75) / 15)
    assert value(table, "relative_mce", "weight_decay 0.001") == pytest.approx((14 * 0.15 + 0.55) / 15 / 0.5)
    assert set(table["baseline"]) == {"paper.csv"}
    path.write_text("corruption,severity,error\n" + "".join(rows))
    code, out, _ = ran(capsys, two, "--baseline", path)
    assert code == 0
    assert "No relative mCE on images computed here against paper.csv: its clean error is not known." in " ".join(
        out.split()
    )
    path.write_text("corruption,severity,error\n" + "".join(rows[:-1]))
    code, _, err = ran(capsys, two, "--baseline", path)
    assert code == 2
    assert "paper.csv: no error for jpeg_compression 5" in err
    path.write_text("corruption,severity,error\nfog,1,abc\n")
    code, _, err = ran(capsys, two, "--baseline", path)
    assert code == 2
    assert "paper.csv: line 2: fog,1,abc; expected corruption,severity,error" in err


def test_every_number_equals_a_naive_recomputation(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame(capsys, both, "--baseline", "regularizer=none", "--per-corruption")
    run, rows = naive.read(both, "run"), naive.read(both, "robustness")
    errors: dict[tuple[str, str, int, str], np.ndarray] = {}
    for one in run.itertuples():
        mine = rows[(rows["run_id"] == one.run_id) & (rows["severity"] > 0)]
        for name, part in mine.groupby("corruption"):
            images = "cifar10c" if ":" in name else "computed"
            short = name.split(":")[-1].removesuffix("_c")
            errors[images, one.run_name[0], int(one.run_name[1]), short] = 1 - part["accuracy"].to_numpy()
    checked = 0
    for images in ("computed", "cifar10c"):
        each = {
            name: [errors[images, "w", s, name].sum() / errors[images, "n", s, name].sum() for s in range(3)]
            for name in BENCHMARK
        }
        relative = [
            np.mean(
                [(errors[images, "w", s, c] - 0.1).sum() / (errors[images, "n", s, c] - 0.1).sum() for c in BENCHMARK]
            )
            for s in range(3)
        ]
        accuracy = [np.mean([1 - errors[images, "w", s, c] for c in BENCHMARK]) for s in range(3)]
        expected = {f"ce/{name}": values for name, values in each.items()}
        expected |= {
            "mce": np.mean(list(each.values()), axis=0).tolist(),
            "relative_mce": relative,
            "mean_accuracy": accuracy,
        }
        for metric, values in expected.items():
            mean, half = naive.interval(pd.Series(values))
            assert value(table, metric, "weight_decay 0.001", images=images) == pytest.approx(mean)
            assert value(table, metric, "weight_decay 0.001", "half_width", images) == pytest.approx(half)
            checked += 1
    assert checked == 2 * 18


def test_computed_and_published_images_stand_apart(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, both, "--baseline", "regularizer=none")
    assert (code, err) == (0, "")
    title = "Images computed here from cifar10 (32 px), with the constants of CIFAR-10-C\n"
    assert out.index(title) < out.index("Published images: cifar10c")
    assert "different test sets" in out
    assert max(map(len, out.splitlines())) <= 80
    table = frame(capsys, both)
    assert set(table["images"]) == {"computed", "cifar10c"}
    assert set(table["metric"]) == {"clean_error", "mean_accuracy"}


def test_a_computed_baseline_is_none_of_published_images(
    both: Path, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = frame(capsys, both, "--baseline", two / "n0")
    assert set(table.loc[table["metric"] == "mce", "mean"].isna().groupby(table["images"]).all().items()) == {
        ("cifar10c", True), ("computed", False),
    }  # fmt: skip
    out = " ".join(ran(capsys, both, "--baseline", two / "n0")[1].split())
    assert "No baseline on the published images cifar10c for none, weight_decay 0.001: no ratio." in out


def test_without_a_baseline_there_is_no_mce(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, two, "--per-corruption")
    text = " ".join(out.split())
    assert code == 0
    assert "mCE and relative mCE need a baseline, and none is given: --baseline KEY=VALUE" in text
    assert "mCE %" not in text
    assert "mean error over the severities of each corruption" in text
    assert set(frame(capsys, two)["metric"]) == {"clean_error", "mean_accuracy"}


@pytest.mark.parametrize(
    ("corruptions", "message"),
    [
        ({"gaussian_noise": (0.05, 0.1, 0.15, 0.2)},
         "gaussian_noise is not the benchmark's (parameters 0.05, 0.1, 0.15, 0.2 instead of "
         "0.04, 0.06, 0.08, 0.09, 0.1); "
         "no shot_noise, impulse_noise, defocus_blur, glass_blur, motion_blur, zoom_blur, ... (14 of the 15)."),
        ({**COMPUTED, "fog": (0.2, 0.5, 0.75)}, "(seed 0): no fog at severity 4, 5."),
        ({k: v for k, v in COMPUTED.items() if k not in ("frost", "snow")}, "(seed 0): no snow, frost."),
        ({**COMPUTED, "fog": (0.2, 0.5, 0.75, 1, 2)},
         "fog is not the benchmark's (parameters 0.2, 0.5, 0.75, 1, 2 instead of 0.2, 0.5, 0.75, 1, 1.5)."),
        ({**COMPUTED, "fog": (0.2, 0.5, 0.75, 1, 1.5, 2)},
         "fog is not the benchmark's (parameters 0.2, 0.5, 0.75, 1, 1.5, 2 instead of"),
        ({"haze": (1,)}, "No corruption of that name is recorded."),
    ],
)  # fmt: skip
def test_what_is_not_the_benchmark(
    corruptions: Mapping[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "sweep" / "n0", NONE, 0, flat(0.6), corruptions=corruptions)
    code, out, err = ran(capsys, tmp_path / "sweep")
    assert (code, out) == (2, "")
    assert "sweep: no complete run has the benchmark's 15 corruptions at severities 1 to 5." in err
    assert message in err
    assert "frequency-reg evaluate PATH suite=cifar10_c" in err


def test_a_constant_beside_the_recorded_parameter(tmp_path: Path) -> None:
    """Fog's amplitude is the recorded parameter; its decay stands in the configuration alone."""
    fine, other = "[3.0,3.0,2.5,2.0,1.75]", "[3.0,3.0,2.5,2.0,1.5]"
    write(tmp_path / "a" / "n0", {**NONE, "corruption.fog.decay": fine}, 0, flat(0.6))
    records = analysis.load(tmp_path / "a")
    assert len(corruption_errors(records, scored(records)).estimates)
    write(tmp_path / "b" / "n0", {**NONE, "corruption.fog.decay": other}, 0, flat(0.6))
    records = analysis.load(tmp_path / "b")
    with pytest.raises(
        AnalysisError, match=r"fog is not the benchmark's \(decay 3.0, 3.0, 2.5, 2.0, 1.5 instead of 3, 3"
    ):
        corruption_errors(records, scored(records))


def test_a_default_that_was_given_the_constants_counts(tmp_path: Path) -> None:
    write(tmp_path / "n0", NONE, 0, flat(0.6), corruptions=PARAMETERS)
    records = analysis.load(tmp_path)
    assert scored(records).sums.to_numpy() == pytest.approx(np.full((1, 15), 5 * 0.4))


def test_runs_that_lack_something_are_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        write(tmp_path / f"n{seed}", NONE, seed, flat(0.6))
        missing = {k: v for k, v in COMPUTED.items() if k != "frost" or seed == 0}
        write(tmp_path / f"w{seed}", DECAY, seed, flat(0.8), corruptions=missing)
    code, out, _ = ran(capsys, tmp_path, "--baseline", "regularizer=none")
    assert code == 0
    assert "Not scored on images computed here: weight_decay 0.001 (seed 1): no frost." in " ".join(out.split())
    assert value(frame(capsys, tmp_path), "mean_accuracy", "weight_decay 0.001", "n") == 1


def test_a_baseline_that_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "n0", NONE, 0, flat(0.6, fog=0.95))
    write(tmp_path / "w0", DECAY, 0, flat(0.8))
    table = frame(capsys, tmp_path, "--baseline", "regularizer=none", "--per-corruption")
    assert value(table, "mce", "weight_decay 0.001") == pytest.approx((14 * 0.5 + 0.2 / 0.05) / 15)
    assert np.isnan(value(table, "relative_mce", "weight_decay 0.001"))
    assert value(table, "relative_ce/snow", "weight_decay 0.001") == pytest.approx(0.1 / 0.3)
    out = " ".join(ran(capsys, tmp_path, "--baseline", "regularizer=none")[1].split())
    assert (
        "No relative mCE on images computed here against none: under fog it loses nothing (of a seed at least)." in out
    )


def test_baselines_that_are_none(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "digits" / "n0", {**NONE, "dataset": "digits"}, 0, flat(0.6))
    write(tmp_path / "few" / "n0", NONE, 0, flat(0.6), corruptions={"fog": COMPUTED["fog"]})
    expected = {
        (
            tmp_path / "digits",
        ): "--baseline digits: was tested on digits, these runs on cifar10; only errors on the same",
        (tmp_path / "few",): "--baseline few: not the benchmark's 15 x 5. Not scored on images computed here: none",
        (two,): "--baseline two: holds 2 configurations, expected one. Give one run's folder",
        ("nowhere",): "--baseline nowhere: no such folder or file, and no KEY=VALUE.",
        (two / "n0", "regularizer=none"): "was given 2 times",
        ("regularizer=dropout",): "no configuration has regularizer=dropout. Values here: none, weight_decay.",
        ("regularizer=none", "regularizer.weight_decay=0.001"): "no configuration fulfils all of --baseline",
    }
    for given, message in expected.items():
        words = [word for one in given for word in ("--baseline", one)]
        code, out, err = ran(capsys, two, *words)
        assert (code, out) == (2, "")
        assert message in err
    code, _, err = ran(capsys, two, "--where", "regularizer=none", "--baseline", "regularizer=none")
    assert code == 2
    assert "--baseline regularizer=none: no other configuration agrees with it" in err


SEED_0, SEED_1 = {"evaluation.seed": 0}, {"evaluation.seed": 1}


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (SEED_0, SEED_1, ("cifar10, evaluation.seed=1", "cifar10, evaluation.seed=0")),
        ({"evaluation.eight_bit": True}, {},
         ("cifar10, evaluation.eight_bit=false", "cifar10, evaluation.eight_bit=true")),
        ({}, {"shift.resize": True}, ("cifar10, shift.resize=true", "cifar10, shift.resize=false")),
        ({}, {"shift.labels": '{"cat": "dog"}'},
         ('cifar10, shift.labels={"cat": "dog"}', "cifar10, shift.labels=–")),
        ({"dataset.size": 32}, {"dataset.size": 64}, ("cifar10, dataset.size=64", "cifar10, dataset.size=32")),
        ({}, {"dataset": "svhn"}, ("svhn", "cifar10")),
    ],
)  # fmt: skip
def test_errors_on_other_images_are_no_baseline(
    ours: dict[str, Any],
    theirs: dict[str, Any],
    words: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path / "w0", {**DECAY, **ours}, 0, flat(0.8))
    write(tmp_path / "n0", {**NONE, **theirs}, 0, flat(0.6))
    expected = f"tested on {words[0]}, these runs on {words[1]}; only errors on the same images can be compared"
    code, out, err = ran(capsys, tmp_path / "w0", "--baseline", tmp_path / "n0")
    assert (code, out) == (2, "")
    assert f"--baseline n0: was {expected}" in err
    key, chosen = next(iter(theirs.items())) if theirs else (next(iter(ours)), "false")
    named = ("--baseline", "regularizer=none", "--baseline", f"{key}={chosen}")
    code, out, err = ran(capsys, tmp_path, *named)
    assert (code, out) == (2, "")
    assert f"it was {expected}" in err


def test_the_data_decide_where_they_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "n0", {**NONE, "dataset.size": 1}, 0, flat(0.6), made_by={"data_digest": "a" * 64})
    write(tmp_path / "same", {**DECAY, "dataset.size": 2}, 0, flat(0.8), made_by={"data_digest": "a" * 64})
    write(tmp_path / "other", DECAY, 0, flat(0.8), made_by={"data_digest": "b" * 64})
    write(tmp_path / "silent", DECAY, 0, flat(0.8))
    for name in ("same", "silent"):
        table = frame(capsys, tmp_path / name, "--baseline", tmp_path / "n0")
        assert value(table, "mce", "weight_decay 0.001") == pytest.approx(0.5)
    code, _, err = ran(capsys, tmp_path / "other", "--baseline", tmp_path / "n0")
    assert code == 2
    assert "was tested on cifar10, data=aaaaaaaaaaaa, these runs on cifar10, data=bbbbbbbbbbbb; only errors" in err


def test_what_only_training_sees_is_no_other_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = {"dataset.root": "/elsewhere", "dataset.horizontal_flip": False, "dataset.validation_size": 100}
    write(tmp_path / "n0", {**NONE, **theirs}, 0, flat(0.6))
    write(tmp_path / "w0", {**DECAY, "dataset.horizontal_flip": True, "dataset.validation_size": 5000}, 0, flat(0.8))
    table = frame(capsys, tmp_path / "w0", "--baseline", tmp_path / "n0")
    assert value(table, "mce", "weight_decay 0.001") == pytest.approx(0.5)


def test_published_images_have_no_seed_and_no_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = {**COMPUTED, **PUBLISHED}
    write(tmp_path / "n0", {**NONE, **SEED_0}, 0, flat(0.6), corruptions=images)
    write(tmp_path / "w0", {**DECAY, **SEED_1, "evaluation.eight_bit": True}, 0, flat(0.8), corruptions=images)
    table = frame(capsys, tmp_path / "w0", "--baseline", tmp_path / "n0")
    assert value(table, "mce", "weight_decay 0.001", images="cifar10c") == pytest.approx(0.5)
    assert np.isnan(value(table, "mce", "weight_decay 0.001"))
    out = " ".join(ran(capsys, tmp_path / "w0", "--baseline", tmp_path / "n0")[1].split())
    assert "No baseline on images computed here for weight_decay 0.001: no ratio." in out
    assert (
        "A baseline was tested on cifar10, evaluation.eight_bit=false, evaluation.seed=0, these runs on cifar10" in out
    )


def test_other_code_behind_the_images_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = {"generator.fog": "1", "generator.gaussian_noise_c": "1", "generator.snow": "1", "generator.blur": "1"}
    theirs = {**ours, "generator.fog": "2", "generator.gaussian_noise_c": "2", "generator.blur": "2"}
    published = {"generator.cifar10c.fog": "3"}
    images = {**COMPUTED, **PUBLISHED}
    write(tmp_path / "n0", NONE, 0, flat(0.6), corruptions=images, made_by={**theirs, **published})
    write(tmp_path / "w0", DECAY, 0, flat(0.8), corruptions=images, made_by={**ours, **published})
    said = (
        "Caution: Computed images of gaussian_noise, fog differ in their version (provenance.generator.*) between "
        "weight_decay 0.001 and the baseline none: their errors may be on other images."
    )
    out = " ".join(ran(capsys, tmp_path, "--baseline", "regularizer=none")[1].split())
    assert said in out
    assert out.count("Caution: ") == 1
    assert said in " ".join(Page(document.html(analysis.load(tmp_path))).text.split())
    out = " ".join(ran(capsys, tmp_path / "w0", "--baseline", tmp_path / "n0")[1].split())
    assert said.replace("baseline none", "baseline n0") in out
    write(tmp_path / "v0", {**DECAY, "regularizer.weight_decay": 0.1}, 0, flat(0.8), made_by=theirs)
    out = " ".join(ran(capsys, tmp_path / "v0", "--baseline", tmp_path / "n0")[1].split())
    assert "Caution" not in out


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"dataset": "digits"}, "digits (8 px), with the constants of CIFAR-10-C, scaled to other sizes than 32 px"),
        ({"dataset": "cifar100"}, "cifar100 (32 px), with the constants of CIFAR-10-C "),
        ({"dataset": "bands", "dataset.size": 16}, "bands (16 px), with the constants of CIFAR-10-C, scaled to other"),
        ({"dataset": "bands", "dataset.size": 32}, "bands (32 px), with the constants of CIFAR-10-C "),
        ({"dataset": "unknown"}, "unknown, with the constants of CIFAR-10-C, scaled to other sizes"),
        ({"shift.resize": True}, "cifar10, with the constants of CIFAR-10-C, scaled to other sizes"),
    ],
)
def test_the_title_names_the_data_set_and_its_size(
    choices: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "n0", {**NONE, **choices}, 0, flat(0.6))
    out = ran(capsys, tmp_path / "n0")[1]
    assert f"Images computed here from {words}" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_formats(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (two, "--baseline", "regularizer=none", "--per-corruption")
    markdown = ran(capsys, *words, "--format", "markdown")[1]
    assert "| weight_decay 0.001 | 2 | 5.00 ± 0.00 | 77.33 ± 0.00 |" in markdown
    assert "| jpeg_compression | 100.00 |" in markdown
    latex = ran(capsys, *words, "--format", "latex")[1]
    assert latex.count(r"\begin{tabular}") == 2
    told = json.loads(ran(capsys, *words, "--format", "json")[1])
    assert told["columns"]["baseline"]["definition"].startswith("whose errors")
    assert ran(capsys, *words, "-o", tmp_path / "a.parquet")[0] == 0
    assert (pd.read_parquet(tmp_path / "a.parquet")["unit"] == "fraction").all()


def test_the_constants_are_those_of_the_presets() -> None:
    own = {name: preset for preset, name in OWN_NAMES.items()}
    for name in BENCHMARK:
        preset = own.get(name, name)
        (choices,) = yaml.safe_load((CONF / f"{preset}.yaml").read_text()).values()
        recorded = {key: tuple(v) if isinstance(v, list) else v for key, v in choices.items() if key != "_target_"}
        assert recorded == CONSTANTS[name]


@pytest.mark.parametrize("preset", COMPUTED)
def test_the_parameters_are_those_that_the_corruptions_record(preset: str) -> None:
    (choices,) = yaml.safe_load((CONF / f"{preset}.yaml").read_text()).values()
    module, _, name = choices.pop("_target_").rpartition(".")
    corruption = getattr(importlib.import_module(module), name)(**choices)
    assert tuple(corruption.parameters) == COMPUTED[preset]


def test_the_report_has_the_section_with_its_query(both: Path, sweep: Path) -> None:
    text = document.html(analysis.load(both))
    page = Page(text)
    means, each, *rest = page.tables["corruption-errors"]
    assert len(rest) == 2  # of the published images
    assert means[0] == ["regularizer", "n", "clean error %", "mean accuracy %", "mCE %", "relative mCE %"]
    records = analysis.load(both)
    found = corruption_errors(records, scored(records))
    shown = found.estimates[(found.estimates["metric"] == "mean_accuracy") & (found.estimates["images"] == "computed")]
    assert [row[3].split(" ")[0] for row in means[1:]] == [f"{100 * mean:.2f}" for mean in shown["mean"]]
    assert [row[0] for row in each[1:]] == list(BENCHMARK)
    assert "1 - favg(accuracy)" in text
    assert 'id="corruption-errors"' not in document.html(analysis.load(sweep))
