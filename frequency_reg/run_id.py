"""Who a run is: its identity from configuration and code version, its readable name, and whether it is finished."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from frequency_reg import __version__, presence
from frequency_reg.config import Config, variant_name
from frequency_reg.outcome import Outcome

OUTSIDE_IDENTITY = (
    "name",
    "outputs",
    "trusted_packages",
    "pruning",
    "tracker",
    "dataset.root",
    "dataset.download",
    "runtime.device",
    "runtime.threads",
    "runtime.checkpoint_seconds",
    "runtime.progress",
    "runtime.corruption_cache_gib",
)
"""Keys, with all below them, that say where and for whom a run happens, not what it is."""

FINISHED = ("complete", "diverged")
"""Statuses that a repetition would only reproduce."""

OTHER_CODE = "made by another version of the code; delete its folder to repeat it"

_NAME_BYTES = 100


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings to dotted keys; lists to compact JSON text."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        elif isinstance(value, list | tuple | Mapping):
            flat[prefix + key] = json.dumps(value, separators=(",", ":"))
        else:
            flat[prefix + key] = value
    return flat


def flat_config(config: Config) -> dict[str, Any]:
    """What a run is, as one flat row: the ``config.*`` columns of the records.

    A variant's ``_target_`` becomes its name under the group's own key: ``model`` = resnet20; several regularizers are
    joined with ``+``. ``initial_weights`` names what was trained, not with which seed: runs that begin with the
    networks of several seeds of one configuration are replications.
    """
    nested = config.as_dict()
    flat: dict[str, Any] = {}
    for group in ("dataset", "model", "optimizer"):
        flat[group] = variant_name(nested[group])
    flat["regularizer"] = "+".join(sorted(nested["regularizer"]["_target_"]))
    flat.update({k: v for k, v in flatten(nested).items() if "_target_" not in k.split(".")})
    said = _inside_identity(flat)
    if config.initial_weights is not None:
        said["initial_weights"] = _source_recipe(config.initial_weights)
    return said


def _inside_identity(flat: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _source_run(value) if _names_a_source(key) and value is not None else value
        for key, value in flat.items()
        if not _outside_identity(key)
    }


def config_columns(config: Config) -> dict[str, Any]:
    """:func:`flat_config` as columns of the ``run`` table."""
    return {f"config.{key}": value for key, value in flat_config(config).items()}


def _outside_identity(key: str) -> bool:
    if key.startswith("corruption."):
        return key.endswith((".root", ".part"))  # where published images lie, how they are read
    return key in OUTSIDE_IDENTITY or key.startswith(("pruning.", "tracker."))


def _names_a_source(key: str) -> bool:
    """Whether the key names the folder of another trained run: one that a diagnostic asks, or that this begins with."""
    asked = key.startswith("diagnostic.") and key.count(".") == 2 and key.endswith(".source")
    return asked or key == "initial_weights"


def _source_run(folder: str) -> str:
    """The run id of the run in ``folder``, wherever that lies; the text itself where there is none to be found.

    Such a configuration is refused before it is run.
    """
    found = matching(folder)
    row = recorded_run(found[0]) if len(found) == 1 else None
    return folder if row is None else str(row["run_id"])


def _source_recipe(folder: str) -> str:
    """Data set, model and regularizer of the run in ``folder`` and 8 digits of its configuration without the seed."""
    found = matching(folder)
    row = recorded_run(found[0]) if len(found) == 1 else None
    if row is None:
        return folder
    own = {key: row[key] for key in row if key.startswith("config.") and key != "config.seed" and row[key] is not None}
    digest = hashlib.sha256(json.dumps(own, sort_keys=True, default=str).encode()).hexdigest()
    return f"{str(row['run_name']).partition('-seed=')[0]}-{digest[:8]}"


def matching(folder: str) -> list[Path]:
    """The folder itself; where its text has a ``*``, every folder with a run's records that fits, in order."""
    if "*" not in folder:
        return [Path(folder)]
    anchor = Path(Path(folder).anchor)
    pattern = str(Path(folder).relative_to(anchor))
    return sorted(path for path in anchor.glob(pattern) if (path / "run.parquet").is_file())


_YOUNGER = {
    "corruption.gaussian_blur.border": "reflect",
    "diagnostic": "{}",
    "diagnostic.gradient_masking.source": None,
    "evaluation.eight_bit": False,
    "initial_weights": None,
    "model.activation": "relu",
    "model.norm": "batch",
    "optimizer.fused": None,
    "standardize_input": True,
    "steps_per_epoch": None,
}
"""Keys that earlier versions did not have, with the value that means what they did: such runs keep their identity."""


def meant_before(key: str, value: object) -> bool:
    """Whether a configuration without ``key``, of an earlier version, means the same as one with this value."""
    return key in _YOUNGER and value == _YOUNGER[key]


def identity(config: Config) -> str:
    """SHA-256 (hex) of the resolved configuration without :data:`OUTSIDE_IDENTITY`, and of the package's version."""
    nested = config.as_dict()
    flat = {key: value for key, value in _inside_identity(flatten(nested)).items() if not meant_before(key, value)}
    text = json.dumps({"version": __version__, "config": flat}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def run_name(config: Config) -> str:
    """Directory name: data set, model, regularizer with its strength, seed, and 8 digits of the identity.

    At most 100 bytes, no clock in it, only letters, digits and ``._+=-``.
    """
    flat = flat_config(config)
    regularizers = []
    for name in flat["regularizer"].split("+"):
        strength = flat.get(f"regularizer.{name}")
        regularizers.append(name if strength is None else f"{name}={strength:g}")
    parts = [flat["dataset"], flat["model"], "+".join(regularizers), f"seed={config.seed}"]
    text = re.sub(r"[^A-Za-z0-9._+=-]", "-", "-".join(parts))
    tail = f"-{identity(config)[:8]}"
    return text[: _NAME_BYTES - len(tail)] + tail


def run_directory(config: Config) -> Path:
    """``outputs/<name>/<run>``, absolute."""
    return (Path(config.outputs) / config.name / run_name(config)).absolute()


def recorded_run(directory: Path) -> dict[str, Any] | None:
    """The ``run`` row of ``directory`` as a mapping, or None if there is none that can be read and says what it is."""
    try:
        rows = pq.ParquetFile(directory / "run.parquet").read().to_pylist()
    except (OSError, pa.ArrowException):
        return None
    return rows[0] if rows and rows[0].get("run_id") and rows[0].get("status") else None


def is_finished(directory: Path, run_id: str) -> bool:
    """Whether ``directory`` holds the records of exactly this run, finished, with every table it recorded."""
    row = recorded_run(directory)
    if row is None or row["run_id"] != run_id or row["status"] not in FINISHED:
        return False
    try:
        tables: dict[str, int] = json.loads(row.get("tables") or "{}")
    except ValueError:
        return False
    return all(_rows(directory / f"{name}.parquet") == rows for name, rows in tables.items())


def recorded_outcome(directory: Path, run_id: str) -> Outcome | None:
    """What the records in ``directory`` say became of this run; None if they are of another run or cannot be read.

    Records made by other code than today's say so in the detail: numbers of two versions are not mixed in silence.
    """
    row = recorded_run(directory)
    if row is None or row["run_id"] != run_id:
        return None
    status, detail = str(row["status"]), row.get("status_detail") or ""
    if status in FINISHED and row.get("provenance.source_digest") != source_digest():
        detail = OTHER_CODE
    if status == "running" and presence.holder(directory) is None:
        # It may have ended since: a run publishes its end before it lets go of its lock.
        again = recorded_run(directory)
        ended = again is not None and again["run_id"] == run_id and again["status"] != "running"
        return recorded_outcome(directory, run_id) if ended else Outcome(directory, "killed", detail, skipped=True)
    return Outcome(directory, status, detail, skipped=True)


def finished_outcome(directory: Path, run_id: str) -> Outcome | None:
    """:func:`recorded_outcome` of a run that :func:`is_finished`; None for every other."""
    return recorded_outcome(directory, run_id) if is_finished(directory, run_id) else None


def _rows(path: Path) -> int | None:
    """Rows that a file's footer declares; None if it cannot be read."""
    try:
        return int(pq.ParquetFile(path).metadata.num_rows)
    except (OSError, pa.ArrowException):
        return None


@cache
def source_digest() -> str:
    """SHA-256 (first 16 hex digits) over the sources that a run's numbers depend on: did two runs have the same code?

    The command line, plans, progress and trackers only talk to the user and are left out.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256()
    talk = {"cli.py", "compose.py", "plan.py", "progress.py", "__main__.py"}
    talk |= {"search_space.py", "manifest.py", "isolation.py", "places.py", "presence.py", "settle.py", "outcome.py"}
    sources = [file for file in package.rglob("*.py") if file.name not in talk and file.parent.name != "tracker"]
    for file in sorted(sources):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
