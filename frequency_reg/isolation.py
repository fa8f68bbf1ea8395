"""A server process that has torch and this package imported already, from which runs start as processes of their own.

Forking the server costs tens of milliseconds; starting Python and importing torch anew costs seconds. The server does
nothing but import and fork, so that no thread and no lock of the command's own process is ever copied.
"""

from __future__ import annotations

import multiprocessing
import os
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

PRELOADED = (
    "frequency_reg.cli",  # of the command's main module, which every process started from the server runs
    "frequency_reg.run",
    "sweeps.worker",
    "pandas",  # pyarrow imports it with the first array it is given
    "pyarrow.pandas_compat",
    "torch._dynamo",  # torch imports it with the first optimizer
    "torch.utils.serialization",  # torch imports it with the first checkpoint
)
"""Modules that the server imports, so that no run has to."""


@cache
def context() -> ForkServerContext:
    """The context whose processes start from the server. Runs find their own variants' modules by import."""
    found: ForkServerContext = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(PRELOADED))
    return found


def start() -> None:
    """Start the server, if it does not run already, to let it import while this process does other work."""
    context()
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"  # a file in the current directory is not to be taken for a module
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before
