"""What TensorBoard reads is what the records hold, also after an interruption."""

import struct

import pytest

pytest.importorskip("tensorboard", reason="pip install 'frequency-reg[trackers]'")

from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator  # TensorBoard's own
from tensorboard.plugins.hparams import metadata, plugin_data_pb2
from tensorboard.util.tensor_util import make_ndarray

from frequency_reg import checkpoint, records
from frequency_reg.run import run
from frequency_reg.run_id import flat_config, identity, run_directory
from frequency_reg.tracker.base import Origin
from frequency_reg.tracker.tensorboard import TensorBoard


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def loaded(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def shown(folder):
    """Every value by tag and step; a step that is there twice fails."""
    accumulator = loaded(folder)
    found = {}
    for tag in accumulator.Tags()["tensors"]:
        for event in accumulator.Tensors(tag):
            if not tag.startswith("_hparams_"):
                assert (tag, event.step) not in found, "shown twice"
                found[tag, event.step] = make_ndarray(event.tensor_proto).item()
    return found


def expected(directory):
    """From the Parquet files, with nothing of the tracker's code."""
    tables = records.read(directory)
    values = {}
    for row in tables["epochs"].to_pylist():
        for column in ("train_loss", "validation_accuracy", "learning_rate", "train_seconds"):
            if row[column] is not None:
                values[f"epochs/{column}", row["epoch"]] = float32(row[column])
    last = max(tables["ssr"]["depth"].to_pylist())
    for row in tables["ssr"].to_pylist():
        end = {0: "first", last: "last"}.get(row["depth"])
        if end and row["value"] is not None:
            values[f"ssr/{row['normalization']}/{row['reference']}/{end}", row["epoch"]] = float32(row["value"])
    for row in tables["robustness"].to_pylist():
        values[f"robustness/{row['split']}/{row['corruption']}", row["severity"]] = float32(row["accuracy"])
    run_row = tables["run"].to_pylist()[0]
    values["run/clean_accuracy", run_row["epoch"]] = float32(run_row["clean_accuracy"])
    return values


def folder_of(config):
    directory = run_directory(config)
    return directory.parent / ".tensorboard" / directory.name


def test_a_run_reads_back_as_its_records(small):
    config = small("tracker=tensorboard", "regularizer=spectral_mask")
    outcome = run(config)
    found = shown(folder_of(config))
    want = expected(outcome.directory)
    assert len(want) > 50
    assert {key: found[key] for key in want} == want
    assert len([key for key in found if key[0].startswith("ssr/")]) == len([k for k in want if k[0].startswith("ssr/")])
    assert found["run/run_id", 0].decode().strip() == identity(config)
    assert found["run/run_name", 0].decode().strip() == outcome.directory.name
    assert [v.decode().strip() for (tag, _), v in found.items() if tag == "run/status"] == ["running", "complete"]


def test_the_configuration_is_hyperparameters(small):
    config = small("tracker=tensorboard", "epochs=1")
    run(config)
    content = loaded(folder_of(config)).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    want = {name: "null" if value is None else value for name, value in flat_config(config).items()}
    assert values == want
    assert (values["model.width"], values["regularizer"]) == (4, "none")
    assert start.group_name == identity(config)
    content = loaded(folder_of(config)).SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    assert plugin_data_pb2.HParamsPluginData.FromString(content).session_end_info.status == 1, "STATUS_SUCCESS"


def test_definitions_stand_beside_the_curves(small):
    config = small("tracker=tensorboard", "epochs=1")
    run(config)
    described = loaded(folder_of(config)).SummaryMetadata("epochs/validation_accuracy").summary_description
    assert described == "accuracy on the validation split after the epoch"


@pytest.mark.parametrize("tracked_before", [True, False])
def test_after_an_interruption_everything_is_there_once(small, monkeypatch, tracked_before):
    save = checkpoint.save

    def save_and_stop(directory, epoch, state):
        save(directory, epoch, state)
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run(small("epochs=4", *(["tracker=tensorboard"] if tracked_before else [])))
    config = small("epochs=4", "tracker=tensorboard")
    if tracked_before:
        assert max(step for tag, step in shown(folder_of(config)) if tag == "epochs/train_loss") == 2
        assert shown(folder_of(config))["run/status", 3].decode().strip().startswith("killed: interrupted")
    monkeypatch.undo()
    run(config)
    found, want = shown(folder_of(config)), expected(run_directory(config))
    assert {key: found[key] for key in want} == want
    assert {step for tag, step in found if tag == "epochs/train_loss"} == {1, 2, 3, 4}


def test_a_tensorboard_that_is_watching_forgets_what_was_made_anew(tmp_path):
    """The reader has read the old file when the new one replaces it, in which epoch 2 is not there yet."""
    origin = Origin("id", tmp_path / "sweep" / "run", {}, 1000.0)
    epoch = dict.fromkeys(["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"], 0.5)
    watching = EventAccumulator(str(tmp_path / "sweep" / ".tensorboard" / "run"), size_guidance={"tensors": 0})
    tracker = TensorBoard(folder=None, layers="ends")
    for value, epochs in ((0.5, (0, 1, 2)), (0.25, (0, 1))):
        tracker.start(origin)
        for number in epochs:
            row = {**epoch, "epoch": number, "learning_rate": value, "train_seconds": 1.0}
            tracker.rows("epochs", row)
        tracker.publish()
        watching.Reload()
        read = [(e.step, make_ndarray(e.tensor_proto).item()) for e in watching.Tensors("epochs/learning_rate")]
        tracker.close()
        assert read == [(number, value) for number in epochs]


def test_only_files_of_ours_are_replaced(tmp_path):
    origin = Origin("id", tmp_path / "sweep" / "run", {}, 1000.0)
    folder = tmp_path / "sweep" / ".tensorboard" / "run"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.host.1.0").write_bytes(b"somebody else's")
    (folder / "notes.txt").write_text("mine")
    for _ in range(3):
        tracker = TensorBoard(folder=None, layers="ends")
        tracker.start(origin)
        tracker.close()
    others, ours = [], []
    for path in sorted(folder.iterdir()):
        (ours if path.name.endswith(".frequency-reg") else others).append((path.name, path.stat().st_size))
    assert others == [("events.out.tfevents.1.host.1.0", 15), ("notes.txt", 4)]
    assert [size > 0 for _, size in ours] == [False, False, True], "only the newest says something"


def test_another_folder_holds_sweeps_apart(small, tmp_path):
    config = small("epochs=1", "name=a", "tracker=tensorboard", f"tracker.tensorboard.folder={tmp_path}/boards")
    outcome = run(config)
    assert [p.name for p in (tmp_path / "boards").iterdir()] == ["a"]
    assert ("epochs/train_loss", 1) in shown(tmp_path / "boards" / "a" / outcome.directory.name)
    assert [p.name for p in outcome.directory.parent.iterdir()] == [outcome.directory.name]


def test_layers_all_has_every_layer_by_name(small):
    config = small("epochs=1", "tracker=tensorboard", "tracker.tensorboard.layers=all")
    directory = run(config).directory
    rows = records.read(directory)["ssr"].to_pylist()
    want = {
        (f"ssr/{r['normalization']}/{r['reference']}/{r['layer']}", r["epoch"]): float32(r["value"])
        for r in rows
        if r["value"] is not None
    }
    found = {key: value for key, value in shown(folder_of(config)).items() if key[0].startswith("ssr/")}
    assert found == want
    assert len({r["layer"] for r in rows}) == 19


def test_a_folder_that_cannot_be_made_is_one_warning(small, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    config = small("epochs=1", "tracker=tensorboard", f"tracker.tensorboard.folder={tmp_path}/file")
    assert run(config).status == "complete"
    assert len(caplog.records) == 1
    assert "tracker tensorboard: NotADirectoryError" in caplog.text


def test_texts_are_shown_letter_by_letter(tmp_path):
    """An indented block is code in Markdown: no heading, no link, no HTML comes out of a recorded text."""
    tracker = TensorBoard(folder=None, layers="ends")
    tracker.start(Origin("id", tmp_path / "sweep" / "run", {}, 1000.0))
    tracker.end({"status": "failed", "status_detail": "# a\n<b>b</b> [c](d)", "epoch": 3})
    text = shown(tmp_path / "sweep" / ".tensorboard" / "run")["run/status", 4].decode()
    assert text.splitlines() == ["    failed: # a", "    <b>b</b> [c](d)"]
