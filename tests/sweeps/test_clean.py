"""What cleaning removes, and above all what it leaves."""

import pytest

from frequency_reg import presence
from frequency_reg.config import ConfigError
from sweeps import clean
from sweeps.folder import read
from tests.sweeps.folders import name, plan, write_run


def write_checkpoints(directory, size=100):
    for epoch in (1, 2):
        (directory / f"checkpoint-00000{epoch}.pt").write_bytes(b"x" * size)
        (directory / f"checkpoint-00000{epoch}.sha256").write_bytes(b"y" * 64)
    return directory


def one(path):
    (sweep,) = read(path)
    return sweep


def files(path):
    return {str(file.relative_to(path)) for file in path.rglob("*")}


def test_checkpoints_of_finished_runs_and_leftovers(tmp_path):
    for i, status in enumerate(["complete", "diverged", "failed", "killed", "pruned"]):
        write_checkpoints(write_run(tmp_path / name(i), status))
    (tmp_path / name(2) / ".run.parquet.abc.tmp").write_bytes(b"z" * 7)
    items = clean.superfluous(one(tmp_path))
    finished = [name(0), name(1)]
    expected = {f"{run}/checkpoint-00000{e}.{end}" for run in finished for e in (1, 2) for end in ("pt", "sha256")}
    expected |= {f"{name(2)}/.run.parquet.abc.tmp"}
    assert {str(item.path.relative_to(tmp_path)) for item in items} == expected
    assert sum(item.size for item in items) == 2 * 2 * (100 + 64) + 7
    before = files(tmp_path)
    gone, kept = clean.remove(items)
    assert (set(gone), kept) == (set(items), {})
    assert files(tmp_path) == before - expected
    assert one(tmp_path).counts["complete"] == 1


def test_whole_folders_of_runs(tmp_path):
    write_checkpoints(write_run(tmp_path / name(0), "failed"))
    write_run(tmp_path / name(1))
    (item,) = clean.folders([run for run in one(tmp_path).runs if run.status == "failed"])
    assert item.size == sum(file.stat().st_size for file in (tmp_path / name(0)).iterdir())
    clean.remove([item])
    assert [path.name for path in tmp_path.iterdir()] == [name(1)]


def test_a_run_that_a_process_does_is_left(tmp_path):
    directory = write_checkpoints(write_run(tmp_path / name(0), "failed"))
    items = clean.folders(one(tmp_path).runs)
    before = files(tmp_path)
    with presence.hold(directory):
        assert clean.folders(one(tmp_path).runs) == [], "it is seen"
        assert clean.remove(items) == ([], {directory: "a process is doing this run"}), "it came later"
    assert files(tmp_path) == before


def test_links_are_not_followed(tmp_path):
    outside = write_checkpoints(write_run(tmp_path / "outside" / name(9)))
    folder = tmp_path / "s"
    inside = write_run(folder / name(0), "failed")
    plan(folder, [name(0), name(8)])
    (folder / name(8)).symlink_to(outside)
    (inside / "link").symlink_to(outside)
    (write_run(folder / name(1)) / "checkpoint-000001.pt").symlink_to(outside / "checkpoint-000001.pt")
    before = files(outside)
    sweep = one(folder)
    items = clean.folders(sweep.runs) + clean.superfluous(sweep)
    assert {item.directory for item in items} == {inside, folder / name(1)}
    clean.remove(items)
    assert files(outside) == before
    assert (folder / name(8)).is_symlink()


def test_folders_that_are_no_runs_are_left(tmp_path):
    plan(tmp_path, [])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "log.txt").write_text("mine")
    (tmp_path / "report.html").write_text("mine")
    write_run(tmp_path / name(0))
    clean.remove(clean.folders(clean.unplanned(one(tmp_path))))
    assert files(tmp_path) >= {"notes/log.txt", "report.html"}
    assert not (tmp_path / name(0)).exists()


def test_what_a_killed_process_left_is_a_planned_runs_folder(tmp_path):
    plan(tmp_path, [name(0)])
    (tmp_path / name(0)).mkdir()
    (tmp_path / name(0) / ".lock").touch()
    assert [item.path for item in clean.folders(one(tmp_path).runs)] == [tmp_path / name(0)]


def test_unplanned_runs(tmp_path):
    plan(tmp_path, [name(0)])
    for seed in (0, 1):
        write_run(tmp_path / name(seed))
    assert [run.name for run in clean.unplanned(one(tmp_path))] == [name(1)]


@pytest.mark.parametrize("case", ["no manifest", "search", "unreadable"])
def test_where_nobody_knows_what_is_planned_nothing_is_unplanned(tmp_path, case):
    write_run(tmp_path / name(0))
    if case == "search":
        plan(tmp_path, [], trials=3)
    if case == "unreadable":
        plan(tmp_path, [name(1)])
        (tmp_path / ".sweeps" / "x.json").write_text("")
    with pytest.raises(ConfigError, match=r"--unplanned: no manifest says of every run whether it is planned \("):
        clean.unplanned(one(tmp_path))


def test_what_cannot_be_removed_is_kept_with_the_reason(tmp_path, monkeypatch):
    directory = write_checkpoints(write_run(tmp_path / name(0)))
    items = clean.superfluous(one(tmp_path))

    def refuse(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(clean.Path, "unlink", refuse)
    assert clean.remove(items[:1]) == ([], {directory / "checkpoint-000001.pt": "permission denied"})


def test_in_words_and_as_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    directory = write_run(tmp_path / "s" / name(0))
    (directory / "checkpoint-000001.pt").write_bytes(b"x" * 2048)
    (directory / ".a.tmp").write_bytes(b"x")
    items = clean.superfluous(one(tmp_path / "s"))
    assert clean.describe(items, done=False).splitlines() == [
        f"       1 B  s/{name(0)}/.a.tmp",
        f"   2.0 KiB  s/{name(0)}/checkpoint-000001.pt",
        "   2.0 KiB  to remove: 1 leftover file, 1 checkpoint file",
    ]
    assert clean.describe([], done=True) == "       0 B  removed: nothing"
    assert clean.as_json(items[1:], {items[0].path: "why"}, removed=True) == {
        "removed": True,
        "bytes": 2048,
        "items": [{"path": str(directory / "checkpoint-000001.pt"), "kind": "checkpoint", "bytes": 2048}],
        "kept": [{"path": str(directory / ".a.tmp"), "reason": "why"}],
    }
