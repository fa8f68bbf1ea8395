"""Where a record comes from: versions, code, machine. Recorded with every run; no part of its identity."""

from __future__ import annotations

import datetime
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch

from frequency_reg import __version__
from frequency_reg.run_id import source_digest


def provenance(*, device: torch.device, precision: torch.dtype, data_digest: str) -> dict[str, str | int]:
    """``provenance.*`` columns of the ``run`` table."""
    return {
        "provenance.package_version": __version__,
        "provenance.source_digest": source_digest(),
        "provenance.git_commit": git_commit(),
        "provenance.data_digest": data_digest,
        "provenance.python": platform.python_version(),
        "provenance.torch": torch.__version__,
        "provenance.numpy": np.__version__,
        "provenance.platform": f"{platform.system()} {platform.machine()}",
        "provenance.processor": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "provenance.cores": os.cpu_count() or 0,
        "provenance.threads": torch.get_num_threads(),
        "provenance.device": str(device),
        "provenance.precision": str(precision).removeprefix("torch."),
        "provenance.recorded_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def generator_columns(versions: Mapping[str, str]) -> dict[str, str]:
    """``provenance.generator.*`` columns of the ``run`` table: what made the corrupted images, by corruption.

    Of a computed corruption a digest of its code, of a published set one of its images; the colon of a published name
    becomes a point. A property of run and corruption, not of a severity: rows of ``robustness`` do not repeat it.
    """
    return {f"provenance.generator.{name.replace(':', '.')}": version for name, version in versions.items()}


@cache
def processor() -> str:
    """The CPU's model name, or the architecture where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@cache
def git_commit() -> str:
    """Commit of the source tree the package runs from, ``+`` if it has changes; empty if installed without one."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "--", "frequency_reg", "conf") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def peak_memory() -> int:
    """Peak resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
