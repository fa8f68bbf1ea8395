"""Records on disk -> pandas frames by table name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd

from analysis.configuration import Configurations, configurations
from frequency_reg.records import Damage, RecordsError, read


class AnalysisError(Exception):
    """The question cannot be answered from these records. The message names what, where and the way out."""


class Records(dict[str, pd.DataFrame]):
    """Frames by table name (``run``, ``epochs``, ``spectra``, ``ssr``, ``ssr_null``, ``robustness``, ``regularizer``).

    Column meanings and units are those of ``frequency_reg.records.TABLES``; NULL arrives as a missing value.

    Attributes:
        path: folder the records were read from.
        damaged: files that could not be read, each with its reason; everything else is present.
    """

    def __init__(self, frames: Mapping[str, pd.DataFrame], path: Path, damaged: Sequence[Damage] = ()) -> None:
        super().__init__(frames)
        self.path = path
        self.damaged: tuple[Damage, ...] = tuple(damaged)

    @property
    def name(self) -> str:
        """The folder's own name, without the path to it: what may be shown in a report that travels."""
        return self.path.resolve().name

    @cached_property
    def configurations(self) -> Configurations:
        """What was varied: computed once, shared by every table and plot."""
        return configurations(self["run"])


def load(path: str | Path) -> Records:
    """Read the records of one run's folder or of every run below a sweep's folder.

    Args:
        path: a run's folder (holding ``run.parquet``) or any folder above run folders.

    Returns:
        Frames by table name; a table that no run wrote is an empty frame. Rows of all runs are stacked, ``run_id``
        tells them apart. Files that could not be read are named in ``.damaged``.

    Raises:
        AnalysisError: the path does not exist, holds no records, or none of its records can be read.
    """
    try:
        tables = read(path)
    except RecordsError as error:
        raise AnalysisError(str(error)) from error
    frames = {name: table.to_pandas() for name, table in tables.items()}
    if frames["run"].empty:
        names = "; ".join(f"{damage.path}: {damage.reason}" for damage in tables.damaged)
        raise AnalysisError(f"{path}: no run table could be read ({names}). Rerun the runs that wrote these files.")
    return Records(frames, Path(path), tables.damaged)
