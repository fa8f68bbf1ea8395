"""The storage is a view: rebuilt from the records, never believed, never in the way."""

from __future__ import annotations

import json
import sqlite3
import warnings
from importlib.util import find_spec
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from frequency_reg.config import ConfigError
from sweeps.mirror import MARK, open_mirror, without_password
from sweeps.objective import Objective
from tests.sweeps.fake_runs import CONDITIONAL, bench

GOALS = (Objective("validation_accuracy", "maximize"),)
TWO = {"validation_accuracy": "maximize", "robustness": "minimize"}
KINDS = ["journal.log", "sqlite:///watch.db"]
PRUNED = {
    "n_trials": 8,
    "objectives": TWO,
    "pruner": {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2},
    "prune_on": "validation_accuracy",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with bench(tmp_path) as made:
        yield made


def study(text: str, name: str = "s") -> optuna.Study:
    storage = RDBStorage(text) if "://" in text else JournalStorage(JournalFileBackend(text))
    return optuna.load_study(study_name=name, storage=storage)


def shown(text: str) -> list[tuple]:
    return [(t.state.name, t.params, t.values, t.intermediate_values) for t in study(text).trials]


def run(here, text: str, runs, say=print, **keys):
    search = here.search(runs, *CONDITIONAL, **keys)
    mirror = open_mirror(text, "s", "s", search.settings.goals, say)
    try:
        return search.run(mirror)
    finally:
        mirror.close()


@pytest.mark.parametrize("text", KINDS)
def test_a_storage_shows_what_the_search_found(here, text):
    result = run(here, text, here.runs(), **PRUNED)
    assert shown(text) == [
        (t.state, t.parameters, list(t.values.values()) or None, t.verdict.values) for t in result.trials
    ]
    assert {t.state for t in result.trials} == {"COMPLETE", "PRUNED"}
    assert {t.number for t in study(text).best_trials} == result.front
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert study(text).metric_names == list(TWO)


@pytest.mark.parametrize("text", KINDS)
def test_a_trial_under_way_is_seen_running(here, text):
    seen = []
    runs = here.runs()

    def launch(jobs):
        seen.append([t.state.name for t in study(text).trials])
        return runs(jobs)

    search = here.search(runs, n_trials=4, parallel=2)
    search._launch = launch
    search.run(open_mirror(text, "s", "s", search.settings.goals))
    assert seen == [["RUNNING"] * 2, ["COMPLETE"] * 2 + ["RUNNING"] * 2]


@pytest.mark.parametrize("text", KINDS)
def test_a_restart_makes_the_view_anew(here, text):
    runs = here.runs(interrupt_after=5)
    with pytest.raises(KeyboardInterrupt):
        run(here, text, runs, **PRUNED)
    states = [t.state.name for t in study(text).trials]
    assert "RUNNING" not in states
    assert states[-1] == "WAITING"
    runs.interrupt_after = float("inf")
    result = run(here, text, runs, **PRUNED)
    once = shown(text)
    assert len(once) == len(result.trials) == 8
    assert run(here, text, runs, **PRUNED).front == result.front
    assert shown(text) == once


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("text", KINDS)
def test_a_study_of_somebody_else_is_left_as_it_is(text):
    storage = RDBStorage(text) if "://" in text else JournalStorage(JournalFileBackend(text))
    optuna.create_study(study_name="s", storage=storage).add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(ConfigError) as error:
        open_mirror(text, "s", "s", GOALS)
    assert str(error.value) == (
        "hydra.sweeper.study_name=s: the storage has a study of that name that was not made by frequency-reg; "
        "it is left as it is, choose another name with hydra.sweeper.study_name=NAME"
    )
    study(text).set_user_attr(MARK, "other")
    with pytest.raises(ConfigError, match="of that name that belongs to the sweep other; it is left"):
        open_mirror(text, "s", "s", GOALS)
    assert len(study(text).trials) == 1


def tear_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def tear_middle(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + bytes(2048) + content[6144:] if len(content) > 8192 else b"{" + content)


@pytest.mark.parametrize(
    ("text", "tear"),
    [
        (KINDS[0], tear_end),
        (KINDS[0], tear_middle),
        (KINDS[1], tear_middle),
        (KINDS[1], lambda f: f.write_text("hello")),
    ],
)
def test_a_torn_file_is_moved_aside_and_made_anew(here, text, tear):
    file, said = Path(text.removeprefix("sqlite:///")), []
    run(here, text, here.runs(), **PRUNED)
    expected = shown(text)
    for name in (f"{file}.damaged", f"{file}.damaged1"):
        tear(file)
        torn = file.read_bytes()
        run(here, text, here.runs(), said.append, **PRUNED)
        assert shown(text) == expected
        assert Path(name).read_bytes() == torn
        assert said[-1].startswith(f"warning: hydra.sweeper.storage: {file} is damaged (")
        assert said[-1].endswith(f"); moved to {name}, and made anew from the records")
    assert len(said) == 2


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("tail", ["-journal", "-wal", "-shm"])
def test_what_sqlite_would_apply_to_the_new_file_does_not_stay(tail):
    """SQLite throws some of them away itself when the file is checked."""
    Path("watch.db").write_text("hello, this is no database")
    Path(f"watch.db{tail}").write_text("nor this")
    open_mirror(KINDS[1], "s", "s", GOALS, lambda _: None)
    assert not Path(f"watch.db{tail}").exists()
    assert Path("watch.db.damaged").exists()


def test_a_storage_that_fails_later_is_said_once(here):
    said, runs = [], here.runs()
    search = here.search(runs, n_trials=4)
    mirror = open_mirror("sqlite:///watch.db", "s", "s", search.settings.goals, said.append)

    def launch(jobs):
        if len(runs.started) == 1:
            with sqlite3.connect("watch.db") as connection:
                connection.execute("DROP TABLE trials")
        return runs(jobs)

    search._launch = launch
    result = search.run(mirror)
    mirror.close()
    assert [t.state for t in result.trials] == ["COMPLETE"] * 4
    assert len(said) == 1
    assert said[0].startswith("warning: hydra.sweeper.storage: cannot be written any longer (no such table: trials")
    assert said[0].endswith("); the search goes on without it, and shows all of itself there when it is started again")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "postgresql+psycopg2://me:secret@127.0.0.1:1/x",
            "connection to server at",
            marks=pytest.mark.skipif(find_spec("psycopg2") is None, reason="psycopg2 is an extra"),
        ),
        ("mysql://me:secret@127.0.0.1/x", "the Python driver of that database is not installed"),
        ("nonsense://me:secret@h/x", "Can't load plugin: sqlalchemy.dialects:nonsense"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("postgresql://me:sec:ret@127.0.0.1:port/x", ""),
    ],
)
def test_a_storage_that_cannot_be_opened(text, reason):
    with pytest.raises(ConfigError) as error:
        open_mirror(text, "s", "s", GOALS)
    message = str(error.value)
    assert message.startswith(f"hydra.sweeper.storage={without_password(text)}: cannot be opened (")
    assert reason in message
    assert message.endswith("mend the address, or leave the key out: a search does not need a storage")
    assert "sec" not in message


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_the_lock_of_a_killed_process_is_broken(monkeypatch):
    monkeypatch.setattr("sweeps.mirror._STALE_LOCK_SECONDS", 3)
    Path("below").mkdir()
    file = Path("below/journal.log").absolute()
    file.touch()
    Path(f"{file}.lock").symlink_to(file)
    open_mirror("below/journal.log", "s", "s", GOALS)
    assert study("below/journal.log").user_attrs == {MARK: "s"}


def test_passwords_are_hidden():
    assert without_password("a postgresql://me:p@ss/w:rd@host/db b") == "a postgresql://me:***@host/db b"
    assert without_password("sqlite:///a:b.db") == "sqlite:///a:b.db"
    assert without_password("postgresql://me@host/db") == "postgresql://me@host/db"


def test_a_journal_is_plain_lines(here):
    run(here, KINDS[0], here.runs(), n_trials=1)
    assert all(json.loads(line) for line in Path(KINDS[0]).read_text().splitlines())
