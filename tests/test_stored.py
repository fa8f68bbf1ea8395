"""A trained run taken up from its folder: the same network, and nothing of a stranger's folder run as code."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from frequency_reg import checkpoint
from frequency_reg.config import ConfigError
from frequency_reg.evaluate import score
from frequency_reg.experiment import build
from frequency_reg.run import run
from frequency_reg.run_id import recorded_run
from frequency_reg.stored import load_model, recorded_overrides, stored_run
from tests.analysis.synthetic import edit
from tests.conftest import SMALL, composed


class Harm:
    """A pickle that leaves a mark when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def never():
    raise AssertionError("the training data is not needed")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A complete run and its configuration; not to be touched."""
    outputs = tmp_path_factory.mktemp("outputs")
    config = composed(*SMALL, f"outputs={outputs}", "regularizer=[spectral_mask,dropout]", "regularizer.dropout=0.25")
    return run(config).directory, config


@pytest.fixture
def trained(original, tmp_path):
    """A copy of the run, and its configuration."""
    directory, config = original
    return shutil.copytree(directory, tmp_path / "outputs" / directory.name), config


def test_the_network_is_the_trained_one(trained):
    directory, config = trained
    found = load_model(stored_run(directory), never, torch.device("cpu"))
    assert found.image_shape == (1, 8, 8)
    assert found.class_names == tuple("0123456789")
    assert not found.model.training
    state = checkpoint.load_newest(directory)["model"]
    assert all(torch.equal(value, state[name]) for name, value in found.model.state_dict().items())
    test = build(config, "x").data.test
    again = score(found.model, test, batch_size=500)
    assert again.accuracy == recorded_run(directory)["clean_accuracy"]


def test_recorded_values_come_back(trained):
    stored = stored_run(trained[0])
    assert stored.config.regularizer["dropout"] == 0.25
    assert stored.config.model == trained[1].model
    assert stored.config.dataset == trained[1].dataset


def test_an_older_checkpoint_asks_for_the_training_data(trained):
    directory, config = trained
    state = checkpoint.load_newest(directory)
    del state["data"]
    checkpoint.save(directory, state["epoch"], state)
    found = load_model(stored_run(directory), lambda: build(config, "x").data, torch.device("cpu"))
    assert found.class_names == tuple("0123456789")


def test_a_checkpoint_that_holds_code_is_not_opened(trained, tmp_path, caplog):
    directory, mark = trained[0], tmp_path / "mark"
    for path in directory.glob("checkpoint-*.pt"):
        path.write_bytes(pickle.dumps(Harm(mark), protocol=2))
        path.with_suffix(".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ConfigError, match=r"no checkpoint of the last epoch \(2\), none that is whole"):
        load_model(stored_run(directory), never, torch.device("cpu"))
    assert not mark.exists()
    assert "damaged checkpoint passed over" in caplog.text


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("config.model", "resnet20,${oc.env:HOME}", "names no option"),
        ("config.model", "../../elsewhere", "names no option"),
        ("config.model", "resnet99", "resnet99"),
        ("config.model.width", "${oc.env:HOME}", "characters that no value of ours has"),
        ("config.model.shortcut", "pad' seed=1", "characters that no value of ours has"),
        ("config.dataset.split_seed", -3, "dataset.split_seed"),
        ("config.model._target_", "os.system", "_target_"),
    ],
)
def test_recorded_text_cannot_name_code_or_files(trained, column, value, message):
    row = recorded_run(trained[0])
    row[column] = value
    from frequency_reg.compose import make_plan

    with pytest.raises(ConfigError) as caught:
        make_plan(recorded_overrides(row), multirun=False)
    assert message in str(caught.value)


def test_unfinished_runs_and_foreign_folders_are_refused(trained, tmp_path):
    with pytest.raises(ConfigError, match=r"no run\.parquet that can be read"):
        stored_run(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(trained[0], copy)
    edit(copy, "run", lambda rows: rows.assign(status="diverged"))
    with pytest.raises(ConfigError, match="the run is diverged; only a complete one can be taken up"):
        stored_run(copy)


def test_weights_of_another_network_are_refused(trained):
    directory = trained[0]
    edit(directory, "run", lambda rows: rows.assign(**{"config.model.width": 8.0}))
    with pytest.raises(ConfigError, match="its checkpoint does not fit its records"):
        load_model(stored_run(directory), never, torch.device("cpu"))
