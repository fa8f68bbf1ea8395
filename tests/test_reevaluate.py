"""``frequency-reg evaluate``: the same numbers again, other corruptions, another data set, and nothing touched."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

import analysis
from frequency_reg import evaluate_workers
from frequency_reg.compose import make_plan
from frequency_reg.evaluate_command import main
from frequency_reg.records import content_digest, read
from frequency_reg.run import run
from tests.conftest import SMALL


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """A run trained once; tests get copies of it."""
    outputs = tmp_path_factory.mktemp("trained") / "outputs"
    return run(make_plan([*SMALL, f"outputs={outputs}", "name=s"], multirun=False).runs[0]).directory


@pytest.fixture
def trained(once, tmp_path) -> Path:
    copy = tmp_path / "outputs" / "s" / once.name
    shutil.copytree(once, copy)
    return copy


def evaluated(trained: Path, name: str = "s-evaluation") -> Path:
    (folder,) = (path.parent for path in (trained.parents[1] / name).glob("*/run.parquet"))
    return folder


def command(trained: Path, *more: str) -> int:
    outputs = trained.parents[1]
    precision = ["runtime.precision=fp32", "runtime.threads=1"]
    return main([str(trained), f"outputs={outputs}", *precision, *more])


def test_the_runs_own_corruption_gives_the_runs_own_numbers(trained, capsys):
    before = content_digest(trained), sorted(path.name for path in trained.iterdir())
    assert command(trained, "corruption=[gaussian_noise]", "corruption.gaussian_noise.sigma=[0.1]") == 0
    old, new = read(trained), read(evaluated(trained))
    kept = ["corruption", "severity", "parameter", "accuracy", "loss", "n"]
    assert new["robustness"].select(kept).to_pylist() == old["robustness"].select(kept).to_pylist()
    assert not [column for column in new["run"].column_names if column.startswith("config.probe.")]
    for column in ("clean_accuracy", "clean_loss", "epoch", "train_accuracy", "config.seed", "config.model.width"):
        assert new["run"][column].to_pylist() == old["run"][column].to_pylist()
    assert new["run"]["provenance.trained_run"].to_pylist() == old["run"]["run_id"].to_pylist()
    assert new["ssr"].drop_columns("run_id").equals(old["ssr"].drop_columns("run_id"))
    assert (content_digest(trained), sorted(path.name for path in trained.iterdir())) == before
    assert "clean" in capsys.readouterr().out


def test_repeating_measures_nothing_and_other_corruptions_get_a_folder_of_their_own(trained, capsys):
    assert command(trained, "corruption=[gaussian_blur]") == 0
    folder = evaluated(trained)
    stamp = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert command(trained, "corruption=[gaussian_blur]") == 0
    assert "was there already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamp
    assert command(trained, "corruption=[resize]") == 0
    assert len(list(folder.parent.glob("*/run.parquet"))) == 2


def test_a_whole_sweep_is_evaluated_by_one_or_more_workers_and_read_by_the_analysis(small, capsys):
    for seed in (0, 1):
        folder = run(small("name=s", f"seed={seed}")).directory
    asked = ("corruption=[gaussian_blur]", "runtime.threads=1", f"outputs={folder.parents[1]}")
    assert main([str(folder.parent), *asked]) == 0
    records = analysis.load(folder.parents[1] / "s-evaluation")
    assert records.configurations.table[["total", "complete"]].to_numpy().tolist() == [[2, 2]]
    assert records["run"]["config.trained_on"].tolist() == ["digits", "digits"]
    assert "[2/2]" in capsys.readouterr().out
    assert main([str(folder.parent), *asked, "name=together", "--workers", "2"]) == 0
    assert re.findall(r"\[(\d)/2\]", capsys.readouterr().out) == ["1", "2"]
    for alone in records["run"]["run_name"]:
        together = folder.parents[1] / "together" / alone
        assert content_digest(together) == content_digest(folder.parents[1] / "s-evaluation" / alone)


def test_a_network_measured_again_is_not_taken_for_a_trained_one(trained, capsys):
    assert command(trained, "corruption=[gaussian_blur]", "name=measured") == 0
    again = evaluated(trained, "measured")
    assert command(again, "corruption=[resize]") == 2
    assert "is a network measured again, without weights of its own" in capsys.readouterr().err
    assert command(again.parent, "corruption=[resize]") == 2
    assert "holds networks measured again, and none that was trained" in capsys.readouterr().err
    shutil.copytree(again, trained.parent / again.name)
    assert command(trained.parent, "corruption=[resize]") == 0
    assert "[1/1]" in capsys.readouterr().out


def test_a_network_trained_with_an_option_of_the_users_own_is_measured(tmp_path, monkeypatch, capsys):
    code = "from frequency_reg.regularizer.weight_decay import WeightDecay\n\n\nclass Mine(WeightDecay):\n    pass\n"
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "conf" / "regularizer").mkdir(parents=True)
    yaml = "_target_:\n  mine: mine.Mine\nweight_decay: 0.001\ndecoupled: false\n"
    (tmp_path / "conf" / "regularizer" / "mine.yaml").write_text(yaml)
    monkeypatch.syspath_prepend(tmp_path)
    own, trust = str(tmp_path / "conf"), "trusted_packages=[mine]"
    asked = [*SMALL, f"outputs={tmp_path}/outputs", "name=s", "regularizer=mine", trust]
    folder = run(make_plan(asked, multirun=False, config_dir=own).runs[0]).directory
    assert command(folder, "corruption=[gaussian_blur]") == 2
    assert "add --config-dir and trusted_packages as in training" in capsys.readouterr().err
    assert command(folder, "corruption=[gaussian_blur]", trust, "--config-dir", own) == 0
    row = read(evaluated(folder))["run"].to_pylist()[0]
    assert (row["config.regularizer"], row["status"]) == ("mine", "complete")


def test_a_killed_worker_is_told(trained, capsys, monkeypatch):
    shutil.copytree(trained, trained.with_name("second"))
    monkeypatch.setattr(evaluate_workers, "_measure", _killed)
    assert command(trained.parent, "corruption=[gaussian_blur]", "--workers", "2") == 1
    assert "error: a worker's process was killed, perhaps for memory" in capsys.readouterr().err


def _killed(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_runs_of_a_sweep_that_are_not_complete_are_left_out_and_counted(small, capsys, caplog):
    whole = run(small("name=s")).directory
    broken = run(small("name=s", "optimizer.lr=1e30"))
    assert broken.status == "diverged"
    assert main([str(whole.parent), f"outputs={whole.parents[1]}", "corruption=[gaussian_blur]"]) == 0
    assert "1 of 2 runs are not complete and are left out" in caplog.text
    assert "[1/1]" in capsys.readouterr().out


def test_precision_tells_evaluations_apart(trained, capsys):
    for precision in ("fp32", "bf16"):
        assert command(trained, "corruption=[]", f"runtime.precision={precision}") == 0
        assert "was there already" not in capsys.readouterr().out


def test_another_data_set_is_shown_without_training(trained):
    bands = ["dataset=bands", "corruption=[gaussian_blur]"]
    assert command(trained, *bands, "name=shift") == 2  # no class name in common
    labels = ",".join(f"{i}:{name}" for i, name in enumerate(_band_classes()))
    assert command(trained, *bands, "name=shift", "--resize", "--labels", labels) == 0
    row = read(evaluated(trained, "shift"))["run"].to_pylist()[0]
    assert (row["config.dataset"], row["config.trained_on"], row["config.shift.resize"]) == ("bands", "digits", True)


def test_layers_are_named_as_in_training_where_classes_are_left_out(trained):
    diagnostics = ["diagnostic=[fourier_heat_map,class_activation_map]", "diagnostic.fourier_heat_map.layers=true"]
    images = [f"diagnostic.{name}.images=2" for name in ("fourier_heat_map", "class_activation_map")]
    assert command(trained, "corruption=[]", *diagnostics, *images, "--labels", "3:3,8:8") == 0
    new, layers = read(evaluated(trained)), set(read(trained)["spectra"]["layer"].to_pylist())
    assert set(new["fourier_activation_map"]["layer"].to_pylist()) == layers
    assert set(new["class_activation_map"]["layer"].to_pylist()) == {"stages.2"}
    assert set(new["class_activation_map"]["class_index"].to_pylist()) <= {0, 1}


def _band_classes() -> tuple[str, ...]:
    from frequency_reg.compose import make_plan
    from frequency_reg.config import instantiate

    config = make_plan(["dataset=bands"], multirun=False).runs[0]
    return tuple(instantiate(config.dataset).load().class_names)


OF_TRAINING = ("++model.width=3", "~model.width", "model@model=lenet", "steps_per_epoch=3", "pruning=null", "study=x")


@pytest.mark.parametrize("override", OF_TRAINING)
def test_no_spelling_of_what_was_decided_in_training_is_dropped(trained, capsys, override):
    assert command(trained, override) == 2
    assert capsys.readouterr().err == (
        f"error: {override}: the network is trained already; evaluate takes dataset, corruption, suite, diagnostic, "
        "evaluation, runtime, name, outputs, trusted_packages\n"
    )


def test_what_a_later_run_is_refused_for_shows_before_the_first_is_measured(small, capsys):
    first, second = (run(small("name=s", f"seed={seed}")).directory for seed in (0, 1))
    for file in second.glob("checkpoint-*"):
        file.unlink()
    assert main([str(first), str(second), f"outputs={first.parents[1]}", "corruption=[gaussian_blur]"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{second}: no checkpoint of the last epoch (2)" in err
    assert not (first.parents[1] / "s-evaluation").exists()


def test_an_evaluation_that_another_process_is_doing_is_left_to_it(trained, capsys):
    assert command(trained, "corruption=[gaussian_blur]") == 0
    folder = evaluated(trained)
    (folder / "run.parquet").unlink()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        capsys.readouterr()
        assert command(trained, "corruption=[gaussian_blur]") == 1
        assert "    running: another process is doing this evaluation\n" in capsys.readouterr().out
        assert not (folder / "run.parquet").exists()
    assert command(trained, "corruption=[gaussian_blur]") == 0
    assert (folder / "run.parquet").exists()


def test_the_clean_score_of_training_stands_where_nothing_else_needs_it(trained, monkeypatch):
    def refuse(*_):
        raise AssertionError("scored, although the run has the score")

    monkeypatch.setattr("frequency_reg.evaluate.Bench.clean_score", refuse)
    assert command(trained, "corruption=[]") == 0
    old, new = read(trained)["run"], read(evaluated(trained))["run"]
    for column in ("clean_accuracy", "clean_loss"):
        assert new[column].to_pylist() == old[column].to_pylist()
    for asked in (["corruption=[gaussian_blur]"], ["evaluation.seed=1", "runtime.precision=bf16"]):
        with pytest.raises(AssertionError, match="although the run has the score"):
            command(trained, "corruption=[]", *asked)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: no such folder; give a run's folder"),
        (["corruption=[fog]"], "evaluate: which runs? Give a run's folder"),
        (["{run}", "model=lenet"], "model=lenet: the network is trained already"),
        (["{run}", "corruption=[fogg]"], "fogg"),
        (["{run}", "dataset=sinusoids", "corruption=[]"], "error: this data set has values to fit; only images with"),
        (["{run}", "--labels", "cat"], "'cat' is no NETWORK:DATASET pair"),
        (["{run}", "--labels", ""], "'' is no NETWORK:DATASET pair"),
        (["{run}", "--labels", "3:3,3:8"], "--labels 3:3,3:8: the network's class '3' is given twice; a class belongs"),
        (["{run}", "--labels", "3:3,8:3"], "--labels 3:3: the data set's class '3' is given twice; a class belongs to"),
        (["{run}", "--labels", '"3:3,8:8'], 'unexpected end of data; write a pair with a comma as "A, B:C"'),
        (["{run}", "--labels", '"left, right:3",8:8'], "'left, right' is none of the network's classes: 0, 1, 2"),
        (["{empty}"], "no run.parquet at any depth"),
        (["{run}", "seeds=1"], "seeds=1: unknown key; evaluate takes dataset, corruption, suite"),
        (["{run}", "launcher=slurm"], "launcher=slurm: unknown key; evaluate takes"),
        (["{run}", "name=s"], "name=s: the trained runs lie there; evaluations need a folder of their own, as name=s-"),
        (["{run}", "--config-dir", "nowhere"], "--config-dir=nowhere: no such folder"),
        (["{run}", "hydra.launcher.workers=2"], "hydra.launcher.workers=2: evaluate launches no sweep; it takes"),
        (["{run}", "hydra/launcher=frequency_reg_slurm"], "it takes dataset, corruption, suite, diagnostic"),
    ],
)
def test_bad_input_is_one_message_and_writes_nothing(trained, tmp_path, capsys, words, message):
    (tmp_path / "empty").mkdir()
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    words = [word.format(run=trained, empty=tmp_path / "empty") for word in words]
    assert main([*words, f"outputs={trained.parents[1]}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
