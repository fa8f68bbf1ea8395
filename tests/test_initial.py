"""Runs that begin with the weights of another one: what is taken over, what is refused, and what a kill costs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from frequency_reg import checkpoint, records
from frequency_reg.config import ConfigError
from frequency_reg.experiment import build
from frequency_reg.records import content_digest
from frequency_reg.run import run
from frequency_reg.run_id import flat_config, identity, recorded_run, run_directory
from frequency_reg.stored import weights_digest
from tests.conftest import SMALL, composed

_DROPPED = ("corruption", "probe")
FAST = [*(text for text in SMALL if not text.startswith(_DROPPED)), "model.width=2", "corruption=[]", "probe=[]"]


@pytest.fixture
def small(tmp_path):
    """Compose a run of one epoch on digits that nothing but its accuracy is measured of."""

    def compose(*overrides):
        return composed(*FAST, "epochs=1", f"outputs={tmp_path}/outputs", *overrides)

    return compose


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A complete run without masks and one with; not to be touched."""
    outputs = tmp_path_factory.mktemp("trained")
    plain = [*FAST, "epochs=1", f"outputs={outputs}", "name=source"]
    found = {name: composed(*plain, f"regularizer={name}") for name in KINDS}
    return {name: run(config).directory for name, config in found.items()}


KINDS = ("none", "spectral_mask")


@pytest.fixture
def source(trained, tmp_path):
    """A copy of the run without masks."""
    return shutil.copytree(trained["none"], tmp_path / "source" / trained["none"].name)


def state(directory):
    return checkpoint.load_newest(directory)["model"]


def test_the_network_goes_on_from_the_source_and_the_masks_start_anew(small, source):
    tuned = small(f"initial_weights={source}", "regularizer=spectral_mask", "regularizer.init_mean=0.6")
    model = build(tuned, "x").model.state_dict()
    theirs = state(source)
    assert all(torch.equal(model[name], value) for name, value in theirs.items())
    masks = {name for name in model if name.endswith(".mask")}
    assert set(model) - set(theirs) == masks
    assert len(masks) == 18
    assert 0.55 < float(torch.cat([model[name].flatten() for name in masks]).median()) < 0.65


def test_without_a_regularizer_epoch_0_is_the_source(small, source):
    outcome = run(small(f"initial_weights={source}"))
    first = records.read(outcome.directory)["epochs"].to_pylist()[0]
    assert first["validation_accuracy"] == recorded_run(source)["validation_accuracy"]
    assert first["validation_loss"] == recorded_run(source)["validation_loss"]
    model = build(small(), "x").model
    model.load_state_dict(state(source))
    assert recorded_run(outcome.directory)["provenance.initial_weights"] == weights_digest(model)


def test_masks_that_both_have_go_on(small, trained):
    first = trained["spectral_mask"]
    model = build(small(f"initial_weights={first}", "regularizer=spectral_mask"), "x").model.state_dict()
    assert all(torch.equal(model[name], value) for name, value in state(first).items())


def test_what_the_sources_regularizer_remembers_is_left_behind(small):
    lenet = ("model=lenet", "model.padding=2")
    source = run(small(*lenet, "regularizer=spectral_norm", "name=source", "steps_per_epoch=2")).directory
    remembered = {name for name in state(source) if name not in build(small(*lenet), "x").model.state_dict()}
    assert remembered
    model = build(small(*lenet, f"initial_weights={source}"), "x").model.state_dict()
    assert set(model) == set(state(source)) - remembered
    assert all(torch.equal(value, state(source)[name]) for name, value in model.items())
    again = build(small(*lenet, f"initial_weights={source}", "regularizer=spectral_norm"), "x").model.state_dict()
    assert all(torch.equal(value, state(source)[name]) for name, value in again.items())


def test_what_the_sources_regularizer_remembers_in_another_shape_is_left_behind(small):
    """A convolution's vector has the shape of a kernel's input under ``matrix``, of a map under ``operator``."""
    lenet = ("model=lenet", "model.padding=2", "regularizer=spectral_norm")
    matrix, operator = (f"regularizer.spectral_norm_of={of}" for of in ("matrix", "operator"))
    source = run(small(*lenet, matrix, "name=source", "steps_per_epoch=2")).directory
    fresh = build(small(*lenet, operator), "x").model.state_dict()
    model = build(small(*lenet, operator, f"initial_weights={source}"), "x").model.state_dict()
    other = {name for name, value in state(source).items() if value.shape != fresh[name].shape}
    assert other
    assert all(torch.equal(model[name], (fresh if name in other else state(source))[name]) for name in model)


def test_identity_and_records_name_the_source_not_its_place(small, source, tmp_path):
    shutil.copytree(source, tmp_path / "copy")
    here, there = small(f"initial_weights={source}"), small(f"initial_weights={tmp_path / 'copy'}")
    assert identity(here) == identity(there) != identity(small())
    said = flat_config(here)["initial_weights"]
    assert said == flat_config(there)["initial_weights"]
    assert said.startswith("digits-resnet20-none-")


def test_sources_that_differ_in_their_seed_are_one_configuration(small, source):
    other = run(small("name=source", "seed=1")).directory
    longer = run(small("name=source", "epochs=2")).directory
    configs = [small(f"initial_weights={folder}") for folder in (source, other, longer)]
    said = [flat_config(config)["initial_weights"] for config in configs]
    assert said[0] == said[1] != said[2]
    assert len({identity(config) for config in configs}) == 3


def test_a_pattern_finds_the_run_of_each_seed(small, source, tmp_path):
    other = Path(str(source).replace("seed=0", "seed=1"))
    shutil.copytree(source, other)
    pattern = f"{tmp_path}/source/digits-*-seed=${{seed}}-*"
    assert identity(small(f"initial_weights='{pattern}'")) == identity(small(f"initial_weights={source}"))
    several = small(f"initial_weights={tmp_path}/source/digits-*")
    with pytest.raises(ConfigError, match=r"digits-\*: 2 runs \(digits-resnet20-none-seed=0-.*exactly one"):
        run(several)
    with pytest.raises(ConfigError, match=r"no run fits this pattern; expected exactly one.*or train it first"):
        run(small(f"initial_weights={tmp_path}/outputs/nothing/*"))


def test_stopping_and_going_on_without_the_sources_weights_changes_no_bit(small, source, tmp_path, monkeypatch):
    overrides = [f"initial_weights={source}", "regularizer=spectral_mask", "epochs=2"]
    whole, parts = small(*overrides, f"outputs={tmp_path}/whole"), small(*overrides, f"outputs={tmp_path}/parts")
    run(whole)
    save = checkpoint.save

    def save_and_stop(directory, epoch, state):
        save(directory, epoch, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run(parts)
    monkeypatch.setattr(checkpoint, "save", save)
    checkpoint.discard(source)  # its records stay: they say which run it is
    assert run(parts).status == "complete"
    assert content_digest(run_directory(parts)) == content_digest(run_directory(whole))
    rows = [recorded_run(run_directory(config)) for config in (parts, whole)]
    assert rows[0]["provenance.initial_weights"] == rows[1]["provenance.initial_weights"] is not None


def test_a_checkpoint_that_is_damaged_starts_over_from_the_source(small, source):
    config = small(f"initial_weights={source}")
    directory = run(config).directory
    before = content_digest(directory)
    for path in directory.glob("checkpoint-*.pt"):
        path.write_bytes(b"torn")
    (directory / "run.parquet").unlink()
    assert run(config).status == "complete"
    assert content_digest(directory) == before


def test_what_is_refused_leaves_no_directory(small, source, trained, tmp_path):
    def refused(*overrides, text):
        config = small(*overrides)
        with pytest.raises(ConfigError, match=text):
            run(config)
        assert not run_directory(config).exists()

    refused(f"initial_weights={tmp_path}/none", text=r"initial_weights: .*none: no run.parquet that can be read")
    place = f"initial_weights={source}"
    refused(place, "model.width=8", text=r"another architecture: conv1.weight is 2 x 1 x 3 x 3 there and 8 x 1 x 3 x 3")
    refused(place, "model.shortcut=projection", text=r"shortcut.0.weight is only here")
    masked = trained["spectral_mask"]
    refused(f"initial_weights={masked}", text=r"conv1.mask is only there.*needs regularizer=spectral_mask")
    checkpoint.discard(source)
    refused(place, text=r"initial_weights: .*no checkpoint of the last epoch \(1\), none that is whole")


def test_an_incomplete_source_is_refused(small, source):
    records.set_status(source, "killed", "")
    with pytest.raises(ConfigError, match=r"initial_weights: .*the run is killed; only a complete one"):
        run(small(f"initial_weights={source}"))


def test_without_standardisation_the_network_sees_the_pixels(small):
    raw, standardised = build(small("standardize_input=false"), "x"), build(small(), "x")
    assert raw.model.mean.tolist() == [[[[0.0]]]]
    assert raw.model.std.tolist() == [[[[1.0]]]]
    assert standardised.model.mean.item() == pytest.approx(standardised.data.mean[0])
    assert torch.equal(raw.model.conv1.weight, standardised.model.conv1.weight)
    assert identity(small("standardize_input=true")) == identity(small()) != identity(small("standardize_input=false"))
