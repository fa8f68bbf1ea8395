"""What a search tried, from the table of trials that it leaves in its folder."""

from __future__ import annotations

import pandas as pd

from analysis.load import AnalysisError, Records
from frequency_reg.records import RecordsError, read_table

FILE = "trials.parquet"
_MEND = "Repeat the search's command: it writes the table anew from its records."
COLUMNS = ("trial", "state", "objective", "direction", "value", "n", "on_front")


def trials(records: Records) -> pd.DataFrame:
    """Every trial of the searches whose folders were read.

    Returns:
        One row for each search, trial and objective: folder (its name, and of several searches the search), and
        :data:`COLUMNS` as the search wrote them (value is a mean over n seeds on validation data; missing unless the
        state is COMPLETE). No row where no search left a table.

    Raises:
        AnalysisError: a table cannot be read or is none of trials.
    """
    parts = []
    for path in records.paths:
        file = path / FILE
        if not file.is_file():
            continue
        try:
            frame = read_table(file).to_pandas()
        except RecordsError as error:
            raise AnalysisError(f"{error}. {_MEND}") from error
        missing = [column for column in COLUMNS if column not in frame]
        if missing:
            raise AnalysisError(f"{file}: is no table of trials, it has no column {', '.join(missing)}. {_MEND}")
        name = path.resolve().name
        searches = frame["search"] if "search" in frame else pd.Series("", frame.index)
        several = len(searches.unique()) > 1
        folder = [f"{name}, search {search}" if several else name for search in searches]
        parts.append(frame[list(COLUMNS)].assign(folder=folder))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["folder", *COLUMNS])
