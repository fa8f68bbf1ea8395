"""What the sweep engine costs, beside Hydra's basic launcher and hydra-joblib-launcher on the same machine.

python benchmarks/sweep_engine.py [launchers] [noop N ...]

``launchers``: one sweep of 24 runs on the digits with each launcher, turn by turn (pip install hydra-joblib-launcher).
``noop``: wall time and peak memory of the command's process for N runs that do nothing, composition and isolation
included. Without arguments: both, with N = 100, 1000 and 10000 (the last takes minutes).
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 24
REPEATS = 3
SWEEP = [
    "-m",
    "model=resnet20",
    "model.width=8",
    "epochs=6",
    "dataset=digits",
    "corruption=[gaussian_noise]",
    "regularizer=none,dropout",
    f"seed=range({RUNS // 2})",
    "runtime.progress=none",
    "probe.kernel_spectrum.null_draws=20",
]
LAUNCHERS = {
    "local": [],
    "basic": ["hydra/sweeper=basic", "hydra/launcher=basic"],
    "joblib": ["hydra/sweeper=basic", "hydra/launcher=joblib", f"hydra.launcher.n_jobs={os.cpu_count()}"],
}


def launchers() -> None:
    """Runs per minute of each launcher, turn by turn, and the engine's share of ours."""
    seconds: dict[str, list[float]] = {name: [] for name in LAUNCHERS}
    shares: list[float] = []
    for repeat in range(REPEATS):
        order = list(LAUNCHERS) if repeat % 2 == 0 else list(reversed(LAUNCHERS))
        for name in order:
            with tempfile.TemporaryDirectory() as folder:
                seconds[name].append(_sweep(folder, LAUNCHERS[name]))
                if name == "local":
                    shares.append(1 - _busy_seconds(folder) / (seconds[name][-1] * (os.cpu_count() or 1)))
    print(f"{RUNS} runs on the digits, {os.cpu_count()} cores, {REPEATS} turns; start of Python and plan included")
    print(f"{'launcher':10}{'runs/min':>10}{'min..max s':>16}{'local is':>12}")
    ours = statistics.median(seconds["local"])
    for name, found in seconds.items():
        middle = statistics.median(found)
        spread = f"{min(found):.1f}..{max(found):.1f}"
        print(f"{name:10}{60 * RUNS / middle:10.1f}{spread:>16}{middle / ours:11.2f}x")
    print(f"share of the workers' time that local does not spend in runs: {statistics.median(shares):.0%}")


def _sweep(folder: str, overrides: list[str]) -> float:
    command = [sys.executable, "-m", "frequency_reg", *SWEEP, *overrides, "name=s", f"outputs={folder}"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    seconds = time.perf_counter() - started
    if f"{RUNS} of {RUNS} runs complete" not in done.stdout:
        raise RuntimeError(done.stdout + done.stderr)
    return seconds


def _busy_seconds(folder: str) -> float:
    """Seconds that runs spent training and evaluating, from their records (their set-up counts as the engine's)."""
    from frequency_reg import records

    run = records.read(folder)["run"]
    return sum(run["train_seconds"].to_pylist()) + sum(run["evaluate_seconds"].to_pylist())


# --- runs that do nothing --------------------------------------------------------------------------------------------


def noop(config, limits):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """What a run's process does instead of the run."""
    from frequency_reg.outcome import Outcome
    from frequency_reg.run_id import run_directory

    return Outcome(run_directory(config), "complete")


class _Silence:
    def line(self, text: str) -> None:
        pass

    def update(self, snapshot: object) -> None:
        pass

    def close(self) -> None:
        pass


def engine(runs: int, folder: str) -> None:
    """Plan and launch ``runs`` runs that do nothing; print seconds and peak memory as JSON."""
    from hydra import initialize_config_dir
    from joblib import cpu_count

    from frequency_reg import isolation
    from frequency_reg.compose import CONFIG_DIRECTORY, Composer, grid, make_plan
    from sweeps.backend import Task
    from sweeps.engine import Policy, execute
    from sweeps.local import LocalBackend
    from sweeps.worker import Limits

    isolation.start()
    strengths = "regularizer.weight_decay=" + ",".join(f"{k + 1}e-6" for k in range(10))
    overrides = ["regularizer=weight_decay", strengths, f"seed=range({runs // 10})", f"outputs={folder}"]
    make_plan(["seed=0"], multirun=False)  # imports
    started = time.perf_counter()
    plan = make_plan(overrides, multirun=True)
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIG_DIRECTORY)):
        composer = Composer()
        tasks = [Task(composer.config(job)) for job in grid(overrides, {}, composer)[0]]
    composed = time.perf_counter()
    backend = LocalBackend(workers=cpu_count(), limits=Limits(), work=noop)
    outcomes = execute(tasks, backend, Policy(), _Silence())
    ended = time.perf_counter()
    assert len(outcomes) == len(plan.runs) == runs
    assert all(outcome.status == "complete" for outcome in outcomes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"compose": composed - started, "execute": ended - composed, "peak": peak}))


def noops(numbers: list[int]) -> None:
    """One line for each number of runs, each in a fresh process."""
    print(f"{'runs':>8}{'ms a run':>10}{'of it composing':>17}{'peak memory of the command MiB':>32}")
    for runs in numbers:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "engine", str(runs), folder]
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(done.stderr)
        found = json.loads(done.stdout)
        total = 1e3 * (found["compose"] + found["execute"]) / runs
        print(f"{runs:8d}{total:10.1f}{1e3 * found['compose'] / runs:17.1f}{found['peak'] / 2**20:32.0f}", flush=True)


def main() -> None:
    """See the module's docstring."""
    arguments = sys.argv[1:] or ["launchers", "noop", "100", "1000", "10000"]
    if arguments[0] == "engine":
        engine(int(arguments[1]), arguments[2])
        return
    if "launchers" in arguments:
        launchers()
    if "noop" in arguments:
        noops([int(text) for text in arguments[arguments.index("noop") + 1 :]])


if __name__ == "__main__":
    main()
