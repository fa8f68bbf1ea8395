"""One run: configuration -> data, model, training, measurements -> records. Knows neither Hydra nor other runs."""

from __future__ import annotations

import datetime
import logging
import math
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from frequency_reg import checkpoint, presence
from frequency_reg.config import Config, ConfigError
from frequency_reg.dataset.base import DataError, ImageData
from frequency_reg.diagnostic.base import Diagnostic
from frequency_reg.evaluate import measured, score
from frequency_reg.experiment import Experiment, build
from frequency_reg.initial import begin_with_initial_weights
from frequency_reg.outcome import Outcome
from frequency_reg.presence import Presence
from frequency_reg.probe.base import Probe
from frequency_reg.progress import Progress, shown
from frequency_reg.provenance import generator_columns, peak_memory, provenance
from frequency_reg.records import SCHEMA_VERSION, RecordsError, RunWriter
from frequency_reg.run_id import config_columns, finished_outcome, flat_config, identity, run_directory
from frequency_reg.settle import settle
from frequency_reg.tracker.base import Mirrors, Origin, columns_of
from frequency_reg.train import DivergedError, EpochResult, examples_per_epoch, train

_log = logging.getLogger(__name__)


class PrunedError(Exception):
    """The configuration's stopping rule ends the run."""


def run(config: Config) -> Outcome:
    """Do one run and publish its records, unless they are there already; go on where an interrupted one stopped.

    A failure of the run itself (an exception, a loss that is no longer finite, exhausted memory) is a status in its
    records and its traceback is in the directory's ``log.txt``; it is not raised. A run that another process is doing
    is left to it, with status ``running``.

    Raises:
        ConfigError, frequency_reg.dataset.base.DataError: bad input, found before the run's directory is made.
        RecordsError: the directory cannot be written.
    """
    directory, run_id = run_directory(config), identity(config)
    there = finished_outcome(directory, run_id)
    if there is not None:
        return there
    try:
        experiment = build(config, run_id)
    except (ConfigError, DataError):
        raise
    except Exception as error:
        return _failed_to_build(config, error)
    with held(directory) as ours:
        if ours is None:
            return Outcome(directory, "running", "another process is doing this run", skipped=True)
        return finished_outcome(directory, run_id) or _Recorder(experiment, directory, ours).execute()


def check(config: Config, data: ImageData) -> Experiment | None:
    """The parts of a run on ``data``, to be looked at and thrown away; None if they cannot be built.

    Raises:
        ConfigError, DataError: a part refuses its parameters, the data or another part. Every other failure is left
            to the run itself, whose status it becomes.
    """
    try:
        return build(config, identity(config), data)
    except (ConfigError, DataError):
        raise
    except Exception as error:
        _log.debug("%s: cannot be built (%s)", run_directory(config), error)
        return None


def _failed_to_build(config: Config, error: Exception) -> Outcome:
    """Record that a run could not be built: too large for the memory, or an error in a part's code."""
    status = "oom" if _is_out_of_memory(error) else "failed"
    detail = f"{type(error).__name__}: {error}".splitlines()[0]
    return settle(config, status, detail, log="".join(traceback.format_exception(error)))


@contextmanager
def held(directory: Path) -> Iterator[Presence | None]:
    """Hold a run's directory, made if it is missing; None if another process holds it.

    Raises:
        RecordsError: it cannot be made or written.
    """
    with ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            ours = stack.enter_context(presence.hold(directory))
        except OSError as error:
            raise RecordsError(
                f"{directory}: cannot be written ({error.strerror}). Choose another folder with outputs=PATH, "
                "or mend its permissions."
            ) from error
        yield ours


class _Recorder:
    """Drives one experiment in its directory and keeps records and checkpoints in step.

    Records are published before the checkpoint of the same epoch, so that on resume the records never lack an epoch
    that the checkpoint has; what they have beyond it is dropped and done again.
    """

    def __init__(self, experiment: Experiment, directory: Path, ours: Presence) -> None:
        self.experiment = experiment
        self.directory = directory
        self.presence = ours
        self.watched: dict[int, float] = {}  # what the stopping rule looks at, by epoch
        parts: list[Probe | Diagnostic] = [*experiment.probes, *experiment.bench.diagnostics]
        schemas = {name: schema for part in parts for name, schema in part.schemas.items()}
        self.provenance = provenance(
            device=experiment.device, precision=experiment.precision, data_digest=experiment.data.digest
        )
        stamp = {"configuration": experiment.run_id, "formula_version": str(SCHEMA_VERSION)}
        stamp.update({k.removeprefix("provenance."): str(v) for k, v in self.provenance.items()})
        self.writer = RunWriter(directory, experiment.run_id, stamp=stamp, schemas=schemas)
        self.mirrors = Mirrors(experiment.trackers)
        self.row: dict[str, Any] = {"epoch": 0, "train_seconds": 0.0}
        self.published_at = time.monotonic()

    def execute(self) -> Outcome:
        """Train, measure, evaluate; every end is a status."""
        log = logging.FileHandler(self.directory / "log.txt")
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger("frequency_reg").addHandler(log)
        try:
            self._train_and_evaluate()
            return self._end("complete", "")
        except DivergedError as error:
            return self._end("diverged", str(error))
        except PrunedError as error:
            return self._end("pruned", str(error))
        except KeyboardInterrupt:
            self._end("killed", "interrupted; the same command goes on from the last checkpoint")
            raise
        except RecordsError as error:  # such as a full disk, on which the small table of the run may find its place
            _log.error("%s", error)
            try:
                return self._end("failed", str(error))
            except RecordsError:
                self.mirrors.end(self._run_row("failed", str(error)))
                return Outcome(self.directory, "failed", f"{error} (its status could not be recorded either)")
        except Exception as error:
            _log.error("%s", traceback.format_exc())
            detail = f"{type(error).__name__}: {error}".splitlines()[0]
            return self._end("oom" if _is_out_of_memory(error) else "failed", detail)
        finally:
            self.mirrors.close()
            logging.getLogger("frequency_reg").removeHandler(log)
            log.close()

    def _train_and_evaluate(self) -> None:
        experiment, config = self.experiment, self.experiment.config
        self.row["parameters"] = sum(p.numel() for p in experiment.model.parameters() if p.requires_grad)
        done = self._resume() or self._begin()
        self.mirrors.start(self._origin(), self._recorded)
        if done == 0:
            self._measure(0, None)
            self._set_status("running", "")
            self.writer.publish()
            self.mirrors.publish()
        progress = Progress(
            config.runtime.progress,
            epochs=config.epochs,
            images=examples_per_epoch(len(experiment.data.train), config.batch_size, config.steps_per_epoch),
            done_epochs=done,
            report=self.presence.report,
        )
        try:
            self._stop_if_told()
            for result in self._epochs(done, progress):
                self._measure(result.epoch, result)
                progress.epoch(
                    result.epoch,
                    shown(result.accuracy, result.loss),
                    shown(self.row["validation_accuracy"], self.row["validation_loss"]),
                )
                self._checkpoint_if_due(result)
                self._stop_if_told()
        finally:
            progress.close()
        self._evaluate()

    def _begin(self) -> int:
        """Epoch 0: fill the network with its initial weights, unless it was built with them; record their digest."""
        experiment, config = self.experiment, self.experiment.config
        if config.initial_weights is not None:
            self.row["provenance.initial_weights"] = experiment.initial_weights or begin_with_initial_weights(
                experiment.model, experiment.added, config, experiment.device
            )
        return 0

    def _epochs(self, done: int, progress: Progress) -> Iterator[EpochResult]:
        experiment, config = self.experiment, self.experiment.config
        return train(
            experiment.model,
            experiment.data.train,
            regularizer=experiment.regularizer,
            optimizer=experiment.optimizer,
            schedule=config.schedule,
            epochs=config.epochs,
            batch_size=config.batch_size,
            steps_per_epoch=config.steps_per_epoch,
            augmentation=experiment.augmentation,
            seed=config.seed,
            precision=experiment.precision,
            done_epochs=done,
            on_batch=progress.batch,
        )

    def _measure(self, epoch: int, result: EpochResult | None) -> None:
        """Validation accuracy, the regularizer's report and every probe, for the state after ``epoch``.

        Raises:
            DivergedError: the weights are finite, what they give on the validation images is not.
        """
        experiment = self.experiment
        validation = score(
            experiment.model,
            experiment.data.validation,
            batch_size=experiment.config.evaluation.batch_size,
            precision=experiment.precision,
        )
        measured = {
            "epoch": epoch,
            "train_loss": None if result is None else result.loss,
            "train_accuracy": None if result is None else result.accuracy,
            "validation_loss": validation.loss,
            "validation_accuracy": validation.accuracy,
        }
        seconds = 0.0 if result is None else result.seconds
        rate = None if result is None else result.learning_rate
        if result is not None and experiment.pruning is not None:
            self.watched[epoch] = measured[experiment.pruning.metric]  # type: ignore[assignment]
        self._add("epochs", {**measured, "learning_rate": rate, "train_seconds": seconds})
        self.row.update(measured, train_seconds=self.row["train_seconds"] + seconds)
        if not math.isfinite(validation.loss):
            raise DivergedError(f"the validation loss became {validation.loss} after epoch {epoch}")
        reported = list(experiment.regularizer.report(experiment.model))
        if reported:
            layers, quantities, values = zip(*reported, strict=True)
            columns = {"epoch": epoch, "layer": layers, "quantity": quantities, "value": values}
            self._add("regularizer", columns)
        for probe in (probe for probe in experiment.probes if probe.due(epoch)):
            for table, rows in probe.measure(experiment.model, epoch):
                self._add(table, rows)

    def _add(self, table: str, columns: Mapping[str, Any]) -> None:
        """Rows for the records, which the trackers are to show too once they are published."""
        self.writer.add(table, columns)
        self.mirrors.rows(table, columns)

    def _origin(self) -> Origin:
        started = datetime.datetime.fromisoformat(str(self.provenance["provenance.recorded_at"])).timestamp()
        experiment = self.experiment
        return Origin(experiment.run_id, self.directory, flat_config(experiment.config), started)

    def _recorded(self) -> dict[str, dict[str, list[Any]]]:
        """Columns of every table so far, of a run that goes on."""
        return {table: columns_of(self.writer.rows(table)) for table, rows in self.writer.counts().items() if rows}

    def _stop_if_told(self) -> None:
        """End the run here if its stopping rule says so; its last checkpoint stays, to go on without the rule."""
        rule = self.experiment.pruning
        reason = rule.reason(self.watched) if rule is not None and self.watched else None
        if reason is not None:
            raise PrunedError(reason)

    def _evaluate(self) -> None:
        """Accuracy, clean and corrupted, and diagnostics of the final model; only its run row shows test accuracy."""
        model, data, bench = self.experiment.model, self.experiment.data, self.experiment.bench
        started = time.perf_counter()
        clean = bench.clean_score(model, data)
        self.row.update(clean_accuracy=clean.accuracy, clean_loss=clean.loss)
        self._clear_evaluation()
        versions: dict[str, str] = {}
        for table, rows in measured(model, data, bench, clean=clean, versions=versions):
            self._add(table, rows)
        self.provenance.update(generator_columns(versions))
        self.row["evaluate_seconds"] = time.perf_counter() - started

    def _clear_evaluation(self) -> None:
        """Forget what an earlier evaluation of this run has written."""
        for table in {"robustness"}.union(*(diagnostic.schemas for diagnostic in self.experiment.bench.diagnostics)):
            self.writer.clear(table)

    def _checkpoint_if_due(self, result: EpochResult) -> None:
        """Publish now if waiting for the next epoch's end would leave finished work unpublished for too long."""
        config = self.experiment.config
        waited = time.monotonic() - self.published_at
        if result.epoch < config.epochs and waited + result.seconds < config.runtime.checkpoint_seconds:
            return
        self._set_status("running", "")
        self.writer.publish()
        state = {
            "run_id": self.experiment.run_id,
            "epoch": result.epoch,
            "model": self.experiment.model.state_dict(),
            "optimizer": self.experiment.optimizer.state_dict(),
            "probes": [probe.state_dict() for probe in self.experiment.probes],
            "row": self.row,
            "tables": self.writer.counts(),
            "made_by": self._made_by(),
            "data": {
                "image_shape": list(self.experiment.data.image_shape),
                "class_names": list(self.experiment.data.class_names),
            },
        }
        checkpoint.save(self.directory, result.epoch, state)
        self.mirrors.publish()
        self.published_at = time.monotonic()

    def _resume(self) -> int:
        """Take up the newest checkpoint of this very run; returns the epochs it has finished.

        If the code, the data or the arithmetic changed since, or the records do not fit the checkpoint, the run starts
        over, loudly: a record that mixes two of them would look like one.
        """
        experiment = self.experiment
        state = checkpoint.load_newest(self.directory, map_location=experiment.device)
        if state is None:
            return 0
        reason = self._why_not_to_go_on(state)
        if reason:
            _log.warning("%s: starting over, %s", self.directory, reason)
            checkpoint.discard(self.directory)
            for table in state.get("tables", {}):
                self.writer.clear(table)
            return 0
        experiment.model.load_state_dict(state["model"])
        experiment.optimizer.load_state_dict(state["optimizer"])
        for probe, probe_state in zip(experiment.probes, state["probes"], strict=True):
            probe.load_state_dict(probe_state)
        self.row = dict(state["row"])
        if experiment.pruning is not None:
            measured = self.writer.rows("epochs")
            self.watched = {row["epoch"]: row[experiment.pruning.metric] for row in measured if row["epoch"] > 0}
        self._clear_evaluation()
        return int(state["epoch"])

    def _made_by(self) -> dict[str, str]:
        """What must be the same for a run to go on: code, data and arithmetic."""
        keys = ("source_digest", "data_digest", "torch", "precision")
        device = {"device": self.experiment.device.type}
        return {key: str(self.provenance[f"provenance.{key}"]) for key in keys} | device

    def _why_not_to_go_on(self, state: dict[str, Any]) -> str:
        """Empty if the run may go on from ``state``; its tables are then restored."""
        if state["run_id"] != self.experiment.run_id:
            return "its checkpoint is of another configuration"
        now, then = self._made_by(), state["made_by"]
        changed = [f"{key} was {then.get(key)} and is {now[key]}" for key in now if then.get(key) != now[key]]
        if changed:
            return "its checkpoint was made otherwise: " + "; ".join(changed)
        try:
            self.writer.restore(state["tables"], through_epoch=state["epoch"])
        except RecordsError as error:
            return f"its records do not fit its checkpoint: {error}"
        return ""

    def _set_status(self, status: str, detail: str) -> None:
        self.writer.set_run(self._run_row(status, detail))

    def _run_row(self, status: str, detail: str) -> dict[str, Any]:
        return {
            **self.row,
            "run_name": self.directory.name,
            "status": status,
            "status_detail": detail or None,
            "peak_memory": peak_memory(),
            **config_columns(self.experiment.config),
            **self.provenance,
        }

    def _end(self, status: str, detail: str) -> Outcome:
        row = self._run_row(status, detail)
        self.writer.set_run(row)
        self.writer.publish()
        self.mirrors.end(row)
        return Outcome(self.directory, status, detail or self._summary())

    def _summary(self) -> str:
        return f"clean {shown(self.row['clean_accuracy'], self.row['clean_loss'])}"


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
