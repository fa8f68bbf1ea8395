"""Checkpoints: round trip, the last two, checksums, loud fallback, and no code from a stranger's file."""

import hashlib
import os
import pickle

import pytest
import torch

from frequency_reg import checkpoint
from frequency_reg.records import RecordsError


def test_round_trip_and_the_last_two_are_kept(tmp_path):
    for epoch in range(1, 5):
        checkpoint.save(tmp_path, epoch, {"epoch": epoch, "weight": torch.full((3,), float(epoch))})
    assert sorted(p.name for p in tmp_path.glob("*.pt")) == ["checkpoint-000003.pt", "checkpoint-000004.pt"]
    assert len(list(tmp_path.iterdir())) == 4
    state = checkpoint.load_newest(tmp_path)
    assert state["epoch"] == 4
    assert torch.equal(state["weight"], torch.full((3,), 4.0))


def test_none_where_there_is_none(tmp_path):
    assert checkpoint.load_newest(tmp_path) is None


@pytest.mark.parametrize("damage", ["truncate", "flip", "no checksum", "empty"])
def test_a_damaged_newest_one_falls_back_loudly(tmp_path, caplog, damage):
    checkpoint.save(tmp_path, 1, {"epoch": 1})
    newest = checkpoint.save(tmp_path, 2, {"epoch": 2})
    content = newest.read_bytes()
    if damage == "truncate":
        newest.write_bytes(content[:-7])
    elif damage == "flip":
        newest.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif damage == "empty":
        newest.write_bytes(b"")
    else:
        newest.with_suffix(".sha256").unlink()
    assert checkpoint.load_newest(tmp_path)["epoch"] == 1
    assert "checkpoint-000002.pt: damaged checkpoint passed over" in caplog.text


class Malice:
    def __reduce__(self):
        return os.mkdir, (Malice.target,)


def test_a_strangers_checkpoint_runs_no_code(tmp_path, caplog):
    Malice.target = str(tmp_path / "owned")
    path = tmp_path / "checkpoint-000001.pt"
    path.write_bytes(pickle.dumps({"epoch": Malice()}, protocol=2))
    path.with_suffix(".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    assert checkpoint.load_newest(tmp_path) is None
    assert "damaged checkpoint passed over" in caplog.text
    assert not (tmp_path / "owned").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match=r"checkpoint-000001\.sha256: could not be written"):
        checkpoint.save(tmp_path / "file", 1, {})


def test_what_a_killed_process_left_half_written_goes_with_the_next(tmp_path):
    (tmp_path / ".checkpoint-000001.pt.x1.tmp").write_bytes(b"half")
    checkpoint.save(tmp_path, 2, {"epoch": 2})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-000002.pt", "checkpoint-000002.sha256"]
