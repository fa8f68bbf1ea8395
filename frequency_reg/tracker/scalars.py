"""Rows of records -> named numbers at steps, which is what most trackers show.

The first part of a name is the table of the records that the number stands in, the rest says which row it is::

    epochs/validation_accuracy          step = epoch: every number of the ``epochs`` table
    ssr/dc/init/first                   step = epoch: normalization, reference, layer
    spectra/high_band_share/last        step = epoch: sum_high p m / sum p m of a layer, p power, m multiplicity
    regularizer/share_removed/conv1     step = epoch: what the regularizer reports
    robustness/test/gaussian_noise      step = severity: accuracy; severity 0 is the clean set
    run/clean_accuracy                  step = the last epoch: every number of the ``run`` table

A table that a probe adds is shown if it has ``epoch`` and ``value``: its text columns make the name. A value that is
NULL or not finite is not shown. The time of a number is when the run's process began plus the training time so far.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import pyarrow as pa

from frequency_reg.records import TABLES
from frequency_reg.spectrum.suppression import high_band_start
from frequency_reg.tracker.base import Origin, Tracker, rows_of

Layers = Literal["ends", "all"]
"""Layers whose SSR and spectra are shown: the first and the last convolution, or every one under its own name."""

HIGH_BAND_SHARE = "share of the ring energy (mean power x multiplicity) at radii from max(1, int(R / 2)) of R on"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scalar:
    """One number.

    Attributes:
        name: see the module's text.
        step: epoch, or severity.
        value: finite.
        seconds: since 1970.
        definition: what it is, in words.
        measured: whether two equal runs may differ in it (times, memory).
    """

    name: str
    step: int
    value: float
    seconds: float
    definition: str = ""
    measured: bool = False


class ScalarTracker(Tracker):
    """Keeps rows and hands them on as scalars; a subclass shows these.

    Args:
        layers: see :data:`Layers`.
    """

    def __init__(self, *, layers: Layers) -> None:
        self.layers = layers
        self._kept: dict[str, list[dict[str, Any]]] = {}
        self._started = 0.0
        self._train_seconds: dict[int, float] = {}

    def start(self, origin: Origin) -> None:
        """See :meth:`Tracker.start`."""
        self._kept, self._started, self._train_seconds = {}, origin.started, {}
        self.open(origin)

    def rows(self, table: str, columns: Mapping[str, Any]) -> None:
        """See :meth:`Tracker.rows`."""
        if "epoch" in columns or table == "robustness":
            self._kept.setdefault(table, []).extend(rows_of(columns))

    def publish(self) -> None:
        """See :meth:`Tracker.publish`."""
        for row in self._kept.get("epochs", ()):
            self._train_seconds[row["epoch"]] = row["train_seconds"] or 0.0
        found = [scalar for table, rows in self._kept.items() for scalar in self._scalars(table, rows)]
        if found:
            self.log(found)
        self._kept.clear()

    def end(self, row: Row) -> None:
        """See :meth:`Tracker.end`."""
        self.publish()
        seconds = self._seconds(None) + (row.get("evaluate_seconds") or 0.0)
        numbers = _numbers("run", [row], row.get("epoch") or 0, min(seconds, time.time()))
        self.conclude(row, list(numbers), min(seconds, time.time()))

    @abstractmethod
    def open(self, origin: Origin) -> None:
        """Open the store for this run, or go on in what an earlier process left there."""

    @abstractmethod
    def log(self, scalars: Sequence[Scalar]) -> None:
        """Show ``scalars``; those given before in this process are never given again."""

    @abstractmethod
    def conclude(self, row: Row, scalars: Sequence[Scalar], seconds: float) -> None:
        """Show how the run ended: ``row`` of the ``run`` table, its numbers as ``scalars``, and when it was."""

    def _scalars(self, table: str, rows: list[dict[str, Any]]) -> Iterator[Scalar]:
        if table == "robustness":
            yield from _robustness(rows, self._seconds(None))
            return
        depths = [row["depth"] for row in rows if _is_spatial(row)] if "depth" in rows[0] else []
        last = max(depths, default=0)
        for epoch, group in _grouped(rows, "epoch").items():
            seconds = self._seconds(epoch)
            if table == "epochs":
                yield from _numbers(table, group, epoch, seconds)
            elif table == "spectra":
                yield from _high_band_shares(group, self.layers, last, epoch, seconds)
            elif "value" in rows[0]:
                yield from _values(table, group, self.layers, last, epoch, seconds)

    def _seconds(self, epoch: int | None) -> float:
        """When ``epoch`` was over; None is the last one."""
        passed = sum(s for e, s in self._train_seconds.items() if epoch is None or e <= epoch)
        return min(self._started + passed, time.time())


def _numbers(table: str, rows: Iterable[Row], step: int, seconds: float) -> Iterator[Scalar]:
    """Every number of each row of a table of :data:`TABLES`."""
    for row in rows:
        for entry in TABLES[table]:
            value: Any = row.get(entry.name)
            if entry.name != "epoch" and _is_number(value):
                measured = (entry.metadata or {}).get(b"measured") == b"true"
                yield Scalar(f"{table}/{entry.name}", step, float(value), seconds, _definition(entry), measured)


def _values(table: str, rows: Iterable[Row], layers: Layers, last: int, step: int, seconds: float) -> Iterator[Scalar]:
    """The ``value`` of each row, named by its text columns, the layer at the end."""
    definition = _definition(TABLES[table].field("value")) if table in TABLES else ""
    for row in rows:
        names = TABLES[table].names if table in TABLES else sorted(row)  # not in the order in which they happen to come
        texts = [row[name] for name in names if name in row and name not in ("layer", "status")]
        parts = [text for text in texts if isinstance(text, str)]
        for layer in _layer_names(row, layers, last):
            if _is_number(row["value"]):
                yield Scalar(
                    "/".join(filter(None, [table, *parts, layer])), step, float(row["value"]), seconds, definition
                )


def _high_band_shares(rows: Iterable[Row], layers: Layers, last: int, step: int, seconds: float) -> Iterator[Scalar]:
    for ring in _grouped(rows, "layer").values():
        names = _layer_names(ring[0], layers, last)
        ordered = sorted(ring, key=lambda row: float(row["radius"]))
        start = high_band_start(len(ordered))
        if not names or start >= len(ordered) or not all(_is_number(row["power"]) for row in ordered):
            continue
        energy = [row["power"] * row["multiplicity"] for row in ordered]
        if sum(energy) > 0:
            share = sum(energy[start:]) / sum(energy)
            for name in names:
                yield Scalar(f"spectra/high_band_share/{name}", step, share, seconds, HIGH_BAND_SHARE)


def _robustness(rows: Iterable[Row], seconds: float) -> Iterator[Scalar]:
    definition = _definition(TABLES["robustness"].field("accuracy")) + "; step = severity, 0 is clean"
    for row in rows:
        if _is_number(row["accuracy"]):
            name = f"robustness/{row['split']}/{row['corruption']}"
            yield Scalar(name, int(row["severity"]), float(row["accuracy"]), seconds, definition)


def _is_spatial(row: Row) -> bool:
    """Whether a row is of a convolution with kernels larger than 1 x 1, which alone have a high band."""
    return bool(row["radius"] > 0 if "radius" in row else row.get("status") != "no_high_band")


def _layer_names(row: Row, layers: Layers, last: int) -> list[str]:
    """Names under which a row of a layer is shown; a row without a depth is always shown."""
    if layers == "all" or "depth" not in row:
        return [str(row.get("layer", ""))]
    return ["first"] * (row["depth"] == 0) + ["last"] * (row["depth"] == last)


def _grouped(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def _definition(entry: pa.Field) -> str:
    metadata = entry.metadata or {}
    text = metadata.get(b"definition", b"").decode()
    unit = metadata.get(b"unit", b"1").decode()
    return text if unit == "1" else f"{text} [{unit}]"
