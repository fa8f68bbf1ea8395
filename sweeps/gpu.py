"""GPUs of this machine, one run each unless asked, across every sweep of this user on the machine."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_POLL_SECONDS = 0.2
_held: list[int] = []  # descriptors whose locks this process holds until it ends


def visible() -> tuple[str, ...]:
    """Names for CUDA_VISIBLE_DEVICES of the GPUs that this process may use; needs no torch and touches no GPU."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return tuple(name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1"))
    try:
        command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def usable(device: str) -> tuple[str, ...]:
    """The GPUs that runs with ``runtime.device=device`` may use: none for ``cpu``, all for ``auto`` and ``cuda``."""
    if device == "cpu":
        return ()
    gpus = visible()
    number = device.partition(":")[2]
    return gpus[int(number) : int(number) + 1] if number else gpus


def claim(gpus: Sequence[str], runs_per_gpu: int, folder: Path | None = None) -> str:
    """Wait for a place on one of ``gpus`` and hold it until this process ends; returns the GPU's name.

    Every place is a lock on a file that all processes of the user on this machine see: two sweeps share no GPU.

    Args:
        runs_per_gpu: places on each GPU.
        folder: of the lock files; by default one of the user's in the machine's temporary directory.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"frequency_reg-gpu-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for place in range(runs_per_gpu):
            for gpu in gpus:
                if _try(folder / f"{gpu.replace('/', '-')}.{place}"):
                    return gpu
        time.sleep(_POLL_SECONDS)


def _try(file: Path) -> bool:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _held.append(descriptor)
    return True
