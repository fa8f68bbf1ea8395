"""``python -m sweeps``: exit codes, messages, options, and that stdout holds the answer and nothing else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from frequency_reg import presence
from sweeps import __main__ as command_line
from sweeps.__main__ import main
from tests.sweeps.folders import name, plan, write_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """``outputs/s`` below the current directory: a complete and a failed run of two planned."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    plan(tmp_path / "outputs/s", [name(0), name(1)], ("-m", "seed=0,1"))
    write_run(tmp_path / "outputs/s" / name(0))
    write_run(tmp_path / "outputs/s" / name(1), "failed", "boom")
    return tmp_path / "outputs/s"


def replace_run(directory, status):
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()
    write_run(directory, status)


# --- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [("complete", 0), ("diverged", 1), ("failed", 1), ("pruned", 1)])
def test_status_is_0_only_if_everything_planned_is_complete(folder, status, code, capsys):
    replace_run(folder / name(1), status)
    assert main(["status", "outputs/s"]) == code
    assert capsys.readouterr().out.startswith("outputs/s: 2 runs planned\n")


def test_status_is_1_while_runs_are_missing(folder):
    replace_run(folder / name(1), "complete")
    plan(folder, [name(2)], ("-m", "seed=2"))
    assert main(["status", "outputs/s"]) == 1


def test_a_damaged_record_is_1(folder, capsys):
    (folder / name(0) / "run.parquet").write_bytes(b"")
    assert main(["status", "outputs/s"]) == 1
    assert f"damaged: outputs/s/{name(0)}/run.parquet" in capsys.readouterr().out
    assert main(["list", "outputs/s"]) == 1


@pytest.mark.parametrize("command", ["status", "list", "retry", "clean"])
@pytest.mark.usefixtures("folder")
def test_a_wrong_folder_is_2_with_one_message(command, capsys):
    assert main([command, "output/s"]) == 2
    assert capsys.readouterr() == ("", "error: output/s: no such folder; did you mean outputs/s?\n")


@pytest.mark.usefixtures("folder")
def test_an_unknown_status_is_2_and_the_valid_ones_are_listed(capsys):
    every = "running, complete, diverged, pruned, failed, oom, timeout, killed, missing, damaged"
    messages = {
        "list": f"error: --status faild: valid statuses here are {every}; did you mean failed?\n",
        "clean": f"error: --status faild: valid statuses here are {every.removeprefix('running, ')}; "
        "did you mean failed?\n",
        "retry": "error: --status faild: valid statuses here are failed, oom, timeout, killed, pruned; "
        "did you mean failed?\n",
    }
    for command, message in messages.items():
        assert main([command, "outputs/s", "--status", "oom,faild"]) == 2
        assert capsys.readouterr() == ("", message)


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_one_object_and_nothing_else(folder, capsys):
    assert main(["status", "outputs/s", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"]["failed"] == 1
    assert main(["status", "outputs", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["path"] == str(folder.parent)
    assert [sweep["path"] for sweep in found["sweeps"]] == [str(folder)]
    assert main(["status", f"outputs/s/{name(0)}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["complete"] == 1
    assert main(["list", "outputs/s", "--json", "--status", "failed"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in found["runs"]] == [name(1)]
    assert main(["clean", "outputs/s", "--json", "--status", "failed"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] is False


# --- list, retry, clean ----------------------------------------------------------------------------------------------


def test_list_of_a_folder_of_sweeps_is_their_table(folder, capsys):
    write_run(folder.parent / "t" / name(0))
    assert main(["list", "outputs"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "     1/2        -        -      1          -  outputs/s",
        "     1/1        -        -      -          -  outputs/t",
    ]
    assert main(["list", "outputs", "--status", "failed"]) == 2
    assert capsys.readouterr().err == "error: outputs: 2 sweeps; --status is for the runs of one of them\n"


def test_retry_prints_what_it_starts_and_returns_the_worst_exit_code(folder, capsys, monkeypatch):
    plan(folder, [name(1)], ("-m", "seed=1"))
    codes = [1, 0]
    monkeypatch.setattr(command_line.retry, "repeat", lambda _: codes.pop())
    assert main(["retry", "outputs/s"]) == 1
    assert codes == []
    out = capsys.readouterr().out
    again = f"name=s outputs={folder.parent} 'hydra.sweeper.retry=[failed,oom,timeout,killed]'"
    assert sorted(out.splitlines()) == sorted(
        [
            "1 run to repeat",
            f"  frequency-reg -m seed=0,1 {again}",
            "1 run to repeat",
            f"  frequency-reg -m seed=1 {again}",
        ]
    )


def test_retry_stops_when_it_is_interrupted(folder, monkeypatch):
    plan(folder, [name(1)], ("-m", "seed=1"))
    started = []
    monkeypatch.setattr(command_line.retry, "repeat", lambda one: started.append(one) or 130)
    assert main(["retry", "outputs/s"]) == 130
    assert len(started) == 1


def test_retry_without_anything_to_do(folder, capsys):
    assert main(["retry", "outputs/s", "--status", "oom,killed"]) == 0
    assert capsys.readouterr().out == "outputs/s: nothing to retry, no run is oom or killed\n"
    write_run(folder / name(5), "oom")
    assert main(["retry", "outputs/s", "--status", "oom"]) == 0
    assert capsys.readouterr().out == "outputs/s: 1 run to retry, but no command of this folder means that\n"


@pytest.mark.usefixtures("folder")
def test_retry_starts_nothing_when_dry(capsys, monkeypatch):
    monkeypatch.setattr(command_line.retry, "repeat", None)
    assert main(["retry", "outputs/s", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("1 run to repeat\n  frequency-reg -m seed=0,1 name=s")


def test_retry_wants_the_folder_of_one_sweep(folder, capsys):
    write_run(folder.parent / "t" / name(0))
    assert main(["retry", "outputs"]) == 2
    assert capsys.readouterr().err == "error: outputs: 2 sweeps (outputs/s, outputs/t); give the folder of one\n"
    assert main(["retry", f"outputs/s/{name(1)}"]) == 2
    assert capsys.readouterr().err == (
        f"error: outputs/s/{name(1)}: a run's folder; what is repeated are a sweep's commands: "
        "python -m sweeps retry outputs/s\n"
    )


def test_retry_asks_for_trust_where_a_command_may_run_code_of_the_folders_maker(folder, capsys, monkeypatch):
    plan(folder, [name(1)], ("-m", "trusted_packages=[theirs]"))
    monkeypatch.setattr(command_line.retry, "repeat", lambda _: 0)
    assert main(["retry", "outputs/s"]) == 2
    assert capsys.readouterr().err == (
        "error: outputs/s: a command of this folder names code, or settings that can run code: "
        "trusted_packages=[theirs]; add --trust if the folder was made by you\n"
    )
    assert main(["retry", "outputs/s", "--trust"]) == 0


def test_clean_shows_first_and_removes_with_yes(folder, capsys):
    checkpoint = folder / name(0) / "checkpoint-000003.pt"
    checkpoint.write_bytes(b"x" * 10)
    assert main(["clean", "outputs/s"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"      10 B  outputs/s/{name(0)}/checkpoint-000003.pt",
        "      10 B  to remove: 1 checkpoint file",
        "nothing was removed; add --yes to remove this",
    ]
    assert checkpoint.exists()
    assert main(["clean", "outputs/s", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "      10 B  removed: 1 checkpoint file"
    assert not checkpoint.exists()
    assert main(["clean", "outputs/s"]) == 0
    assert capsys.readouterr().out == "       0 B  to remove: nothing\n"


def test_clean_chooses_runs_by_status_and_plan_and_their_checkpoints(folder, capsys):
    for seed in (1, 2):
        if seed == 2:
            write_run(folder / name(2), "failed")
        (folder / name(seed) / "checkpoint-000001.pt").write_bytes(b"x")
    assert main(["clean", "outputs/s", "--status", "failed", "--checkpoints", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "       2 B  removed: 2 checkpoint files"
    assert main(["clean", "outputs/s", "--status", "failed", "--unplanned", "--yes"]) == 0
    assert not (folder / name(2)).exists()
    assert (folder / name(1)).exists()
    assert main(["clean", "outputs/s", "--status", "failed", "--yes"]) == 0
    assert not (folder / name(1)).exists()
    assert (folder / name(0)).exists()


def test_what_clean_could_not_remove_is_1_and_named(folder, capsys, monkeypatch):
    monkeypatch.setattr(command_line.clean, "_there", lambda runs: iter(runs))  # as if the process came just now
    with presence.hold(folder / name(1)):
        monkeypatch.setattr(
            command_line.clean, "folders", lambda _: [command_line.clean.Item(*[folder / name(1)] * 2, 1)]
        )
        assert main(["clean", "outputs/s", "--status", "failed", "--yes"]) == 1
    assert capsys.readouterr().err == f"kept: outputs/s/{name(1)}: a process is doing this run\n"
    assert (folder / name(1)).exists()


# --- the program -----------------------------------------------------------------------------------------------------


def program(*arguments, columns="80"):
    environment = {**os.environ, "COLUMNS": columns, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "sweeps", *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_help_names_the_four_commands_in_one_line_each():
    done = program("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m sweeps ")
    assert re.findall(r"^    (\w+)  .*\w$", done.stdout, flags=re.MULTILINE) == ["status", "list", "retry", "clean"]


@pytest.mark.parametrize("command", ["status", "list", "retry", "clean"])
def test_help_of_each_command_fits_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    out = capsys.readouterr().out
    assert out.startswith(f"usage: python -m sweeps {command} ")
    assert max(map(len, out.splitlines())) <= 80
    assert "%%" not in out


def test_control_characters_of_a_strangers_folder_do_not_reach_the_terminal(folder, capsys):
    write_run(folder / name(2), "failed", "boom \x1b]0;title\x07 \x9b31m")
    plan(folder, [name(2)], ("-m", "seed=\x1b[2J"))
    main(["status", "outputs/s"])
    out = capsys.readouterr().out
    assert "boom ?]0;title? ?31m" in out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


def test_who_reads_the_answer_may_stop_reading(folder):
    for seed in range(2, 60):
        write_run(folder / name(seed))
    code = f"{sys.executable} -m sweeps list outputs/s | true"
    done = subprocess.run(code, shell=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stderr == ""


@pytest.mark.parametrize(("status", "code"), [("complete", 0), ("failed", 1)])
def test_a_reader_that_leaves_changes_no_exit_code(folder, status, code):
    replace_run(folder / name(1), status)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        command = [sys.executable, "-m", "sweeps", "status", str(folder)]
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, env={**os.environ}, cwd=ROOT)
    assert (done.returncode, done.stderr) == (code, "")
