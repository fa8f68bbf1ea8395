"""The formulas of corruption error by hand, and published tables: what is read, what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.corruption_error.formula import (
    BENCHMARK,
    Baseline,
    corruption_error,
    increase,
    mean_accuracy,
    mean_corruption_error,
)
from analysis.load import AnalysisError

# Sums over severities of two models, and of what each is compared with; clean errors.
OURS = pd.DataFrame({"fog": [1.5, 2.0], "snow": [3.0, 1.0]})
THEIRS = pd.DataFrame({"fog": [2.0, 4.0], "snow": [2.5, 2.0]})
CLEAN, THEIR_CLEAN = pd.Series([0.1, 0.2]), pd.Series([0.2, 0.1])


def whole(error: float = 0.5, **special: float) -> pd.DataFrame:
    """The benchmark's table: the same error at every severity of a corruption."""
    rows = [(name, severity, special.get(name, error)) for name in BENCHMARK for severity in range(1, 6)]
    return pd.DataFrame(rows, columns=["corruption", "severity", "error"])


def test_corruption_error_by_hand() -> None:
    errors = corruption_error(OURS, THEIRS)
    assert errors["fog"].tolist() == pytest.approx([1.5 / 2.0, 2.0 / 4.0])
    assert errors["snow"].tolist() == pytest.approx([3.0 / 2.5, 1.0 / 2.0])
    # Not (1.5 + 3) / (2 + 2.5) = 1: every corruption has the same weight.
    assert mean_corruption_error(errors).tolist() == pytest.approx([(0.75 + 1.2) / 2, 0.5])


def test_relative_corruption_error_by_hand() -> None:
    errors = corruption_error(increase(OURS, CLEAN), increase(THEIRS, THEIR_CLEAN))
    assert errors["fog"].tolist() == pytest.approx([(1.5 - 0.5) / (2.0 - 1.0), (2.0 - 1.0) / (4.0 - 0.5)])
    assert errors["snow"].tolist() == pytest.approx([(3.0 - 0.5) / (2.5 - 1.0), (1.0 - 1.0) / (2.0 - 0.5)])
    assert mean_corruption_error(errors).tolist() == pytest.approx([(1 + 2.5 / 1.5) / 2, (1 / 3.5) / 2])


def test_mean_accuracy_by_hand() -> None:
    assert mean_accuracy(OURS).tolist() == pytest.approx([1 - 4.5 / 10, 1 - 3.0 / 10])


def test_what_cannot_be_divided_by_is_missing_and_so_is_its_mean() -> None:
    base = pd.DataFrame({"fog": [0.0, -1.0, 2.0, float("nan")], "snow": 1.0})
    errors = corruption_error(pd.DataFrame({"fog": 1.0, "snow": [1.0] * 4}), base)
    assert errors["fog"].isna().tolist() == [True, True, False, True]
    assert errors["snow"].tolist() == [1, 1, 1, 1]
    means = mean_corruption_error(errors)
    assert means.isna().tolist() == [True, True, False, True]
    assert means[2] == 0.75
    assert increase(OURS, pd.Series([0.1, None], dtype=float)).isna().all(axis=1).tolist() == [False, True]


def test_the_fifteen_of_the_benchmark_count_and_no_other() -> None:
    assert len(set(BENCHMARK)) == 15
    extra = pd.DataFrame({"corruption": "speckle_noise", "severity": range(1, 6), "error": 0.9})
    sums = Baseline(pd.concat([whole(fog=0.25), extra]), None, "a paper").sums
    assert sums.to_dict() == {name: 1.25 if name == "fog" else 2.5 for name in BENCHMARK}


def test_published_images_are_named_by_their_set() -> None:
    table = whole(fog=0.25)
    published = Baseline(table.assign(corruption="cifar10c:" + table["corruption"]), None, "a paper")
    computed = Baseline(table, None, "a paper")
    assert published.sums.to_dict() == computed.sums.to_dict()
    assert (published.origin, computed.origin) == ("cifar10c", "")
    with pytest.raises(AnalysisError, match="images of cifar10c and computed in one table; they are different test"):
        Baseline(pd.concat([table, published.table]), 0.1, "mixed")


def test_a_missing_severity_is_no_smaller_sum() -> None:
    with pytest.raises(AnalysisError, match=r"a paper: no error for jpeg_compression 5 \(corruption and severity\);"):
        _ = Baseline(whole()[:-1], 0.1, "a paper").sums
    with pytest.raises(AnalysisError, match=r"a paper: no error for gaussian_noise 1, .*, ... \(70\)"):
        _ = Baseline(whole()[-5:], 0.1, "a paper").sums


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
    frame = pd.concat([whole(), pd.DataFrame([row], columns=["corruption", "severity", "error"])])
    with pytest.raises(AnalysisError, match=message):
        Baseline(frame, 0.1, "ours")


def test_bad_baselines() -> None:
    with pytest.raises(AnalysisError, match=r"ours: no errors under corruption; expected rows of corruption,severity"):
        Baseline(whole()[:0], 0.1, "ours")
    with pytest.raises(AnalysisError, match="ours: clean error 10, expected a fraction"):
        Baseline(whole(), 10, "ours")
    with pytest.raises(AnalysisError, match="a baseline without provenance: say whose errors these are"):
        Baseline(whole(), 0.1, " ")


def test_a_published_table(tmp_path: Path) -> None:
    path = tmp_path / "baseline.csv"
    rows = "".join(f"{r.corruption}, {r.severity}, {r.error} # table 1\n" for r in whole(fog=0.25).itertuples())
    path.write_text("# from a paper\n\ncorruption, severity, error\nclean, 0, 0.2\n" + rows)
    read = Baseline.read(path, "a paper, table 1")
    assert (read.clean, read.provenance) == (0.2, "a paper, table 1")
    assert read.sums.to_dict() == {name: 1.25 if name == "fog" else 2.5 for name in BENCHMARK}
    path.write_text("error,corruption,note,severity\n" + "".join(f"0.5,{r.corruption},x,{r.severity}\n"
                                                                for r in whole().itertuples()))  # fmt: skip
    other = Baseline.read(path, "another order")
    assert other.clean is None
    assert set(other.sums) == {2.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corruption,error\nfog,0.1\n", r"columns corruption, error; expected corruption, severity, error"),
        ("", "columns none; expected corruption, severity, error"),
        ("# c\ncorruption,severity,error\n\nfog,1,.2\nfog,2,abc\n", r"line 5: fog,2,abc; expected corruption,severity"),
        ("corruption,severity,error\n,1,.2\n", r"line 2: ,1,.2; expected .*: a name, 1 to 5 \(0 is the clean set\), a"),
        ("corruption,severity,error\nfog,mild,.2\n", "line 2: fog,mild,.2; expected"),
        ("corruption,severity,error\nfog,1\n", "line 2: fog,1; expected"),
        ("corruption,severity,error\nfog,1,\n", "line 2: fog,1,; expected"),
        ("corruption,severity,error\nfog,1,nan\n", "line 2: fog,1,nan; expected"),
        ("corruption,severity,error\nfog,1,0,2\n", "line 2: fog,1,0,2; expected"),
        ("corruption,severity,error\nfog,1,\x1b[2J\n", r"line 2: fog,1,\?\[2J; expected"),
        ("corruption,severity,error\nclean,0,.1\nclean,0,.2\n", "2 rows of severity 0, expected one"),
        ("corruption,severity,error\nfog,1,inf\n", r"a paper: fog 1 has the error inf; expected fractions"),
        ("corruption,severity,error\nfog,1.5,.1\n", r"a paper: fog 1.5 has the error 0.1; expected fractions"),
    ],
)
def test_tables_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.csv"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=message):
        Baseline.read(path, "a paper")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00\x81")
    for name in ("image.csv", "nowhere.csv"):
        with pytest.raises(AnalysisError, match=f"{name}: cannot be read as CSV"):
            Baseline.read(tmp_path / name, "a paper")
