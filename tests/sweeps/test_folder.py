"""What a sweep's folder is read as: records, locks and manifests together, and nothing but them."""

import dataclasses
import shutil
import subprocess
import sys
import time

import pyarrow as pa
import pytest

from frequency_reg import manifest, presence
from frequency_reg.config import ConfigError
from frequency_reg.records import write_table
from sweeps import folder
from sweeps.folder import read
from tests.sweeps.folders import name, plan, write_run


def statuses(sweep):
    return {run.name: run.status for run in sweep.runs}


def one(path):
    (sweep,) = read(path)
    return sweep


def test_planned_runs_without_records_are_missing(tmp_path):
    plan(tmp_path / "s", [name(2), name(0), name(1)])
    write_run(tmp_path / "s" / name(0))
    sweep = one(tmp_path / "s")
    assert [run.name for run in sweep.runs] == [name(2), name(0), name(1)], "in the order planned"
    assert [run.status for run in sweep.runs] == ["missing", "complete", "missing"]
    assert sweep.planned == 3
    assert not sweep.complete


def test_commands_that_share_runs_plan_each_once(tmp_path):
    plan(tmp_path, [name(0), name(1)], ("-m", "seed=0,1"))
    plan(tmp_path, [name(1), name(2)], ("-m", "seed=1,2"))
    assert one(tmp_path).planned == 3
    assert one(tmp_path).counts["missing"] == 3


def test_without_a_manifest_nothing_is_known_to_be_planned(tmp_path):
    write_run(tmp_path / name(0))
    sweep = one(tmp_path)
    assert (sweep.planned, sweep.complete) == (None, True)
    assert sweep.runs[0].planned is None


def test_a_run_of_no_command_is_not_counted_but_there(tmp_path):
    plan(tmp_path, [name(0)])
    write_run(tmp_path / name(0))
    write_run(tmp_path / name(1), "failed", "boom")
    sweep = one(tmp_path)
    assert sweep.complete
    assert (sweep.counts["complete"], sweep.counts["failed"]) == (1, 0)
    assert {run.name: run.planned for run in sweep.runs} == {name(0): True, name(1): False}


def test_running_is_only_what_a_living_process_does(tmp_path):
    directories = {status: write_run(tmp_path / name(i), status) for i, status in enumerate(["running", "killed"])}
    assert statuses(one(tmp_path)) == {name(0): "killed", name(1): "killed"}
    assert "its process is gone" in one(tmp_path).runs[0].detail
    with presence.hold(directories["killed"]) as ours:
        assert statuses(one(tmp_path)) == {name(0): "killed", name(1): "running"}, "it was taken up again"
        assert one(tmp_path).runs[1].sign.pid == ours._sign.pid
    assert statuses(one(tmp_path)) == {name(0): "killed", name(1): "killed"}


def test_a_killed_process_runs_nothing_any_more(tmp_path):
    directory = write_run(tmp_path / name(0), "running")
    code = "import sys, time, pathlib\nfrom frequency_reg.presence import hold\n"
    code += "with hold(pathlib.Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    assert one(tmp_path).counts["running"] == 1
    process.kill()
    process.wait()
    process.stdout.close()
    assert one(tmp_path).counts == {**one(tmp_path).counts, "running": 0, "killed": 1}


def test_a_run_that_ends_while_it_is_read_is_not_called_killed(tmp_path, monkeypatch):
    directory = write_run(tmp_path / name(0), "running")

    def ends(_):
        shutil.rmtree(directory)
        write_run(directory)

    monkeypatch.setattr(folder.presence, "holder", ends)
    assert one(tmp_path).runs[0].status == "complete"


def test_a_run_that_has_just_begun_has_no_record_yet(tmp_path):
    plan(tmp_path, [name(0)])
    directory = tmp_path / name(0)
    directory.mkdir()
    with presence.hold(directory):
        assert statuses(one(tmp_path)) == {name(0): "running"}
    assert statuses(one(tmp_path)) == {name(0): "missing"}


def test_a_damaged_record_is_named_and_the_rest_is_read(tmp_path):
    write_run(tmp_path / name(0))
    (write_run(tmp_path / name(1)) / "run.parquet").write_bytes(b"PAR1 no parquet PAR1")
    sweep = one(tmp_path)
    assert statuses(sweep) == {name(0): "complete", name(1): "damaged"}
    assert sweep.runs[1].detail
    assert not sweep.complete


def test_a_record_of_something_else_is_damaged(tmp_path):
    write_run(tmp_path / name(0), "burnt")
    assert one(tmp_path).runs[0].detail == "not the record of a run"


# --- searches --------------------------------------------------------------------------------------------------------


def test_a_search_counts_its_trials_for_every_seed_at_most(tmp_path):
    plan(tmp_path, [], ("-m", "hydra/sweeper=optuna"), trials=4, seeds=3)
    for seed in range(5):
        write_run(tmp_path / name(seed), "pruned" if seed == 0 else "complete")
    sweep = one(tmp_path)
    assert (sweep.planned, sweep.search, sweep.counts["missing"]) == (12, "goes on", 7)
    assert not sweep.complete
    for seed in range(5, 12):
        write_run(tmp_path / name(seed))
    assert one(tmp_path).complete, "a pruned run has come to its end"


@pytest.mark.parametrize(("trials", "search", "planned"), [(3, "goes on", 12), (4, "ended", 5)])
def test_at_its_end_a_search_knows_its_runs(tmp_path, trials, search, planned):
    """A pruned trial has no runs of further seeds, and two trials may mean the same run."""
    plan(tmp_path, [], ("-m", "hydra/sweeper=optuna"), trials=4, seeds=3)
    for seed in range(5):
        write_run(tmp_path / name(seed), "pruned" if seed == 0 else "complete")
    numbers = [number for number in range(trials) for _ in ("accuracy", "loss")]
    write_table(tmp_path / "trials.parquet", pa.table({"trial": numbers}))
    sweep = one(tmp_path)
    assert (sweep.search, sweep.planned, sweep.complete) == (search, planned, search == "ended")


def test_a_search_that_was_given_more_trials_is_one_search(tmp_path):
    plan(tmp_path, [], ("-m", "hydra/sweeper=optuna"), trials=20)
    more = plan(tmp_path, [], ("-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=30"), trials=30)
    assert one(tmp_path).commands == (more,)
    assert one(tmp_path).planned == 30


def test_beside_a_grid_a_search_counts_the_runs_that_the_grid_does_not_name(tmp_path):
    plan(tmp_path, [], ("-m", "hydra/sweeper=optuna"), trials=2)
    plan(tmp_path, [name(0), name(1)])
    for seed in (0, 5):
        write_run(tmp_path / name(seed))
    sweep = one(tmp_path)
    assert sweep.planned == 4
    assert (sweep.counts["complete"], sweep.counts["missing"]) == (2, 2)


# --- commands --------------------------------------------------------------------------------------------------------


def test_a_repetition_is_the_command_that_it_repeats(tmp_path):
    again = ("-m", "seed=0", "name=s", "outputs=/elsewhere", "hydra.sweeper.retry=[failed]")
    plan(tmp_path, [name(0)], again)
    original = plan(tmp_path, [name(0)], ("-m", "seed=0", "name=s"))
    other = plan(tmp_path, [name(1)], ("-m", "seed=1"))
    assert set(one(tmp_path).commands) == {original, other}


def test_a_manifest_that_cannot_be_read_is_counted_and_nothing_is_called_unplanned(tmp_path):
    plan(tmp_path, [name(0)])
    (tmp_path / manifest.FOLDER / "0123.json").write_text("{")
    write_run(tmp_path / name(7))
    sweep = one(tmp_path)
    assert sweep.unreadable == 1
    assert sweep.runs[-1].planned is None


def test_a_strangers_manifest_does_not_lead_out_of_the_folder(tmp_path):
    write_run(tmp_path / "secret")
    plan(tmp_path / "s", ["../secret", "..", str(tmp_path / "secret"), name(0)])
    assert [run.name for run in one(tmp_path / "s").runs] == [name(0)]


# --- paths -----------------------------------------------------------------------------------------------------------


def test_sweeps_below_a_folder_each_by_itself(tmp_path):
    for sweep in ("digits", "reference/cifar10", ".hidden"):
        write_run(tmp_path / sweep / name(0))
    (tmp_path / "link").symlink_to(tmp_path / "digits")
    assert [sweep.folder.name for sweep in read(tmp_path)] == ["digits", "cifar10"]


def test_a_run_alone(tmp_path):
    plan(tmp_path, [name(0), name(1)])
    write_run(tmp_path / name(0))
    sweep = one(tmp_path / name(0))
    assert (statuses(sweep), sweep.whole, sweep.complete) == ({name(0): "complete"}, False, True)


def test_other_folders_are_no_runs(tmp_path):
    write_run(tmp_path / name(0))
    for other in ("notes", "tables"):
        (tmp_path / other).mkdir()
        (tmp_path / other / "log.txt").write_text("mine")
    assert [run.name for run in one(tmp_path).runs] == [name(0)]


def test_a_wrong_folder_is_refused_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "outputs" / "digits" / name(0))
    (tmp_path / "outputs" / "empty").mkdir()
    (tmp_path / "file").touch()
    cases = {
        "outputs/digit": "outputs/digit: no such folder; did you mean outputs/digits?",
        "output/digits": "output/digits: no such folder; did you mean outputs/digits?",
        "output/digit": "output/digit: no such folder; did you mean outputs?",
        "outputs/xyz": "outputs/xyz: no such folder",
        "file": "file: a file",
        "outputs/empty": "outputs/empty: neither records nor a sweep's manifest here; give a sweep's folder, such as "
        "outputs/NAME",
    }
    for path, message in cases.items():
        with pytest.raises(ConfigError) as caught:
            read(folder.Path(path))
        assert str(caught.value) == message


# --- time left -------------------------------------------------------------------------------------------------------


def test_the_time_left_counts_what_runs_and_what_is_missing(tmp_path):
    # Complete runs took 24 s. One runs, a quarter done after 30 s: 90 s left; then two missing ones: 138 s.
    plan(tmp_path, [name(i) for i in range(4)])
    write_run(tmp_path / name(0))
    directory = write_run(tmp_path / name(1), "running")
    assert one(tmp_path).seconds_left is None, "nothing runs"
    with presence.hold(directory) as ours:
        ours._sign = dataclasses.replace(ours._sign, started=time.time() - 30, epochs=4, epoch=1, fraction=0.25)
        ours._write()
        assert one(tmp_path).seconds_left == pytest.approx(138, abs=2)


def test_code_versions_of_finished_runs(tmp_path):
    for seed, code in enumerate(["b", "a", "a", ""]):
        write_run(tmp_path / name(seed), code=code)
    write_run(tmp_path / name(9), "failed", code="c")
    assert list(one(tmp_path).code_versions.items()) == [("a", 2), ("b", 1)]
