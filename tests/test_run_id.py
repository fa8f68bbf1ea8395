"""Identity and names of runs."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from frequency_reg.compose import make_plan
from frequency_reg.run_id import flat_config, flatten, identity, recorded_outcome, recorded_run, run_directory, run_name
from frequency_reg.stored import recorded_overrides
from tests.conftest import composed as one
from tests.contract.house import variants

REFERENCE = sorted((Path(__file__).resolve().parents[1] / "outputs" / "reference").glob("*/*/run.parquet"))


def test_identity_is_the_configuration_not_the_place():
    base = identity(one())
    for place in ("name=x", "outputs=/tmp/x", "runtime.threads=2", "runtime.device=cpu", "runtime.progress=none"):
        assert identity(one(place)) == base, place
    for what in ("seed=1", "epochs=3", "runtime.precision=fp32", "corruption=[resize]", "evaluation.seed=2"):
        assert identity(one(what)) != base, what


def test_identity_does_not_depend_on_the_order_of_regularizers_or_on_spelling():
    first = one("regularizer=[dropout,weight_decay]", "regularizer.weight_decay=0.001")
    second = one("regularizer=[weight_decay,dropout]", "regularizer.weight_decay=1e-3")
    assert identity(first) == identity(second)
    assert run_name(first) == run_name(second)


def test_identity_is_stable_across_processes():
    code = (
        "from frequency_reg.compose import make_plan; from frequency_reg.run_id import identity;"
        "print(identity(make_plan([], multirun=False).runs[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == identity(one())


def test_names_are_readable():
    name = run_name(one("regularizer=weight_decay", "regularizer.weight_decay=1e-3", "seed=2"))
    assert name.startswith("digits-resnet20-weight_decay=0.001-seed=2-")
    assert run_name(one("regularizer=[spectral_mask,dropout]")).startswith("digits-resnet20-dropout=0.5+spectral_mask-")


def test_names_are_short_and_plain_whatever_the_configuration():
    config = one("seed=9223372036854775807")
    config.model["_target_"] = "frequency_reg.model." + "long/äß" * 40 + ".X"
    name = run_name(config)
    assert len(name.encode()) <= 100
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+=-")
    assert name.endswith(identity(config)[:8])


def test_directory_is_below_outputs_and_name():
    assert run_directory(one("outputs=/somewhere", "name=sweep")).parts[:3] == ("/", "somewhere", "sweep")


def test_flat_config_has_names_for_variants_and_no_targets():
    flat = flat_config(one("regularizer=[weight_decay,dropout]"))
    assert (flat["model"], flat["dataset"], flat["optimizer"]) == ("resnet20", "digits", "SGD")
    assert flat["regularizer"] == "dropout+weight_decay"
    assert flat["corruption.gaussian_noise.sigma"] == "[0.05,0.1,0.15,0.2]"
    assert not [key for key in flat if "_target_" in key or key in ("name", "outputs", "dataset.root")]


def test_flatten():
    assert flatten({"a": {"b": 1, "c": [1, 2]}, "d": None, "e": {}}) == {
        "a.b": 1,
        "a.c": "[1,2]",
        "d": None,
        "e": json.dumps({}),
    }


@pytest.mark.parametrize("seed", range(3))
def test_seeds_have_directories_of_their_own(seed):
    assert f"seed={seed}-" in run_name(one(f"seed={seed}"))


def test_keys_that_came_later_leave_old_identities_as_they_were():
    before = one("seed=3")
    assert flat_config(before)["evaluation.eight_bit"] is False
    assert identity(one("seed=3", "evaluation.eight_bit=false", "diagnostic=[]")) == identity(before)
    assert identity(one("seed=3", "evaluation.eight_bit=true")) != identity(before)


def test_the_norm_of_a_residual_network_came_later():
    before = identity(one("model=resnet18"))
    assert flat_config(one("model=resnet18"))["model.norm"] == "batch"
    assert identity(one("model=resnet18", "model.norm=batch")) == before
    assert identity(one("model=resnet18", "model.norm=group")) != before
    assert flat_config(one("model=resnet18", "model.norm=group"))["model.norm"] == "group"


@pytest.mark.parametrize("key", ["standardize_input=true", "initial_weights=null"])
def test_what_a_network_begins_with_came_later(key):
    before = one("seed=3")
    assert flat_config(before)["standardize_input"] is True
    assert flat_config(before)["initial_weights"] is None
    assert identity(one("seed=3", key)) == identity(before)
    assert identity(one("seed=3", "standardize_input=false")) != identity(before)


def test_the_activation_of_a_perceptron_came_later():
    before = one("model=mlp")
    assert flat_config(before)["model.activation"] == "relu"
    older = one("model=mlp")
    del older.model["activation"]
    assert identity(before) == identity(older)
    assert identity(one("model=mlp", "model.activation=tanh")) != identity(before)


@cache
def recorded(*, evaluations: bool) -> dict[str, list[tuple[Path, dict]]]:
    """Rows of the committed runs by sweep: of those that were trained, or of trained ones measured again."""
    found: dict[str, list[tuple[Path, dict]]] = {}
    for path in REFERENCE:
        row = recorded_run(path.parent)
        if (row.get("provenance.trained_run") is not None) == evaluations:
            found.setdefault(path.parts[-3], []).append((path.parent, row))
    return found


ROOT = Path(__file__).resolve().parents[1]
_FRONT = ",".join(
    f"{{{row},seed:'3,4,5'}}"
    for row in (
        "regularizer:none",
        "regularizer:weight_decay,regularizer.weight_decay:0.002111",
        "regularizer:frequency_penalty,regularizer.frequency_penalty:0.0003301,regularizer.penalty_from:0.01002",
        *(
            "regularizer:'[frequency_penalty,weight_decay]',regularizer.weight_decay:" + strengths
            for strengths in (
                "0.004145,regularizer.frequency_penalty:0.002261,regularizer.penalty_from:0.4942",
                "0.003318,regularizer.frequency_penalty:0.002025,regularizer.penalty_from:0.1323",
            )
        ),
    )
)
SWEEPS = {
    "mask_resnet18": (
        *("model=resnet18", "dataset=cifar10", "regularizer=none,spectral_mask", "epochs=12", "optimizer.lr=0.05"),
        *("probe=[kernel_spectrum,spectral_mask]", "diagnostic=[fgsm]", "seed=0,1,2"),
        "corruption=[impulse_noise,fog,contrast,gaussian_noise,gaussian_blur,resize]",
    ),
    "mask_gap_controls": ("study=mask_gap_short", "regularizer=weight_decay", "regularizer.weight_decay=1e-3,3e-3"),
    "penalty_front_repeated": (
        *("model=resnet20", "model.width=8", "dataset=cifar10", "corruption=[gaussian_noise,gaussian_blur]"),
        *("evaluation.splits=[validation,test]", "epochs=8", "steps_per_epoch=88", "runtime.precision=fp32"),
        f"hydra.sweeper.rows=[{_FRONT}]",
    ),
}
"""Reference runs of no study, by the sweep that made them."""
OTHERS = sorted(recorded(evaluations=False).keys() - set(variants("study")) - SWEEPS.keys())
"""The runs of a study: ``tests/contract/test_study_contract.py``."""


@pytest.mark.parametrize("sweep", SWEEPS)
def test_reference_runs_of_a_sweep_are_what_its_command_runs(sweep):
    planned = {identity(config) for config in make_plan(SWEEPS[sweep], multirun=True).runs}
    assert {row["run_id"] for _, row in recorded(evaluations=False)[sweep]} == planned


def test_reference_runs_of_a_search_are_those_of_its_trials():
    file = ROOT / "outputs" / "reference" / "penalty_front_short" / "trials.parquet"
    trials = pq.read_table(file, columns=["parameters", "runs"]).to_pylist()
    study = ("model=resnet20", "model.width=8", "dataset=cifar10", "corruption=[gaussian_noise,gaussian_blur]")
    length = ("evaluation.splits=[validation,test]", "epochs=8", "steps_per_epoch=88", "runtime.precision=fp32")
    tried = set()
    for trial in trials:
        config = one(*study, *length, *(f"{key}={value}" for key, value in json.loads(trial["parameters"]).items()))
        assert json.loads(trial["runs"]) == [run_name(config)]
        tried.add(identity(config))
    assert {row["run_id"] for _, row in recorded(evaluations=False)["penalty_front_short"]} == tried
    assert len(tried) == 12


@pytest.mark.parametrize("sweep", OTHERS)
def test_reference_runs_keep_the_identity_they_were_recorded_with(sweep):
    for directory, row in recorded(evaluations=False)[sweep]:
        same = ("seed", "epochs", "evaluation.batch_size", "probe.kernel_spectrum.null_draws", "optimizer.lr")
        config = one(*recorded_overrides(row), *(f"{key}={row[f'config.{key}']}" for key in same))
        assert identity(config) == row["run_id"], directory


@pytest.mark.parametrize("sweep", sorted(recorded(evaluations=True)))
def test_reference_evaluations_name_the_run_they_measured(sweep):
    for directory, row in recorded(evaluations=True)[sweep]:
        assert directory.name.endswith(f"-{row['provenance.trained_run'][:8]}-{row['run_id'][:8]}")


def test_the_fused_step_of_adam_came_later():
    config = one("optimizer=adam")
    now = identity(config)
    assert config.optimizer.pop("fused") is None
    assert identity(config) == now
    assert identity(one("optimizer=adam", "optimizer.fused=true")) != now


def test_a_run_that_ends_between_two_looks_is_not_taken_for_killed(tmp_path, monkeypatch):
    writer = records.RunWriter(tmp_path, "a")
    writer.set_run({"run_name": "a", "status": "running"})
    writer.publish()
    monkeypatch.setattr("frequency_reg.presence.holder", lambda folder: records.set_status(folder, "complete", ""))
    assert recorded_outcome(tmp_path, "a").status == "complete"
    records.set_status(tmp_path, "running", "")
    monkeypatch.setattr("frequency_reg.presence.holder", lambda _: None)
    assert recorded_outcome(tmp_path, "a").status == "killed"
