"""Which commands are repeated, with which arguments, and where."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from sweeps import retry
from sweeps.folder import RETRIED, read
from sweeps.retry import Repetition, repeat, repetitions
from tests.sweeps.folders import name, plan, write_run


def found(path, statuses=RETRIED):
    (sweep,) = read(path)
    return repetitions(sweep, statuses)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "outputs" / "digits"


def test_only_commands_with_failed_runs_are_repeated_where_they_were_given(folder, tmp_path):
    plan(folder, [name(0), name(1)], ("-m", "seed=0,1", "name=digits"))
    plan(folder, [name(2), name(3)], ("-m", "seed=2,3", "name=digits"))
    for seed, status in enumerate(["complete", "complete", "failed", "oom"]):
        write_run(folder / name(seed), status)
    arguments = ("-m", "seed=2,3", "name=digits", f"outputs={tmp_path}/outputs")
    arguments += ("hydra.sweeper.retry=[failed,oom,timeout,killed]",)
    assert found(folder) == [Repetition(arguments, tmp_path, 2)]


@pytest.mark.parametrize("status", ["complete", "diverged", "pruned"])
def test_what_a_repetition_would_only_reproduce_is_not_repeated_unless_asked(folder, status):
    plan(folder, [name(0)])
    write_run(folder / name(0), status)
    assert found(folder) == []
    if status != "complete":
        (repetition,) = found(folder, [status])
        assert repetition.arguments[-1] == f"hydra.sweeper.retry=[{status}]"


def test_missing_runs_are_not_failed_ones(folder):
    plan(folder, [name(0)])
    assert found(folder) == []


def test_a_run_that_could_not_say_that_it_was_killed_is_repeated(folder):
    plan(folder, [name(0)])
    write_run(folder / name(0), "running")
    (repetition,) = found(folder)
    assert repetition.arguments[-1] == "hydra.sweeper.retry=[failed,oom,timeout,killed,running]"


def test_a_search_is_repeated_for_runs_that_no_other_command_means(folder):
    plan(folder, [], ("-m", "hydra/sweeper=optuna"), trials=3)
    plan(folder, [name(0)], ("-m", "seed=0"))
    write_run(folder / name(0), "failed")
    assert [r.arguments[1] for r in found(folder)] == ["seed=0"]
    write_run(folder / name(7), "failed")
    assert {(r.arguments[1], r.runs) for r in found(folder)} == {("seed=0", 1), ("hydra/sweeper=optuna", 1)}


def test_a_single_run_is_repeated_by_its_command_alone(folder, tmp_path):
    plan(folder, [name(0)], ("model=lenet", "name=digits"))
    write_run(folder / name(0), "failed")
    (repetition,) = found(folder)
    assert repetition.arguments == ("model=lenet", "name=digits", f"outputs={tmp_path}/outputs")


def test_a_study_is_a_sweep_without_the_flag(folder):
    plan(folder, [name(0)], ("study=digits",))
    write_run(folder / name(0), "failed")
    assert found(folder)[0].arguments[-1].startswith("hydra.sweeper.retry=")


def test_a_moved_folder_is_meant_where_it_is_now(folder, tmp_path, monkeypatch):
    given = ("-m", "--plan", "seed=0,1", "+name=old", "outputs=/gone", "dataset.name=x", "hydra.sweeper.retry=[oom]")
    plan(folder, [name(0)], given)
    write_run(folder / name(0), "failed")
    moved = tmp_path / "copy" / "of it"
    moved.parent.mkdir()
    folder.rename(moved)
    (repetition,) = found(moved)
    assert repetition.arguments[:-1] == ("-m", "seed=0,1", "dataset.name=x", "name='of it'", f"outputs={tmp_path}/copy")
    assert repetition.directory == tmp_path
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setattr(retry.Path, "is_dir", lambda self: self.name != "..")
    assert found(moved)[0].directory == tmp_path / "copy", "the folder is gone"


def test_overrides_stay_together(folder):
    given = ("--config-dir", "my_conf", "-m", "seed=0,1", "--config-dir=other")
    plan(folder, [name(0)], given)
    write_run(folder / name(0), "failed")
    arguments = found(folder)[0].arguments
    assert arguments[:4] == given[:4]
    assert arguments[-1] == given[4], "Hydra's parser takes no override behind a flag that follows one"
    assert retry._after_overrides(["-m", "--config-dir", "x"]) == 3


@pytest.mark.parametrize(
    "text",
    ["plain", "/a/b.c/d-e_f", "with space", "12", "1e3", "a=b", "it's", "a,b", "[x]", "null", "True", "a\\", "ü"],
)
def test_names_and_folders_are_text_to_hydra_whatever_they_are(text):
    override = OverridesParser.create().parse_override(f"name={retry._quoted(text)}")
    assert override.value() == text
    assert not override.is_sweep_override()


@pytest.mark.parametrize(
    ("argument", "doubtful"),
    [
        ("-m", False),
        ("model.width=4", False),
        ("hydra/launcher=slurm", False),
        ("hydra.launcher.workers=2", False),
        ("hydra.sweeper.n_trials=20", False),
        ("hydra.sweeper.seeds=[0,1]", False),
        ("hydra.sweeper.objectives={validation_loss:minimize}", False),
        ("hydra.sweeper.sampler={_target_:os.system}", True),
        ("hydra.sweeper.params.trusted_packages=[os]", True),
        ("hydra.sweeper.storage=postgresql://theirs", True),
        ("--config-dir=conf", True),
        ("trusted_packages=[os]", True),
        ("hydra.searchpath=[file://x]", True),
        ("+hydra.callbacks.x._target_=os.system", True),
        ("hydra.launcher.setup=[rm]", True),
    ],
)
def test_arguments_that_may_run_code_of_the_folders_maker(folder, argument, doubtful):
    plan(folder, [name(0)], (argument, "seed=0,1"))
    write_run(folder / name(0), "failed")
    assert found(folder)[0].doubtful == ((argument,) if doubtful else ())


# --- repeating -------------------------------------------------------------------------------------------------------


def test_the_commands_exit_code_is_returned(tmp_path):
    assert repeat(Repetition(("--version",), tmp_path, 1)) == 0
    assert repeat(Repetition(("no_such_key=1",), tmp_path, 1)) == 2


def test_what_lies_in_the_folder_is_not_imported(tmp_path):
    for module in ("frequency_reg", "json"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(77)")
    assert repeat(Repetition(("--version",), tmp_path, 1)) == 0


def test_an_interruption_is_left_to_the_command(tmp_path, monkeypatch):
    """Ctrl-C reaches both processes and SIGTERM is passed on; this one waits until the other has left its records."""
    code = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(130)); print(flush=True); signal.pause()"
    )
    started = threading.Event()
    popen = subprocess.Popen

    def other(*_, **__):
        process = popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        started.set()
        return process

    def signals():
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(retry.subprocess, "Popen", other)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    thread = threading.Thread(target=signals)
    thread.start()
    assert repeat(Repetition((), Path(tmp_path), 1)) == 130
    thread.join()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
