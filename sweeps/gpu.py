"""GPUs of this machine, one run each unless asked, across every sweep of this user on the machine."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from frequency_reg import places

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Card:
    """A GPU as nvidia-smi numbers and names it."""

    number: str
    uuid: str
    model: str


def visible() -> tuple[str, ...]:
    """Names for CUDA_VISIBLE_DEVICES of the GPUs that this process may use; needs no torch and touches no GPU.

    A GPU has one name, its UUID, whether CUDA_VISIBLE_DEVICES is not set, or has its number, its UUID or the beginning
    of it: places are kept by name. What nvidia-smi does not know, as where there is none, keeps its spelling.
    """
    chosen, cards = os.environ.get("CUDA_VISIBLE_DEVICES"), _cards()
    if chosen is None:
        return tuple(card.uuid for card in cards)
    names = [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    if any(name.isdecimal() for name in names):
        _say_whose_numbers(f"CUDA_VISIBLE_DEVICES={chosen}", cards)
    return tuple(_uuid(name, cards) for name in names)


def usable(device: str) -> tuple[str, ...]:
    """The GPUs that runs with ``runtime.device=device`` may use: none for ``cpu``, all for ``auto`` and ``cuda``."""
    if device == "cpu":
        return ()
    gpus = visible()
    number = device.partition(":")[2]
    if number and "CUDA_VISIBLE_DEVICES" not in os.environ:
        _say_whose_numbers(f"runtime.device={device}", _cards())
    return gpus[int(number) : int(number) + 1] if number else gpus


def _cards() -> tuple[_Card, ...]:
    try:
        command = ["nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [[cell.strip() for cell in line.split(",", 2)] for line in done.stdout.splitlines()]
    return tuple(_Card(*row) for row in rows if len(row) == 3)


def _uuid(name: str, cards: Sequence[_Card]) -> str:
    if name.isdecimal():
        found = [card.uuid for card in cards if card.number == str(int(name))]
    else:
        found = [card.uuid for card in cards if card.uuid.startswith(name)]
    return found[0] if len(found) == 1 else name


@cache
def _say_whose_numbers(setting: str, cards: Sequence[_Card]) -> None:
    """CUDA's own order has the fastest GPU first; that of nvidia-smi is the other one that it knows."""
    if len({card.model for card in cards}) < 2 or os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return
    listed = ", ".join(f"{card.number} {card.model}" for card in cards)
    _log.warning(
        "%s: GPUs are numbered as nvidia-smi does it (%s), CUDA's own order may be another; set "
        "CUDA_DEVICE_ORDER=PCI_BUS_ID, or name GPUs by their UUIDs",
        *(setting, listed),
    )


def claim(gpus: Sequence[str], runs_per_gpu: int, folder: Path | None = None) -> str:
    """Wait for a place on one of ``gpus``, hold it until this process ends, and return the GPU's name.

    Args:
        runs_per_gpu: places on each GPU.
        folder: see :func:`frequency_reg.places.claim`; two sweeps of one user share no place.
    """
    names = {f"gpu-{gpu}.{place}": gpu for place in range(runs_per_gpu) for gpu in gpus}
    return names[places.claim(list(names), folder=folder)]
