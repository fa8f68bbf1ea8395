"""Every set of corruptions in conf/suite composes, and holds what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError

SUITES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "suite").glob("*.yaml"))


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_composes_and_replaces_the_default_corruptions(name: str) -> None:
    config = make_plan([f"suite={name}"], multirun=False).runs[0]
    assert config.corruption
    assert "resize" not in config.corruption


def test_cifar10_c_has_its_nineteen_corruptions_at_five_severities() -> None:
    corruption = make_plan(["suite=cifar10_c"], multirun=False).runs[0].corruption
    assert len(corruption) == 19
    assert corruption["gaussian_noise_c"]["sigma"] == [0.04, 0.06, 0.08, 0.09, 0.10]
    lists = {key: [v for v in node.values() if isinstance(v, list)] for key, node in corruption.items()}
    assert all(all(len(values) == 5 for values in found) for key, found in lists.items() if found), lists


def test_a_misspelled_suite_names_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"suite=cifar10c: no such option.*did you mean cifar10_c"):
        make_plan(["suite=cifar10c"], multirun=False)
