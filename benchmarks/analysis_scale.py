"""The analysis of hundreds to tens of thousands of runs, beside pandas and MLflow on the same machine.

    python benchmarks/analysis_scale.py [--runs 500 5000 20000] [--folder DIR] [--repeats 3] [--only ours pandas mlflow]

All sides answer one question: mean and spread over seeds of every configuration. Each is timed as a whole process,
start of Python included, in alternating order; peak memory is that of the process (``ru_maxrss``).

* ours: ``python -m analysis table``, first with no compacted records beside the runs, then again; then ``report``.
* pandas: ``pd.concat(pd.read_parquet(f) ...)`` and ``groupby``, from the run tables alone (clean accuracy, no SSR) and
  from run, ssr and robustness, which is what the table shows.
* MLflow (``pip install mlflow-skinny sqlalchemy alembic pandas``): ``mlflow.search_runs`` over an SQLite store that
  holds the same runs with their settings as parameters and their final values as metrics, then ``groupby``. Filling
  the store is not timed; it is done by bulk inserts, which are checked to read back as what MlflowClient logs.

The records come from ``generated_records.py``; no side empties the page cache. All sides must find the same numbers of
complete runs and configurations. With ``--folder`` records and stores are kept in DIR for the next time; without, they
are deleted. At 5000 runs pandas takes minutes for each repetition and 5.4 GiB, both in proportion to the runs; a side
that fails, for want of memory or of MLflow, is listed with its reason.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from generated_records import Run

# This process stays small and imports nothing of weight: a child's ru_maxrss begins with the memory of its parent.

TARGET_RUNS = 5000
TARGETS = {"ours: table, later": "< 2 s", "ours: report": "< 30 s, < 10 MB"}
"""What the project promises at :data:`TARGET_RUNS` runs."""

REFERENCE = "ours: table, later"
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Measured:
    """One process.

    Attributes:
        seconds: wall time, start of Python included.
        peak: peak resident memory of the process in bytes.
        code: exit code; negative: the signal that ended it.
        output: what it printed.
        inside: seconds without the imports, where the process tells.
        counted: complete runs and configurations it found, where it tells: what all sides must agree in.
        remark: what to print beside it.
    """

    seconds: float
    peak: int
    code: int
    output: str
    inside: float | None = None
    counted: tuple[int, int] | None = None
    remark: str = ""

    def required(self) -> Measured:
        """This one, if its process succeeded.

        Raises:
            RuntimeError: it did not; with the end of what it printed.
        """
        if self.code:
            raise RuntimeError(f"exit code {self.code}\n{self.output[-2000:]}")
        return self


def measured(command: Sequence[str]) -> Measured:
    """Run ``command`` as a child and wait for it."""
    with tempfile.TemporaryFile() as sink:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        sink.seek(0)
        return Measured(seconds, usage.ru_maxrss * 1024, process.returncode, sink.read().decode())


# --- the sides -------------------------------------------------------------------------------------------------------


def our_side(folder: Path, runs: int) -> Iterable[tuple[str, Measured]]:
    """Table without and with compacted records, then the report.

    Raises:
        RuntimeError: a command failed, or the table is not about so many runs.
    """
    compact = folder / ".compact"
    if compact.exists():
        shutil.rmtree(compact)
    analysis = [sys.executable, "-m", "analysis"]
    for name in ("ours: table, first", REFERENCE):
        table = measured([*analysis, "table", str(folder)]).required()
        found = re.search(r"([\d,]+) of ([\d,]+) runs complete, ([\d,]+) configurations", table.output)
        complete, total, configurations = (int(n.replace(",", "")) for n in found.groups()) if found else (0, 0, 0)
        if total != runs:
            raise RuntimeError(f"{folder}: expected a table of {runs} runs, got\n{table.output[:500]}")
        yield name, replace(table, counted=(complete, configurations))
    with tempfile.TemporaryDirectory() as target:
        file = Path(target) / "report.html"
        report = measured([*analysis, "report", str(folder), "-o", str(file)]).required()
        yield "ours: report", replace(report, remark=f"{file.stat().st_size / 1e6:.2f} MB")


def other_side(names: Sequence[str], path: Path) -> Iterable[tuple[str, Measured]]:
    """Sides of :data:`SIDES`, each in a process of its own; one that fails says why in its remark."""
    for name in names:
        found = measured([sys.executable, __file__, "--side", name, str(path)])
        last = found.output.strip().rpartition("\n")[2]
        if found.code:
            yield name, replace(found, remark=f"failed ({last or f'signal {-found.code}'})")
            continue
        told = json.loads(last)
        counted = (told["complete"], told["configurations"])
        remark = f"mean clean accuracy {told['clean']:.6f}"
        yield name, replace(found, inside=told["seconds"], counted=counted, remark=remark)


def pandas_run(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """What a researcher writes for the run tables alone: all rows, and the names of the metrics."""
    return _concatenated(folder, "run"), ["clean_accuracy", "validation_accuracy"]


def pandas_table(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """What a researcher writes for the columns that our table shows: all rows, and the names of the metrics."""
    run, ssr, robustness = (_concatenated(folder, table) for table in ("run", "ssr", "robustness"))
    last = ssr[ssr["epoch"] == ssr.groupby("run_id")["epoch"].transform("max")]
    last = last[(last["normalization"] == "dc") & (last["reference"] == "init") & last["value"].notna()]
    by_depth = last.sort_values("depth").groupby("run_id")["value"]
    corrupted = robustness[robustness["severity"] > 0].groupby(["run_id", "corruption"])["accuracy"].mean()
    run = run.set_index("run_id")
    run["corrupted_accuracy"] = corrupted.groupby("run_id").mean()
    run["relative_robustness"] = run["corrupted_accuracy"] / run["clean_accuracy"]
    run["ssr_first"], run["ssr_last"] = by_depth.first(), by_depth.last()
    metrics = ["clean_accuracy", "corrupted_accuracy", "relative_robustness", "ssr_first", "ssr_last"]
    return run.reset_index(), metrics


def mlflow_search(store: Path) -> tuple[pd.DataFrame, list[str]]:
    """The runs of an MLflow store with the names that our records have, and the names of the metrics."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{store}")
    runs = mlflow.search_runs(experiment_names=[_EXPERIMENT], max_results=50_000)
    runs.columns = runs.columns.str.replace("params.", "config.").str.replace("metrics.", "")
    runs["status"] = runs["status"].replace({"FINISHED": "complete"})
    return runs, ["clean_accuracy", "validation_accuracy", "ssr_first", "ssr_last"]


def _concatenated(folder: Path, table: str) -> pd.DataFrame:
    import pandas as pd

    # Not */: the compacted records lie in a folder whose name begins with a dot.
    return pd.concat([pd.read_parquet(file) for file in sorted(folder.glob(f"[!.]*/{table}.parquet"))])


SIDES: dict[str, Callable[[Path], tuple[pd.DataFrame, list[str]]]] = {
    "pandas: run": pandas_run,
    "pandas: run, ssr, robustness": pandas_table,
    "MLflow: search_runs": mlflow_search,
}


def answer(name: str, path: Path) -> dict[str, Any]:
    """One side's answer in this process: seconds after the imports, and numbers by which sides can be compared."""
    for module in ("pandas", "pyarrow.parquet", *(["mlflow"] if name.startswith("MLflow") else [])):
        importlib.import_module(module)

    # Too much is an error of this process, not the end of another one.
    resource.setrlimit(resource.RLIMIT_DATA, (_available_memory(), resource.RLIM_INFINITY))
    started = time.perf_counter()
    run, metrics = SIDES[name](path)
    chosen = [c for c in run.columns if c.startswith("config.") and c != "config.seed"]
    varied = [c for c in chosen if len(run[c].drop_duplicates()) > 1]
    complete = run[run["status"] == "complete"]
    table = complete.groupby(varied, dropna=False)[metrics].agg(["mean", "sem", "count"])
    return {
        "seconds": time.perf_counter() - started,
        "complete": len(complete),
        "configurations": int(run.groupby(varied, dropna=False).ngroups),
        "clean": float(table["clean_accuracy", "mean"].mean()),
    }


def _available_memory() -> int:
    """Bytes that can be had without swapping."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


# --- an MLflow store of the same runs --------------------------------------------------------------------------------

_EXPERIMENT = "sweep"
_TIME = 1_700_000_000_000
"""Milliseconds since 1970 of every run and value."""


def fill_store(store: Path, runs: int) -> None:
    """Make an SQLite store at ``store`` with the first ``runs`` generated runs.

    MLflow makes the tables; rows are inserted in bulk through its SQLAlchemy models, as its client takes about 80 ms
    a run. One run is also logged by the client, to see that both read back alike.

    Raises:
        AssertionError: they do not.
    """
    import sqlalchemy
    from generated_records import make_run
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client = MlflowClient(f"sqlite:///{store}")
    experiment, check = (int(client.create_experiment(name)) for name in (_EXPERIMENT, "check"))
    engine = sqlalchemy.create_engine(f"sqlite:///{store}")
    for start in range(0, runs, 500):
        with engine.begin() as connection:
            _insert(connection, experiment, [make_run(i) for i in range(start, min(start + 500, runs))])
    engine.dispose()
    run = make_run(0)
    logged = client.create_run(str(check), start_time=_TIME, run_name=run.name).info.run_id
    metrics = [Metric(key, value, _TIME, 0) for key, value in final_values(run).items()]
    client.log_batch(logged, metrics, [Param(key, value) for key, value in settings(run).items()])
    client.set_terminated(logged, end_time=_TIME)
    ours, theirs = client.get_run(run.run_id[:32]), client.get_run(logged)
    assert ours.data.metrics == theirs.data.metrics == final_values(run)
    assert ours.data.params == theirs.data.params == settings(run)
    assert ours.data.tags == theirs.data.tags
    assert ours.info.status == theirs.info.status


def settings(run: Run) -> dict[str, str]:
    """The run's configuration as MLflow parameters, which are text."""
    return {key.removeprefix("config."): str(value) for key, value in run.row.items() if key.startswith("config.")}


def final_values(run: Run) -> dict[str, float]:
    """The run's final metrics: losses and accuracies, every corruption's accuracy, SSR of the first and last layer."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "clean_loss", "clean_accuracy")
    values = {name: float(run.row[name]) for name in names if run.row.get(name) is not None}
    if "robustness" in run.tables:
        for row in run.tables["robustness"].to_pylist():
            if row["severity"]:
                values[f"{row['corruption']}/{row['severity']}"] = row["accuracy"]
    ssr = run.tables["ssr"].slice(len(run.tables["ssr"]) - 2 * 20 * 5)  # the last epoch of the 20 layers
    dc = [row["value"] for row in ssr.to_pylist() if (row["normalization"], row["reference"]) == ("dc", "init")]
    return {**values, "ssr_first": dc[0], "ssr_last": dc[-1]}


def _insert(connection: Any, experiment: int, runs: Sequence[Run]) -> None:
    """One insert a table for ``runs``."""
    from mlflow.store.tracking.dbmodels import models
    from sqlalchemy import insert

    rows: dict[Any, list[dict[str, Any]]] = {
        models.SqlRun: [],
        models.SqlTag: [],
        models.SqlParam: [],
        models.SqlMetric: [],
        models.SqlLatestMetric: [],
    }
    for run in runs:
        identity = {"run_uuid": run.run_id[:32]}
        rows[models.SqlRun].append({**_run_row(run), **identity, "experiment_id": experiment})
        rows[models.SqlTag].append({**identity, "key": "mlflow.runName", "value": run.name})
        rows[models.SqlParam] += [{**identity, "key": key, "value": value} for key, value in settings(run).items()]
        values = [
            {**identity, "key": key, "value": value, "timestamp": _TIME, "step": 0, "is_nan": False}
            for key, value in final_values(run).items()
        ]
        rows[models.SqlMetric] += values
        rows[models.SqlLatestMetric] += values
    for model, found in rows.items():
        connection.execute(insert(model), found)


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "",
        "status": "FINISHED" if run.row["status"] == "complete" else "FAILED",
        "start_time": _TIME,
        "end_time": _TIME,
        "source_version": "",
        "lifecycle_stage": "active",
        "artifact_uri": f"artifacts/{run.run_id[:32]}",
    }


# --- the comparison --------------------------------------------------------------------------------------------------


def prepared(folder: Path, runs: int, sides: Sequence[str]) -> tuple[Path, Path]:
    """Folder with the records and MLflow store of ``runs`` runs below ``folder``, made where they are missing."""
    records, store = folder / str(runs), folder / f"{runs}.sqlite"
    if not records.exists():
        partial = folder / f".{runs}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        generator = Path(__file__).with_name("generated_records.py")
        measured([sys.executable, str(generator), str(partial), str(runs)]).required()
        partial.rename(records)
    found = sum(1 for _ in records.glob("[!.]*/run.parquet"))
    if found != runs:
        raise RuntimeError(f"{records}: holds {found} runs, expected {runs}; delete it, it is generated again")
    if "mlflow" in sides and not store.exists():
        partial = folder / f".{runs}.sqlite.partial"
        partial.unlink(missing_ok=True)
        measured([sys.executable, __file__, "--fill", str(partial), str(runs)]).required()
        partial.rename(store)
    return records, store


def compare(folder: Path, runs: int, repeats: int, sides: Sequence[str]) -> None:
    """Print the table for ``runs`` runs: every side ``repeats`` times, in turns, every other time in reverse order.

    Raises:
        RuntimeError: two sides do not find the same numbers of complete runs and configurations.
    """
    records, store = prepared(folder, runs, sides)
    calls: dict[str, Callable[[], Iterable[tuple[str, Measured]]]] = {
        "ours": lambda: our_side(records, runs),
        "pandas": lambda: other_side(["pandas: run", "pandas: run, ssr, robustness"], records),
        "mlflow": lambda: other_side(["MLflow: search_runs"], store),
    }
    found: dict[str, list[Measured]] = {}
    for repeat in range(repeats):
        for side in sides if repeat % 2 == 0 else list(reversed(sides)):
            for name, one in calls[side]():
                found.setdefault(name, []).append(one)
                print(f"{runs} runs, {name}: {one.seconds:.2f} s {one.remark}", file=sys.stderr, flush=True)
    counted = {name: one.counted for name, all_ in found.items() for one in all_ if one.counted}
    if len(set(counted.values())) > 1:
        raise RuntimeError(f"{records}: the sides disagree in complete runs and configurations: {counted}")
    complete, configurations = next(iter(counted.values()), (0, 0))
    print(f"\n{runs:,} runs, {complete:,} complete, {configurations:,} configurations (all sides agree)\n")
    for line in _table(runs, found):
        print(line, flush=True)


def _table(runs: int, found: Mapping[str, Sequence[Measured]]) -> Iterable[str]:
    """Markdown lines; a ratio says how many times as long as our table's later calls."""
    yield "| | n | median s | min..max s | s without imports | / our table | peak MiB | target | |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    median = {name: statistics.median(one.seconds for one in all_) for name, all_ in found.items()}
    ours = median.get(REFERENCE)
    for name, all_ in found.items():
        seconds = [one.seconds for one in all_]
        inside = [one.inside for one in all_ if one.inside is not None]
        cells = [
            name,
            len(all_),
            f"{median[name]:.2f}",
            f"{min(seconds):.2f}..{max(seconds):.2f}",
            f"{statistics.median(inside):.2f}" if inside else "",
            f"{median[name] / ours:.1f}x" if ours else "",
            f"{statistics.median(one.peak for one in all_) / 2**20:.0f}",
            TARGETS.get(name, "") if runs == TARGET_RUNS else "",
            all_[-1].remark,
        ]
        yield "| " + " | ".join(map(str, cells)) + " |"


def machine() -> str:
    """Processor, cores, memory, load, and the versions of what is compared."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    installed = {d.name: d.version for d in importlib.metadata.distributions()}
    packages = [f"{p} {installed[p]}" for p in ("pandas", "pyarrow", "duckdb", "mlflow-skinny") if p in installed]
    processor = names[0] if names else platform.machine()
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    versions = ", ".join([f"Python {platform.python_version()}", *packages])
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {load}; {versions}"


def main() -> None:
    """See the module's docstring."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(answer(sys.argv[2], Path(sys.argv[3]))))
        return
    if sys.argv[1:2] == ["--fill"]:
        fill_store(Path(sys.argv[2]), int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description="The analysis at scale, beside pandas and MLflow.")
    parser.add_argument("--runs", type=int, nargs="+", default=[500, 5000, 20000])
    parser.add_argument("--folder", type=Path, help="where records and stores are kept; default: a temporary one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=("ours", "pandas", "mlflow"), default=["ours", "pandas", "mlflow"])
    options = parser.parse_args()
    print(machine())
    print("Medians of whole processes, no emptying of the page cache; sides in alternating order.")
    for runs in options.runs:
        if options.folder:
            options.folder.mkdir(parents=True, exist_ok=True)
            compare(options.folder.absolute(), runs, options.repeats, options.only)
        else:
            with tempfile.TemporaryDirectory() as folder:
                compare(Path(folder), runs, options.repeats, options.only)


if __name__ == "__main__":
    main()
