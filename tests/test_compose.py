"""The runs of a grid: the order of the whole product, without the keys that an option does not have."""

import itertools

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError
from frequency_reg.run_id import identity

KEYS = {"none": (), "dropout": ("regularizer.dropout",), "weight_decay": ("regularizer.weight_decay",)}


def test_the_order_is_that_of_the_whole_product():
    swept = {
        "seed": ["1", "0"],
        "regularizer.dropout": ["0.1", "0.2"],
        "regularizer": ["dropout", "none", "weight_decay"],
        "regularizer.weight_decay": ["1e-2", "1e-3"],
    }
    expected = {}
    for values in itertools.product(*swept.values()):
        named = dict(zip(swept, values, strict=True))
        there = KEYS[named["regularizer"]]
        kept = tuple(f"{k}={v}" for k, v in named.items() if k in ("seed", "regularizer") or k in there)
        expected.setdefault(identity(make_plan(kept, multirun=False).runs[0]), kept)
    plan = make_plan([f"{key}={','.join(values)}" for key, values in swept.items()], multirun=True)
    assert [identity(run) for run in plan.runs] == list(expected)
    assert len(expected) == 2 * (2 + 1 + 2)


def test_many_options_with_keys_of_their_own_do_not_multiply():
    """12 options with 4 strengths each are 48 runs, not 4^12 combinations of which 48 differ."""
    names = ["dropout", "weight_decay", "gaussian_augmentation", "label_smoothing", "drop_path", "spatial_dropout"]
    names += ["spectral_dropout", "band_limit", "orthogonality", "spectral_norm", "augmix", "frequency_penalty"]
    swept = [f"regularizer={','.join(names)}", *(f"regularizer.{name}=0.1,0.2,0.3,0.4" for name in names)]
    assert len(make_plan(swept, multirun=True).runs) == 4 * len(names)


def test_a_key_of_one_value_goes_to_the_options_that_have_it():
    """The default regularizer has no such key; that alone is no error."""
    swept = ["regularizer=none,weight_decay", "regularizer.weight_decay=0.003", "seed=0,1"]
    runs = make_plan(swept, multirun=True).runs
    given = [run.regularizer.get("weight_decay") for run in runs]
    assert given == [None, None, 0.003, 0.003]
    both = make_plan(["regularizer=weight_decay,weight_decay_1e-2", "regularizer.decoupled=true"], multirun=True).runs
    assert [run.regularizer["decoupled"] for run in both] == [True, True]


def test_a_key_of_one_value_that_no_option_has_is_refused():
    with pytest.raises(ConfigError, match=r"regularizer\.weight_dekay: unknown key"):
        make_plan(["regularizer=none,weight_decay", "regularizer.weight_dekay=0.003"], multirun=True)
