"""Runs that fit functions, from configuration to records and table."""

from pathlib import Path

import pytest

import analysis
from analysis import metric
from frequency_reg import checkpoint, records
from frequency_reg.compose import make_plan
from frequency_reg.config import Config, ConfigError
from frequency_reg.evaluate_command import main
from frequency_reg.run import run
from frequency_reg.run_id import run_directory

FIT = (
    "model=mlp",
    "model.hidden=[8]",
    "dataset=sinusoids",
    "dataset.frequencies=[1,3]",
    "dataset.grid=32",
    "corruption=[]",
    "probe=[function_spectrum]",
    "probe.function_spectrum.fits=2",
    "probe.function_spectrum.fits_until=2",
    "steps_per_epoch=3",
    "batch_size=32",
    "epochs=2",
    "runtime.threads=1",
    "runtime.precision=fp32",
    "runtime.checkpoint_seconds=0",
    "runtime.progress=none",
)


def fitting(folder: Path) -> Config:
    return make_plan([*FIT, f"outputs={folder}"], multirun=False).runs[0]


def test_a_run_has_errors_and_the_functions_tables_and_no_accuracy(tmp_path):
    outcome = run(fitting(tmp_path))
    assert outcome.status == "complete"
    tables = records.read(outcome.directory)
    row = tables["run"].to_pylist()[0]
    for column in ("train_accuracy", "validation_accuracy", "clean_accuracy"):
        assert row[column] is None
    epochs = tables["epochs"].to_pylist()
    assert {epoch["validation_accuracy"] for epoch in epochs} == {None}
    assert epochs[2]["validation_loss"] == row["validation_loss"]
    spectrum = tables["function_spectrum"].to_pandas()
    measured = set(zip(spectrum["epoch"], spectrum["frequency"], strict=True))
    assert measured == {(epoch, k) for epoch in (0, 1, 2) for k in (1, 3)}
    fit = tables["function_fit"].to_pandas()
    assert fit.groupby("epoch").size().to_dict() == {0: 32, 2: 32}
    last = fit[fit["epoch"] == 2]
    # The test points are the probe's grid: its squared error, taken anew, is the recorded loss.
    assert ((last["output"] - last["target"]) ** 2).mean() == pytest.approx(row["clean_loss"], rel=1e-5)
    found = analysis.load(outcome.directory)
    assert metric.headline(found)[:3] == ["train_mse", "validation_mse", "test_mse"]
    values = metric.values(found, ["test_mse", "explained_variance/3"]).set_index("metric")["value"]
    assert values["test_mse"] == row["clean_loss"]
    recorded = spectrum.query("epoch == 2 and frequency == 3")["explained_variance"].item()
    assert values["explained_variance/3"] == recorded


def test_stopping_and_going_on_changes_no_bit(tmp_path, monkeypatch):
    whole, halted = fitting(tmp_path / "whole"), fitting(tmp_path / "halted")
    assert run(whole).status == "complete"
    save = checkpoint.save

    def save_and_stop(directory, epoch, state):
        save(directory, epoch, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run(halted)
    assert records.read(run_directory(halted))["run"]["status"].to_pylist() == ["killed"]
    assert run(halted).status == "complete"
    digests = [records.content_digest(run_directory(config)) for config in (whole, halted)]
    assert digests[0] == digests[1]


def test_the_probe_is_refused_on_images(tmp_path):
    with pytest.raises(ConfigError, match="probe=function_spectrum measures one-valued functions on a grid"):
        run(make_plan(["probe=[function_spectrum]", f"outputs={tmp_path}"], multirun=False).runs[0])


def test_evaluate_refuses_what_fits_a_function(tmp_path, capsys):
    directory = run(fitting(tmp_path)).directory
    assert main([str(directory), f"outputs={tmp_path}/outputs", "corruption=[resize]"]) == 2
    assert "its network fits the values of a function; only classifiers of images" in capsys.readouterr().err
