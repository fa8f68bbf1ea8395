"""What happens in the process that does one run, wherever that process is."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from frequency_reg.config import Config
from frequency_reg.outcome import Outcome
from frequency_reg.run_id import run_directory
from frequency_reg.settle import settle
from sweeps import gpu

_GIB = 2**30
_HEADROOM = _GIB // 4
_PARENT_CHECK_SECONDS = 0.5
_INSIST_SECONDS = 10.0
"""After so long an interruption that had no effect (Python drops what is raised in some callbacks) is repeated."""


@dataclass(frozen=True)
class Limits:
    """What a run may use.

    Attributes:
        threads: CPU threads, where the configuration leaves them open; None leaves torch's choice.
        gpus: names for CUDA_VISIBLE_DEVICES, of which the run waits for one and sees no other; empty leaves the
            environment's.
        runs_per_gpu: runs that may share one of ``gpus``.
        memory: bytes of private memory the process may have; None is no limit. Beyond it the run's status is ``oom``.
        directory: current directory of the command, which relative paths start from; None leaves the process's own.
        with_parent: the end of the parent process means that nobody wants this run any longer.
    """

    threads: int | None = None
    gpus: tuple[str, ...] = ()
    runs_per_gpu: int = 1
    memory: int | None = None
    directory: str | None = None
    with_parent: bool = False


def work(config: Config, limits: Limits | None = None) -> Outcome:
    """Do one run in this process, which does nothing else.

    SIGTERM and SIGINT leave records that say ``killed`` and a checkpoint to go on from; so does the end of the parent
    process where ``limits`` says so. What the run prints goes to ``log.txt`` in its directory. Nothing is raised: every
    failure is the outcome's status.
    """
    limits = limits or Limits()
    directory = run_directory(config)
    try:
        if limits.directory is not None:
            os.chdir(limits.directory)
            directory = run_directory(config)
        with _interruptible(with_parent=limits.with_parent), _output_to(directory):
            _restrict(limits)
            from frequency_reg.run import run

            return run(_on_this_machine(config, limits))
    except KeyboardInterrupt:
        return Outcome(directory, "killed", "interrupted; the same command goes on from the last checkpoint")
    except Exception as error:  # bad input that could not be known ahead, or a directory that cannot be written
        exhausted = isinstance(error, MemoryError) or "can't start new thread" in str(error)
        return _failed(config, "oom" if exhausted else "failed", error)


def _failed(config: Config, status: str, error: Exception) -> Outcome:
    detail = f"{type(error).__name__}: {error}".splitlines()[0]
    try:
        return settle(config, status, detail, log="".join(traceback.format_exception(error)))
    except Exception:  # no disk, or no memory, to record it with: the engine still learns of it
        return Outcome(run_directory(config), status, detail)


def _on_this_machine(config: Config, limits: Limits) -> Config:
    runtime = config.runtime
    threads = runtime.threads or limits.threads
    device = runtime.device
    if limits.gpus and device.startswith("cuda:"):
        device = "cuda"  # the only visible one is number 0 to this process
    runtime = dataclasses.replace(runtime, threads=threads, device=device, progress="none")
    return dataclasses.replace(config, runtime=runtime)


def _restrict(limits: Limits) -> None:
    if limits.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu.claim(limits.gpus, limits.runs_per_gpu)
    if limits.memory is not None:
        taken = _private_memory()
        if limits.memory < taken + _HEADROOM:  # near the limit even a thread that cannot start may hang its starter
            raise MemoryError(
                f"memory_limit is {limits.memory / _GIB:.2f} GiB; a run's process has {taken / _GIB:.2f} GiB before it "
                f"begins and needs {_HEADROOM / _GIB:.2f} GiB more"
            )
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, hard))


def _private_memory() -> int:
    """Bytes that count towards the limit: the process's VmData; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)


@contextlib.contextmanager
def _interruptible(*, with_parent: bool) -> Iterator[None]:
    """Make a KeyboardInterrupt of the first SIGINT or SIGTERM, and of the parent's end if asked.

    The parent is the process that asked for this one, not the server that forked it.
    """
    over = threading.Event()
    last = -_INSIST_SECONDS

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _INSIST_SECONDS:  # the second of two is not to disturb what the first has begun
            last = time.monotonic()
            raise KeyboardInterrupt

    def watch(parent: BaseProcess) -> None:
        while not over.is_set():
            parent.join(_PARENT_CHECK_SECONDS)
            if not parent.is_alive() and not over.wait(_PARENT_CHECK_SECONDS):
                os.kill(os.getpid(), signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():  # signals belong to somebody else's main thread
        yield
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is the command's affair, which then interrupts
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    parent = multiprocessing.parent_process()
    if with_parent and parent is not None:
        threading.Thread(target=watch, args=(parent,), name="parent-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # the result is on its way; nothing is left to interrupt


@contextlib.contextmanager
def _output_to(directory: Path) -> Iterator[None]:
    """Append what this process prints, C libraries included, to the run's ``log.txt``."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        log = (directory / "log.txt").open("a", buffering=1)
    except OSError:
        yield  # run() says what is wrong with the directory
        return
    with log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} process {os.getpid()}\n")
        yield
