"""conf/G/x.yaml <-> frequency_reg/G/x.py <-> tests/G/test_x.py, for every variant there is."""

import ast
import importlib
import inspect

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.run_id import identity
from tests.contract.house import CONF, ROOT, is_preset, node, variants

GROUPS = ("dataset", "model", "regularizer", "corruption", "probe", "diagnostic", "tracker")
NESTED = ("corruption", "probe", "diagnostic", "tracker")
"""Groups of which several options are chosen at once, each under its own name."""
VARIANTS = [(g, v) for g in GROUPS for v in variants(g) if not is_preset(g, v)]
NOT_IN_YAML = {"image_shape", "num_classes", "mean", "std"}
"""What the runner supplies to a model."""


def target(group: str, name: str) -> str:
    found = node(group, name)
    if group in NESTED:
        assert set(found) == {name}, f"conf/{group}/{name}.yaml: the group is a collection, nest it below {name}:"
        return found[name]["_target_"]
    return found["_target_"][name] if group == "regularizer" else found["_target_"]


@pytest.mark.parametrize(("group", "name"), VARIANTS)
def test_yaml_names_the_file_of_its_name_and_there_is_a_test(group, name):
    module = target(group, name).rpartition(".")[0]
    assert module == f"frequency_reg.{group}.{name}"
    assert (ROOT / "tests" / group / f"test_{name}.py").is_file()


@pytest.mark.parametrize(("group", "name"), VARIANTS)
def test_yaml_holds_every_parameter_and_no_other(group, name):
    module, _, attribute = target(group, name).rpartition(".")
    constructor = getattr(importlib.import_module(module), attribute)
    parameters = {} if constructor.__init__ is object.__init__ else inspect.signature(constructor).parameters
    found = node(group, name)
    keys = set(found[name] if group in NESTED else found) - {"_target_"}
    assert keys == set(parameters) - NOT_IN_YAML
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values()), "keywords only, no **kwargs"


@pytest.mark.parametrize(("group", "name"), VARIANTS)
def test_class_docstring_describes_its_parameters(group, name):
    module, _, attribute = target(group, name).rpartition(".")
    constructor = getattr(importlib.import_module(module), attribute)
    text = inspect.getdoc(constructor) or ""
    for base in constructor.__mro__[1:-1]:
        text += inspect.getdoc(base) or ""
    found = node(group, name)
    for parameter in set(found[name] if group in NESTED else found) - {"_target_"}:
        assert parameter in text, f"{attribute}: {parameter} is not in its docstring"


def test_no_two_regularizers_share_a_parameter():
    seen: dict[str, str] = {}
    for name in variants("regularizer"):
        if is_preset("regularizer", name):
            continue
        for key in set(node("regularizer", name)) - {"_target_"}:
            assert seen.setdefault(key, name) == name, f"{key} belongs to {seen[key]} and {name}"


def test_every_file_of_a_group_has_a_yaml_or_is_imported_by_one_that_has():
    for group in GROUPS:
        named = {v for v in variants(group) if not is_preset(group, v)}
        files = {path.stem: path.read_text() for path in (ROOT / "frequency_reg" / group).glob("*.py")}
        assert named <= set(files)
        for name in set(files) - named - {"__init__", "__main__"}:
            users = [n for n, text in files.items() if f"from frequency_reg.{group}.{name} import" in text]
            assert users, f"frequency_reg/{group}/{name}.py: no YAML of its name, and no variant uses it"


@pytest.mark.parametrize(("group", "name"), [(g, v) for g in (*GROUPS, "optimizer", "runtime") for v in variants(g)])
def test_every_option_of_every_group_composes_and_is_valid(group, name):
    choice = f"[{name}]" if group in NESTED else name
    config = make_plan([f"{group}={choice}"], multirun=False).runs[0]
    assert len(identity(config)) == 64


def test_presets_name_the_file_they_preset():
    for group in GROUPS:
        for name in variants(group):
            if is_preset(group, name):
                first = (CONF / group / f"{name}.yaml").read_text().splitlines()[0]
                assert first.split()[3].rstrip(":,.").removesuffix(".yaml") in variants(group), first


def test_every_function_fits_a_screen():
    long = []
    for package in ("frequency_reg", "analysis", "sweeps", "hydra_plugins"):
        for file in (ROOT / package).rglob("*.py"):
            for item in ast.walk(ast.parse(file.read_text())):
                if isinstance(item, ast.FunctionDef) and (item.end_lineno or 0) - item.lineno > 70:
                    long.append(f"{file.relative_to(ROOT)}:{item.lineno} {item.name}")
    assert not long
