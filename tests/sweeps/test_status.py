"""A sweep's folder in words and as JSON, to the letter."""

import dataclasses
import json
import time

from frequency_reg import presence
from sweeps.folder import Run, Sweep, read
from sweeps.status import as_json, describe, list_runs, run_as_json
from tests.sweeps.folders import name, plan, write_run


def described(path, **options):
    return describe(read(path), **options).splitlines()


def held(directory, *, fraction, seconds):
    """Hold a run that was taken up ``seconds`` ago and has four epochs."""
    context = presence.hold(directory)
    ours = context.__enter__()
    started = time.time() - seconds
    ours._sign = dataclasses.replace(
        ours._sign, host="node1", pid=42, started=started, epoch=int(4 * fraction), epochs=4, fraction=fraction
    )
    ours._write()
    return context


def test_everything_is_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan(tmp_path / "outputs/s", [name(0), name(1)])
    for seed in (0, 1):
        write_run(tmp_path / "outputs/s" / name(seed))
    assert described(tmp_path / "outputs/s") == ["outputs/s: 2 runs planned", "  2 complete"]


def test_a_sweep_in_the_middle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs/s"
    plan(folder, [name(i) for i in range(6)])
    write_run(folder / name(0))
    directory = write_run(folder / name(1), "running")
    write_run(folder / name(2), "failed", "ValueError: " + "x" * 100)
    write_run(folder / name(3), "diverged", "loss is nan in epoch 2")
    context = held(directory, fraction=0.5, seconds=60)
    lines = described(folder)
    context.__exit__(None, None, None)
    # One place: the running run needs 60 s, the two missing ones 24 s each.
    assert lines == [
        "outputs/s: 6 runs planned, 1 min 48 s left",
        "  1 complete, 1 running, 2 missing, 1 failed, 1 diverged",
        "",
        "running                                        epoch  share  time left  process",
        "digits-res...ight_decay=0.001-seed=1-0a1b2c3d    2/4    50%  1 min 0 s  node1:42",
        "",
        "failed: ValueError: " + "x" * 57 + "...",
        f"  outputs/s/{name(2)}/log.txt",
        "diverged: loss is nan in epoch 2",
        f"  outputs/s/{name(3)}/log.txt",
        "",
        "to repeat what failed: python -m sweeps retry outputs/s",
    ]


def test_after_a_kill_of_everything_it_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs/s"
    plan(folder, [name(0), name(1)], ("-m", "seed=0,1", "model=lenet"))
    write_run(folder / name(0), "running")
    assert described(folder)[-5:] == [
        f"  outputs/s/{name(0)}/log.txt",
        "",
        "to repeat what failed: python -m sweeps retry outputs/s",
        "nothing runs now; to go on:",
        "  frequency-reg -m seed=0,1 model=lenet",
    ]


def test_twenty_failed_runs_are_named_and_the_others_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in range(23):
        write_run(tmp_path / "s" / name(seed), "oom" if seed == 22 else "failed", "boom")
    lines = described(tmp_path / "s")
    assert sum(line.endswith("/log.txt") for line in lines) == 20
    assert "and 3 more (python -m sweeps list s --status failed,oom)" in lines


def test_versions_of_the_code_and_runs_of_no_command_are_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan(tmp_path / "s", [name(0), name(1), name(2)])
    for seed, code in enumerate(["3fa9c2d1aaaa", "3fa9c2d1aaaa", "81cc0a7ebbbb"]):
        write_run(tmp_path / "s" / name(seed), code=code)
    write_run(tmp_path / "s" / name(3), "failed", "boom", code="x")
    text = " ".join(described(tmp_path / "s"))
    text = " ".join(text.split())
    assert "3 runs planned 3 complete" in text
    assert "finished runs made by different versions of the code: 2 by 3fa9c2d1, 1 by 81cc0a7e." in text
    assert "besides, 1 run that no command here means (1 failed)" in text
    assert "python -m sweeps clean s --unplanned" in text


def test_a_damaged_record_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "s" / name(0))
    (write_run(tmp_path / "s" / name(1)) / "run.parquet").write_bytes(b"")
    lines = described(tmp_path / "s")
    assert lines[:2] == ["s: 2 runs", "  1 complete, 1 damaged"]
    assert f"damaged: s/{name(1)}/run.parquet" in lines


def test_a_search_and_an_unreadable_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan(tmp_path / "s", [], ("-m", "hydra/sweeper=optuna"), trials=5, seeds=2)
    (tmp_path / "s/.sweeps/x.json").write_text("[")
    lines = described(tmp_path / "s")
    assert lines[:2] == ["s: at most 10 runs planned", "  10 missing"]
    assert "1 manifest in s/.sweeps cannot be read" in lines


def test_several_sweeps_are_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan(tmp_path / "one", [name(0), name(1), name(2)])
    write_run(tmp_path / "one" / name(0))
    write_run(tmp_path / "one" / name(1), "failed", "boom")
    write_run(tmp_path / "other" / name(0))
    assert described(tmp_path) == [
        "complete  running  missing  other  time left  sweep",
        "     1/3        -        1      1          -  one",
        "     1/1        -        -      -          -  other",
    ]


def test_no_line_is_wider_than_80_columns_but_paths_and_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = [f"{'digits-resnet20-' * 5}seed={i}-0123456{i}" for i in range(9)]
    plan(tmp_path / "s", long)
    for i, run in enumerate(long[:4]):
        write_run(tmp_path / "s" / run, ["complete", "failed", "killed", "diverged"][i], "because " * 30, code=str(i))
    context = held(write_run(tmp_path / "s" / long[4], "running"), fraction=0.99, seconds=4000)
    lines = described(tmp_path / "s") + list_runs(*read(tmp_path / "s")).splitlines()
    context.__exit__(None, None, None)
    assert [line for line in lines if len(line) > 80 and not line.endswith("log.txt")] == []


# --- list ------------------------------------------------------------------------------------------------------------


def sweep_of(tmp_path):
    plan(tmp_path / "s", [name(i) for i in range(4)])
    write_run(tmp_path / "s" / name(0), train_seconds=3725.0)
    write_run(tmp_path / "s" / name(1), "failed", "boom", validation_accuracy=None, train_seconds=None)
    write_run(tmp_path / "s" / name(2), "killed")
    return read(tmp_path / "s")[0]


def test_one_line_a_run(tmp_path):
    assert list_runs(sweep_of(tmp_path), width=100).splitlines() == [
        "status    epoch  valid %  test %      train  name",
        f"complete    3/3     87.5    96.9  1 h 2 min  {name(0)}",
        f"failed      1/3                              {name(1)}",
        f"killed      1/3     87.5               20 s  {name(2)}",
        f"missing                                      {name(3)}",
    ]


def test_names_are_clipped_to_80_columns_and_keep_seed_and_hash(tmp_path):
    lines = list_runs(sweep_of(tmp_path)).splitlines()
    assert max(map(len, lines)) == 80
    assert [line[-15:] for line in lines[1:]] == [name(i)[-15:] for i in range(4)]
    assert "..." in lines[1]


def test_only_the_statuses_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = sweep_of(tmp_path)
    assert [line.split()[0] for line in list_runs(sweep, ["killed", "failed"]).splitlines()[1:]] == ["failed", "killed"]
    assert list_runs(sweep, ["oom", "pruned"]) == "s: no run is oom or pruned"


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_a_sweep_as_json(tmp_path):
    folder = tmp_path / "s"
    plan(folder, [name(i) for i in range(4)], ("-m", "seed=0,1,2,3"))
    write_run(folder / name(0), code="aa")
    directory = write_run(folder / name(1), "running")
    write_run(folder / name(2), "failed", "boom")
    write_run(folder / name(9), "complete", code="bb")
    context = held(directory, fraction=0.5, seconds=60)
    found = json.loads(json.dumps(as_json(read(folder)[0])))
    context.__exit__(None, None, None)
    (running,) = found.pop("running")
    assert 100 > found.pop("seconds_left") > running.pop("seconds_left") > 59
    assert running == {"name": name(1), "epoch": 2, "epochs": 4, "fraction": 0.5, "host": "node1", "pid": 42}
    assert found == {
        "path": str(folder),
        "planned": 4,
        "at_most": False,
        "complete": False,
        "counts": {
            "running": 1,
            "complete": 1,
            "diverged": 0,
            "pruned": 0,
            "failed": 1,
            "oom": 0,
            "timeout": 0,
            "killed": 0,
            "missing": 1,
            "damaged": 0,
        },
        "unplanned": 1,
        "not_complete": [
            {"name": name(2), "status": "failed", "detail": "boom", "log": str(folder / name(2) / "log.txt")}
        ],
        "damaged": [],
        "code_versions": {"aa": 1, "bb": 1},
        "commands": ["frequency-reg -m seed=0,1,2,3"],
    }


def test_a_run_as_json(tmp_path):
    run = read(write_run(tmp_path / "s" / name(0), code="aa"))[0].runs[0]
    assert run_as_json(run) == {
        "name": name(0),
        "path": str(tmp_path / "s" / name(0)),
        "status": "complete",
        "detail": "",
        "planned": None,
        "epoch": 3,
        "epochs": 3,
        "validation_accuracy": 0.875,
        "clean_accuracy": 0.96875,
        "train_seconds": 20.0,
        "code_version": "aa",
    }


def test_the_docstring_names_every_key(tmp_path):
    sweep = Sweep(tmp_path, (), (Run(tmp_path, "missing"),), 0.0)
    assert [key for key in as_json(sweep) if f"``{key}``" not in as_json.__doc__] == []
