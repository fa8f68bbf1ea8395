"""``frequency-reg evaluate RUN ... KEY=VALUE ...``: trained runs measured again, without training.

What is measured is what a run measures at its end (clean accuracy, corruptions), on the data set and with the
corruptions that the command names; the defaults are those of ``conf/config.yaml``. Every evaluation is a run folder of
its own, in ``outputs/SWEEP-evaluation`` unless ``name=`` says otherwise. Its records hold the trained run's
configuration, epochs, spectra and SSR, and the new accuracies; the trained run's folder is not touched.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch

from frequency_reg.compose import make_plan
from frequency_reg.config import Config, ConfigError, instantiate
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.diagnostic.base import Question, Rows, Source
from frequency_reg.evaluate import Score, published_robustness, robustness, score
from frequency_reg.experiment import build_corruptions, build_diagnostics, set_up_torch
from frequency_reg.model.base import Model
from frequency_reg.outcome import Outcome
from frequency_reg.provenance import generator_columns, peak_memory, provenance
from frequency_reg.records import SCHEMA_VERSION, RunWriter, read_run, run_directories
from frequency_reg.run_id import config_columns, finished_outcome
from frequency_reg.shift import Chosen, Shift, shared_classes, shown_split
from frequency_reg.source import load_sources, refuse_itself
from frequency_reg.stored import StoredRun, Trained, load_model, recorded_overrides, stored_run

_KEPT_TABLES = ("epochs", "spectra", "ssr", "ssr_null", "regularizer")
_KEPT_COLUMNS = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "parameters",
    "train_seconds",
)
"""What holds for the trained network whatever it is shown."""


_OF_TRAINING = ("model", "regularizer", "optimizer", "epochs", "batch_size", "schedule", "seed", "probe", "tracker")


@dataclass(frozen=True)
class Evaluation:
    """One trained run and what it is to be measured on.

    Attributes:
        stored: the trained run.
        config: what the records of the evaluation say; its model and regularizer are the trained run's.
        shift: how another data set is shown.
    """

    stored: StoredRun
    config: Config
    shift: Shift


def planned(folders: Sequence[Path], overrides: Sequence[str], shift: Shift) -> list[Evaluation]:
    """The evaluations of every complete run at or below ``folders``, composed and checked before any is done.

    Args:
        overrides: as for a run; those of model, regularizer and training mean nothing here and are refused.

    Raises:
        ConfigError: a folder holds no run, a run is not complete, a key or value is wrong, or a diagnostic's source
            is the very run.
    """
    for text in overrides:
        if text.split("=")[0].split(".")[0] in _OF_TRAINING:
            raise ConfigError(f"{text}: the network is trained already; evaluate takes dataset, corruption, evaluation")
    found = []
    for directory in dict.fromkeys(d for folder in folders for d in _runs(folder)):
        stored = stored_run(directory, [text for text in overrides if text.startswith("dataset.root=")])
        own = recorded_overrides(stored.row)
        if any(text.startswith("dataset=") for text in overrides):
            own = [text for text in own if not text.startswith("dataset")]
        name = f"name={directory.absolute().parent.name}-evaluation"
        config = make_plan([*own, f"seed={stored.row.get('config.seed', 0)}", name, *overrides], multirun=False).runs[0]
        refuse_itself(config, stored.row)
        found.append(Evaluation(stored, config, shift))
    return found


def _runs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; give a run's folder, or a sweep's with run folders")
    found = run_directories(folder)
    if not found:
        raise ConfigError(f"{folder}: no run.parquet at any depth; give a run's folder, outputs/NAME/RUN")
    return found


class DataSets:
    """Data sets by their configuration, each loaded once."""

    def __init__(self) -> None:
        self._loaded: dict[str, ImageData] = {}

    def __call__(self, node: Mapping[str, Any]) -> ImageData:
        """The data set that ``node`` describes."""
        key = json.dumps(node, sort_keys=True, default=str)
        if key not in self._loaded:
            self._loaded[key] = instantiate(node).load()
        return self._loaded[key]


def evaluate(evaluation: Evaluation, data_sets: DataSets) -> Outcome:
    """Measure one trained run and publish the records, unless they are there already.

    Raises:
        ConfigError, frequency_reg.dataset.base.DataError: the checkpoint, the data set or the classes do not fit.
        RecordsError: the directory cannot be written.
    """
    stored, config = evaluation.stored, evaluation.config
    device, precision = set_up_torch(config)
    trained = load_model(stored, lambda: data_sets(stored.config.dataset), device)
    sources = load_sources(config, stored.row, trained.image_shape, trained.class_names, device)
    identity = _identity(evaluation, trained, sources)
    directory = (Path(config.outputs) / config.name / _directory_name(stored, identity)).absolute()
    there = finished_outcome(directory, identity)
    if there is not None:
        return there
    data = data_sets(config.dataset)
    started = time.perf_counter()
    versions: dict[str, str] = {}
    clean, rows = _measured(evaluation, trained, sources, data, device, precision, versions)
    made = provenance(device=device, precision=precision, data_digest=data.digest)
    row = {
        **{column: stored.row.get(column) for column in _KEPT_COLUMNS},
        "run_name": directory.name,
        "status": "complete",
        "status_detail": None,
        "clean_accuracy": clean.accuracy,
        "clean_loss": clean.loss,
        "evaluate_seconds": time.perf_counter() - started,
        "peak_memory": peak_memory(),
        **_recorded(evaluation),
        **made,
        **generator_columns(versions),
        "provenance.trained_run": stored.run_id,
        "provenance.trained_by": stored.row.get("provenance.source_digest"),
        "provenance.weights": trained.digest,
    }
    directory.mkdir(parents=True, exist_ok=True)
    stamp = {"configuration": identity, "formula_version": str(SCHEMA_VERSION)}
    stamp.update({key.removeprefix("provenance."): str(value) for key, value in made.items()})
    diagnostics = build_diagnostics(config, trained.image_shape, len(trained.class_names))
    schemas = {name: schema for diagnostic in diagnostics for name, schema in diagnostic.schemas.items()}
    _publish(RunWriter(directory, identity, stamp=stamp, schemas=schemas), stored, rows, row)
    return Outcome(directory, "complete", f"clean {clean.accuracy:.1%} of {clean.n} images")


def _measured(
    evaluation: Evaluation,
    trained: Trained,
    sources: Mapping[str, Source],
    data: ImageData,
    device: torch.device,
    precision: torch.dtype,
    versions: dict[str, str],
) -> tuple[Score, list[Rows]]:
    """The clean score on the test split, and the rows of every table that the evaluation fills.

    ``versions`` takes what made the corrupted images, see :func:`frequency_reg.evaluate.robustness`.
    """
    config, settings = evaluation.config, evaluation.config.evaluation
    pairs = shared_classes(trained.class_names, data.class_names, evaluation.shift)
    whole = pairs == [(i, i) for i in range(len(trained.class_names))] and len(data.class_names) == len(pairs)

    def asked(network: Model) -> Model:
        return cast(Model, network if whole else Chosen(network, [ours for ours, _ in pairs]))

    model = asked(trained.model)
    corruptions, published = build_corruptions(config, trained.image_shape)
    if published and not (whole and data.image_shape == trained.image_shape):
        raise ConfigError(
            f"corruption={','.join(published)}: stored images belong to one test set; they can be shown only to "
            "networks that were trained on its classes and image size"
        )
    diagnostics = build_diagnostics(config, trained.image_shape, len(pairs))
    others = {folder: replace(source, model=asked(source.model)) for folder, source in sources.items()}
    size = {"batch_size": settings.batch_size, "precision": precision}
    measured = {**size, "seed": settings.seed, "eight_bit": settings.eight_bit, "versions": versions}
    measured["cache_gib"] = config.runtime.corruption_cache_gib

    def shown(name: str) -> Split:
        split = shown_split(getattr(data, name), pairs, trained.image_shape, evaluation.shift)
        return Split(split.images.to(device), split.labels.to(device))

    test = shown("test")
    clean = score(model, test, **size)  # type: ignore[arg-type]
    rows: list[Rows] = []
    for name in settings.splits:
        split = test if name == "test" else shown(name)
        found = robustness(model, split, corruptions, split_name=name, **measured)  # type: ignore[arg-type]
        rows += [("robustness", row) for row in found]
        question = Question(model, split, name, settings.batch_size, precision, settings.seed, others)
        rows += [row for diagnostic in diagnostics for row in diagnostic.measure(question)]
    found = published_robustness(model, data, published, versions=versions, **size)  # type: ignore[arg-type]
    rows += [("robustness", row) for row in found]
    return clean, rows


def _publish(writer: RunWriter, stored: StoredRun, rows: Sequence[Rows], row: Mapping[str, Any]) -> None:
    for table, columns in [*_kept_tables(stored), *rows]:
        writer.add(table, columns)
    writer.set_run(row)
    writer.publish()


def _kept_tables(stored: StoredRun) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in read_run(stored.directory).items():
        if name in _KEPT_TABLES and len(table):
            yield name, {column: table[column].to_pylist() for column in table.column_names if column != "run_id"}


def _recorded(evaluation: Evaluation) -> dict[str, Any]:
    """``config.*`` columns: those of training as they were recorded, those of the evaluation as they are now.

    Probes only watched the training: networks that differ in them are not told apart here.
    """
    now = config_columns(evaluation.config)
    about = ("config.dataset", "config.corruption", "config.evaluation", "config.diagnostic")
    left = (*about, "config.probe.")
    then = {k: v for k, v in evaluation.stored.row.items() if k.startswith("config.") and not k.startswith(left)}
    shift = evaluation.shift
    return {
        **then,
        **{key: value for key, value in now.items() if key.startswith(about)},
        "config.trained_on": str(evaluation.stored.row.get("config.dataset")),
        "config.shift.resize": shift.resize,
        "config.shift.labels": None if shift.labels is None else json.dumps(dict(shift.labels), sort_keys=True),
    }


def _identity(evaluation: Evaluation, trained: Trained, sources: Mapping[str, Source]) -> str:
    """SHA-256 (hex) of the trained run, its weights, all that the evaluation says, and its sources' weights."""
    said: list[Any] = [evaluation.stored.run_id, trained.digest, _recorded(evaluation)]
    said += sorted({source.weights for source in sources.values()})
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _directory_name(stored: StoredRun, identity: str) -> str:
    tail = f"-{identity[:8]}"
    return stored.directory.absolute().name[: 100 - len(tail)] + tail
