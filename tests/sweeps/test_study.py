"""A search is a function of its records: killed, repeated, raised or watched, it makes the same suggestions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from frequency_reg.config import ConfigError
from frequency_reg.outcome import Outcome
from frequency_reg.run_id import run_directory
from sweeps.engine import NOT_STARTED
from sweeps.study import Result
from sweeps.study_settings import study_settings
from tests.sweeps.fake_runs import CONDITIONAL, LEARNING_RATE, accuracy, bench, noise_accuracy

TPE = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3}
SAMPLERS = {
    "tpe": TPE,
    "tpe_group": {**TPE, "multivariate": True, "group": True},
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "nsga2": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 4},
    "nsga3": {"_target_": "optuna.samplers.NSGAIIISampler", "population_size": 4},
}
TWO = {"validation_accuracy": "maximize", "robustness/gaussian_noise": "maximize"}
MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2}


@pytest.fixture
def here(tmp_path):
    with bench(tmp_path) as made:
        yield made


def told(result: Result) -> list[tuple]:
    """Everything that a search decided, in a form that can be compared."""
    trials = [(t.number, t.parameters, t.state, t.values, t.verdict and t.verdict.epoch) for t in result.trials]
    return [*trials, sorted(result.front)]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*.parquet")}


# --- replay ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler", [pytest.param(s, marks=pytest.mark.slow) if s in ("tpe_group", "nsga3") else s for s in SAMPLERS]
)
@pytest.mark.parametrize(
    "keys",
    [
        {"parallel": 1},
        {"parallel": 3, "objectives": TWO, "pruner": MEDIAN, "prune_on": "validation_accuracy", "seeds": [0, 1]},
    ],
    ids=["one objective", "two objectives, pruned, in threes, replicated"],
)
def test_a_search_that_is_interrupted_again_and_again_makes_the_suggestions_of_the_uninterrupted(
    tmp_path, sampler, keys
):
    keys = {"n_trials": 9, "sampler": SAMPLERS[sampler], **keys}
    with bench(tmp_path / "whole") as whole:
        every = whole.runs()
        expected = whole.search(every, *CONDITIONAL, **keys).run()
    with bench(tmp_path / "pieces") as pieces:
        runs, kept = pieces.runs(), {}
        for after in (0, 1, 4, 5, 8):
            runs.interrupt_after = after
            with pytest.raises(KeyboardInterrupt):
                pieces.search(runs, *CONDITIONAL, **keys).run()
            assert kept.items() <= contents(tmp_path / "pieces").items()
            kept = contents(tmp_path / "pieces")
        runs.interrupt_after = float("inf")
        result = pieces.search(runs, *CONDITIONAL, **keys).run()
    assert told(result) == told(expected)
    assert runs.started == every.started  # each once, in the same order
    assert len(result.trials) == 9
    assert kept.items() <= contents(tmp_path / "pieces").items()


def test_a_finished_search_launches_nothing_and_says_so(here):
    first, again, said = here.runs(), here.runs(), []
    expected = here.search(first, n_trials=3).run()
    result = here.search(again, n_trials=3, say=said.append).run()
    assert told(result) == told(expected)
    assert again.started == []
    assert said == [
        "3 of 3 trials were there already",
        "warning: 3 of their runs: made by another version of the code; delete its folder to repeat it",
    ]  # fake runs carry no version


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_raising_the_number_of_trials_goes_on_with_the_search(tmp_path, sampler):
    keys = {"parallel": 2, "sampler": SAMPLERS[sampler]}
    with bench(tmp_path / "at once") as whole:
        expected = whole.search(whole.runs(), n_trials=8, **keys).run()
    with bench(tmp_path / "in two") as pieces:
        runs = pieces.runs()
        pieces.search(runs, n_trials=5, **keys).run()
        result = pieces.search(runs, n_trials=8, **keys).run()
    assert told(result) == told(expected)
    # The fifth trial was alone in its batch then and is now one of two: its suggestion stays, so no run is wasted.
    assert len(runs.started) == len(set(runs.started)) == 8


def test_trials_of_a_batch_do_not_see_each_other(tmp_path):
    """What a batch suggests does not change with what its own trials turn out to be worth."""
    suggested = []
    for place, ends in (("good", "complete"), ("bad", "failed")):
        with bench(tmp_path / place) as made:
            search = made.search(made.runs(ends=lambda _, end=ends: end), n_trials=6, parallel=3, sampler=TPE)
            suggested.append([t.parameters for t in search.run().trials])
    assert suggested[0][:3] == suggested[1][:3]


def test_another_seed_of_the_sampler_makes_other_suggestions(tmp_path):
    found = []
    for seed in (0, 1):
        with bench(tmp_path / str(seed)) as made:
            found.append(made.search(made.runs(), n_trials=1, seed=seed).run().trials[0].parameters)
    assert found[0] != found[1]


def test_a_run_of_another_command_is_reused(here):
    runs = here.runs()
    lr = here.search(here.runs(), n_trials=1).run().trials[0].parameters["optimizer.lr"]
    for file in sorted(here.folder.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    by_hand = here.composer.config([*here.fixed, f"optimizer.lr={lr!r}", "seed=0", "runtime.threads=1"])
    runs.run(by_hand)
    result = here.search(runs, n_trials=1).run()
    assert runs.started == [run_directory(by_hand).name]
    assert [outcome.skipped for _, outcome in result.runs] == [True]


def test_equal_suggestions_are_one_run(here):
    runs = here.runs()
    result = here.search(runs, "optimizer.lr=0.1", "regularizer=none,dropout", n_trials=8, parallel=4).run()
    assert len(runs.started) == 2
    assert len(result.runs) == 2
    assert Counter(t.state for t in result.trials) == {"COMPLETE": 8}


@pytest.mark.slow
def test_suggestions_do_not_depend_on_the_hash_of_texts(tmp_path):
    """Python hashes texts differently in every process; a set of names in a sampler would show it."""
    code = (
        "import sys, json\n"
        "from pathlib import Path\n"
        "from tests.sweeps.fake_runs import CONDITIONAL, bench\n"
        "from tests.sweeps.test_study import SAMPLERS, TWO\n"
        "for name, sampler in SAMPLERS.items():\n"
        "    with bench(Path(sys.argv[1]) / name) as b:\n"
        "        r = b.search(b.runs(), *CONDITIONAL, n_trials=12, parallel=2, objectives=TWO, sampler=sampler).run()\n"
        "        print(json.dumps([t.parameters for t in r.trials]))\n"
    )
    printed = []
    for number in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / number)],
            env={**os.environ, "PYTHONHASHSEED": number},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) == len(SAMPLERS)


# --- values ----------------------------------------------------------------------------------------------------------


def test_an_objective_is_the_mean_over_the_seeds(here):
    result = here.search(here.runs(), "optimizer.lr=0.1", "regularizer=dropout,dropout", n_trials=1, seeds=[0, 4]).run()
    # .85 and .89 at infinity, 15/16 of it after four epochs.
    assert result.trials[0].values == {"validation_accuracy": pytest.approx((0.85 + 0.89) / 2 * 15 / 16)}
    assert len(result.trials[0].runs) == 2


def test_a_run_without_a_value_fails_its_trial_and_not_the_search(here):
    bad = here.search(here.runs(), n_trials=3).run().trials[1].parameters["optimizer.lr"]
    for file in here.folder.rglob("*.parquet"):
        file.unlink()
    runs = here.runs(ends=lambda c: "nan" if c.optimizer["lr"] == bad else "complete")
    result = here.search(runs, n_trials=5).run()
    assert [t.state for t in result.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert result.trials[1].detail == "validation_accuracy has no value"
    assert result.trials[1].values == {}
    assert 1 not in result.front


@pytest.mark.parametrize("status", ["failed", "oom", "timeout", "diverged"])
def test_a_failure_stays_a_failure_when_the_search_is_started_again(here, status):
    runs = here.runs(ends=lambda c: status if c.optimizer["lr"] < 0.1 else "complete")
    expected = here.search(runs, n_trials=6, sampler=TPE).run()
    assert {t.state for t in expected.trials} == {"COMPLETE", "FAIL"}
    assert {t.detail for t in expected.trials if t.state == "FAIL"} == {status}
    again = here.runs()
    assert told(here.search(again, n_trials=6, sampler=TPE).run()) == told(expected)
    assert again.started == []


@pytest.mark.parametrize(("status", "retry"), [("failed", ["failed"]), ("killed", []), ("running", [])])
def test_what_was_killed_or_is_to_be_retried_is_done_again(here, status, retry):
    first = here.search(here.runs(ends=lambda _: status), n_trials=2).run()
    assert [t.state for t in first.trials] == ["FAIL", "FAIL"]
    again = here.runs()
    result = here.search(again, n_trials=2, retry=retry).run()
    assert [t.state for t in result.trials] == ["COMPLETE", "COMPLETE"]
    assert len(again.started) == 2


def test_a_retry_that_fails_again_ends(here):
    runs = here.runs(ends=lambda _: "failed")
    here.search(runs, n_trials=1).run()
    result = here.search(runs, n_trials=1, retry=["failed"]).run()
    assert [t.state for t in result.trials] == ["FAIL"]
    assert len(runs.started) == 2


def test_a_suggestion_that_cannot_be_composed_fails_its_trial(here):
    search, compose, calls = here.search(here.runs(), n_trials=3), here.composer.config, []

    def refuse_the_second(overrides):
        calls.append(overrides)
        if len(calls) == 2:
            raise ConfigError("optimizer.lr=0.5: no")
        return compose(overrides)

    search._compose = refuse_the_second
    result = search.run()
    assert [(t.state, t.detail) for t in result.trials][1] == ("FAIL", "optimizer.lr=0.5: no")
    assert [t.state for t in result.trials] == ["COMPLETE", "FAIL", "COMPLETE"]


def test_the_front_is_what_nothing_beats(here):
    result = here.search(here.runs(), n_trials=10, objectives=TWO, sampler=SAMPLERS["random"]).run()
    points = {t.number: tuple(t.values.values()) for t in result.trials}
    beaten = {n for n, p in points.items() if any(q[0] >= p[0] and q[1] >= p[1] and q != p for q in points.values())}
    assert result.front == set(points) - beaten
    config = result.trials[0].runs[0].config
    noise = (noise_accuracy(config, 1) + noise_accuracy(config, 2)) / 2
    assert points[0] == pytest.approx((accuracy(config), noise))


# --- what launching says ---------------------------------------------------------------------------------------------


def test_a_launcher_that_gives_up_ends_the_search_after_the_batch_before(here):
    runs = here.runs()

    def launch(jobs):
        return (
            runs(jobs)
            if len(runs.started) < 2
            else [Outcome(run_directory(here.composer.config(j)), NOT_STARTED) for j in jobs]
        )

    search = here.search(runs, n_trials=6, parallel=2)
    search._launch = launch
    result = search.run()
    assert result.stopped == "the launcher starts no further runs"
    assert [t.number for t in result.trials] == [0, 1]
    assert [outcome.status for _, outcome in result.runs] == ["complete", "complete", NOT_STARTED, NOT_STARTED]


def test_a_sampler_that_has_nothing_left_ends_the_search(here):
    sampler = {"_target_": "optuna.samplers.GridSampler", "search_space": {"regularizer": ["none", "dropout"]}}
    result = here.search(here.runs(), "regularizer=none,dropout", n_trials=9, sampler=sampler).run()
    assert result.stopped == "the sampler has nothing left to suggest"
    assert sorted(t.parameters["regularizer"] for t in result.trials) == ["dropout", "none"]


def test_lines_of_a_search(here):
    said = []
    here.search(here.runs(ends=lambda _: "failed"), n_trials=1, say=said.append).run()
    here.search(here.runs(), "optimizer.lr=0.1", "regularizer=none,none", n_trials=1, say=said.append).run()
    assert said == ["trial 0: fail failed", "trial 0: complete validation_accuracy 0.75"]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"n_trials": 0}, "hydra.sweeper.n_trials=0: input should be greater than or equal to 1"),
        ({"n_trials": "many"}, "hydra.sweeper.n_trials=many: input should be a valid integer"),
        ({"parallel": 0}, "hydra.sweeper.parallel=0: input should be greater than or equal to 1"),
        ({"seeds": [1, 2, 1]}, "hydra.sweeper.seeds=[1, 2, 1]: each seed once"),
        ({"seeds": []}, "hydra.sweeper.seeds=[]: list should have at least 1 item"),
        ({"objectives": {}}, "hydra.sweeper.objectives: expected at least one, such as {validation_accuracy:maximize}"),
        (
            {"objectives": {"validation_loss": "down"}},
            "hydra.sweeper.objectives.validation_loss=down: expected maximize or minimize",
        ),
        ({"retry": ["complete"]}, "hydra.sweeper.retry.0=complete: input should be 'failed', 'oom', 'timeout'"),
        ({"samplr": None}, "hydra.sweeper.samplr: unknown key; the keys of hydra.sweeper are n_trials"),
        (
            {"prune_on": "validation_loss"},
            "hydra.sweeper.prune_on=validation_loss: there is no pruner; "
            "add hydra.sweeper.pruner={_target_:optuna.pruners.MedianPruner} or leave prune_on out",
        ),
        (
            {"pruner": MEDIAN, "prune_on": "validation_loss"},
            "hydra.sweeper.prune_on=validation_loss: not an objective; the objectives are validation_accuracy",
        ),
        (
            {"pruner": MEDIAN, "objectives": {"robustness": "maximize"}},
            "hydra.sweeper.pruner: a pruner looks at validation_accuracy or validation_loss after every epoch, and "
            "neither is an objective; add one to hydra.sweeper.objectives (found robustness)",
        ),
        (
            {"pruner": MEDIAN, "objectives": TWO},
            "hydra.sweeper.prune_on: with several objectives one prunes; "
            "add hydra.sweeper.prune_on=validation_accuracy",
        ),
        ({"prune_on": "robustness"}, "hydra.sweeper.prune_on=robustness: input should be 'validation_accuracy'"),
    ],
)
def test_settings_that_are_refused(keys, message):
    with pytest.raises(ConfigError) as error:
        study_settings(keys)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "keys", "message"),
    [
        (
            ("seed=0,1",),
            {},
            "seed: a search does every trial once for each of hydra.sweeper.seeds, which is [0]; "
            "leave seed out and write hydra.sweeper.seeds=[0,1,2]",
        ),
        ((*LEARNING_RATE, "seed=3"), {}, "seed=3: a search does every trial once for each of hydra.sweeper.seeds"),
        (("name=a,b",), {}, "name: cannot be searched; give one value"),
        (
            (*LEARNING_RATE, "pruning=null"),
            {"pruner": MEDIAN},
            "pruning=null: hydra.sweeper.pruner sets this key; leave one of them out",
        ),
        (("optimizer.lr=interval(-1.0,1.0)",), {}, "optimizer (torch.optim.SGD): Invalid learning rate: -1.0"),
        (
            LEARNING_RATE,
            {"sampler": {"_target_": "optuna.samplers.TPESampler", "n_startup_trails": 3}},
            "hydra.sweeper.sampler.n_startup_trails: unknown key; the keys of TPESampler are",
        ),
        (
            LEARNING_RATE,
            {"sampler": {"_target_": "optuna.samplers.TPESampler", "n_startup_trails": 3}},
            "; did you mean n_startup_trials?",
        ),
        (
            LEARNING_RATE,
            {"sampler": {"_target_": "optuna.samplers.TPE"}},
            "hydra.sweeper.sampler._target_=optuna.samplers.TPE: no such class",
        ),
        (
            LEARNING_RATE,
            {"sampler": {"_target_": "os.system"}},
            "hydra.sweeper.sampler._target_=os.system: only classes of optuna may be named; add a package of yours "
            "with trusted_packages=[PACKAGE] if you trust its code",
        ),
        (
            LEARNING_RATE,
            {"sampler": MEDIAN},
            "hydra.sweeper.sampler._target_=optuna.pruners.MedianPruner: expected a subclass of optuna.samplers",
        ),
        (
            LEARNING_RATE,
            {"pruner": {**MEDIAN, "n_startup_trials": -1}},
            "hydra.sweeper.pruner (optuna.pruners.MedianPruner): Number of startup trials cannot be negative",
        ),
        (
            LEARNING_RATE,
            {"pruner": {"_target_": "optuna.pruners.PatientPruner", "wrapped_pruner": {"_target_": "os.x"}}},
            "hydra.sweeper.pruner.wrapped_pruner._target_=os.x: only classes of optuna may be named",
        ),
    ],
)
def test_searches_that_are_refused_before_their_first_run(here, overrides, keys, message):
    runs = here.runs()
    with pytest.raises(ConfigError) as error:
        here.search(runs, *overrides, **keys)
    assert message in str(error.value)
    assert runs.started == []


def test_a_sampler_without_a_seed_is_said_loudly(here):
    said = []
    node = {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {}}
    here.search(here.runs(), say=said.append, sampler={**node, "base_sampler": SAMPLERS["random"]})
    assert said == []  # the one inside takes a seed
    unseeded = {"_target_": "tests.sweeps.fake_runs.UnseededSampler"}
    here.search(here.runs(), say=said.append, trusted=("optuna", "tests"), sampler=unseeded)
    assert said == [
        "warning: hydra.sweeper.sampler: tests.sweeps.fake_runs.UnseededSampler takes no seed; if it draws random "
        "numbers, this search started again will make other suggestions"
    ]


def test_parameters_are_json(here):
    """They go into a table's text column."""
    result = here.search(here.runs(), *CONDITIONAL, "batch_size=int(interval(8,16))", n_trials=3).run()
    assert all(json.loads(json.dumps(t.parameters)) == t.parameters for t in result.trials)
