from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.corruption_error import (
    BENCHMARK,
    Baseline,
    Errors,
    corruption_errors,
    mean_accuracy,
    mean_corruption_error,
    relative_corruption_errors,
)
from analysis.load import AnalysisError

TWO = ("fog", "snow")


def table(**errors: list[float]) -> pd.DataFrame:
    rows = [(name, severity, error) for name, values in errors.items() for severity, error in enumerate(values, 1)]
    return pd.DataFrame(rows, columns=["corruption", "severity", "error"])


def prefixed(frame: pd.DataFrame, origin: str) -> pd.DataFrame:
    return frame.assign(corruption=origin + ":" + frame["corruption"])


# Sums over severities: fog 1.5 and 2.0, snow 3.0 and 2.5.
OURS = table(fog=[0.1, 0.2, 0.3, 0.4, 0.5], snow=[0.4, 0.5, 0.6, 0.7, 0.8])
THEIRS = table(fog=[0.2, 0.3, 0.4, 0.5, 0.6], snow=[0.3, 0.4, 0.5, 0.6, 0.7])
MODEL, BASELINE = Errors(OURS, 0.1, "ours"), Baseline(THEIRS, 0.2, "none, 3 seeds")


def test_corruption_error_by_hand() -> None:
    errors = corruption_errors(MODEL, BASELINE, TWO)
    assert errors["fog"] == pytest.approx(1.5 / 2.0)
    assert errors["snow"] == pytest.approx(3.0 / 2.5)
    assert mean_corruption_error(errors) == pytest.approx((0.75 + 1.2) / 2)  # not (1.5 + 3) / (2 + 2.5) = 1


def test_relative_corruption_error_by_hand() -> None:
    errors = relative_corruption_errors(MODEL, BASELINE, TWO)
    assert errors["fog"] == pytest.approx((1.5 - 0.5) / (2.0 - 1.0))
    assert errors["snow"] == pytest.approx((3.0 - 0.5) / (2.5 - 1.0))
    assert mean_corruption_error(errors) == pytest.approx((1 + 2.5 / 1.5) / 2)


def test_a_model_is_its_own_unit() -> None:
    same = Baseline(OURS, 0.1, "itself")
    assert corruption_errors(MODEL, same, TWO).tolist() == pytest.approx([1, 1])
    assert relative_corruption_errors(MODEL, same, TWO).tolist() == pytest.approx([1, 1])


def test_mean_accuracy_by_hand() -> None:
    assert mean_accuracy(MODEL, TWO) == pytest.approx(1 - (1.5 + 3.0) / 10)


def test_the_fifteen_of_the_benchmark_count_and_no_other() -> None:
    assert len(set(BENCHMARK)) == 15
    model = table(**{name: [0.2] * 5 for name in BENCHMARK}, speckle_noise=[0.9] * 5)
    base = table(**{name: [0.4 if name == "fog" else 0.5] * 5 for name in BENCHMARK})
    errors = corruption_errors(Errors(model, None, "ours"), Baseline(base, None, "none"))
    assert set(errors.index) == set(BENCHMARK)
    assert mean_corruption_error(errors) == pytest.approx((14 * 0.4 + 0.5) / 15)
    assert mean_accuracy(Errors(model, None, "ours")) == pytest.approx(0.8)


def test_published_images_have_the_same_formula() -> None:
    model, base = Errors(prefixed(OURS, "cifar10c"), 0.1, "ours"), Baseline(prefixed(THEIRS, "cifar10c"), 0.2, "none")
    assert corruption_errors(model, base, TWO).tolist() == corruption_errors(MODEL, BASELINE, TWO).tolist()
    assert (model.origin, MODEL.origin) == ("cifar10c", "")


@pytest.mark.parametrize("function", [corruption_errors, relative_corruption_errors])
@pytest.mark.parametrize("origin", ["cifar10c", "cifar100c"])
def test_computed_and_published_images_never_meet(function: Any, origin: str) -> None:
    model = Errors(prefixed(OURS, "cifar10c"), 0.1, "ours")
    base = BASELINE if origin == "cifar10c" else Baseline(prefixed(THEIRS, origin), 0.2, "none")
    theirs = "computed images" if origin == "cifar10c" else origin
    with pytest.raises(AnalysisError, match=rf"ours was scored on cifar10c, the baseline none.* on {theirs}; only"):
        function(model, base, TWO)
    with pytest.raises(AnalysisError, match="images of cifar10c and computed in one table; they are different test"):
        Errors(pd.concat([model.table, OURS]), 0.1, "mixed")


def test_a_missing_severity_is_no_smaller_sum() -> None:
    partial = Errors(OURS[:-1], 0.1, "ours")
    for call in (
        lambda: corruption_errors(partial, BASELINE, TWO),
        lambda: mean_accuracy(partial, TWO),
    ):
        with pytest.raises(AnalysisError, match=r"ours: no error for snow 5 \(corruption and severity\); score the"):
            call()
    with pytest.raises(AnalysisError, match=r"ours: no error for gaussian_noise 1, .*, ... \(65\)"):
        mean_accuracy(MODEL)  # 13 of 15 corruptions are missing


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("fog", 1, 0.3), "ours: fog 1 stands there more than once; give one value each"),
        (("rain", 1, 30.0), r"ours: rain 1 has the error 30.0; expected fractions in \[0, 1\] \(not per cent\)"),
        (("rain", 0, 0.3), "ours: rain 0 has the error 0.3; .* at severities 1 to 5"),
        (("rain", 2, float("nan")), "ours: rain 2 has the error nan"),
    ],
)
def test_bad_rows(row: tuple[str, int, float], message: str) -> None:
    frame = pd.concat([OURS, pd.DataFrame([row], columns=OURS.columns)])
    with pytest.raises(AnalysisError, match=message):
        Errors(frame, 0.1, "ours")


def test_what_cannot_be_divided_by() -> None:
    perfect = Baseline(table(fog=[0.0] * 5, snow=[0.1] * 5), 0.1, "perfect")
    with pytest.raises(AnalysisError, match="perfect: under fog the baseline loses nothing"):
        corruption_errors(MODEL, perfect, TWO)
    with pytest.raises(AnalysisError, match=r"under fog, snow the baseline loses nothing"):
        relative_corruption_errors(MODEL, perfect, TWO)
    with pytest.raises(AnalysisError, match="unknown: no clean error"):
        relative_corruption_errors(MODEL, Baseline(THEIRS, None, "unknown"), TWO)
    with pytest.raises(AnalysisError, match="ours: no errors under corruption"):
        Errors(OURS[:0], 0.1, "ours")
    with pytest.raises(AnalysisError, match="ours: clean error 10, expected a fraction"):
        Errors(OURS, 10, "ours")


def test_a_published_table(tmp_path: Path) -> None:
    path = tmp_path / "baseline.csv"
    rows = "".join(f"{r.corruption}, {r.severity}, {r.error}\n" for r in THEIRS.itertuples())
    path.write_text("# from a paper\ncorruption, severity, error\nclean, 0, 0.2\n" + rows)
    read = Baseline.read(path, "a paper, table 1")
    assert read.clean == 0.2
    assert corruption_errors(MODEL, read, TWO).tolist() == corruption_errors(MODEL, BASELINE, TWO).tolist()
    with pytest.raises(AnalysisError, match="a baseline without provenance: say whose errors these are"):
        Baseline.read(path, " ")
    path.write_text("corruption,error\nfog,0.1\n")
    with pytest.raises(AnalysisError, match="columns corruption, error; expected corruption, severity, error"):
        Baseline.read(path, "a paper")
    with pytest.raises(AnalysisError, match="cannot be read as CSV"):
        Baseline.read(tmp_path / "nowhere.csv", "a paper")
