"""What a search found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.frames.search import trials
from analysis.load import AnalysisError
from analysis.plot.search_front import PLOT, search_front
from tests.analysis.synthetic import SWEEP, write_sweep


def table(values: dict[str, list[float | None]], front: set[int], direction: str = "maximize") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"trial": trial, "state": "PRUNED" if value is None else "COMPLETE", "detail": None, "parameters": "{}",
             "runs": "[]", "objective": goal, "direction": direction, "value": value, "n": 0 if value is None else 2,
             "on_front": trial in front}
            for goal, column in values.items()
            for trial, value in enumerate(column)
        ]
    )  # fmt: skip


def written(folder: Path, frame: pd.DataFrame) -> Path:
    write_sweep(folder, (0,), SWEEP[:1])
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "trials.parquet")
    return folder


@pytest.mark.parametrize(("direction", "best"), [("maximize", [0.3, 0.5, 0.5]), ("minimize", [0.3, 0.3, 0.2])])
def test_one_objective_shows_the_best_so_far(tmp_path: Path, direction: str, best: list[float]) -> None:
    found = table({"validation_accuracy": [0.3, 0.5, None, 0.2]}, {1}, direction)
    figure = search_front(trials(analysis.load(written(tmp_path / "s", found))))
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines["trial"].get_ydata()) == [30, 50, 20]
    assert list(lines["best so far"].get_ydata()) == [100 * value for value in best]
    assert list(lines["pruned or failed"].get_xdata()) == [2]
    assert figure.axes[0].get_ylabel() == f"validation accuracy %\n({direction})"
    assert (
        figure.legends[0].get_title().get_text().startswith("3 complete, 1 pruned trials; each value is a mean over 2")
    )


def test_several_objectives_show_the_searchs_own_front(tmp_path: Path) -> None:
    found = table({"a": [1.0, 2.0, 0.5], "b": [2.0, 1.0, 0.5], "c": [0.0, 0.0, 0.0]}, {0, 1})
    figure = search_front(trials(analysis.load(written(tmp_path / "s", found))))
    assert len(figure.axes) == 3
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines["on the search's Pareto front"].get_xdata()) == [1.0, 2.0]
    assert list(lines["trial"].get_xdata()) == [0.5]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1"]


def test_trials_of_one_place_are_named_together(tmp_path: Path) -> None:
    found = table({"validation_loss": [1.0, 0.5, 1.0], "robustness/fog": [0.5, 0.25, 0.5]}, {0, 1, 2})
    figure = search_front(trials(analysis.load(written(tmp_path / "s", found))))
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "0, 2"]
    assert figure.axes[0].get_xlabel() == "validation loss\n(maximize)"
    assert figure.axes[0].get_ylabel() == "robustness/fog %\n(maximize)"
    front = next(line for line in figure.axes[0].lines if line.get_label() == "on the search's Pareto front")
    assert list(front.get_ydata()) == [25, 50, 50]


def test_records_without_a_search_have_no_row(sweep: Path) -> None:
    frame = trials(analysis.load(sweep))
    assert frame.empty
    assert PLOT.draw(frame)[""].texts[0].get_text() == "No search left a complete trial."


def test_another_table_under_that_name_is_told(tmp_path: Path) -> None:
    records = analysis.load(written(tmp_path / "s", pd.DataFrame({"trial": [1]})))
    with pytest.raises(
        AnalysisError, match=r"trials.parquet: is no table of trials, it has no column state, objective"
    ):
        trials(records)
    (tmp_path / "s" / "trials.parquet").write_bytes(b"no parquet")
    with pytest.raises(AnalysisError, match=r"trials.parquet: cannot be read"):
        trials(records)
