"""What every diagnostic must keep, for every YAML in conf/diagnostic."""

import importlib
import importlib.util
import inspect
import math
from dataclasses import replace

import pytest
import torch

from frequency_reg import records
from frequency_reg.config import instantiate
from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.base import Diagnostic, Question, Source
from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from tests.contract.house import ROOT, node, variants

SHAPES = [(1, 8, 8), (3, 8, 12)]
"""Grey and square, coloured and not square."""
CHEAP = {"images": 10, "paths": 6, "points": 8, "steps": 3, "restarts": 2, "samples": 2, "bands": 4, "layers": True}
"""Smaller values, and every table, where a diagnostic has such a parameter: the contract does not depend on them."""

OTHERWISE = {"auto_attack": {"linf": [64.0], "l2": [], "images": 6}}
PACKAGES = {"auto_attack": ("pyautoattack", "attacks")}
"""What a diagnostic needs that not everybody has installed, and the extra that brings it."""


def _marked(name):
    package, extra = PACKAGES.get(name, ("pytest", ""))
    reason = f"pip install 'frequency-reg[{extra}]' to test {name}"
    return pytest.param(name, marks=pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=reason))


each_variant = pytest.mark.parametrize("name", [_marked(name) for name in variants("diagnostic")])
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(autouse=True)
def _few_queries(monkeypatch):
    """Thousands of forward passes for every image that withstands AutoAttack show nothing more of the contract."""
    monkeypatch.setattr("frequency_reg.diagnostic.auto_attack._QUERIES", 20)


def target(name):
    module, _, attribute = node("diagnostic", name)[name]["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def build(name):
    settings = dict(node("diagnostic", name)[name])
    for key, value in CHEAP.items():
        if key in settings:
            settings[key] = [1, value] if isinstance(settings[key], list) else value
    if "source" in settings:
        settings["source"] = "elsewhere"
    return instantiate({**settings, **OTHERWISE.get(name, {})})


def model(shape, kind=LeNet, seed=0):
    torch.manual_seed(seed)
    facts = {"image_shape": shape, "num_classes": 5, "mean": (0.5,) * shape[0], "std": (0.3,) * shape[0]}
    if kind is MLP:
        return MLP(hidden=[8], activation="relu", **facts)
    found = LeNet(kernel_size=3, padding=1, width=0.5, **facts)
    found.between = torch.nn.Dropout(0.5)  # evaluation mode shows
    return found


def question(shape, *, batch_size=8, seed=0, kind=LeNet, n=14):
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.arange(n) % 5)
    sources = {"elsewhere": Source(model(shape, kind, seed=1), "another run", "its weights")}
    return Question(model(shape, kind), split, "validation", batch_size, torch.float32, seed, sources)


def close(first, second):
    """Equal tables, columns and values; rounding differs with the size of a batch, so floats to 1e-4."""
    assert [name for name, _ in first] == [name for name, _ in second]
    for (name, a), (_, b) in zip(first, second, strict=True):
        assert set(a) == set(b)
        for key in a:
            assert same(a[key], b[key]), f"{name}.{key}: {a[key]} {b[key]}"


def same(a, b):
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6) or (math.isnan(a) and math.isnan(b))
    return a == b


def test_there_are_diagnostics():
    expected = {"fourier_heat_map", "band_importance", "path_frequency", "fgsm", "pgd", "gradient_masking"}
    expected |= {"transfer", "auto_attack"}
    assert expected <= set(variants("diagnostic"))


@each_variant
def test_name_locates_code_and_tests_and_the_docstring_tells_all(name):
    found = target(name)
    assert issubclass(found, Diagnostic)
    assert found.__module__ == f"frequency_reg.diagnostic.{name}"
    assert (ROOT / "tests" / "diagnostic" / f"test_{name}.py").is_file()
    parameters = inspect.signature(found).parameters
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is p.empty for p in parameters.values())
    assert list(node("diagnostic", name)[name]) == ["_target_", *parameters]
    text = inspect.getdoc(found) or ""
    assert "Source:" in text
    assert "Cost:" in text
    assert all(f"    {parameter}: " in text for parameter in parameters)


@each_variant
def test_schemas_say_what_each_column_is(name):
    for schema in target(name).schemas.values():
        assert schema.names[:2] == ["run_id", "split"]
        assert all(entry.metadata[b"definition"] and entry.metadata[b"unit"] for entry in schema)


@each_variant
@each_shape
def test_rows_fit_the_schemas(name, shape, tmp_path):
    diagnostic = build(name)
    writer = records.RunWriter(tmp_path, "id", schemas=diagnostic.schemas)
    writer.set_run({"status": "complete"})
    for table, rows in diagnostic.measure(question(shape)):
        writer.add(table, rows)
    writer.set_run({"status": "complete"})
    writer.publish()
    found = records.read(tmp_path)
    assert not found.damaged
    for table in diagnostic.schemas:
        assert len(found[table])
        assert set(found[table]["split"].to_pylist()) == {"validation"}
        for share in ("accuracy", "error"):
            if share in found[table].column_names:
                assert all(0 <= value <= 1 for value in found[table][share].to_pylist())


@each_variant
@pytest.mark.parametrize("training", [True, False])
def test_the_models_and_the_random_state_are_left_as_they_were(name, training):
    asked = question((1, 8, 8))
    models = (asked.model, asked.sources["elsewhere"].model)
    for one in models:
        one.train(training)
        one.conv2.weight.requires_grad_(False)
    weights = [{key: value.clone() for key, value in one.state_dict().items()} for one in models]
    images = asked.split.images.clone()
    random_state = torch.get_rng_state()
    for _ in build(name).measure(asked):
        assert all(one.training is training for one in models)  # also while the rows are taken
    for one, before in zip(models, weights, strict=True):
        assert all(torch.equal(before[key], value) for key, value in one.state_dict().items())
        assert all(module.training is training for module in one.modules())
        frozen = {key for key, parameter in one.named_parameters() if not parameter.requires_grad}
        assert frozen == {"conv2.weight"}
        assert all(parameter.grad is None for parameter in one.parameters())
        hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
        assert not any(getattr(module, kind) for module in one.modules() for kind in hooks)
    assert torch.equal(random_state, torch.get_rng_state())
    assert torch.equal(images, asked.split.images)
    assert torch.is_grad_enabled()


@each_variant
def test_a_source_is_asked_only_where_a_parameter_names_it(name):
    """``source`` is the parameter's name wherever there is one: the runner and the run's identity know it by it."""
    asked, calls = question((1, 8, 8)), []
    asked.sources["elsewhere"].model.register_forward_pre_hook(lambda *_: calls.append(1))
    list(build(name).measure(asked))
    named = "source" in inspect.signature(target(name)).parameters
    assert bool(calls) is named
    if named:
        assert node("diagnostic", name)[name]["source"] is None


@each_variant
def test_images_and_classes_of_the_contract_are_accepted(name):
    build(name).check((1, 8, 8), 5)


@each_variant
def test_the_mode_that_it_was_in_does_not_matter(name):
    first, second = question((1, 8, 8)), question((1, 8, 8))
    first.model.train()
    second.model.eval()
    assert list(build(name).measure(first)) == list(build(name).measure(second))


@each_variant
def test_batch_size_does_not_matter(name):
    whole = list(build(name).measure(question(SHAPES[1], batch_size=100)))
    for batch_size in (1, 7):
        close(whole, list(build(name).measure(question(SHAPES[1], batch_size=batch_size))))


@each_variant
def test_no_forward_pass_is_larger_than_the_batch(name):
    asked, sizes = question((1, 8, 8), batch_size=5), []
    for one in (asked.model, asked.sources["elsewhere"].model):
        one.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    list(build(name).measure(asked))
    assert max(sizes) == 5


@each_variant
def test_equal_seeds_give_equal_rows_whatever_the_global_state(name):
    rows = []
    for state in (1, 2):
        asked = question((1, 8, 8), seed=9)
        torch.manual_seed(state)
        rows.append(list(build(name).measure(asked)))
    assert rows[0] == rows[1] or str(rows[0]) == str(rows[1])  # NaN does not equal itself


@each_variant
def test_a_model_without_convolutions_can_be_asked(name):
    assert list(build(name).measure(question((1, 8, 8), kind=MLP)))


@each_variant
def test_autocast_is_used_where_the_precision_says_so(name):
    asked = question((1, 8, 8))
    asked = replace(asked, precision=torch.bfloat16)
    kinds = set()
    asked.model.conv1.register_forward_hook(lambda _, _inputs, output: kinds.add(output.dtype))
    assert list(build(name).measure(asked))
    assert kinds == {torch.bfloat16}
