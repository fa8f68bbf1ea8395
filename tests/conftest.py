"""What several test files use: small configurations that run in a second, and the folder with real data."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from frequency_reg.compose import Composer, _hydra, with_config_dir
from frequency_reg.config import Config

SMALL = [
    "model=resnet20",
    "model.width=4",
    "epochs=2",
    "batch_size=256",
    "corruption=[gaussian_noise]",
    "corruption.gaussian_noise.sigma=[0.1]",
    "runtime.threads=1",
    "runtime.precision=fp32",
    "runtime.checkpoint_seconds=0",
    "runtime.progress=none",
    "probe.kernel_spectrum.null_draws=2",
]
"""Overrides that make a run on digits take about a second."""


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@cache
def _composer() -> Composer:
    """Shared by all tests: most choose the same options, and Hydra takes a tenth of a second to compose them."""
    with _hydra():
        return Composer()


def composed(*overrides: str) -> Config:
    """The one run that ``overrides`` mean, as ``make_plan`` composes it."""
    composer = _composer()
    with _hydra():
        return composer.config(with_config_dir(overrides, None))


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Config]:
    """Compose a small run on digits that writes below the test's folder."""

    def compose(*overrides: str) -> Config:
        return composed(*SMALL, f"outputs={tmp_path}/outputs", *overrides)

    return compose


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder in FREQUENCY_REG_DATA; the test is skipped where it is not set."""
    folder = os.environ.get("FREQUENCY_REG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set FREQUENCY_REG_DATA to a folder with cifar10/ and MNIST/ to run tests on real images")
    return Path(folder)
