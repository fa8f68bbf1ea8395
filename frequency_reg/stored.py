"""A trained run taken up from its folder, a stranger's included: nothing of the folder is ever run as code.

The records name the variants (``config.model = resnet20``) and their values; both are composed anew from this
installation's own ``conf/``, so that no recorded ``_target_`` exists to be believed. The weights are the newest
undamaged checkpoint, loaded with ``weights_only=True``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from frequency_reg import checkpoint
from frequency_reg.compose import make_plan
from frequency_reg.config import Config, ConfigError, instantiate, regularizer_parts
from frequency_reg.dataset.base import ImageData
from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Composition
from frequency_reg.run_id import recorded_run

_PREFIX = "config."
_REBUILT = ("dataset", "model", "regularizer")


@dataclass(frozen=True)
class StoredRun:
    """A finished run's folder.

    Attributes:
        directory: the folder.
        row: its ``run`` row.
        config: what was trained, composed from this installation's files.
    """

    directory: Path
    row: Mapping[str, Any]
    config: Config

    @property
    def run_id(self) -> str:
        """Identity of the run that was trained."""
        return str(self.row["run_id"])


def stored_run(directory: Path, overrides: Sequence[str] = ()) -> StoredRun:
    """Read what a folder says was trained.

    Args:
        overrides: of the data set's place, such as ``dataset.root=FOLDER``.

    Raises:
        ConfigError: no complete run's records are there, or they name what this installation does not have.
    """
    row = recorded_run(directory)
    if row is None:
        raise ConfigError(f"{directory}: no run.parquet that can be read; give a run's folder, outputs/NAME/RUN")
    if row["status"] != "complete":
        raise ConfigError(f"{directory}: the run is {row['status']}; only a complete one can be taken up")
    try:
        config = make_plan([*recorded_overrides(row), *overrides], multirun=False).runs[0]
    except ConfigError as error:
        raise ConfigError(
            f"{directory}: its configuration does not fit this installation: {error}; if it was trained with options "
            "of your own, add --config-dir and trusted_packages as in training"
        ) from error
    return StoredRun(directory, row, config)


def recorded_overrides(row: Mapping[str, Any]) -> list[str]:
    """The command line that composes the data set, model and regularizer of a ``run`` row."""
    found = [f"dataset={_word(row, 'dataset')}", f"model={_word(row, 'model')}"]
    found.append(f"regularizer=[{','.join(_word(row, 'regularizer').split('+'))}]")
    for column, value in row.items():
        group, _, key = column.removeprefix(_PREFIX).partition(".")
        if column.startswith(_PREFIX) and group in _REBUILT and key and value is not None:
            found.append(f"{group}.{key}={_literal(column, value)}")
    return found


def _word(row: Mapping[str, Any], group: str) -> str:
    """The recorded choice of a group, which must be made of plain names."""
    value = str(row.get(_PREFIX + group))
    if not all(part.isidentifier() or part.replace("-", "_").isidentifier() for part in value.split("+")):
        raise ConfigError(f"config.{group}={value!r} in the records names no option; expected one of conf/{group}")
    return value


def _literal(column: str, value: Any) -> str:
    """A recorded value as an override; text that could mean more than itself is quoted."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if text[:1] in "[{" and all(c.isalnum() or c in '[]{}:,.+-_" ' for c in text):
        return text.replace('"', "'")
    if "$" in text or "\\" in text or "'" in text:
        raise ConfigError(f"{column}={text!r} in the records holds characters that no value of ours has")
    return f"'{text}'"


@dataclass(frozen=True)
class Trained:
    """A trained network, in evaluation mode.

    Attributes:
        model: the network.
        image_shape: (C, H, W) of the images that it was trained on.
        class_names: one a logit.
        digest: SHA-256 (first 16 hex digits) of its weights.
        memory: names of the buffers that its regularizers added: their memory, no part of what it computes.
    """

    model: Model
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    digest: str
    memory: frozenset[str] = frozenset()


def load_model(stored: StoredRun, data: Callable[[], ImageData], device: torch.device) -> Trained:
    """Rebuild the network and fill it from the newest undamaged checkpoint.

    Args:
        data: loads what it was trained on; asked only for checkpoints that do not say the images' shape and classes.

    Raises:
        ConfigError: no checkpoint is there, or its weights do not fit the recorded configuration.
    """
    state = checkpoint.load_newest(stored.directory, map_location=device)
    if state is None or state.get("epoch") != stored.row["epoch"]:
        found = "none that is whole" if state is None else f"only one of epoch {state.get('epoch')}"
        raise ConfigError(
            f"{stored.directory}: no checkpoint of the last epoch ({stored.row['epoch']}), {found}. Train the run "
            "again, or copy its checkpoint-*.pt and .sha256 here"
        )
    shape, classes = _facts(state) or (lambda found: (found.image_shape, found.class_names))(data())
    neutral = {"mean": (0.0,) * shape[0], "std": (1.0,) * shape[0]}  # the weights bring the true ones
    model: Model = instantiate(stored.config.model, image_shape=shape, num_classes=len(classes), **neutral)
    own = set(model.state_dict())
    parts = {name: instantiate(node) for name, node in regularizer_parts(stored.config.regularizer).items()}
    model = Composition(parts).prepare(model)
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{stored.directory}: its checkpoint does not fit its records ({first})") from error
    model = model.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    memory = {name for name, _ in model.named_buffers()} & set(model.state_dict()) - own
    return Trained(model, shape, classes, weights_digest(model), frozenset(memory))


def _facts(state: Mapping[str, Any]) -> tuple[tuple[int, int, int], tuple[str, ...]] | None:
    """(C, H, W) and class names, where the checkpoint says them."""
    recorded = state.get("data")
    if not isinstance(recorded, dict):
        return None
    channels, height, width = (int(side) for side in recorded["image_shape"])
    return (channels, height, width), tuple(str(name) for name in recorded["class_names"])


def weights_digest(model: torch.nn.Module) -> str:
    """SHA-256 (first 16 hex digits) over names and values of a model's state."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
