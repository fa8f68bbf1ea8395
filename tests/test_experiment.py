"""What a run's process is set up as: device, precision and the switches of the arithmetic."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import pytest
import torch

from frequency_reg import experiment
from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.experiment import chosen_precision, set_up_torch
from sweeps.pruning import History

FUNCTION = ["dataset=sinusoids", "model=mlp", "model.hidden=[8]", "corruption=[]", "probe=[]"]


def config(**runtime):
    made = make_plan([], multirun=False).runs[0]
    return dataclasses.replace(made, runtime=dataclasses.replace(made.runtime, device="cpu", **runtime))


def labelled(labels):
    split = Split(torch.zeros(len(labels), 1, 1, 1), labels)
    return ImageData(split, split, split, ("no", "yes"), (0.0,), (1.0,), "")


def test_numbers_too_small_for_a_float32_are_zero():
    """Weights that decay towards 0 would become denormal and a step many times slower."""
    set_up_torch(config())
    assert float(torch.tensor(1e-30) * torch.tensor(1e-10)) == 0.0


@pytest.mark.parametrize(
    ("processor", "avx512_bf16", "amx", "expected"),
    [
        ("AMD EPYC", True, False, torch.bfloat16),
        ("Intel(R) Xeon(R) Processor", True, False, torch.float32),
        ("Intel(R) Xeon(R) Processor", True, True, torch.bfloat16),
        ("AMD EPYC", False, False, torch.float32),
    ],
)
def test_auto_is_the_precision_that_is_faster_on_the_processor(monkeypatch, processor, avx512_bf16, amx, expected):
    monkeypatch.setattr(experiment, "processor", lambda: processor)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    made = config()
    assert chosen_precision(made, labelled(torch.tensor([0, 1])), set_up_torch(made)) == expected


@pytest.mark.parametrize(("precision", "expected"), [("auto", torch.float32), ("bf16", torch.bfloat16)])
def test_auto_is_fp32_where_values_are_fitted(monkeypatch, precision, expected):
    monkeypatch.setattr(experiment, "_computes_bf16", lambda _: True)
    values, classes = labelled(torch.tensor([[0.5], [1.0]])), labelled(torch.tensor([0, 1]))
    made = config(precision=precision)
    assert made.runtime.precision == precision  # what is asked for, and the run's identity, stay
    assert chosen_precision(made, values, torch.device("cpu")) == expected
    assert chosen_precision(made, classes, torch.device("cpu")) == torch.bfloat16


def test_bf16_tells_half_of_1024_points_apart():
    """Below 1/4 all 256, then every second of 256 and every fourth of 512, and 1 itself."""
    assert len((torch.arange(1024) / 1024).bfloat16().unique()) == 256 + 128 + 128 + 1


def test_a_run_of_a_function_computes_in_fp32(monkeypatch):
    monkeypatch.setattr(experiment, "_computes_bf16", lambda _: True)
    made = make_plan(FUNCTION, multirun=False).runs[0]
    assert experiment.build(made, "0").precision == torch.float32


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    made = config()
    made = dataclasses.replace(made, runtime=dataclasses.replace(made.runtime, device="cuda"))
    with pytest.raises(ConfigError, match=r"runtime\.device=cuda: no CUDA device is available here; use auto or cpu"):
        set_up_torch(made)


@pytest.mark.parametrize(
    ("overrides", "refused"),
    [
        (["batch_size=8"], True),
        (["batch_size=8", "steps_per_epoch=138"], True),
        (["batch_size=8", "steps_per_epoch=137"], False),  # the epoch ends before the batch of one
        (["batch_size=9"], False),
    ],
)
def test_a_batch_of_one_image_is_refused_where_an_epoch_comes_to_it(overrides, refused):
    """1,097 = 137 x 8 + 1 images; the last map of ResNet-18 on digits is 1 x 1 px."""
    made = make_plan(["model=resnet18", "model.width=2", *overrides], multirun=False).runs[0]
    with pytest.raises(ConfigError, match="leave a batch of one image") if refused else nullcontext():
        experiment.build(made, "0")


def test_a_rule_that_looks_at_accuracy_is_refused_where_values_are_fitted(tmp_path):
    pruner = {"_target_": "optuna.pruners.MedianPruner"}
    for metric, refused in (("validation_accuracy", True), ("validation_loss", False)):
        file = tmp_path / f"{metric}.json"
        History("s", metric, "maximize", pruner).write(file)
        rule = f"{{_target_:sweeps.pruning.StudyPruning,history:'{file}',told:0,trial:0,epochs:2}}"
        plan = make_plan([*FUNCTION, f"pruning={rule}"], multirun=False)
        with pytest.raises(ConfigError) if refused else nullcontext() as error:
            experiment.build(plan.runs[0], "0")
        if refused:
            assert str(error.value) == (
                "pruning: looks at validation_accuracy; this data set has values to fit; use validation_loss"
            )
