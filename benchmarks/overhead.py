"""What measuring costs: the spectra's share of an epoch, start-up of ``--help``, peak memory of a CIFAR-10 run.

FREQUENCY_REG_DATA=... python benchmarks/overhead.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import torch
from training_throughput import load, ours

from frequency_reg import records
from frequency_reg.model.base import Model
from frequency_reg.model.resnet18 import ResNet18
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.probe.kernel_spectrum import KernelSpectrum
from frequency_reg.spectrum import power_spectral_density


def median_seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Median wall time after one call that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def spectra() -> None:
    """Seconds to measure every convolution, against one epoch of training and against a DFT of every kernel."""
    data = load()
    shape = {"image_shape": (3, 32, 32), "num_classes": 10, "mean": data.mean, "std": data.std}
    epoch = ours(data, 6400, torch.bfloat16) * len(data.train) / 6400
    models: dict[str, Model] = {
        "ResNet-20": ResNet20(width=16, kernel_size=3, shortcut="pad", **shape),
        "ResNet-18": ResNet18(width=64, kernel_size=3, shortcut="projection", **shape),
    }
    print(f"one epoch of ResNet-20, bf16, 45,000 images: {epoch:.1f} s (extrapolated from 6,400)")
    for name, model in models.items():
        probe = KernelSpectrum(null_draws=0, null_seed=0)
        model.train()(torch.rand(2, 3, 32, 32))  # batch norm has statistics to fold in, as after an epoch
        for done in range(2):
            list(probe.measure(model, done))
        measured = median_seconds(lambda probe=probe, model=model: list(probe.measure(model, 2)))
        weights = [m.weight for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
        naive = median_seconds(lambda weights=weights: [power_spectral_density(w).mean((0, 1)) for w in weights])
        share = f", {measured / epoch:.2%} of that epoch" if name == "ResNet-20" else ""
        print(f"{name}: spectra and SSR of all {len(weights)} convolutions {1e3 * measured:.1f} ms{share};")
        print(f"           a DFT of every kernel alone {1e3 * naive:.1f} ms")


def start_up() -> None:
    """Wall time of ``--help`` in a fresh process."""
    command = [sys.executable, "-m", "frequency_reg", "--help"]
    seconds = median_seconds(lambda: subprocess.run(command, capture_output=True, check=True), repeats=5)
    print(f"frequency-reg --help: {seconds:.2f} s (median of 5)")


def memory() -> None:
    """Peak resident memory of one epoch of ResNet-20 on CIFAR-10, all corruptions included."""
    with tempfile.TemporaryDirectory() as folder:
        overrides = ["dataset=cifar10", "epochs=1", f"outputs={folder}", "runtime.progress=none"]
        subprocess.run([sys.executable, "-m", "frequency_reg", *overrides], check=True, capture_output=True)
        row = records.read(folder)["run"].to_pylist()[0]
    print(f"peak memory of a CIFAR-10 run: {row['peak_memory'] / 2**30:.2f} GiB")
    print(f"  one epoch {row['train_seconds']:.0f} s, final evaluation {row['evaluate_seconds']:.0f} s")


if __name__ == "__main__":
    start_up()
    spectra()
    memory()
