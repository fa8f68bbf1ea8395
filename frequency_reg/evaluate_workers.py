"""Evaluations in processes of their own, several at a time. Each is held by who does it, so that none is done twice."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from frequency_reg import isolation
from frequency_reg.outcome import Outcome
from frequency_reg.reevaluate import DataSets, Evaluation, evaluate


class WorkerLostError(Exception):
    """A worker's process ended before its evaluation did."""


_data_sets = DataSets()  # of this process: a worker shows every network the same one


def outcomes(evaluations: Sequence[Evaluation], workers: int) -> Iterator[tuple[Evaluation, Outcome]]:
    """Measure up to ``workers`` networks at a time; each pair as it is finished, in no order.

    Raises:
        ConfigError, DataError, RecordsError: see :func:`frequency_reg.reevaluate.evaluate`; what runs is finished
            first.
        WorkerLostError: a worker was killed.
    """
    executor = ProcessPoolExecutor(
        min(workers, len(evaluations)), mp_context=isolation.context(), initializer=_end_with_parent
    )
    try:
        waiting = {executor.submit(_measure, evaluation): evaluation for evaluation in evaluations}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BrokenProcessPool as error:
        raise WorkerLostError(
            "a worker's process was killed, perhaps for memory; the same command measures what is missing, with fewer "
            "--workers in less memory"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _measure(evaluation: Evaluation) -> Outcome:
    return evaluate(evaluation, _data_sets)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)  # nobody is left to be told; what is not published is measured by the next command

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
