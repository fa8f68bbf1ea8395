"""Pruning is a function of records: the run's process, the search and a repetition decide alike."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from frequency_reg.config import ConfigError, instantiate, validate
from sweeps.pruning import Curve, History, StudyPruning, verdict
from tests.sweeps.fake_runs import EPOCHS, accuracy, bench
from tests.sweeps.test_study import told

MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2}
HALVING = {"_target_": "optuna.pruners.SuccessiveHalvingPruner", "min_resource": 1, "reduction_factor": 2}
TWO = {"robustness": "minimize", "validation_accuracy": "maximize"}
COMPLETE = [
    Curve("COMPLETE", {1: 0.2, 2: 0.4, 3: 0.6}),
    Curve("COMPLETE", {1: 0.4, 2: 0.5, 3: 0.6}),
    Curve("FAIL", {1: 0.9, 2: 0.9}),
    Curve("COMPLETE", {1: 0.6, 2: 0.6, 3: 0.7}),
]


@pytest.fixture
def here(tmp_path):
    with bench(tmp_path) as made:
        yield made


def history(pruner=MEDIAN, curves=COMPLETE, metric="validation_accuracy", direction="maximize") -> History:
    return History("s", metric, direction, pruner, curves=curves)


# --- the rule --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "epoch"),
    [
        ({1: 0.41, 2: 0.61, 3: 0.1}, None),  # medians of the complete trials: .4, .5, .6; the best so far counts
        ({1: 0.40, 2: 0.45, 3: 0.9}, 2),
        ({1: 0.39, 2: 0.99, 3: 0.9}, 1),
        ({1: float("nan"), 2: 0.9}, 1),
        ({}, None),
    ],
)
def test_the_median_pruner_by_hand(values, epoch):
    assert verdict(history(), 4, values, epochs=4).epoch == epoch


def test_a_loss_is_pruned_where_it_is_large():
    losses = [Curve("COMPLETE", {1: 0.2}), Curve("COMPLETE", {1: 0.4}), Curve("COMPLETE", {1: 0.6})]
    made = history(curves=losses, metric="validation_loss", direction="minimize")
    assert verdict(made, 3, {1: 0.39}, epochs=4).epoch is None
    assert verdict(made, 3, {1: 0.41}, epochs=4).epoch == 1


def test_successive_halving_remembers_the_rungs_of_earlier_trials():
    """Rungs at epochs 1, 2, 4; the better half of those that reached a rung goes on."""
    curves: list[Curve] = []
    pruned = []
    for number, level in enumerate([0.5, 0.4, 0.6, 0.55]):
        values = dict.fromkeys((1, 2, 3, 4), level)
        found = verdict(history(HALVING, curves), number, values, epochs=5)
        pruned.append(found.epoch)
        curves.append(Curve("PRUNED" if found.epoch else "COMPLETE", found.values, found.attributes))
    # .4 is not in the upper half of {.5, .4}; .6 is best of all; .55 is in the upper half of {.5, .4, .6, .55} at
    # epoch 1, but not in that of {.5, .6, .55} (one of three) at epoch 2.
    assert pruned == [None, 1, None, 2]
    assert curves[1].attributes == {"completed_rung_0": 0.4}


def test_the_end_of_the_last_epoch_is_not_pruned():
    assert verdict(history(), 4, {1: 0.5, 2: 0.1, 3: 0.1}, epochs=3).epoch is None
    assert verdict(history(), 4, {1: 0.1}, epochs=1).epoch is None


def test_trials_of_the_same_batch_are_not_seen(tmp_path):
    """Told are two of four trials; trial 4 is asked beside trials 2 and 3."""
    file = tmp_path / "h.json"
    history(curves=[*COMPLETE[:2], Curve("COMPLETE", {1: 0.99}), Curve("COMPLETE", {1: 0.99})]).write(file)
    rule = StudyPruning(history=str(file), told=2, trial=4, epochs=4)
    assert rule.reason({1: 0.31}) is None  # median of .2 and .4
    assert rule.reason({1: 0.31, 2: 0.1}) == "MedianPruner at epoch 2: validation_accuracy 0.1"


def test_a_resumed_run_is_judged_from_its_first_epoch(tmp_path):
    file = tmp_path / "h.json"
    history().write(file)
    rule = StudyPruning(history=str(file), told=4, trial=4, epochs=9)
    assert rule.metric == "validation_accuracy"
    resumed = {1: 0.41, 2: 0.45, 3: 0.9}
    assert rule.reason(resumed) == "MedianPruner at epoch 2: validation_accuracy 0.45"
    assert rule.reason(resumed) == "MedianPruner at epoch 2: validation_accuracy 0.45"  # asked again


def test_the_history_survives_its_file(tmp_path):
    file = tmp_path / "deep" / "h.json"
    made = history(curves=[Curve("PRUNED", {1: float("nan")}, {"completed_rung_0": 0.5}), *COMPLETE])
    made.write(file)
    assert repr(History.read(file)) == repr(replace(made, trusted=["optuna"]))


@pytest.mark.parametrize("content", [None, "{", '{"curves": [{}]}', "[]"])
def test_a_history_that_cannot_be_read(tmp_path, content):
    file = tmp_path / "h.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError) as error:
        StudyPruning(history=str(file), told=0, trial=0, epochs=1)
    assert str(error.value).startswith(f"pruning.history={file}: cannot be read (")
    assert str(error.value).endswith("); repeat the search's command, which writes it")


def test_a_stranger_s_history_runs_no_code(tmp_path):
    file = tmp_path / "h.json"
    history({"_target_": "os.system", "command": "true"}).write(file)
    rule = StudyPruning(history=str(file), told=0, trial=0, epochs=3)
    with pytest.raises(ConfigError, match="only classes of optuna may be named"):
        rule.reason({1: 0.1})


def test_a_rule_costs_a_run_nothing_before_its_first_epoch():
    code = "import sys, sweeps.pruning; print([m for m in ('optuna', 'hydra', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


# --- in a search -----------------------------------------------------------------------------------------------------


def pruned_search(here, runs, **keys):
    keys = {"n_trials": 10, "parallel": 2, "pruner": MEDIAN, "objectives": TWO, **keys}
    return here.search(runs, prune_on="validation_accuracy", **keys)


def test_one_of_two_objectives_prunes_and_only_survivors_are_replicated(here):
    runs = here.runs()
    result = pruned_search(here, runs, seeds=[0, 1, 2]).run()
    states = [t.state for t in result.trials]
    assert set(states) == {"COMPLETE", "PRUNED"}
    for trial in result.trials:
        recorded = [run.directory.name in runs.started for run in trial.runs]
        assert recorded == ([True] * 3 if trial.state == "COMPLETE" else [True, False, False])
    # By hand: with the best value so far as a trial's own, it is pruned at epoch e if it is below the median at e.
    complete: list[list[float]] = []
    for first in range(0, 10, 2):
        curves = [
            [accuracy(t.runs[0].config, e) for e in range(1, EPOCHS + 1)] for t in result.trials[first : first + 2]
        ]
        for place, curve in enumerate(curves):
            below = [
                e for e in range(EPOCHS - 1) if len(complete) >= 2 and curve[e] < _median([c[e] for c in complete])
            ]
            assert states[first + place] == ("PRUNED" if below else "COMPLETE")
            if below:
                assert result.trials[first + place].verdict.epoch == below[0] + 1
        complete += [curve for place, curve in enumerate(curves) if states[first + place] == "COMPLETE"]


def _median(values: list[float]) -> float:
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


@pytest.mark.parametrize(
    "pruner",
    [
        MEDIAN,
        HALVING,
        {"_target_": "optuna.pruners.HyperbandPruner", "min_resource": 1, "max_resource": 4, "reduction_factor": 2},
        {"_target_": "optuna.pruners.PatientPruner", "wrapped_pruner": MEDIAN, "patience": 0},
        {"_target_": "optuna.pruners.ThresholdPruner", "lower": 0.35},
        {"_target_": "optuna.pruners.WilcoxonPruner", "p_threshold": 0.3},
    ],
    ids=lambda node: node["_target_"].rpartition(".")[2],
)
def test_what_others_completed_counts_as_pruned_all_the_same(tmp_path, pruner):
    """A run's own process, the search, and a repetition over runs that went on to the end agree."""
    with bench(tmp_path) as here:
        expected = pruned_search(here, here.runs(), pruner=pruner).run()
        others, again = here.runs(), here.runs()
        for run, outcome in expected.runs:
            if outcome.status == "pruned":
                others.run(run.config)  # without a rule
        result = pruned_search(here, again, pruner=pruner).run()
    assert told(result) == told(expected)
    assert again.started == []
    assert len(others.started) == sum(t.state == "PRUNED" for t in expected.trials)


def test_a_run_that_another_search_pruned_goes_on(here):
    strict = pruned_search(here, here.runs(), pruner={"_target_": "optuna.pruners.ThresholdPruner", "lower": 2.0}).run()
    assert {t.state for t in strict.trials} == {"PRUNED"}
    runs = here.runs()
    first = here.search(runs, n_trials=1, objectives=TWO).run().trials[0]
    assert first.state == "COMPLETE"
    assert runs.started == [first.runs[0].directory.name]


def test_two_searches_in_one_folder_keep_two_histories(here):
    pruned_search(here, here.runs()).run()
    pruned_search(here, here.runs(), seed=1).run()
    files = sorted((here.folder / "s" / ".study").iterdir())
    assert len(files) == 2
    assert {len(json.loads(file.read_text())["curves"]) for file in files} == {8}  # told before the last batch


def test_the_rule_passes_the_schema_of_a_run(here, tmp_path):
    config = here.composer.config([*here.fixed, "seed=0"])
    file = tmp_path / "it's a \\ file.json"
    history().write(file)
    node = {"_target_": "sweeps.pruning.StudyPruning", "history": str(file), "told": 4, "trial": 4, "epochs": 4}
    rule = instantiate(validate({**config.as_dict(), "pruning": node}).pruning)
    assert rule.reason({1: 0.1}) == "MedianPruner at epoch 1: validation_accuracy 0.1"
    with pytest.raises(ConfigError, match=r"pruning\.told=-1: input should be greater than or equal to 0"):
        validate({**config.as_dict(), "pruning": {**node, "told": -1}})


def test_a_folder_with_quotes_and_backslashes(tmp_path):
    """The rule is an override, and so is the history's path in it."""
    with bench(tmp_path / "it's \\' odd, {isn't} \\") as here:
        result = pruned_search(here, here.runs()).run()
        assert (here.folder / "s" / ".study").is_dir()
    assert "PRUNED" in {t.state for t in result.trials}
