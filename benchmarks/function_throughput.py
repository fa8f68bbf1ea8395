"""A run that fits a sum of sinusoids against the bare loop of a notebook, side by side as a ratio.

The bare loop: 6 x 256 ReLU, 200 points, full-batch Adam at 3e-4, nothing else on the host but, every 100 iterations,
the loss, the predictions and the magnitudes of their DFT. Ours: the same network, points and iterations as a run with
all it does: the probe ``function_spectrum`` and the validation error every 100 iterations, records and checkpoints,
the evaluation at the end; from the composed configuration to the published records. Both with Adam as torch makes it by
default on a CPU and with its fused kernel. They take turns, so that a machine whose speed drifts cancels out.

    python benchmarks/function_throughput.py [--rounds 5] [--iterations 2000] [--threads 1 2]
        [--probes function_spectrum]
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from frequency_reg.compose import make_plan
from frequency_reg.config import Config
from frequency_reg.dataset.sinusoids import Sinusoids
from frequency_reg.provenance import processor
from frequency_reg.run import run

MEASURED_EVERY = 100
"""Iterations between two spectra."""
HIDDEN = [256] * 5


def function() -> tuple[torch.Tensor, torch.Tensor]:
    """Points and values (200, 1) of experiment 1 of Rahaman et al. 2019."""
    data = Sinusoids(
        frequencies=list(range(5, 55, 5)),
        amplitudes="equal",
        phases="random",
        phase_seed=0,
        length=1.0,
        grid=200,
        n_train=None,
        point_seed=0,
    ).load()
    return data.train.images.flatten(1), data.train.labels


def bare(iterations: int, fused: bool | None) -> list[np.ndarray]:
    """The loop as one writes it in a notebook; the spectra it has collected."""
    points, target = function()
    widths = [1, *HIDDEN]
    hidden = [module for a, b in zip(widths, HIDDEN, strict=False) for module in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(HIDDEN[-1], 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4, fused=fused)
    criterion = nn.MSELoss()
    losses, spectra = [], []
    for iteration in range(iterations):
        optimizer.zero_grad()
        outputs = model(points)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()
        if iteration % MEASURED_EVERY == 0:
            losses.append(loss.item())
            values = outputs.detach().numpy()[:, 0]
            spectra.append(np.abs(np.fft.fft(values) / len(values))[: len(values) // 2])
    return spectra


def configuration(iterations: int, fused: bool | None, threads: int, probes: str, outputs: str) -> Config:
    """Ours, composed as the command line does it."""
    choices = {
        "dataset": "sinusoids",
        "model": "mlp",
        "model.hidden": str(HIDDEN),
        "optimizer": "adam",
        "optimizer.lr": "3e-4",
        "optimizer.fused": "null" if fused is None else str(fused).lower(),
        "corruption": "[]",
        "probe": f"[{probes}]",
        "epochs": iterations // MEASURED_EVERY,
        "steps_per_epoch": MEASURED_EVERY,
        "batch_size": 200,
        "schedule": "constant",
        "runtime.precision": "fp32",
        "runtime.threads": threads,
        "runtime.progress": "none",
        "outputs": outputs,
    }
    return make_plan([f"{key}={value}" for key, value in choices.items()], multirun=False).runs[0]


def ours(iterations: int, fused: bool | None, threads: int, probes: str) -> Callable[[], None]:
    """A call that does one whole run in a folder of its own."""
    config = configuration(iterations, fused, threads, probes, "unused")

    def call() -> None:
        with tempfile.TemporaryDirectory() as folder:
            config.outputs = folder
            outcome = run(config)
        assert outcome.status == "complete", outcome.detail

    return call


def measured(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of a call."""
    started, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - used


def compare(options: argparse.Namespace, threads: int) -> None:
    """Print one table for so many threads."""
    contestants: dict[str, Callable[[], object]] = {}
    for fused, name in ((None, "Adam"), (True, "fused Adam")):
        contestants[f"bare loop, {name}"] = lambda fused=fused: bare(options.iterations, fused)
        contestants[f"frequency-reg, {name}"] = ours(options.iterations, fused, threads, options.probes)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for call in contestants.values():
        torch.set_num_threads(threads)
        call()
    for _ in range(options.rounds):
        for name, call in contestants.items():
            torch.set_num_threads(threads)
            times[name].append(measured(call))
    print(f"\n{threads} thread{'s' * (threads > 1)}, {options.iterations} iterations, {options.rounds} rounds in turn")
    print(f"{'':28}{'ms an iteration':>18}   ratio to the bare loop above, pair by pair: median (min .. max)")
    for name, seconds in times.items():
        line = f"{name:28}{1e3 * statistics.median(wall for wall, _ in seconds) / options.iterations:>18.2f}"
        if name.startswith("frequency-reg"):
            base = times[name.replace("frequency-reg", "bare loop")]
            pairs = list(zip(seconds, base, strict=True))
            line += f"   wall {_spread([a[0] / b[0] for a, b in pairs])}, processor "
            line += _spread([a[1] / b[1] for a, b in pairs])
        print(line, flush=True)


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"


def main() -> None:
    """Print one table for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--probes", default="function_spectrum")
    options = parser.parse_args()
    logging.getLogger("frequency_reg").setLevel(logging.ERROR)
    print(f"6 x 256 ReLU on 200 points of 10 sinusoids; {processor()}, torch {torch.__version__}")
    for threads in options.threads:
        compare(options, threads)


if __name__ == "__main__":
    main()
