"""Who may import whom. Nothing points up; heavy imports stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GROUPS = ("dataset", "model", "regularizer", "corruption", "probe", "diagnostic", "tracker")
LEAVES = {
    "frequency_reg",
    "frequency_reg.compaction",
    "frequency_reg.outcome",
    "frequency_reg.presence",
    "frequency_reg.records",
    "frequency_reg.stopping",
    "frequency_reg.streams",
}
BASES = {f"frequency_reg.{group}.base" for group in GROUPS}


def modules(package: str) -> dict[str, Path]:
    files = (ROOT / package).rglob("*.py")
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def imports(file: Path) -> set[str]:
    """Modules that a file imports anywhere, type-checking blocks and function bodies included."""
    found = set()
    for item in ast.walk(ast.parse(file.read_text())):
        if isinstance(item, ast.Import):
            found |= {alias.name for alias in item.names}
        elif isinstance(item, ast.ImportFrom) and item.module:
            assert item.level == 0, f"{file}: relative import"
            whole = {f"{item.module}.{alias.name}" for alias in item.names}
            found |= {name for name in whole if name in ALL} or {item.module}
    return found


ALL = {**modules("frequency_reg"), **modules("analysis"), **modules("sweeps")}
SPECTRUM = {name for name in ALL if name.startswith("frequency_reg.spectrum")}


def ours(file: Path) -> set[str]:
    return {name for name in imports(file) if name.split(".")[0] in ("frequency_reg", "analysis", "sweeps")}


def allowed(module: str) -> set[str]:
    """What a module of frequency_reg may import of frequency_reg."""
    parts = module.split(".")
    if parts[1] == "records":
        return {name for name in ALL if name.startswith("frequency_reg.records.")} | {
            "frequency_reg",
            "frequency_reg.presence",
        }
    if module == "frequency_reg.compaction":
        return {"frequency_reg", "frequency_reg.records"}
    if module in LEAVES:
        return set()
    if parts[1] == "spectrum":
        return SPECTRUM
    if module == "frequency_reg.tracker.__main__":
        return LEAVES | {f"frequency_reg.{name}" for name in ("compose", "config", "tracker.base")}
    if len(parts) > 1 and parts[1] in GROUPS:
        own = {name for name in ALL if name.startswith(f"frequency_reg.{parts[1]}.")}
        return own | BASES | SPECTRUM | LEAVES | {"frequency_reg.ball"}
    floor = LEAVES | BASES | {"frequency_reg.corruption.published", "frequency_reg.objective"}
    table = {
        "config": LEAVES,
        "isolation": LEAVES,
        "manifest": LEAVES,
        "places": LEAVES,
        "search_space": LEAVES | {"frequency_reg.config"},
        "settle": LEAVES | {"frequency_reg.config", "frequency_reg.run_id"},
        "source": floor | {f"frequency_reg.{name}" for name in ("config", "run_id", "stored")},
        "initial": floor | {f"frequency_reg.{name}" for name in ("config", "run_id", "source")},
        "run_id": LEAVES | {"frequency_reg.config"},
        "checkpoint": LEAVES,
        "objective": set(),
        "ball": set(),
        "progress": LEAVES,
        "provenance": LEAVES | {"frequency_reg.run_id"},
        "train": floor,
        "array_cache": LEAVES | {"frequency_reg.dataset.cache"},
        "corrupted": floor | {f"frequency_reg.{name}" for name in ("array_cache", "dataset.cache", "provenance")},
        "evaluate": floor | {"frequency_reg.corrupted"},
        "compose": LEAVES | {"frequency_reg.config", "frequency_reg.search_space"},
        "plan": LEAVES
        | {f"frequency_reg.{name}" for name in ("config", "run_id", "compose", "progress", "search_space")},
    }
    above_run = ("compose", "plan", "isolation", "manifest", "places", "search_space")
    below_run = floor | {f"frequency_reg.{name}" for name in (*table, "experiment") if name not in above_run}
    return table.get(parts[1], below_run if parts[1] in ("experiment", "run") else set(ALL))


@pytest.mark.parametrize("module", sorted(name for name in ALL if name.startswith("frequency_reg.")))
def test_arrows_of_frequency_reg(module):
    assert ours(ALL[module]) - allowed(module) == set()


def test_only_the_command_line_imports_hydra():
    users = {name for name, file in ALL.items() if any(i.split(".")[0] == "hydra" for i in imports(file))}
    assert {name for name in users if name.startswith("frequency_reg")} == {
        "frequency_reg.cli",
        "frequency_reg.compose",
        "frequency_reg.search_space",
    }


@pytest.mark.parametrize("module", sorted(modules("analysis")))
def test_analysis_imports_records_only(module):
    found = imports(ALL[module])
    assert {n for n in found if n.startswith("frequency_reg")} <= {
        "frequency_reg.records",
        "frequency_reg.compaction",
    }
    assert not {n.split(".")[0] for n in found} & {"torch", "hydra", "omegaconf", "sweeps"}


SEEN_BY_SWEEPS = LEAVES | {
    f"frequency_reg.{name}"
    for name in (
        *("compose", "config", "isolation", "manifest", "places", "progress", "recordable", "run_id", "search_space"),
        "settle",
    )
}


@pytest.mark.parametrize("module", sorted(modules("sweeps")))
def test_sweeps_never_import_torch_nor_the_run_itself(module):
    found = imports(ALL[module])
    assert not {n.split(".")[0] for n in found} & {"torch", "torchvision", "analysis"}
    runs = {"frequency_reg.run"} if module == "sweeps.worker" else set()
    assert {n for n in found if n.startswith("frequency_reg")} - SEEN_BY_SWEEPS == runs


def test_frequency_reg_and_analysis_never_import_sweeps():
    below = {name: file for name, file in ALL.items() if not name.startswith("sweeps")}
    assert [name for name, file in below.items() if any(n.split(".")[0] == "sweeps" for n in imports(file))] == []


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import frequency_reg.cli", ["torch", "pandas", "matplotlib"]),
        ("import frequency_reg.records", ["torch", "hydra", "pandas"]),
        ("import analysis", ["torch", "hydra", "matplotlib", "seaborn"]),
        ("import frequency_reg.run", ["hydra", "frequency_reg.stored", "matplotlib", "mlflow", "tensorboard"]),
        ("import frequency_reg.tracker.mlflow", ["mlflow", "sqlalchemy"]),
        ("import frequency_reg.tracker.tensorboard", ["tensorboard"]),
    ],
)
def test_what_an_import_does_not_load(statement, absent):
    code = f"{statement}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
