"""The 15 corruptions of CIFAR-10-C with their constants: which computed images are the benchmark's, and which are not.

A computed corruption is known by what it was made with, not by its name: the default ``gaussian_noise`` has other
sigmas than the benchmark's (``gaussian_noise_c``), and any constant can be set anew on the command line. Published sets
(``cifar10c:fog``) are what their makers stored; there the name and five severities suffice.

Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c, as in ``conf/corruption``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pandas as pd

from analysis.configuration import PREFIX
from analysis.corruption_error.formula import SEVERITIES
from analysis.formatting import is_missing, value_text

OWN_NAMES = {"gaussian_noise_c": "gaussian_noise"}
"""Presets with the benchmark's constants whose name is not the benchmark's."""

PARAMETERS: Mapping[str, tuple[float, ...]] = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.1),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "defocus_blur": (0.3, 0.4, 0.5, 1, 1.5),
    "glass_blur": (0.05, 0.25, 0.4, 0.5, 0.8),
    "motion_blur": (1, 1.5, 2, 2, 2.5),
    "zoom_blur": (1.06, 1.11, 1.15, 1.2, 1.25),
    "snow": (0.95, 0.9, 0.9, 0.85, 0.8),
    "frost": (0.2, 0.3, 0.4, 0.4, 0.45),
    "fog": (0.2, 0.5, 0.75, 1, 1.5),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "elastic_transform": (0.08, 0.07, 0.06, 0.05, 0.03),
    "pixelate": (30, 28, 27, 24, 20),
    "jpeg_compression": (80, 65, 58, 50, 40),
}
"""The recorded parameter (column ``parameter`` of ``robustness``) at severities 1 to 5."""

CONSTANTS: Mapping[str, Mapping[str, object]] = {
    "gaussian_noise": {"sigma": (0.04, 0.06, 0.08, 0.09, 0.1), "clip": True},
    "shot_noise": {"photons": (500, 250, 100, 75, 50)},
    "impulse_noise": {"amount": (0.01, 0.02, 0.03, 0.05, 0.07)},
    "defocus_blur": {"radius": (0.3, 0.4, 0.5, 1, 1.5), "alias_blur": (0.4, 0.5, 0.6, 0.2, 0.1), "relative_to": 32},
    "glass_blur": {
        "sigma": (0.05, 0.25, 0.4, 0.25, 0.4), "max_delta": (1, 1, 1, 1, 1), "iterations": (1, 1, 1, 2, 2),
        "relative_to": 32,
    },
    "motion_blur": {"radius": (6, 6, 6, 8, 9), "sigma": (1, 1.5, 2, 2, 2.5), "angle": 45, "relative_to": 32},
    "zoom_blur": {"factor": (1.06, 1.11, 1.15, 1.2, 1.25), "step": 0.01},
    "snow": {
        "noise_mean": (0.1, 0.1, 0.15, 0.25, 0.3), "noise_deviation": (0.2, 0.2, 0.3, 0.3, 0.3),
        "zoom": (1, 1, 1.75, 2.25, 1.25), "threshold": (0.6, 0.5, 0.55, 0.6, 0.65), "radius": (8, 10, 10, 12, 14),
        "sigma": (3, 4, 4, 6, 12), "keep": (0.95, 0.9, 0.9, 0.85, 0.8), "relative_to": 32,
    },
    "frost": {
        "image": (1, 1, 0.9, 0.85, 0.75), "frost": (0.2, 0.3, 0.4, 0.4, 0.45), "photo_scale": 0.2, "relative_to": 32,
    },
    "fog": {"amplitude": (0.2, 0.5, 0.75, 1, 1.5), "decay": (3, 3, 2.5, 2, 1.75)},
    "brightness": {"shift": (0.05, 0.1, 0.15, 0.2, 0.3)},
    "contrast": {"factor": (0.75, 0.5, 0.4, 0.3, 0.15)},
    "elastic_transform": {
        "alpha": (0, 0.05, 0.08, 0.1, 0.1), "sigma": (0, 0.2, 0.06, 0.04, 0.03),
        "affine": (0.08, 0.07, 0.06, 0.05, 0.03),
    },
    "pixelate": {"size": (30, 28, 27, 24, 20), "relative_to": 32},
    "jpeg_compression": {"quality": (80, 65, 58, 50, 40)},
}  # fmt: skip
"""Every constant by its key in the configuration (``config.corruption.NAME.KEY``)."""


def benchmark_name(recorded: str) -> str:
    """The benchmark's name of a recorded one: without its set, and of a preset's own name."""
    name = recorded.rpartition(":")[2]
    return name if ":" in recorded else OWN_NAMES.get(name, name)


def other_constants(points: pd.DataFrame, choices: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Computed corruptions that bear a name of the benchmark and are another test set.

    Args:
        points: configuration, corruption (as recorded), severity, parameter: distinct rows.
        choices: index configuration, columns ``config.*``. Constants that a record does not hold are not checked.

    Returns:
        (configuration, corruption as recorded) -> in words, what differs. Published sets are never among them.
    """
    found: dict[tuple[str, str], str] = {}
    computed = points[~points["corruption"].str.contains(":", regex=False)]
    for recorded in computed["corruption"].unique():
        name = benchmark_name(recorded)
        for key, constant in CONSTANTS[name].items():
            column = f"{PREFIX}corruption.{recorded}.{key}"
            for label, value in choices[column].items() if column in choices else ():
                if not is_missing(value) and not _equal(value, constant):
                    words = f"{key} {_spaced(value)} instead of {_listed(constant)}"
                    found.setdefault((str(label), recorded), words)
    known = pd.DataFrame(
        [(name, severity, value) for name, values in PARAMETERS.items() for severity, value in enumerate(values, 1)],
        columns=["name", "severity", "expected"],
    )
    merged = computed.assign(name=computed["corruption"].map(benchmark_name)).merge(known, how="left")
    merged["differs"] = ~((merged["parameter"] - merged["expected"]).abs() < 1e-9)
    keys = ["configuration", "corruption"]
    wrong = merged.groupby(keys)["differs"].transform("any") | (merged["severity"] > len(SEVERITIES))
    for (label, recorded), rows in merged[wrong].sort_values("severity").groupby(keys, sort=False):
        theirs = ", ".join(value_text(value) for value in rows["parameter"])
        words = f"parameters {theirs} instead of {_listed(PARAMETERS[benchmark_name(str(recorded))])}"
        found.setdefault((str(label), str(recorded)), words)
    return found


def _spaced(recorded: object) -> str:
    """A recorded list (JSON text) as a sentence has it: without brackets, a space after each comma."""
    return ", ".join(value_text(recorded).strip("[]").split(","))


def _equal(recorded: object, constant: object) -> bool:
    """Whether a recorded value (lists as JSON text) is a constant; True only equals True."""
    try:
        value = json.loads(recorded) if isinstance(recorded, str) else recorded
    except ValueError:
        return False
    values, constants = ([v] if not isinstance(v, list | tuple) else list(v) for v in (value, constant))
    if len(values) != len(constants):
        return False
    return all(_same(a, b) for a, b in zip(values, constants, strict=True))


def _same(a: object, b: object) -> bool:
    if isinstance(b, bool):
        return str(a).lower() == str(b).lower()
    try:
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-12)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _listed(constant: object) -> str:
    values = constant if isinstance(constant, tuple) else (constant,)
    return ", ".join(map(value_text, values))
