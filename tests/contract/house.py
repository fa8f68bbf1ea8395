"""What the contract suites share: every variant of a group, found by its YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"


def variants(group: str) -> list[str]:
    """Names of all options of a group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def is_preset(group: str, name: str) -> bool:
    """Whether the YAML's first line says that it is a preset of another one."""
    return (CONF / group / f"{name}.yaml").read_text().startswith("# Preset of ")


def node(group: str, name: str) -> dict[str, Any]:
    """The YAML as a plain mapping, interpolations left as they are."""
    loaded = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
    assert isinstance(loaded, dict)
    return loaded  # type: ignore[return-value]
