"""What every published set of corrupted images must keep, tested on each YAML of conf/corruption that names one."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from omegaconf import OmegaConf
from pydantic import ConfigDict, TypeAdapter

from frequency_reg.corruption.published import Published
from frequency_reg.dataset.base import DataError
from tests.contract.house import CONF, ROOT, is_preset, variants


def read(name: str) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(CONF / "corruption" / f"{name}.yaml"), resolve=True)
    assert isinstance(config, dict)
    return dict(config[name])


def target(name: str) -> type[Any]:
    module, _, attribute = read(name)["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]


NAMES = [name for name in variants("corruption") if issubclass(target(name), Published)]
each = pytest.mark.parametrize("name", NAMES)


def build(name: str, **changes: Any) -> Published:
    built = target(name)(**({key: value for key, value in read(name).items() if key != "_target_"} | changes))
    assert isinstance(built, Published)
    return built


def test_there_are_published_sets() -> None:
    assert {"cifar10c", "cifar100c", "imagenetc"} <= set(NAMES)


@each
def test_name_locates_code_and_tests(name: str) -> None:
    package, _, stem = target(name).__module__.rpartition(".")
    assert package == "frequency_reg.corruption"
    assert (ROOT / "tests" / "corruption" / f"test_{stem}.py").is_file()
    assert stem == name or is_preset("corruption", name)


@each
def test_yaml_holds_every_parameter_and_valid_defaults(name: str) -> None:
    parameters = inspect.signature(target(name)).parameters
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    assert {"root", "names"} <= set(parameters)
    entry = read(name)
    assert list(entry) == ["_target_", *parameters]
    hints = get_type_hints(target(name).__init__, include_extras=True)
    for key in parameters:
        TypeAdapter(hints[key], config=ConfigDict(strict=True)).validate_python(entry[key])
    text = inspect.getdoc(target(name)) or ""
    assert "Source:" in text
    assert all(f"    {key}: " in text for key in parameters)


@each
def test_the_default_is_the_benchmark_of_fifteen(name: str) -> None:
    assert len(set(build(name).names)) == 15
    assert "gaussian_blur" not in build(name).names  # one of the four extra ones


@each
def test_a_missing_folder_is_one_message_before_any_run(name: str, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(DataError) as caught:
        build(name, root=str(missing)).locate()
    message = str(caught.value)
    assert f"root={missing}" in message
    assert "FREQUENCY_REG_DATA" in message
    assert "zenodo.org" in message
    assert "\n" not in message


@each
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["fog", "fog"], "give at least one corruption, each once"),
        ([], "give at least one corruption, each once"),
        (["../labels"], r"'../labels' is no corruption's name; write letters, digits and _ only"),
        (["cifar10c:fog"], "is no corruption's name"),
    ],
)
def test_bad_names_are_refused(name: str, names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(name, names=names)
