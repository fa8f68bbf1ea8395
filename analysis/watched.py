"""Records that remember the queries they were asked, so that a report can print them beside its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd

from analysis.load import Records


class Watched(Records):
    """The same records; what is asked inside :meth:`asked` is remembered there."""

    def __init__(self, records: Records) -> None:
        self.__dict__.update(records.__dict__)
        self._asked: list[str] = []

    def sql(self, query: str) -> pd.DataFrame:
        """As :meth:`Records.sql`; the query is remembered."""
        self._asked.append(_dedented(query))
        return super().sql(query)

    def narrowed(self, configurations: Sequence[str]) -> Watched:
        """As :meth:`Records.narrowed`, watched."""
        return Watched(super().narrowed(configurations))

    @contextmanager
    def asked(self) -> Iterator[list[str]]:
        """The queries asked inside the block, in order, once each."""
        before = len(self._asked)
        queries: list[str] = []
        yield queries
        queries += dict.fromkeys(self._asked[before:])


def _dedented(query: str) -> str:
    lines = [line.strip() for line in query.strip().splitlines()]
    return "\n".join(line for line in lines if line)
