"""``frequency-reg evaluate RUN ... KEY=VALUE ...``: trained runs measured again, without training.

What is measured is what a run measures at its end (clean accuracy, corruptions), on the data set and with the
corruptions that the command names; the defaults are those of ``conf/config.yaml``. Every evaluation is a run folder of
its own, in ``outputs/SWEEP-evaluation`` unless ``name=`` says otherwise. Its records hold the trained run's
configuration, epochs, spectra and SSR, and the new accuracies; the trained run's folder is not touched.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from frequency_reg.compose import make_plan
from frequency_reg.config import Config, ConfigError, instantiate, nearest
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.diagnostic.base import Source
from frequency_reg.evaluate import Bench, Score, measured
from frequency_reg.experiment import build_bench, chosen_precision, set_up_torch
from frequency_reg.outcome import Outcome
from frequency_reg.provenance import generator_columns, peak_memory, provenance
from frequency_reg.records import SCHEMA_VERSION, RunWriter, read_run, run_directories
from frequency_reg.run import held
from frequency_reg.run_id import config_columns, finished_outcome, recorded_run
from frequency_reg.shift import Shift, restricted, shared_classes, shown_split
from frequency_reg.source import load_sources, refuse_itself
from frequency_reg.stored import StoredRun, Trained, load_model, recorded_overrides, stored_run

_log = logging.getLogger(__name__)

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


_TAKEN = (
    "dataset",
    "corruption",
    "suite",
    "diagnostic",
    "evaluation",
    "runtime",
    "name",
    "outputs",
    "trusted_packages",
)
"""What an evaluation can be told; every other key of a configuration is of the training, and was decided there."""

_PLACE = ("dataset.root", "trusted_packages", "hydra.searchpath")
"""Keys that say where what was trained is found: also asked for to build the network."""

_OF_TRAINING = {"study", *(field.name for field in fields(Config))} - set(_TAKEN)

_DECIDES_ON_SCORE = tuple(f"provenance.{key}" for key in ("data_digest", "torch", "device", "precision"))


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


def planned(folders: Sequence[Path], overrides: Sequence[str], shift: Shift, data_sets: DataSets) -> list[Evaluation]:
    """The evaluations of every complete run at or below ``folders``, composed and checked before any is done.

    Args:
        overrides: as for a run; those of model, regularizer and training mean nothing here and are refused.
        data_sets: loads what is needed.

    Raises:
        ConfigError: a folder holds no run, a run is not complete, a key or value is wrong, or a diagnostic's source
            is the very run.
        ConfigError, frequency_reg.dataset.base.DataError: see :func:`evaluate`; the networks are not asked for that.
    """
    keys = [_key(text) for text in overrides]
    for text, key in zip(overrides, keys, strict=True):
        _refuse_key(text, key)
    found = []
    place = [text for text, key in zip(overrides, keys, strict=True) if key in _PLACE]
    for directory in dict.fromkeys(d for folder in folders for d in _runs(folder)):
        stored = stored_run(directory, place)
        if stored.row.get("provenance.trained_run") is not None:
            raise ConfigError(
                f"{directory}: is a network measured again, without weights of its own; name the run that trained it"
            )
        if stored.row.get("validation_accuracy") is None and stored.row.get("validation_loss") is not None:
            raise ConfigError(
                f"{directory}: its network fits the values of a function; only classifiers of images are measured anew"
            )
        own = recorded_overrides(stored.row)
        if "dataset" in keys:
            own = [text for text in own if _key(text).partition(".")[0] != "dataset"]
        name = f"name={directory.absolute().parent.name}-evaluation"
        config = make_plan([*own, f"seed={stored.row.get('config.seed', 0)}", name, *overrides], multirun=False).runs[0]
        if (Path(config.outputs) / config.name).absolute() == directory.absolute().parent:
            raise ConfigError(
                f"name={config.name}: the trained runs lie there; evaluations need a folder of their own, as {name}"
            )
        refuse_itself(config, stored.row)
        found.append(Evaluation(stored, config, shift))
    for evaluation in found:
        _ready(evaluation, data_sets)  # with many runs, what a later one refuses must show before the first is measured
    return found


def _refuse_key(text: str, key: str) -> None:
    """Whatever an evaluation would ignore, or would have to train anew for."""
    group = re.split("[./]", key)[0]
    if group in _TAKEN or key == "hydra.searchpath":
        return
    if group in _OF_TRAINING:
        raise ConfigError(f"{text}: the network is trained already; evaluate takes {', '.join(_TAKEN)}")
    if group == "hydra":
        raise ConfigError(f"{text}: evaluate launches no sweep; it takes {', '.join(_TAKEN)}, and --workers N")
    raise ConfigError(f"{text}: unknown key; evaluate takes {', '.join(_TAKEN)}{nearest(key, _TAKEN)}")


def _key(override: str) -> str:
    """What an override is about, in any of Hydra's spellings: ``++model.width=3``, ``~model``, ``model@model=mlp``."""
    return override.lstrip("+~").partition("=")[0].partition("@")[0].strip()


def _runs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; give a run's folder, or a sweep's with run folders")
    found = run_directories(folder)
    if not found:
        raise ConfigError(f"{folder}: no run.parquet at any depth; give a run's folder, outputs/NAME/RUN")
    if found == [folder]:
        return found
    rows = {run: recorded_run(run) for run in found}
    found = [run for run in found if (rows[run] or {}).get("provenance.trained_run") is None]  # no evaluations
    if not found:
        raise ConfigError(f"{folder}: holds networks measured again, and none that was trained; name the trained runs")
    complete = [run for run in found if (row := rows[run]) is None or row["status"] == "complete"]
    if not complete:
        raise ConfigError(
            f"{folder}: none of its {len(found)} runs is complete, and only complete ones can be measured"
        )
    if len(complete) < len(found):
        _log.warning(
            "%s: %d of %d runs are not complete and are left out", folder, len(found) - len(complete), len(found)
        )
    return complete


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


@dataclass(frozen=True)
class _Ready:
    """All that measuring one trained run needs, checked.

    Attributes:
        trained: the network, all its classes.
        data: the data set as it is.
        pairs: (class of the network, class of the data set) that mean the same.
        bench: for networks restricted to these classes; holds the sources, all their classes.
        device: where the network is.
        identity: of the evaluation.
        directory: of its records.
    """

    trained: Trained
    data: ImageData
    pairs: list[tuple[int, int]]
    bench: Bench
    device: torch.device
    identity: str
    directory: Path

    @property
    def whole(self) -> bool:
        """Whether the network's classes and the data set's are the same, in the same order."""
        return _whole(self.pairs, self.trained, self.data)

    def made(self) -> dict[str, str | int]:
        """``provenance.*`` columns."""
        return provenance(device=self.device, precision=self.bench.precision, data_digest=self.data.digest)


def _ready(evaluation: Evaluation, data_sets: DataSets) -> _Ready:
    """Load the network and the data set and refuse what does not fit; nothing is measured or written.

    Raises:
        ConfigError, DataError: see :func:`evaluate`.
    """
    stored, config = evaluation.stored, evaluation.config
    device = set_up_torch(config)
    trained = load_model(stored, lambda: data_sets(stored.config.dataset), device)
    sources = load_sources(config, stored.row, trained.image_shape, trained.class_names, device)
    identity = _identity(evaluation, trained, sources)
    data = data_sets(config.dataset)
    pairs = shared_classes(trained.class_names, data.class_names, evaluation.shift)
    if not evaluation.shift.resize:
        none = Split(data.test.images[:0], data.test.labels[:0])
        shown_split(none, pairs, trained.image_shape, evaluation.shift)  # refuses another shape
    bench = build_bench(config, trained.image_shape, len(pairs), chosen_precision(config, data, device))
    whole = _whole(pairs, trained, data)
    _check_published(bench, data, whole=whole and data.image_shape == trained.image_shape)
    directory = (Path(config.outputs) / config.name / _directory_name(stored, identity)).absolute()
    return _Ready(trained, data, pairs, replace(bench, sources=sources), device, identity, directory)


def _whole(pairs: list[tuple[int, int]], trained: Trained, data: ImageData) -> bool:
    return pairs == [(i, i) for i in range(len(trained.class_names))] and len(data.class_names) == len(pairs)


@contextmanager
def _restricted(ready: _Ready) -> Iterator[None]:
    """Inside, the network and its sources tell the paired classes apart, as the data set numbers them."""
    with ExitStack() as stack:
        if not ready.whole:
            for model in (ready.trained.model, *(source.model for source in ready.bench.sources.values())):
                stack.enter_context(restricted(model, [ours for ours, _ in ready.pairs]))
        yield


def _check_published(bench: Bench, data: ImageData, *, whole: bool) -> None:
    if bench.published and not whole:
        raise ConfigError(
            f"corruption={','.join(bench.published)}: stored images belong to one test set; they can be shown only to "
            "networks that were trained on its classes and image size"
        )
    for source in bench.published.values():
        next(source.sets(data))


def evaluate(evaluation: Evaluation, data_sets: DataSets) -> Outcome:
    """Measure one trained run and publish the records, unless they are there already.

    An evaluation that another process is doing is left to it, with status ``running``.

    Raises:
        ConfigError, frequency_reg.dataset.base.DataError: the checkpoint, the data set or the classes do not fit.
        RecordsError: the directory cannot be written.
    """
    ready = _ready(evaluation, data_sets)
    there = finished_outcome(ready.directory, ready.identity)
    if there is not None:
        return there
    with held(ready.directory) as ours:
        if ours is None:
            return Outcome(ready.directory, "running", "another process is doing this evaluation", skipped=True)
        return finished_outcome(ready.directory, ready.identity) or _record(evaluation, ready)


def _record(evaluation: Evaluation, ready: _Ready) -> Outcome:
    """Measure into the records of the directory, which this process holds, and publish them."""
    started = time.perf_counter()
    stored, bench, made = evaluation.stored, ready.bench, ready.made()
    stamp = {"configuration": ready.identity, "formula_version": str(SCHEMA_VERSION)}
    stamp.update({key.removeprefix("provenance."): str(value) for key, value in made.items()})
    schemas = {name: schema for diagnostic in bench.diagnostics for name, schema in diagnostic.schemas.items()}
    writer = RunWriter(ready.directory, ready.identity, stamp=stamp, schemas=schemas)
    for table, kept in _kept_tables(stored):
        writer.add(table, kept)
    model, data = ready.trained.model, _shown(evaluation, ready)
    versions: dict[str, str] = {}
    with _restricted(ready):
        clean = _score_of_training(stored, ready) or bench.clean_score(model, data)
        for table, columns in measured(model, data, bench, clean=clean, versions=versions):
            writer.add(table, columns)
    row = {
        **{column: stored.row.get(column) for column in _KEPT_COLUMNS},
        "run_name": ready.directory.name,
        "status": "complete",
        "status_detail": None,
        "clean_accuracy": clean.accuracy,
        "clean_loss": clean.loss,
        "evaluate_seconds": time.perf_counter() - started,
        "peak_memory": peak_memory(),
        **_recorded(evaluation),
        **made,
        **generator_columns(versions),
        **_origin(stored, ready.trained),
    }
    writer.set_run(row)
    writer.publish()
    return Outcome(ready.directory, "complete", f"clean {clean.accuracy:.1%} of {clean.n} images")


def _origin(stored: StoredRun, trained: Trained) -> dict[str, Any]:
    """Which run trained the network, by which code, and its weights."""
    return {
        "provenance.trained_run": stored.run_id,
        "provenance.trained_by": stored.row.get("provenance.source_digest"),
        "provenance.weights": trained.digest,
    }


def _shown(evaluation: Evaluation, ready: _Ready) -> ImageData:
    """The data set with the splits that are asked on as the network sees them, on its device."""

    def shown(split: Split) -> Split:
        found = shown_split(split, ready.pairs, ready.trained.image_shape, evaluation.shift)
        return Split(found.images.to(ready.device), found.labels.to(ready.device))

    data = replace(ready.data, test=shown(ready.data.test))
    return replace(data, validation=shown(data.validation)) if "validation" in ready.bench.splits else data


def _score_of_training(stored: StoredRun, ready: _Ready) -> Score | None:
    """The clean score as the run measured it, where nothing else needs that of now and it would be the same."""
    accuracy, loss = stored.row.get("clean_accuracy"), stored.row.get("clean_loss")
    made = ready.made()
    same = ready.whole and all(str(stored.row.get(key)) == str(made[key]) for key in _DECIDES_ON_SCORE)
    if ready.bench.scores_clean_test or not same or accuracy is None or loss is None:
        return None
    return Score(accuracy, loss, len(ready.data.test))


def _kept_tables(stored: StoredRun) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in read_run(stored.directory).items():
        if name in _KEPT_TABLES and len(table):
            yield name, {column: table[column].to_pylist() for column in table.column_names if column != "run_id"}


def _recorded(evaluation: Evaluation) -> dict[str, Any]:
    """``config.*`` columns: those of training as they were recorded, those of the evaluation as they are now.

    Probes only watched the training: networks that differ in them are not told apart here.
    """
    now = config_columns(evaluation.config)
    about = (
        "config.dataset",
        "config.corruption",
        "config.evaluation",
        "config.diagnostic",
        "config.runtime.precision",
    )
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
