"""Runs as jobs of a Slurm cluster, submitted with submitit; a job's end is seen without Slurm's accounting.

A job is over when its result file is there, or when ``squeue`` twice in a row does not list it as pending or running.
Slurm may start a job again (``scontrol requeue``, preemption, a lost node, the time limit): the run goes on from its
checkpoint, and nothing is reported in between.

Needs nothing of the nodes but the outputs folder and the same virtual environment at the same path.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import pickle
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from frequency_reg.config import Config, ConfigError
from frequency_reg.outcome import Outcome
from frequency_reg.run_id import recorded_run, run_directory
from sweeps.backend import Backend, Ended, Task
from sweeps.worker import Limits, work

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

Item = TypeVar("Item")

_log = logging.getLogger(__name__)

OVER = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL"),
    *("OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
}
"""States of ``squeue`` from which a job does not come back; every other one is under way."""

_PROGRAMS = ("sbatch", "srun", "squeue", "scancel")
_PLAIN_NAMES = ("name", "timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node", "stderr_to_stdout")
_LOOK_SECONDS = 0.5
_QUEUE_SECONDS = 5.0
_QUEUE_TIMEOUT_SECONDS = 60.0
_SUBMIT_AGAIN_SECONDS = 15.0
_SUBMIT_PATIENCE_SECONDS = 1800.0
_LARGEST_ARRAY = 500
_SIGNAL_EARLY_SECONDS = 60  # manual page of sbatch, --signal
_UNREACHABLE = ("contact slurm controller", "timed out", "temporarily", "connection refused", "zero bytes", "try again")
_CANCELLED = "cancelled"
_INTERRUPTED = "interrupted; the same command goes on from the last checkpoint"


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse a warning before the time limit that could come too early to leave time for work.

    Raises:
        ConfigError: naming both keys.
    """
    minutes, delay = parameters["timeout_min"], parameters["signal_delay_s"]
    if 2 * (delay + _SIGNAL_EARLY_SECONDS) > 60 * minutes:
        raise ConfigError(
            f"hydra.launcher.signal_delay_s={delay} with hydra.launcher.timeout_min={minutes} ({60 * minutes} s): a "
            f"run could be told to stop in the first half of its time, as Slurm may send the signal "
            f"{_SIGNAL_EARLY_SECONDS} s early; expected signal_delay_s + {_SIGNAL_EARLY_SECONDS} of at most half of "
            "the time; raise timeout_min or lower signal_delay_s"
        )


class Job:
    """What a Slurm job executes, and how it goes on when Slurm starts it again.

    A job that leaves no result is one that Slurm will start again, or that somebody has cancelled; the backend asks
    ``squeue`` which. So an interrupted run returns its outcome only if our own sweep asked for the end.

    Args:
        cancelled: a file that is there once the sweep wants its jobs to end.
    """

    def __init__(self, config: Config, limits: Limits, cancelled: Path) -> None:
        self.config = config
        self.limits = limits
        self.cancelled = cancelled

    def __call__(self) -> Outcome:
        warning = _warning_signal()
        start_again = signal.getsignal(warning)  # submitit's: saves the job, has it requeued and exits
        at_limit = False

        def stop_in_time(_number: int, _frame: object) -> None:
            nonlocal at_limit
            at_limit = True
            signal.raise_signal(signal.SIGTERM)  # the run leaves its records first

        directory = run_directory(self.config)
        before = _finished_epochs(directory)
        signal.signal(warning, stop_in_time)
        outcome = work(self.config, self.limits)
        signal.signal(warning, signal.SIG_IGN)
        if outcome.status != "killed" or self.cancelled.exists():
            return outcome
        if at_limit and _finished_epochs(directory) <= before:
            return Outcome(directory, "timeout", "finished no epoch within the job's time limit (timeout_min)")
        if not at_limit and not _runs_for_slurm():
            raise SystemExit("ended by Slurm")  # cancelled, or about to be started again
        return self._start_again(start_again, warning, directory)

    @staticmethod
    def _start_again(start_again: Any, warning: signal.Signals, directory: Path) -> Outcome:
        """At the time limit, or in the grace time before a preemption: be requeued by submitit, which exits."""
        from submitit.core.utils import UncompletedJobError

        try:
            start_again(warning, None)
        except UncompletedJobError:
            return Outcome(directory, "timeout", "not finished when its job had been requeued max_num_timeout times")
        raise SystemExit("requeued")

    def checkpoint(self) -> DelayedSubmission:
        """What submitit saves for the next start: the same job, since the run's own checkpoint says where to go on."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)


def _warning_signal() -> signal.Signals:
    from submitit.slurm.slurm import SlurmJobEnvironment

    return signal.Signals[f"SIG{SlurmJobEnvironment.USR_SIG}"]


def _finished_epochs(directory: Path) -> int:
    row = recorded_run(directory)
    return -1 if row is None else int(row.get("epoch") or 0)


def _runs_for_slurm() -> bool:
    """Whether Slurm, which sent SIGTERM, means this job to run: so it does in the grace time of a preemption only.

    A job that ends by itself in that time would be over for good; cancelled and requeued ones are ``COMPLETING``.
    """
    environment = os.environ
    job_id = environment["SLURM_JOB_ID"]
    if "SLURM_ARRAY_JOB_ID" in environment:
        job_id = f"{environment['SLURM_ARRAY_JOB_ID']}_{environment['SLURM_ARRAY_TASK_ID']}"
    command = ["squeue", "--noheader", "--array", "--format=%T", f"--jobs={job_id}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.strip() == "RUNNING"


class Queue:
    """``squeue`` for all jobs of a sweep at once, in the background, at most every few seconds.

    Args:
        seconds: least time between two questions.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._asked = self._answered = time.monotonic()
        self._warned = False
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: frozenset[str] = frozenset()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the queue

    def listing(self, jobs: Iterable[str]) -> tuple[frozenset[str], dict[str, str]] | None:
        """The jobs that were asked about and the state of those that Slurm knows; None while there is no new answer."""
        if self._process is None:
            if time.monotonic() - self._asked >= self.seconds:
                self._ask(frozenset(jobs))
            return None
        if self._process.poll() is None:
            if time.monotonic() - self._asked > _QUEUE_TIMEOUT_SECONDS:
                self._process.kill()
            return None
        code, self._process = self._process.returncode, None
        self._output.seek(0)
        text = self._output.read().decode(errors="replace")
        if code != 0 and "Invalid job id" not in text:  # said when Slurm knows none of them any longer
            self._warn(text)
            return None
        self._answered, self._warned = time.monotonic(), False
        return self._jobs, parse(text)

    def _ask(self, jobs: frozenset[str]) -> None:
        self._asked, self._jobs = time.monotonic(), jobs
        numbers = sorted({job.partition("_")[0] for job in jobs})
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", f"--jobs={','.join(numbers)}"]
        self._output.seek(0)
        self._output.truncate()
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True)

    def _warn(self, text: str) -> None:
        silent = time.monotonic() - self._answered
        if silent > _QUEUE_TIMEOUT_SECONDS and not self._warned:
            self._warned = True
            reason = (text.strip().splitlines() or ["no answer"])[-1]
            _log.warning("Slurm has not answered for %.0f s (%s); jobs go on, waiting for it", silent, reason)

    def close(self) -> None:
        """Ask no more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._output.close()


def parse(text: str) -> dict[str, str]:
    """State by job of ``squeue --format=%i|%T``; other lines (warnings) are passed over."""
    rows = (line.strip().split("|") for line in text.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[0].replace("_", "").isdigit()}


class SlurmBackend(Backend):
    """Runs as Slurm jobs; tasks that are submitted in one moment are one job array.

    Args:
        parameters: the launcher's, checked against its annotations; keys as in ``conf/hydra/launcher/slurm.yaml``.
        queue_seconds: least time between two calls of ``squeue``.

    Raises:
        ConfigError: wrong parameters, or no Slurm on this machine.
    """

    def __init__(self, parameters: Mapping[str, Any], *, queue_seconds: float = _QUEUE_SECONDS) -> None:
        check(parameters)
        _require_slurm()
        self.capacity = int(parameters["array_parallelism"])
        # A folder of its own: a cluster may give a job's number again, and an old result must not count as a new one.
        self._folder = Path(parameters["submitit_folder"]).absolute() / uuid.uuid4().hex[:8]
        self._parameters = dict(parameters)
        self._limits = limits(parameters)
        self._executor: Any = None
        self._queue = Queue(queue_seconds)
        self._waiting: list[Task] = []
        self._jobs: dict[str, Task] = {}
        self._over: dict[str, str] = {}  # jobs that the last answer of squeue had as over, with their state
        self._look_at = self._submit_at = 0.0
        self._refused_since: float | None = None
        self._interrupted = False
        self._keep_folder = False

    def submit(self, task: Task) -> None:
        """Queue ``task``; the next :meth:`wait` submits all that were queued at once."""
        self._waiting.append(task)

    def wait(self, seconds: float) -> list[Ended]:
        """Submit what is queued, then wait for jobs that end.

        Raises:
            ConfigError: Slurm refuses the jobs.
        """
        deadline = time.monotonic() + seconds
        ended = self._dropped()
        while True:
            if self._waiting and time.monotonic() >= self._submit_at:
                self._submit_waiting()
            ended += [*self._returned(), *self._lost()]
            left = deadline - time.monotonic()
            if ended or left <= 0:
                return ended
            time.sleep(min(0.1, left))

    def interrupt(self) -> None:
        """Cancel every job; SIGTERM comes first, and the runs leave their records."""
        if not self._interrupted:
            self._interrupted = True
            self._queue.seconds = min(self._queue.seconds, 1.0)
            self._cancel()

    def close(self) -> None:
        """Cancel what is still under way; remove the folder unless a job's log in it says why it died."""
        if self._jobs:
            self._cancel()
            self._jobs.clear()
        self._waiting.clear()
        self._queue.close()
        if not self._keep_folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._folder.parent.rmdir()

    # --- submitting --------------------------------------------------------------------------------------------------

    def _submit_waiting(self) -> None:
        for tasks in _pieces(self._waiting):
            functions = [Job(task.config, self._limits, self._folder / _CANCELLED) for task in tasks]
            try:
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    jobs = self._submitit().submit_array(functions)
            except (RuntimeError, OSError, ValueError) as error:
                self._refused(f"{said.getvalue()}\n{error}".strip())
                return
            self._refused_since = None
            self._jobs.update(zip((job.job_id for job in jobs), tasks, strict=True))
            del self._waiting[: len(tasks)]

    def _refused(self, text: str) -> None:
        """Try again later if the controller is away, or if jobs of ours use up a limit; else give up."""
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        away = any(words in text.lower() for words in _UNREACHABLE)
        if self._jobs or (away and now - self._refused_since < _SUBMIT_PATIENCE_SECONDS):
            self._submit_at = now + _SUBMIT_AGAIN_SECONDS
            return
        reason = " ".join(line.strip() for line in dict.fromkeys(text.splitlines()) if line.strip())
        raise ConfigError(
            f"hydra/launcher=slurm: the cluster refuses the jobs ({reason}); check partition, account, qos, "
            "timeout_min, cpus_per_task, mem_gb and array_parallelism in hydra.launcher"
        )

    def _submitit(self) -> Any:
        if self._executor is None:
            import submitit

            given = {key: value for key, value in self._parameters.items() if value is not None}
            retries = given.pop("max_num_timeout")
            del given["submitit_folder"]
            extra = {"requeue": True, **given.pop("additional_parameters", {})}
            executor = submitit.AutoExecutor(self._folder, cluster="slurm", slurm_max_num_timeout=retries)
            names = {key if key in _PLAIN_NAMES else f"slurm_{key}": value for key, value in given.items()}
            if "cpus_per_task" in given:  # srun does not take it over from sbatch since Slurm 22.05
                names["slurm_srun_args"] = [f"--cpus-per-task={given['cpus_per_task']}"]
            executor.update_parameters(**names, slurm_additional_parameters=extra)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._executor = executor
        return self._executor

    # --- seeing the end ----------------------------------------------------------------------------------------------

    def _returned(self) -> Iterator[Ended]:
        """Jobs whose result is there."""
        if not self._jobs or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_SECONDS
        for name in _fresh_listing(self._folder):
            job, _, tail = name.partition("_0_result")
            if tail == ".pkl" and job in self._jobs:
                result = _read(self._folder / name)
                if result is not None:
                    yield self._ended(job, result)

    def _ended(self, job: str, result: tuple[str, Any]) -> Ended:
        task = self._jobs.pop(job)
        self._over.pop(job, None)
        kind, value = result
        if kind != "success":
            self._keep_folder = True
            return Ended(task, "died", detail=f"Slurm job {job}: {str(value).strip().splitlines()[-1]}")
        for name in (f"{job}_submitted.pkl", f"{job}_0_result.pkl"):
            (self._folder / name).unlink(missing_ok=True)
        if value.status == "timeout":
            return Ended(task, "timeout", detail=f"Slurm job {job} {value.detail}")
        return Ended(task, "returned", value)

    def _lost(self) -> Iterator[Ended]:
        """Jobs that are over for Slurm, seen twice, and left no result."""
        answer = self._queue.listing(self._jobs) if self._jobs else None
        if answer is None:
            return
        if self._interrupted:
            self._cancel()
        asked, states = answer
        over = {job: states.get(job, "") for job in asked & self._jobs.keys() if states.get(job, "COMPLETED") in OVER}
        again, self._over = over.keys() & self._over.keys(), over
        for job in sorted(again):
            result = _read(self._folder / f"{job}_0_result.pkl")
            yield self._ended(job, result) if result else self._gone(job, over[job])

    def _gone(self, job: str, state: str) -> Ended:
        task = self._jobs.pop(job)
        self._over.pop(job, None)
        if self._interrupted:
            return Ended(task, "returned", Outcome(task.directory, "killed", _INTERRUPTED))
        self._keep_folder = True
        if state == "TIMEOUT":
            minutes = self._parameters["timeout_min"]
            return Ended(task, "timeout", detail=f"Slurm job {job} reached timeout_min={minutes} and did not stop")
        log = self._folder / f"{job}_0_log.err"
        if state == "OUT_OF_MEMORY" or "oom_kill" in _text(log).replace("-", "_"):
            return Ended(task, "oom", detail=f"Slurm job {job} used more memory than it was given")
        ended = f"ended as {state}" if state else "is gone from the queue"
        place = os.path.relpath(log, task.directory.parent)
        return Ended(task, "died", detail=f"Slurm job {job} {ended} without a result (its log: {place})")

    def _dropped(self) -> list[Ended]:
        """After an interrupt, tasks that were never submitted."""
        if not self._interrupted:
            return []
        dropped = [Ended(t, "returned", Outcome(t.directory, "killed", _INTERRUPTED)) for t in self._waiting]
        self._waiting.clear()
        return dropped

    def _cancel(self) -> None:
        if not self._jobs:
            return
        with contextlib.suppress(OSError):
            (self._folder / _CANCELLED).touch()
        for jobs in _pieces(sorted(self._jobs)):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(["scancel", "--quiet", *jobs], capture_output=True, timeout=60, check=False)


def _pieces(items: list[Item]) -> list[list[Item]]:
    return [items[first : first + _LARGEST_ARRAY] for first in range(0, len(items), _LARGEST_ARRAY)]


def limits(parameters: Mapping[str, Any]) -> Limits:
    """What a run may use within its job: as many threads as the job has CPUs, which Slurm need not pin (``task/none``).

    Memory is Slurm's to guard: what it counts is what a process uses, not what it reserves.
    """
    gpus = parameters.get("gpus_per_node") or parameters.get("gpus_per_task") or 0
    cpus = parameters.get("cpus_per_task") or (parameters.get("cpus_per_gpu") or 1) * max(int(gpus), 1)
    return Limits(threads=int(cpus))


def _require_slurm() -> None:
    absent = [program for program in _PROGRAMS if shutil.which(program) is None]
    if absent:
        raise ConfigError(
            f"hydra/launcher=slurm: {', '.join(absent)} not found on this machine's PATH; start the sweep where jobs "
            "can be submitted, or run it here with hydra/launcher=local"
        )


def _fresh_listing(folder: Path) -> list[str]:
    """Names in ``folder``, other machines' newest files included: a change of mode makes NFS ask the server."""
    try:
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode)
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _read(file: Path) -> tuple[str, Any] | None:
    """What submitit saved: ``("success", outcome)`` or ``("error", traceback)``; None if it is not (all) there."""
    try:
        with file.open("rb") as opened:
            kind, value = pickle.load(opened)
        return kind, value
    except (OSError, EOFError, pickle.UnpicklingError, ValueError):
        return None
