"""The schema: what is refused, with which words, and what is let through unchanged."""

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError, instantiate, regularizer_parts, validate, variant_name
from frequency_reg.run_id import flat_config


def composed() -> dict:
    return make_plan([], multirun=False).runs[0].as_dict()


def changed(**changes) -> dict:
    """The default configuration with dotted keys changed (``__`` for ``.``)."""
    config = composed()
    for key, value in changes.items():
        *path, last = key.split("__")
        node = config
        for part in path:
            node = node[part]
        node[last] = value
    return config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": "x"}, "epochs=x: input should be a valid integer"),
        ({"epochs": True}, "epochs=True: input should be a valid integer"),
        ({"epochs": 1.5}, "epochs=1.5: input should be a valid integer"),
        ({"epochs": 0}, "epochs=0: input should be greater than or equal to 1"),
        ({"seed": -1}, "seed=-1: input should be greater than or equal to 0"),
        ({"schedule": "cosin"}, "schedule=cosin: input should be 'cosine' or 'constant'"),
        ({"runtime__precision": "fp16"}, "runtime.precision=fp16: input should be 'auto', 'fp32' or 'bf16'"),
        ({"runtime__threads": 0}, "runtime.threads=0: input should be greater than or equal to 1"),
        ({"runtime__device": "gpu"}, "runtime.device=gpu: expected auto, cpu, cuda or cuda:NUMBER"),
        ({"evaluation__splits": ["train"]}, "evaluation.splits.0=train: input should be 'test' or 'validation'"),
        ({"epoch": 3}, "epoch: unknown key; the keys are .*; did you mean epochs?"),
        ({"runtime__thread": 1}, "runtime.thread: unknown key; the keys of runtime are .*; did you mean threads?"),
        ({"model__widht": 8}, "model.widht: unknown key; the keys of model are .*; did you mean width?"),
        ({"model__width": "wide"}, "model.width=wide: input should be a valid integer"),
        ({"model__kernel_size": 4}, "model.kernel_size=4: input should be 3, 5 or 7"),
        ({"optimizer__lr": -1.0}, r"optimizer \(torch.optim.SGD\): Invalid learning rate: -1.0"),
        ({"optimizer__weight_decay": 0.1}, "optimizer.weight_decay: weight decay has one home, the regularizer"),
        ({"dataset__validation_size": 0}, "dataset.validation_size=0: input should be greater than or equal to 1"),
        ({"name": "../elsewhere"}, "name=../elsewhere: expected at most 100 letters, digits"),
        ({"name": "a/b"}, "name=a/b: expected at most 100 letters, digits"),
        ({"model___target_": "os.system"}, "model._target_=os.system: only classes of frequency_reg, torch.optim"),
        ({"model___target_": "frequency_reg.model.no.X"}, "model._target_=frequency_reg.model.no.X: no such class"),
        ({"model___target_": "frequency_reg.records.files.tempfile"}, "expected a class defined in frequency_reg"),
        ({"model___target_": 3}, "model._target_: expected the dotted path of a class, found 3"),
        ({"evaluation__splits": ["test", "test"]}, r"evaluation.splits=\['test', 'test'\]: each split once"),
        ({"regularizer": {}}, "regularizer._target_: expected a mapping from the regularizer's name to its class"),
        ({"regularizer__weight_decay": 0.1}, "regularizer.weight_decay: unknown key; the keys of regularizer are none"),
    ],
)
def test_refused_with_the_key_the_value_and_what_is_valid(change, message):
    with pytest.raises(ConfigError, match=message):
        validate(changed(**change))


def test_several_wrong_values_of_one_variant_are_named_at_once():
    with pytest.raises(ConfigError) as error:
        validate(changed(model__width=0, model__kernel_size=2))
    assert "model.width=0" in str(error.value)
    assert "model.kernel_size=2" in str(error.value)


def test_a_missing_key_is_named():
    config = composed()
    del config["model"]["width"]
    with pytest.raises(ConfigError, match=r"model\.width: this key is missing"):
        validate(config)


def test_ints_widen_to_floats_so_that_0_and_0_0_are_one_configuration():
    config = make_plan(["regularizer=weight_decay", "regularizer.weight_decay=0"], multirun=False).runs[0]
    assert isinstance(config.regularizer["weight_decay"], float)


def test_a_package_of_the_user_is_trusted_when_named():
    config = changed(model={"_target_": "string.Formatter"}, trusted_packages=["string"])
    assert validate(config).model == {"_target_": "string.Formatter"}


def test_regularizer_parameters_find_their_class():
    config = make_plan(["regularizer=[weight_decay,dropout]", "regularizer.dropout=0.25"], multirun=False).runs[0]
    parts = regularizer_parts(config.regularizer)
    assert set(parts["dropout"]) == {"_target_", "dropout"}
    assert set(parts["weight_decay"]) == {"_target_", "weight_decay", "decoupled"}
    assert instantiate(parts["dropout"]).dropout == 0.25


def test_variant_name_is_the_file_or_the_torch_class():
    assert variant_name({"_target_": "frequency_reg.model.resnet20.ResNet20"}) == "resnet20"
    assert variant_name({"_target_": "torch.optim.SGD"}) == "SGD"


def test_a_study_is_narrowed_by_replacing_options_and_a_misspelled_key_stays_one():
    def runs(*overrides):
        plan = make_plan(["study=central_comparison_short", *overrides], multirun=False)
        chosen = [flat_config(run) for run in plan.runs]
        return plan.varied, sorted({(c["regularizer"], c.get(f"regularizer.{c['regularizer']}")) for c in chosen})

    varied, left = runs("regularizer=none")
    assert (varied, left) == (("seed",), [("none", None)])
    varied, left = runs("regularizer=none,dropout")
    assert varied == ("regularizer.dropout", "seed", "regularizer")
    assert left == [("dropout", 0.1), ("dropout", 0.3), ("dropout", 0.5), ("none", None)]
    with pytest.raises(ConfigError, match=r"regularizer\.weight_decy: unknown key"):
        runs("regularizer.weight_decy=0.1,0.2")
