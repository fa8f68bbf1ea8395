"""Images per second of the 19 corruptions of CIFAR-10-C, beside imagecorruptions and beside NumPy and its companions.

    FREQUENCY_REG_DATA=... python benchmarks/corruption_throughput.py [--severity 3] [--images 500] [--repeats 5]

All three corrupt the same CIFAR-10 test images, bytes to bytes, at one severity; they take turns of one call
or of as many as fit into 50 ms, each after one call that does not count, and medians count.

* ours: ``suite=cifar10_c`` on one batch (N, 3, 32, 32): bytes to float, the corruption, back to bytes.
* imagecorruptions (``pip install --no-deps imagecorruptions``): ``corrupt(image, severity=...)`` image by image. Its
  constants are those of ImageNet-C, which it has for images of any size.
* NumPy & co: ``corruption_references.py``, which says how each is made and what is drawn beforehand.

Measured in a process of its own for each number of threads: torch's and OpenCV's default, and one. A module that
imagecorruptions imports and that is missing is replaced in that process alone, and named. Then, with torch's default:
the time of the whole 19 x 5 suite over 10,000 images, and how much of an evaluation of ResNet-20 it is.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from training_throughput import load, network

from frequency_reg.compose import make_plan
from frequency_reg.corruption.base import Corruption
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.diagnostic.base import Question
from frequency_reg.evaluate import robustness
from frequency_reg.experiment import build_corruptions
from frequency_reg.model.base import Model
from frequency_reg.provenance import processor

ROOT = Path(__file__).resolve().parent.parent
OURS, THEIRS, NUMPY = SIDES = ("ours", "imagecorruptions", "NumPy & co")
TURN_SECONDS = 0.05
"""A turn repeats a call for so long, after one call that does not count: it wakes threads that slept meanwhile."""
BATCH_SIZE = 500
"""Of an evaluation, see ``evaluation.batch_size`` in ``conf/config.yaml``."""

TARGETS = {
    "gaussian_noise_c": 12_084,
    "shot_noise": 6_215,
    "impulse_noise": 17_207,
    "speckle_noise": 17_857,
    "defocus_blur": 9_782,
    "motion_blur": 20_090,
    "zoom_blur": 9_930,
    "snow": 24_510,
    "frost": 2_160,
    "brightness": 16_940,
    "contrast": 24_473,
    "elastic_transform": 3_746,
    "pixelate": 42_061,
    "jpeg_compression": 4_319,
    "spatter": 6_315,
    "saturate": 3_730,
}
"""Images/s on 2 cores: what imagecorruptions 1.1.2 once reached there, ten times that for :data:`SLOW`."""

SLOW = ("motion_blur", "zoom_blur", "snow", "frost", "brightness")
TARGET_RATIO, TARGET_MEAN = 10.0, 5.0
"""Ours to imagecorruptions for :data:`SLOW`, and the geometric mean of the ratios to the faster of the other two."""


Statistic = Callable[[Sequence[float]], float]


@dataclass
class Measured:
    """What one process found.

    Attributes:
        threads: torch's, and OpenCV's.
        stand_ins: modules that imagecorruptions imports and that were replaced.
        seconds: corruption -> side -> seconds of each repetition.
        crashes: corruption -> side -> the error.
    """

    threads: list[int] = field(default_factory=list)
    stand_ins: list[str] = field(default_factory=list)
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    crashes: dict[str, dict[str, str]] = field(default_factory=dict)

    def throughput(self, corruption: str, side: str, images: int, of: Statistic = statistics.median) -> float | None:
        """Images/s of the median turn; None if the side crashes."""
        found = self.seconds[corruption].get(side)
        return images / of(found) if found else None

    def ratio(self, corruption: str, *sides: str, of: Statistic = statistics.median) -> float | None:
        """Ours to the fastest of ``sides`` that do not crash, in images/s."""
        others = [self.throughput(corruption, side, 1, of) for side in sides]
        fastest = max((other for other in others if other), default=None)
        ours = self.throughput(corruption, OURS, 1, of)
        return ours / fastest if ours and fastest else None


def corruptions() -> dict[str, Corruption]:
    """The 19 of ``suite=cifar10_c``, as a run would make them."""
    config = make_plan(["dataset=cifar10", "suite=cifar10_c"], multirun=False).runs[0]
    return build_corruptions(config, (3, 32, 32))[0]


def stand_in() -> list[str]:
    """Replace what imagecorruptions needs of setuptools, which no longer brings it; names what was replaced."""
    if importlib.util.find_spec("pkg_resources"):
        return []
    module = types.ModuleType("pkg_resources")

    def resource_filename(package: str, path: str) -> str:
        return str(Path(sys.modules[package].__file__ or "").parent / path)

    vars(module)["resource_filename"] = resource_filename
    sys.modules["pkg_resources"] = module
    return ["pkg_resources"]


def contenders(
    corruption: Corruption, name: str, images: NDArray[np.uint8], severity: int
) -> dict[str, Callable[[], object]]:
    """Each side's way from bytes to bytes; run :func:`stand_in` before."""
    from corruption_references import references

    planes = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    generator = torch.Generator().manual_seed(0)
    sides: dict[str, Callable[[], object]] = {
        OURS: lambda: corruption(planes.float().div_(255), severity, generator).mul(255).byte(),
    }
    if importlib.util.find_spec("imagecorruptions"):
        corrupt = importlib.import_module("imagecorruptions").corrupt
        theirs = name.removesuffix("_c")
        sides[THEIRS] = lambda: [corrupt(image, severity=severity, corruption_name=theirs) for image in images]
    sides[NUMPY] = lambda: references()[name](images, severity)
    return sides


def measure(images: NDArray[np.uint8], severity: int, repeats: int) -> Measured:
    """Every corruption by every side, turn by turn, after one turn that does not count."""
    import cv2
    import pytest

    found = Measured(threads=[torch.get_num_threads(), cv2.getNumThreads()], stand_ins=stand_in())
    # The tests' implementations look their libraries up at every image, which is no part of the work.
    with mock.patch.object(pytest, "importorskip", importlib.import_module):
        for name, corruption in corruptions().items():
            sides = contenders(corruption, name, images, severity)
            found.seconds[name], found.crashes[name] = {}, {}
            for turn in range(repeats + 1):
                for side in list(sides) if turn % 2 else list(reversed(sides)):
                    _take_turn(found, name, side, sides[side], counts=turn > 0)
    return found


def _take_turn(found: Measured, name: str, side: str, call: Callable[[], object], *, counts: bool) -> None:
    if side in found.crashes[name]:
        return
    calls = 0
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # imagecorruptions reports its own exceptions there
            call()
            started = time.perf_counter()
            while calls == 0 or time.perf_counter() - started < TURN_SECONDS:
                call()
                calls += 1
            seconds = (time.perf_counter() - started) / calls
    except Exception as error:
        if side == OURS:
            raise
        found.crashes[name][side] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        return
    if counts:
        found.seconds[name].setdefault(side, []).append(seconds)


def in_child(folder: Path, threads: int | None, severity: int, repeats: int) -> Measured:
    """:func:`measure` in a fresh process, on ``images.npy`` in ``folder``."""
    command = [sys.executable, __file__, "--child", str(folder), "--severity", str(severity), "--repeats", str(repeats)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    if threads is not None:
        command += ["--threads", str(threads)]
        environment |= {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    subprocess.run(command, env=environment, check=True)
    return Measured(**json.loads((folder / "measured.json").read_text()))


def as_child(options: argparse.Namespace) -> None:
    """The other end of :func:`in_child`."""
    if options.threads is not None:
        import cv2

        torch.set_num_threads(options.threads)
        cv2.setNumThreads(options.threads)
    np.random.seed(0)  # noqa: NPY002 - imagecorruptions draws from it
    images = np.load(options.child / "images.npy")
    found = measure(images, options.severity, options.repeats)
    (options.child / "measured.json").write_text(json.dumps(asdict(found)))


def table(many: Measured, one: Measured, images: int) -> str:
    """Markdown: a row a corruption, images/s and ratios."""
    heads = ["corruption", *SIDES, "ours / imagecorruptions", "ours / NumPy & co", "target"]
    heads += [f"{side}, 1 thread" for side in SIDES] + ["ours / faster, 1 thread"]
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for name in many.seconds:
        row = [name, *(_rate(many, name, side, images) for side in SIDES)]
        row += [_times(many.ratio(name, THEIRS)), _times(many.ratio(name, NUMPY))]
        row.append(f"{TARGETS[name]:,}" if name in TARGETS else "")
        row += [_rate(one, name, side, images) for side in SIDES]
        rows.append([*row, _times(one.ratio(name, THEIRS, NUMPY))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rate(found: Measured, name: str, side: str, images: int) -> str:
    rate = found.throughput(name, side, images)
    if rate is not None:
        return f"{rate:,.0f}"
    return "crashes" if side in found.crashes[name] else "not installed"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"


def verdicts(found: Measured, images: int) -> list[str]:
    """Geometric mean, what falls short of a target, and why some crash: one line each."""
    slow = {name: ratio for name in SLOW if (ratio := found.ratio(name, THEIRS)) and ratio < TARGET_RATIO}
    short = {
        name: rate / target
        for name, target in TARGETS.items()
        if (rate := found.throughput(name, OURS, images)) and rate < target
    }
    return [
        f"by medians, {_against_faster(found, statistics.median)}",
        f"by the fastest turns, which other work on the machine disturbs less, {_against_faster(found, min)}",
        f"of {', '.join(SLOW)} less than {TARGET_RATIO:g} times imagecorruptions: {_listed(slow)}",
        f"below the target in images/s, as a part of it: {_listed(short)}",
        *(
            f"{name} with {side} crashes: {reason}"
            for name, crashes in found.crashes.items()
            for side, reason in crashes.items()
        ),
    ]


def _against_faster(found: Measured, of: Statistic) -> str:
    ratios = {name: ratio for name in found.seconds if (ratio := found.ratio(name, THEIRS, NUMPY, of=of))}
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios.values()))
    slower = {name: ratio for name, ratio in ratios.items() if ratio < 1}
    faster = "the faster of the two"
    return f"geometric mean to {faster} {mean:.2f} (target {TARGET_MEAN:g}); slower than it: {_listed(slower)}"


def _listed(ratios: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()) or "none"


class NoNetwork(Model):
    """Logits of zero, to time an evaluation without a network."""

    def forward(self, images: Tensor) -> Tensor:
        """Zeros (N, num_classes)."""
        return images.new_zeros(len(images), self.num_classes)

    def logits(self, x: Tensor) -> Tensor:
        """Zeros (N, num_classes)."""
        return self.forward(x)


def evaluation_seconds(model: Model, split: Split, suite: Mapping[str, Corruption]) -> float:
    """Wall time of the robustness rows of ``split``, in bf16."""
    started = time.perf_counter()
    rows = robustness(Question(model, split, "test", BATCH_SIZE, torch.bfloat16, seed=0), suite)
    assert sum(1 for _ in rows) == sum(1 + len(corruption.parameters) for corruption in suite.values())
    return time.perf_counter() - started


def share(data: ImageData) -> list[str]:
    """Time of the whole suite, and its share of the evaluation of ResNet-20."""
    suite = corruptions()
    nothing = NoNetwork(image_shape=(3, 32, 32), num_classes=10, mean=data.mean, std=data.std)
    resnet = network(data.mean, data.std).to(memory_format=torch.channels_last)
    part = Split(data.test.images[:2000], data.test.labels[:2000])
    evaluation_seconds(resnet, Split(part.images[:10], part.labels[:10]), suite)  # photographs are decoded, once
    whole = evaluation_seconds(nothing, data.test, suite)
    without, complete = (evaluation_seconds(model, part, suite) for model in (nothing, resnet))
    return [
        f"all 19 x 5 over {len(data.test):,} images, no network: {whole:.1f} s",
        f"evaluation of ResNet-20 on {len(part):,} images, bf16: {complete:.1f} s, without network {without:.1f} s: "
        f"{without / complete:.0%}",
    ]


def machine(many: Measured, one: Measured, images: int, severity: int, repeats: int) -> list[str]:
    """Lines above the table."""
    packages = ("torch", "numpy", "scipy", "scikit-image", "opencv-python-headless", "pillow", "imagecorruptions")
    lines = [
        f"images/s, {images} CIFAR-10 test images, severity {severity}, medians of {repeats} turns; {processor()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        f"threads of torch and OpenCV: {many.threads}, and {one.threads} in the columns of 1 thread",
        ", ".join(f"{name} {_version(name)}" for name in packages),
    ]
    if many.stand_ins:
        lines.append(f"replaced for imagecorruptions, which imports what is not installed: {', '.join(many.stand_ins)}")
    return lines


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, what it says, and the times of the whole suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--severity", type=int, choices=range(1, 6), default=3)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child is not None:
        as_child(options)
        return
    data = load()
    with tempfile.TemporaryDirectory() as folder:
        images = data.test.images[: options.images].permute(0, 2, 3, 1).numpy()
        np.save(Path(folder) / "images.npy", images)
        many, one = (in_child(Path(folder), n, options.severity, options.repeats) for n in (None, 1))
    print("\n".join(machine(many, one, len(images), options.severity, options.repeats)), end="\n\n")
    print(table(many, one, len(images)), end="\n\n")
    for name, found in (("default threads", many), ("1 thread", one)):
        print("\n".join([f"{name}:", *verdicts(found, len(images))]), end="\n\n", flush=True)
    print("\n".join(share(data)))


if __name__ == "__main__":
    main()
