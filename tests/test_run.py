"""One run from configuration to records: what is recorded, and that a kill, a repetition or a failure loses nothing."""

import fcntl
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from frequency_reg import checkpoint, records
from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError, instantiate
from frequency_reg.evaluate import score
from frequency_reg.experiment import _warn_once, build_corruptions
from frequency_reg.records import RecordsError, content_digest
from frequency_reg.run import check, run
from frequency_reg.run_id import identity, recorded_run, run_directory
from tests.conftest import SMALL


def digest(config) -> str:
    return content_digest(run_directory(config))


def test_every_table_of_a_run(small):
    config = small("regularizer=spectral_mask")
    outcome = run(config)
    assert outcome.status == "complete"
    tables = records.read(outcome.directory)
    row = tables["run"].to_pylist()[0]
    assert (row["run_id"], row["status"], row["epoch"]) == (identity(config), "complete", 2)
    assert row["config.regularizer"] == "spectral_mask"
    assert row["provenance.threads"] == 1
    assert row["provenance.precision"] == "float32"
    epochs = tables["epochs"].to_pylist()
    assert [e["epoch"] for e in epochs] == [0, 1, 2]
    assert epochs[0]["train_loss"] is None
    assert epochs[2]["validation_accuracy"] == row["validation_accuracy"]
    spectra = tables["spectra"].to_pandas()
    assert set(spectra["epoch"]) == {0, 1, 2}
    assert spectra["layer"].nunique() == 19
    ssr = tables["ssr"].to_pandas()
    assert set(ssr["normalization"]) == {"dc", "total", "energy", "absolute", "absolute_folded"}
    assert set(ssr.loc[ssr["epoch"] == 2, "reference"]) == {"init", "epoch_1"}
    assert (ssr.query("epoch == 0 and reference == 'init' and status == 'ok'")["value"] == 0).all()
    assert len(tables["ssr_null"]) == 19 * 4 * 2
    assert set(tables["regularizer"].to_pandas()["quantity"]) == {"share_removed", "share_kept"}
    robustness = tables["robustness"].to_pylist()
    assert [(r["corruption"], r["severity"]) for r in robustness] == [("gaussian_noise", 0), ("gaussian_noise", 1)]
    assert robustness[0]["accuracy"] == row["clean_accuracy"]
    assert robustness[0]["n"] == 500


def test_equal_runs_have_equal_digests_and_other_seeds_have_not(small, tmp_path):
    first, second, other = (
        small("outputs=" + str(tmp_path / "a")),
        small("outputs=" + str(tmp_path / "b")),
        small("seed=1"),
    )
    for config in (first, second, other):
        run(config)
    assert digest(first) == digest(second) != digest(other)


def test_a_finished_run_is_not_repeated(small):
    config = small("epochs=1")
    directory = run(config).directory
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in directory.iterdir()}
    assert run(config).skipped
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in directory.iterdir()}


def test_a_finished_run_of_other_code_is_kept_and_said(small, monkeypatch):
    config = small("epochs=1")
    run(config)
    monkeypatch.setattr("frequency_reg.run_id.source_digest", lambda: "something else")
    outcome = run(config)
    assert outcome.skipped
    assert "made by another version of the code; delete its folder to repeat it" in outcome.detail


def test_stopping_after_any_epoch_and_going_on_changes_no_bit(small, tmp_path, monkeypatch):
    whole = small("epochs=3", "regularizer=[dropout,spectral_mask,weight_decay]", f"outputs={tmp_path}/whole")
    run(whole)
    for stop_after in (1, 2):
        parts = small(
            "epochs=3", "regularizer=[dropout,spectral_mask,weight_decay]", f"outputs={tmp_path}/{stop_after}"
        )
        save = checkpoint.save

        def save_and_stop(directory, epoch, state, stop_after=stop_after, save=save):
            save(directory, epoch, state)
            if epoch == stop_after:
                raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run(parts)
        monkeypatch.setattr(checkpoint, "save", save)
        interrupted = records.read(run_directory(parts))
        assert interrupted["run"]["status"].to_pylist() == ["killed"]
        assert max(interrupted["epochs"]["epoch"].to_pylist()) == stop_after
        run(parts)
        assert digest(parts) == digest(whole)


def test_kill_9_in_mid_run_and_the_same_command_again_changes_no_bit(small, tmp_path):
    overrides = ["epochs=6", "regularizer=dropout"]
    whole, killed = small(*overrides, f"outputs={tmp_path}/whole"), small(*overrides, f"outputs={tmp_path}/killed")
    run(whole)
    command = [sys.executable, "-m", "frequency_reg", *SMALL, *overrides, f"outputs={tmp_path}/killed"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(run_directory(killed).glob("checkpoint-*.pt")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert recorded_run(run_directory(killed))["status"] == "running", "the last word of the process"
    row = records.read(run_directory(killed))["run"].to_pylist()[0]
    assert row["status"] == "killed", "nobody does it now"
    assert row["epoch"] < 6
    run(killed)
    assert digest(killed) == digest(whole)


def test_a_damaged_checkpoint_costs_time_but_no_bit(small):
    damaged = small("epochs=3")
    directory = run(damaged).directory
    whole = digest(damaged)
    newest = sorted(directory.glob("checkpoint-*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:100])
    (directory / "run.parquet").unlink()
    assert run(damaged).status == "complete"
    assert digest(damaged) == whole


@pytest.mark.parametrize("damage", ["missing", "garbage", "short"])
def test_records_that_do_not_fit_the_checkpoint_start_the_run_over_loudly(small, caplog, damage):
    damaged = small("epochs=2")
    directory = run(damaged).directory
    whole = digest(damaged)
    spectra = directory / "spectra.parquet"
    if damage == "missing":
        spectra.unlink()
    elif damage == "garbage":
        spectra.write_bytes(b"PAR1 garbage PAR1")
    else:
        records.write_table(spectra, pq.read_table(spectra).slice(3))
    assert len(records.read(directory).damaged) == (0 if damage == "short" else 1)
    outcome = run(damaged)
    assert (outcome.status, outcome.skipped) == ("complete", False)
    assert "starting over, its records do not fit its checkpoint" in caplog.text
    assert digest(damaged) == whole


def test_a_run_does_not_go_on_with_other_code(small, monkeypatch, caplog):
    config = small("epochs=2")
    directory = run(config).directory
    (directory / "run.parquet").unlink()
    monkeypatch.setattr("frequency_reg.provenance.source_digest", lambda: "other code")
    assert run(config).status == "complete"
    assert "starting over, its checkpoint was made otherwise: source_digest was" in caplog.text
    assert records.read(directory)["epochs"]["epoch"].to_pylist() == [0, 1, 2]


def test_a_run_that_cannot_be_built_is_a_status(small, monkeypatch):
    def fail(*_, **__):
        raise MemoryError("too large")

    monkeypatch.setattr("frequency_reg.experiment.regularizer_parts", fail)
    outcome = run(small())
    assert outcome.status == "oom"
    row = records.read(outcome.directory)["run"].to_pylist()[0]
    assert (row["status_detail"], row["config.model"]) == ("MemoryError: too large", "resnet20")
    assert "Traceback" in (outcome.directory / "log.txt").read_text()


@pytest.mark.parametrize(
    ("group", "shape", "said"),
    [
        ("pixelate", (1, 8, 8), ["images of 1 x 8 x 8 (C, H, W): pixelate does the same at severities 1, 2, 3; their"]),
        ("pixelate", (3, 32, 32), []),
        ("saturate", (1, 32, 32), ["saturate changes nothing at severity 1, 2, 3 (as it says of such images)"]),
        ("saturate", (3, 32, 32), []),
        ("impulse_noise", (1, 8, 8), []),
    ],
)
def test_severities_that_coincide_are_one_warning(caplog, group, shape, said):
    _warn_once.cache_clear()
    config = make_plan([f"corruption=[{group}]"], multirun=False).runs[0]
    for _ in range(2):
        build_corruptions(config, shape)
    assert len(caplog.records) == len(said)
    assert all(text in record.message for text, record in zip(said, caplog.records, strict=True))


def test_constants_that_change_nothing_are_said(caplog):
    _warn_once.cache_clear()
    config = make_plan(
        ["corruption=[gaussian_noise]", "corruption.gaussian_noise.sigma=[0.0000001,0.1,0.1]"], multirun=False
    ).runs[0]
    build_corruptions(config, (1, 8, 8))
    expected = "gaussian_noise changes nothing at severity 1; gaussian_noise does the same at severities 2, 3"
    assert expected in caplog.text


def test_checking_ahead_raises_bad_input_only(small, monkeypatch):
    images = instantiate(small().dataset).load()
    with pytest.raises(ConfigError, match=r"model\.padding=0: 8 x 8 images are too small"):
        check(small("model=lenet", "model.width=1.0"), images)

    def fail(*_, **__):
        raise TypeError("a part's own bug")

    monkeypatch.setattr("frequency_reg.experiment.regularizer_parts", fail)
    check(small(), images)
    assert run(small()).status == "failed"


def test_divergence_is_a_status_with_null_for_what_does_not_exist(small):
    outcome = run(small("optimizer.lr=1e30"))
    assert outcome.status == "diverged"
    assert "in epoch 1" in outcome.detail
    row = records.read(outcome.directory)["run"].to_pylist()[0]
    assert row["status_detail"] == outcome.detail
    assert row["clean_accuracy"] is None
    assert run(small("optimizer.lr=1e30")).skipped


def test_outputs_that_overflow_after_the_last_update_are_a_divergence(small, monkeypatch):
    asked = []

    def overflowing(*arguments, **options):
        asked.append(arguments)
        found = score(*arguments, **options)
        return replace(found, loss=math.inf) if len(asked) == 3 else found  # epochs 0 and 1, then the last

    monkeypatch.setattr("frequency_reg.run.score", overflowing)
    outcome = run(small("epochs=2"))
    assert (outcome.status, outcome.detail) == ("diverged", "the validation loss became inf after epoch 2")
    tables = records.read(outcome.directory)
    assert tables["epochs"]["validation_loss"].to_pylist()[-1] is None
    assert len(tables["robustness"]) == 0


@pytest.mark.parametrize(("error", "status"), [(RuntimeError("boom"), "failed"), (MemoryError("too much"), "oom")])
def test_an_exception_is_a_status_with_its_traceback_in_the_log(small, monkeypatch, error, status):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("frequency_reg.run.measured", fail)
    config = small("epochs=1")
    outcome = run(config)
    assert outcome.status == status
    assert str(error) in outcome.detail
    assert "Traceback" in (outcome.directory / "log.txt").read_text()
    assert records.read(outcome.directory)["run"]["status"].to_pylist() == [status]
    monkeypatch.undo()
    assert run(config).status == "complete", "a failed run is done again"


def test_bad_input_leaves_no_directory(small, tmp_path):
    with pytest.raises(Exception, match=r"model\.padding=0: 8 x 8 images are too small"):
        run(small("model=lenet", "model.width=1.0"))
    assert not (tmp_path / "outputs").exists()


def test_a_run_that_another_process_is_doing_is_left_to_it(small):
    config = small()
    directory = run_directory(config)
    directory.mkdir(parents=True)
    with (directory / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome = run(config)
        assert (outcome.status, outcome.detail) == ("running", "another process is doing this run")
        assert [path.name for path in directory.iterdir()] == [".lock"]
    assert run(config).status == "complete"


def test_a_folder_that_cannot_be_made_is_named(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        RecordsError, match=r"cannot be written \(Not a directory\)\. Choose another folder with outputs="
    ):
        run(small(f"outputs={tmp_path}/file"))


def test_validation_split_can_be_corrupted_too(small):
    outcome = run(small("epochs=1", "evaluation.splits=[test,validation]"))
    rows = records.read(outcome.directory)["robustness"].to_pandas()
    assert rows.groupby("split")["n"].first().to_dict() == {"test": 500, "validation": 200}


@pytest.mark.parametrize("room_for_the_end", [True, False])
def test_a_disk_that_fills_up_ends_the_run_as_failed(small, monkeypatch, room_for_the_end):
    """It is no bad input: training had begun, and what can still be said is said."""
    full = RecordsError("checkpoint-000001.pt: could not be written (No space left on device)")
    config = small("epochs=1")

    def refuse(*_, **__):
        if not room_for_the_end:
            monkeypatch.setattr("frequency_reg.run.RunWriter.publish", refuse)
        raise full

    monkeypatch.setattr("frequency_reg.checkpoint.save", refuse)
    outcome = run(config)
    assert (outcome.status, "No space left on device" in outcome.detail) == ("failed", True)
    assert "No space left on device" in (outcome.directory / "log.txt").read_text()
    assert recorded_run(outcome.directory)["status"] == ("failed" if room_for_the_end else "running")
    assert ("could not be recorded either" in outcome.detail) is not room_for_the_end
    monkeypatch.undo()
    assert run(config).status == "complete"


@pytest.mark.parametrize("lost", ["run_id", "status"])
def test_a_row_that_does_not_say_what_it_is_is_no_record_and_is_replaced(small, lost):
    config = small("epochs=1")
    directory = run(config).directory
    pq.write_table(pq.read_table(directory / "run.parquet").drop_columns([lost]), directory / "run.parquet")
    assert recorded_run(directory) is None
    assert run(config).status == "complete"
    assert recorded_run(directory)["status"] == "complete"
