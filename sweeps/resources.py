"""How a machine's cores and GPUs are divided among the runs of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from joblib import cpu_count

from sweeps import gpu
from sweeps.backend import Task
from sweeps.local import LocalBackend
from sweeps.worker import Limits

GIB = 2**30


def divide(cores: int, *, places: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """Runs at a time and CPU threads of each.

    Neither depends on how many runs there are: the last missing run of a sweep computes with as many threads, and so
    bit for bit the same, as it would have among the others.

    Args:
        cores: that this process may use.
        places: on GPUs, if the runs use them; 0 if they compute on the CPU.
        workers, threads: what the user asked for.
    """
    if workers is None:
        workers = places or max(1, cores // (threads or 1))
    return workers, threads or max(1, cores // workers)


def local_backend(
    tasks: Sequence[Task],
    *,
    workers: int | None,
    threads: int | None,
    runs_per_gpu: int,
    time_limit: float | None,
    memory_limit: float | None,
) -> LocalBackend:
    """This machine as a backend for ``tasks``; arguments as in ``conf/hydra/launcher/local.yaml``.

    Cores are those of the process's affinity and control group (joblib's count).
    """
    devices = {task.config.runtime.device for task in tasks}
    gpus = tuple(dict.fromkeys(name for device in sorted(devices) for name in gpu.usable(device)))
    workers, threads = divide(cpu_count(), places=len(gpus) * runs_per_gpu, workers=workers, threads=threads)
    limits = Limits(
        threads=threads,
        gpus=gpus,
        runs_per_gpu=runs_per_gpu,
        memory=None if memory_limit is None else int(memory_limit * GIB),
        directory=str(Path.cwd()),
    )
    return LocalBackend(workers=workers, limits=limits, time_limit=time_limit)
