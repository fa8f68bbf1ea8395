"""Other trained networks that diagnostics ask beside a run's own: found by their folders, checked, loaded.

A diagnostic names one with its parameter ``source``. Like the data set, a source belongs to what a run is, but where it
lies does not: identity and records have its run id (:mod:`frequency_reg.run_id`), the rows also its weights' digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from frequency_reg.config import Config, ConfigError, instantiate
from frequency_reg.dataset.base import ImageData
from frequency_reg.diagnostic.base import Source
from frequency_reg.model.base import ImageShape
from frequency_reg.run_id import meant_before, recorded_run

if TYPE_CHECKING:
    from frequency_reg.stored import Trained

_TRAINING = (
    *("dataset", "model", "regularizer", "optimizer", "epochs", "batch_size", "schedule", "seed", "runtime"),
    *("standardize_input", "initial_weights"),
)
"""Groups and keys that make a network what it is."""

_PLACE = ("root", "download")
"""Where a data set lies: for a source as for the run."""


def load_sources(
    config: Config,
    row: Mapping[str, Any],
    image_shape: ImageShape,
    class_names: Sequence[str],
    device: torch.device,
) -> dict[str, Source]:
    """The networks that the chosen diagnostics name as their sources, by folder; none of the random state is used.

    Args:
        config: of the run.
        row: of the asked network: ``run_id`` if it has one, and ``config.*`` columns.
        image_shape: (C, H, W) of the images that the asked network was or will be trained on.
        class_names: one a logit of it.
        device: where the sources are to be.

    Raises:
        ConfigError: no trained run is in a folder, it is the asked network itself, or it takes other images or tells
            other classes apart.
    """
    refuse_itself(config, row)
    found: dict[str, Source] = {}
    for key, folder in _folders(config).items():
        if folder in found:
            continue
        run_id, trained = load_trained(key, folder, config, device)
        if trained.image_shape != tuple(image_shape) or trained.class_names != tuple(class_names):
            raise ConfigError(
                f"{key}={folder}: it was trained on {_described(trained.image_shape, trained.class_names)}, this "
                f"network sees {_described(image_shape, class_names)}; give a run of the same data set"
            )
        found[folder] = Source(trained.model, run_id, trained.digest)
    return found


def refuse_itself(config: Config, row: Mapping[str, Any]) -> None:
    """Refuse a source that is the asked network itself, or was trained exactly as it: its images are the direct attack.

    Args:
        row: as for :func:`load_sources`.

    Raises:
        ConfigError: naming the key.
    """
    for key, folder in _folders(config).items():
        source = recorded_run(Path(folder))
        if source is not None and (source["run_id"] == row.get("run_id") or _training(source) == _training(row)):
            raise ConfigError(
                f"{key}={folder}: this is the very network that is asked (the same configuration, the same seed); "
                "give a run with another seed, regularizer or model"
            )


def _folders(config: Config) -> dict[str, str]:
    """Folder of each source by its key in the configuration."""
    nodes = sorted(config.diagnostic.items())
    return {f"diagnostic.{name}.source": node["source"] for name, node in nodes if node.get("source") is not None}


def _training(row: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``config.*`` columns decides on the weights."""
    said = {column.removeprefix("config."): value for column, value in row.items() if column.startswith("config.")}
    return {
        key: value
        for key, value in said.items()
        if key.partition(".")[0] in _TRAINING and value is not None and not meant_before(key, value)
    }


def _described(image_shape: Sequence[int], class_names: Sequence[str]) -> str:
    listed = ", ".join(class_names[:3]) + (", ..." if len(class_names) > 3 else "")
    return f"images of {' x '.join(map(str, image_shape))} (C, H, W) in {len(class_names)} classes ({listed})"


def load_trained(key: str, folder: str, config: Config, device: torch.device) -> tuple[str, Trained]:
    """Run id and network of the complete run in ``folder``; none of the random state is used.

    Args:
        key: that names it in the configuration, for the message.
        folder: of the run.
        config: of the run that asks; says where its data set lies, should the images' shape not be recorded.
        device: where the network is to be.

    Raises:
        ConfigError: there is no complete run, or its checkpoint is missing, damaged or does not fit its records.
    """
    from frequency_reg.stored import load_model, stored_run  # brings Hydra, which other runs do without

    def its_data() -> ImageData:
        own = stored.config.dataset
        place = {key: config.dataset[key] for key in _PLACE if key in own and key in config.dataset}
        data: ImageData = instantiate({**own, **place}).load()
        return data

    try:
        stored = stored_run(Path(folder))
        with torch.random.fork_rng([]):  # a new network draws weights, which are then overwritten
            return stored.run_id, load_model(stored, its_data, device)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error
