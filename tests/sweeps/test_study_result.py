"""What a search shows and records at its end."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from sweeps.folder import read
from sweeps.study import NO_FURTHER_RUNS
from sweeps.study_result import FILE, SCHEMA, describe, publish, trials_table
from tests.sweeps.fake_runs import CONDITIONAL, accuracy, bench
from tests.sweeps.folders import plan

MANY = {
    "validation_accuracy": "maximize",
    "robustness/gaussian_noise/1": "minimize",
    "ssr/first/dc/init": "minimize",
    "ssr/last/dc/init": "maximize",
}


@pytest.fixture
def here(tmp_path):
    with bench(tmp_path) as made:
        yield made


def test_the_best_trial(here):
    result = here.search(here.runs(), "optimizer.lr=0.1", "regularizer=choice(dropout)", n_trials=1).run()
    assert describe(result).splitlines() == [
        "1 trial: 1 complete, 0 pruned, 0 failed",
        "best trial:",
        " trial  validation_accuracy (maximize)  runs  varied",
        "     0                          0.7969     1  regularizer=dropout",
    ]


def test_four_objectives_fit_80_columns(here):
    result = here.search(here.runs(), *CONDITIONAL, n_trials=12, seeds=[0, 1], objectives=MANY).run()
    lines = describe(result).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1] == f"Pareto front, {len(result.front)} of 12 complete trials:"
    assert lines[2:6] == [
        "  A = validation_accuracy (maximize)",
        "  B = robustness/gaussian_noise/1 (minimize)",
        "  C = ssr/first/dc/init (minimize)",
        "  D = ssr/last/dc/init (maximize)",
    ]
    assert lines[6].split() == ["trial", "A", "B", "C", "D", "runs", "varied"]
    rows = [line.split() for line in lines[7:] if line[:6].strip()]
    assert {int(row[0]) for row in rows} == result.front
    values = [float(row[1]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert all(row[5] == "2" and row[6].startswith("regularizer=") for row in rows)


def test_nothing_complete(here):
    result = here.search(here.runs(ends=lambda _: "failed"), n_trials=2).run()
    assert describe(result) == "2 trials: 0 complete, 0 pruned, 2 failed"


def test_a_search_that_was_stopped_says_why(here):
    sampler = {"_target_": "optuna.samplers.BruteForceSampler"}
    result = here.search(here.runs(), "regularizer=none,dropout", n_trials=9, sampler=sampler).run()
    assert describe(result).splitlines()[0] == (
        "2 trials: 2 complete, 0 pruned, 0 failed; 9 asked for, the sampler has nothing left to suggest"
    )


def test_the_table_of_trials(here):
    goals = {"validation_accuracy": "maximize", "robustness": "minimize"}
    lr = here.search(here.runs(), n_trials=2, objectives=goals).run().trials[1].parameters["optimizer.lr"]
    for file in here.folder.rglob("*.parquet"):
        file.unlink()
    runs = here.runs(ends=lambda c: "failed" if c.optimizer["lr"] == lr else "complete")
    result = here.search(runs, n_trials=3, seeds=[0, 1], objectives=goals).run()
    folder = here.folder / "s"
    publish(folder, result, "a search")
    rows = pq.read_table(folder / FILE).to_pylist()
    assert [(row["trial"], row["objective"]) for row in rows] == [(n, name) for n in range(3) for name in goals]
    first, failed = rows[0], rows[2]
    low, high = (accuracy(run.config) for run in result.trials[0].runs)
    assert first["value"] == pytest.approx((low + high) / 2)
    assert (first["state"], first["direction"], first["n"], first["detail"]) == ("COMPLETE", "maximize", 2, None)
    assert json.loads(first["parameters"]) == result.trials[0].parameters
    assert json.loads(first["runs"]) == [run.directory.name for run in result.trials[0].runs]
    assert (failed["state"], failed["value"], failed["n"], failed["on_front"]) == ("FAIL", None, 0, False)
    assert failed["detail"] == "failed"
    # Beside the runs' folders it is no run: reading the sweep does not see it.
    tables = records.read(folder)
    assert tables.damaged == ()
    assert len(tables["run"]) == 6
    assert "trials" not in tables


def test_searches_in_one_folder_keep_their_own_trials_and_the_status_ends_with_both(here):
    """The second is another space; the first, given more trials, replaces its own rows and no others."""
    folder = here.folder / "s"
    for trials, *space in ((2,), (3, "optimizer.lr=0.1", "regularizer=none,dropout"), (4,)):
        search = here.search(here.runs(), *space, n_trials=trials)
        publish(folder, search.run(), search.identity)
    rows = pq.read_table(folder / FILE).to_pylist()
    assert {(row["search"], row["asked"]) for row in rows[:3]} == {(rows[0]["search"], 3)}
    assert [row["trial"] for row in rows] == [*range(3), *range(4)]
    assert len({row["search"] for row in rows}) == 2
    plan(folder, [], ("-m", "hydra/sweeper=optuna", "optimizer.lr=interval(.1,1)"), trials=4)
    plan(folder, [], ("-m", "hydra/sweeper=optuna", "regularizer=none,dropout"), trials=3)
    plan(folder, [], ("-m", "hydra/sweeper=optuna", "regularizer=none,dropout", "hydra.launcher.workers=2"), trials=3)
    (sweep,) = read(folder)
    assert len(sweep.commands) == 2
    assert sweep.search == "ended"


def test_a_search_with_nothing_left_has_ended_and_one_that_was_stopped_has_not(here):
    sampler = {"_target_": "optuna.samplers.BruteForceSampler"}
    result = here.search(here.runs(), "optimizer.lr=0.1", "regularizer=none,dropout", n_trials=9, sampler=sampler).run()
    assert trials_table(result, "s")["asked"].to_pylist() == [9, 9]
    assert trials_table(replace(result, stopped=NO_FURTHER_RUNS), "s")["asked"].to_pylist() == [2, 2]


def test_every_column_says_what_it_is():
    assert all(entry.metadata[b"definition"] and entry.metadata[b"unit"] for entry in SCHEMA)
