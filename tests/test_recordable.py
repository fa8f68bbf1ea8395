"""What a run can record is told from its parts, before it trains."""

from __future__ import annotations

import dataclasses

from frequency_reg.compose import make_plan
from frequency_reg.experiment import build
from frequency_reg.recordable import Convolution, Recordable, recordable


def parts(*overrides):
    return build(make_plan(["probe=[]", "corruption=[]", *overrides], multirun=False).runs[0], "0")


def test_of_values_to_fit_no_accuracy():
    assert recordable(parts("dataset=sinusoids", "model=mlp")) == Recordable(False, frozenset(), ())


def test_convolutions_as_the_records_name_them():
    found = recordable(parts("model=resnet50", "model.width=2")).convolutions
    assert found[0] == Convolution("conv1", has_high_band=True, has_gain=True)
    assert Convolution("stages.0.0.conv1", has_high_band=False, has_gain=True) in found


def test_lenet_has_no_gain_to_fold_in():
    found = recordable(parts("model=lenet", "model.padding=2")).convolutions
    assert [each.has_gain for each in found] == [False, False]


def test_published_sets_are_left_out():
    experiment = parts("corruption=[gaussian_blur]")
    bench = dataclasses.replace(experiment.bench, published={"cifar10c": None})
    assert recordable(dataclasses.replace(experiment, bench=bench)).corruptions == {"gaussian_blur"}
