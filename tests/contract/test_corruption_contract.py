"""What every corruption must keep, tested on each YAML of conf/corruption from the moment it exists."""

from __future__ import annotations

import importlib
import inspect
import math
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
from omegaconf import OmegaConf
from pydantic import ConfigDict, TypeAdapter
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.published import Published

ROOT = Path(__file__).parents[2]
SHAPES = [(64, 3, 32, 32), (64, 1, 8, 8), (64, 1, 28, 28)]


def read(path: Path) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    assert isinstance(config, dict)
    assert list(config) == [path.stem], f"{path}: one entry, named like the file, so that corruptions compose"
    entry = config[path.stem]
    assert isinstance(entry, dict)
    return entry


def target(path: Path) -> type[Corruption]:
    module, _, name = read(path)["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


FILES = sorted(
    path for path in (ROOT / "conf" / "corruption").glob("*.yaml") if not issubclass(target(path), Published)
)
"""Corruptions that are computed; stored images have a contract of their own, ``test_published_contract.py``."""


def build(path: Path) -> Corruption:
    return target(path)(**{key: value for key, value in read(path).items() if key != "_target_"})


def smooth(shape: tuple[int, ...]) -> Tensor:
    """Images in [0, 1], neither flat nor white, reaching both ends."""
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    images = noise + 2 * noise.roll(1, -1) + 2 * noise.roll(1, -2) + noise.mean(1, keepdim=True)
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    return ((images - low) / (high - low)).clamp(0, 1)


def seeded() -> Generator:
    return torch.Generator().manual_seed(7)


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def test_there_are_corruptions() -> None:
    assert {"gaussian_noise", "gaussian_blur", "resize", "low_pass", "high_pass"} <= {path.stem for path in FILES}


@each_file
def test_name_locates_code_and_tests(path: Path) -> None:
    assert issubclass(target(path), Corruption)
    module = target(path).__module__
    package, _, stem = module.rpartition(".")
    assert package == "frequency_reg.corruption"
    assert (ROOT / "tests" / "corruption" / f"test_{stem}.py").is_file()
    if stem != path.stem:
        first = path.read_text().splitlines()[0].lower()
        assert f"preset of {stem}" in first, f"{path}: its first line must call it a preset of {stem}"


@each_file
def test_yaml_holds_every_parameter_and_valid_defaults(path: Path) -> None:
    parameters = inspect.signature(target(path)).parameters
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    assert all(parameter.default is inspect.Parameter.empty for parameter in parameters.values())
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
def test_parameters_are_numbers_with_a_unit(path: Path) -> None:
    corruption = build(path)
    assert len(corruption.parameters) >= 1
    assert all(isinstance(value, (int, float)) for value in corruption.parameters)
    assert corruption.unit


@each_file
@each_shape
def test_severity_zero_is_clean(path: Path, shape: tuple[int, ...]) -> None:
    images = smooth(shape)
    assert build(path)(images, 0, seeded()) is images


@each_file
@each_shape
def test_every_severity_keeps_the_form_and_changes_the_images(path: Path, shape: tuple[int, ...]) -> None:
    images, corruption = smooth(shape), build(path)
    before = images.clone()
    for severity in range(1, len(corruption.parameters) + 1):
        corrupted = corruption(images, severity, seeded())
        assert (corrupted.shape, corrupted.dtype, corrupted.device) == (images.shape, images.dtype, images.device)
        assert corrupted.isfinite().all()
        distortion = (corrupted - images).abs().amax((1, 2, 3))
        # Impulse noise hits one value in a hundred: of tiny images, some stay as they are by chance.
        changed = (distortion.min() if math.prod(shape[1:]) > 100 else distortion.quantile(0.7)) > 1e-4
        assert changed == corruption.changes(shape[1], severity), f"severity {severity} leaves an image as it is"
    assert torch.equal(images, before), "the given images were written to"


@each_file
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_dtype_is_kept(path: Path, dtype: torch.dtype) -> None:
    corruption = build(path)
    assert corruption(smooth(SHAPES[0])[:2].to(dtype), len(corruption.parameters), seeded()).dtype == dtype


@each_file
@each_shape
def test_distortion_is_larger_at_the_last_severity(path: Path, shape: tuple[int, ...]) -> None:
    images, corruption = smooth(shape), build(path)
    last = len(corruption.parameters)
    first, final = ((corruption(images, s, seeded()) - images).square().mean() for s in (1, last))
    assert last == 1 or bool(final > first) == corruption.distortion_grows


@each_file
@each_shape
def test_same_generator_state_same_images(path: Path, shape: tuple[int, ...]) -> None:
    images, corruption = smooth(shape), build(path)
    torch.manual_seed(1)
    first = corruption(images, 1, seeded())
    torch.manual_seed(2)  # the global state must not matter
    assert torch.equal(first, corruption(images, 1, seeded()))


@each_file
@pytest.mark.parametrize("shape", [*SHAPES, (64, 1, 5, 5)], ids=str)
def test_batch_size_does_not_matter(path: Path, shape: tuple[int, ...]) -> None:
    images, corruption = smooth(shape), build(path)
    for severity in range(1, len(corruption.parameters) + 1):
        whole = corruption(images, severity, seeded())
        for sizes in ([32, 32], [1, 50, 13]):
            generator = seeded()
            parts = torch.cat([corruption(part, severity, generator) for part in torch.split(images, sizes)])
            # Other batch sizes may round differently in convolutions and FFTs; other random numbers would be far off.
            torch.testing.assert_close(parts, whole, atol=1e-6, rtol=0)


@each_file
def test_bad_input_is_refused(path: Path) -> None:
    corruption = build(path)
    with pytest.raises(ValueError, match="divide by 255"):
        corruption(smooth(SHAPES[0]) * 255, 1, seeded())
    with pytest.raises(ValueError, match=f"{len(corruption.parameters) + 1} does not exist; choose 0"):
        corruption(smooth(SHAPES[0]), len(corruption.parameters) + 1, seeded())
