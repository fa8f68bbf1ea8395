"""GPUs of this machine, one run each unless asked, across every sweep of this user on the machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from frequency_reg import places


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
    """Wait for a place on one of ``gpus``, hold it until this process ends, and return the GPU's name.

    Args:
        runs_per_gpu: places on each GPU.
        folder: see :func:`frequency_reg.places.claim`; two sweeps of one user share no place.
    """
    names = {f"gpu-{gpu}.{place}": gpu for place in range(runs_per_gpu) for gpu in gpus}
    return names[places.claim(list(names), folder=folder)]
