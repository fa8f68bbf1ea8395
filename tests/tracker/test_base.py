"""A tracker that fails costs one warning and the mirror, never the run; rows and columns."""

import importlib.util
import logging

import pytest

from frequency_reg.records import content_digest
from frequency_reg.run import run
from frequency_reg.tracker.base import Mirrors, Origin, Tracker, columns_of, require, rows_of


class Diary(Tracker):
    """Writes down what it is told; fails at the call that it is told to fail at."""

    def __init__(self, *, fail_at=None, calls=None):
        self.calls = [] if calls is None else calls
        self.fail_at = fail_at

    def note(self, *call):
        self.calls.append(call)
        if call[0] == self.fail_at:
            raise OSError(28, "No space left on device")

    def start(self, origin):
        self.note("start", origin.run_name, origin.sweep.name)

    def rows(self, table, columns):
        self.note("rows", table, len(rows_of(columns)))

    def publish(self):
        self.note("publish")

    def end(self, row):
        self.note("end", row["status"])

    def close(self):
        self.note("close")


def origin(tmp_path):
    return Origin("id", tmp_path / "sweep" / "run", {}, 0.0)


def test_rows_of_broadcasts_what_is_one_for_all():
    columns = {"epoch": 3, "layer": ("a", "b"), "value": [0.5, None], "text": "one"}
    assert rows_of(columns) == [
        {"epoch": 3, "layer": "a", "value": 0.5, "text": "one"},
        {"epoch": 3, "layer": "b", "value": None, "text": "one"},
    ]
    assert rows_of({"epoch": 3}) == [{"epoch": 3}]


def test_columns_of_is_its_inverse_without_the_run_id():
    rows = [{"run_id": "x", "epoch": 1, "value": 0.5}, {"run_id": "x", "epoch": 2, "value": None}]
    assert columns_of(rows) == {"epoch": [1, 2], "value": [0.5, None]}
    assert rows_of(columns_of(rows)) == [{"epoch": 1, "value": 0.5}, {"epoch": 2, "value": None}]
    assert columns_of([]) == {}


def test_what_is_recorded_already_is_given_first(tmp_path):
    diary = Diary()
    mirrors = Mirrors({"diary": diary})
    mirrors.start(origin(tmp_path), lambda: {"epochs": {"epoch": [0, 1]}})
    mirrors.rows("epochs", {"epoch": 2})
    mirrors.publish()
    mirrors.end({"status": "complete"})
    mirrors.close()
    assert diary.calls == [
        ("start", "run", "sweep"),
        ("rows", "epochs", 2),
        ("publish",),
        ("rows", "epochs", 1),
        ("publish",),
        ("end", "complete"),
        ("close",),
    ]


@pytest.mark.parametrize("fail_at", ["start", "rows", "publish", "end", "close"])
def test_a_failure_is_one_warning_and_the_end_of_that_mirror_only(tmp_path, caplog, fail_at):
    broken, sound = Diary(fail_at=fail_at), Diary()
    mirrors = Mirrors({"broken": broken, "sound": sound})
    mirrors.start(origin(tmp_path), lambda: {"epochs": {"epoch": [0]}})
    for _ in range(3):
        mirrors.rows("epochs", {"epoch": 1})
        mirrors.publish()
    mirrors.end({"status": "complete"})
    mirrors.close()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert warnings[0] == (
        "tracker broken: OSError: [Errno 28] No space left on device; the run goes on without it and its records are "
        f"whole. To mirror them when it is over: python -m frequency_reg.tracker broken {tmp_path}/sweep/run"
    )
    assert [call[0] for call in broken.calls].count(fail_at) == (2 if fail_at == "close" else 1)
    assert broken.calls[-1] == ("close",)
    assert len(sound.calls) == 1 + 2 + 6 + 2


def test_a_run_that_was_never_started_is_told_nothing():
    diary = Diary()
    mirrors = Mirrors({"diary": diary})
    mirrors.rows("epochs", {"epoch": 1})
    mirrors.end({"status": "failed"})
    mirrors.close()
    assert diary.calls == []


def test_without_trackers_the_records_are_not_read_again(tmp_path):
    Mirrors({}).start(origin(tmp_path), lambda: pytest.fail("asked for the recorded rows"))


def test_require_names_what_is_missing_and_what_installs_it(monkeypatch):
    require("x", ["json"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else object())
    with pytest.raises(ValueError, match=r"tracker=x: not installed: mlflow; pip install 'frequency-reg\[trackers\]'"):
        require("x", ["mlflow", "sqlalchemy"])


@pytest.mark.parametrize("fail_at", [None, "start", "rows", "publish", "end"])
def test_records_of_a_run_are_the_same_with_and_without_and_whatever_fails(
    small, tmp_path, monkeypatch, caplog, fail_at
):
    plain = run(small(f"outputs={tmp_path}/plain", "epochs=1"))
    calls = []
    monkeypatch.setattr("frequency_reg.run.Mirrors", lambda _: Mirrors({"d": Diary(fail_at=fail_at, calls=calls)}))
    with caplog.at_level(logging.WARNING):
        mirrored = run(small(f"outputs={tmp_path}/mirrored", "epochs=1"))
    assert mirrored.status == "complete"
    assert content_digest(plain.directory) == content_digest(mirrored.directory)
    assert len(caplog.records) == (fail_at is not None)
    if fail_at is None:
        order = [call[0] for call in calls if call[0] != "rows"]
        assert order == ["start", "publish", "publish", "publish", "end", "close"]
        tables = {call[1] for call in calls if call[0] == "rows"}
        assert tables == {"epochs", "ssr", "spectra", "ssr_null", "robustness"}
    else:
        assert "No space left on device" in (mirrored.directory / "log.txt").read_text()


def test_how_a_run_ends_is_told(small, monkeypatch):
    calls = []
    monkeypatch.setattr("frequency_reg.run.Mirrors", lambda _: Mirrors({"d": Diary(calls=calls)}))
    assert run(small("optimizer.lr=1e30")).status == "diverged"

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("frequency_reg.run.measured", fail)
    with pytest.raises(KeyboardInterrupt):
        run(small("epochs=1"))
    assert [call[1] for call in calls if call[0] == "end"] == ["diverged", "killed"]
