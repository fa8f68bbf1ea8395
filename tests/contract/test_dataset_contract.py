"""What every data set must keep, tested on each YAML of conf/dataset from the moment it exists."""

from __future__ import annotations

import importlib
import inspect
import os
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
from omegaconf import OmegaConf
from pydantic import ConfigDict, TypeAdapter

from frequency_reg.dataset.base import DataError, Dataset, ImageData
from frequency_reg.dataset.function import FunctionDataset

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "conf" / "dataset").glob("*.yaml"))


def read(path: Path) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def reads_files(path: Path) -> bool:
    return "root" in read(path)


def target(path: Path) -> type[Dataset]:
    module, _, name = read(path)["_target_"].rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert issubclass(found, Dataset)
    return found  # type: ignore[no-any-return]


def build(path: Path, **changes: Any) -> Dataset:
    entry = {key: value for key, value in read(path).items() if key != "_target_"}
    return target(path)(**(entry | changes))


def as_case(path: Path) -> Any:
    return pytest.param(path, id=path.stem, marks=[pytest.mark.real_data] if reads_files(path) else [])


def present(path: Path) -> Dataset:
    """The data set of ``path``; skips where its files are not on this machine."""
    if reads_files(path) and not os.environ.get("FREQUENCY_REG_DATA"):
        pytest.skip("FREQUENCY_REG_DATA is not set: no folder with real data sets")
    dataset = build(path)
    try:
        dataset.locate()
    except DataError as error:
        if reads_files(path):
            pytest.skip(str(error))
        raise
    return dataset


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQUENCY_REG_CACHE", str(shared_cache))


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_loadable = pytest.mark.parametrize("path", [as_case(path) for path in FILES])


def test_there_are_data_sets() -> None:
    assert {"digits", "cifar10", "cifar100", "mnist", "fashion_mnist", "svhn", "medmnist", "image_folder", "bands"} <= {
        path.stem for path in FILES
    }


@each_file
def test_name_locates_code_and_tests(path: Path) -> None:
    package, _, stem = target(path).__module__.rpartition(".")
    assert package == "frequency_reg.dataset"
    assert (ROOT / "tests" / "dataset" / f"test_{stem}.py").is_file()
    if stem != path.stem:
        assert "preset of" in path.read_text().splitlines()[0].lower(), (
            f"{path}: its first line must call it a preset of {stem}"
        )


@each_file
def test_yaml_holds_every_parameter_and_valid_defaults(path: Path) -> None:
    parameters = inspect.signature(target(path)).parameters
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    assert all(parameter.default is inspect.Parameter.empty for parameter in parameters.values())
    if not issubclass(target(path), FunctionDataset):
        assert {"validation_size", "split_seed"} <= set(parameters)
    assert target(path).augments == ({"crop_padding", "horizontal_flip"} <= set(parameters))
    entry = read(path)
    assert list(entry) == ["_target_", *parameters]
    hints = get_type_hints(target(path).__init__, include_extras=True)
    for name in parameters:
        TypeAdapter(hints[name], config=ConfigDict(strict=True)).validate_python(entry[name])


@each_file
def test_docstring_has_source_and_parameters(path: Path) -> None:
    text = inspect.getdoc(target(path)) or ""
    assert "Source:" in text
    for name in inspect.signature(target(path)).parameters:
        assert f"    {name}: " in text, f"{name} is not documented"


@each_file
def test_a_missing_source_is_one_message_before_any_run(path: Path, tmp_path: Path) -> None:
    if not reads_files(path):
        build(path).locate()
        return
    missing = tmp_path / "nowhere"
    for call in (build(path, root=str(missing)).locate, build(path, root=str(missing)).load):
        with pytest.raises(DataError) as caught:
            call()
        message = str(caught.value)
        assert f"dataset.root={missing}" in message
        assert "FREQUENCY_REG_DATA" in message
        assert "\n" not in message
    assert not missing.exists()


def test_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in filter(reads_files, FILES):
        monkeypatch.setenv("FREQUENCY_REG_DATA", "/somewhere")
        assert read(path)["root"] == "/somewhere"
        monkeypatch.delenv("FREQUENCY_REG_DATA")
        assert read(path)["root"] == "data"


def check_function(data: ImageData) -> None:
    for split in (data.train, data.validation, data.test):
        assert split.is_regression
        assert len(split) == len(split.images) == len(split.labels) > 0
        assert (split.images.dtype, split.labels.dtype) == (torch.float32, torch.float32)
        assert split.images.shape[1:] == (1, 1, data.image_shape[2])
        assert split.labels.shape == (len(split), data.num_outputs)
        assert bool(split.images.isfinite().all())
        assert bool(split.labels.isfinite().all())
    assert (data.mean, data.std, data.class_names) == ((0.0,), (1.0,), ())
    assert len(data.digest) == 64


def check_values_of_images(dataset: Dataset, data: ImageData) -> None:
    for split in (data.train, data.validation, data.test):
        assert split.is_regression
        assert len(split) == len(split.images) == len(split.labels) > 0
        assert split.labels.shape == (len(split), data.num_outputs)
        assert split.labels.dtype == torch.float32
        assert split.images.shape[1:] == data.image_shape
        assert bool(split.labels.isfinite().all())
    assert len(data.validation) == dataset.validation_size
    assert (data.class_names, dataset.crop_padding, dataset.horizontal_flip) == ((), 0, False)
    assert len(data.mean) == len(data.std) == data.image_shape[0]
    assert len(data.digest) == 64


def check_form(dataset: Dataset, data: ImageData) -> None:
    splits = (data.train, data.validation, data.test)
    if dataset.validation_size is not None:
        assert len(data.validation) == dataset.validation_size
    for split in splits:
        assert len(split) == len(split.images) == len(split.labels) > 0
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert split.images.shape[1:] == data.image_shape
        assert split.labels.min() >= 0
        assert split.labels.max() < len(data.class_names)
    assert torch.bincount(data.train.labels, minlength=len(data.class_names)).min() > 0
    assert len(data.mean) == len(data.std) == data.image_shape[0]
    assert all(0 < value < 1 for value in data.mean + data.std)
    assert len(data.digest) == 64
    assert dataset.crop_padding < min(data.image_shape[1:])


@each_loadable
@pytest.mark.usefixtures("own_cache")
def test_loads_in_the_form_of_the_contract(path: Path) -> None:
    dataset = present(path)
    data = dataset.load()
    if isinstance(dataset, FunctionDataset):
        check_function(data)
    elif data.train.is_regression:
        check_values_of_images(dataset, data)
    else:
        check_form(dataset, data)


@each_loadable
@pytest.mark.usefixtures("own_cache")
def test_loading_again_gives_the_same(path: Path) -> None:
    dataset = present(path)
    torch.manual_seed(1)
    first = dataset.load()
    torch.manual_seed(2)  # the global state must not matter
    again = dataset.load()
    assert first.digest == again.digest
    assert torch.equal(first.train.images, again.train.images)
    assert torch.equal(first.validation.labels, again.validation.labels)
    assert first.mean == again.mean
