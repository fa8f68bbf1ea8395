"""Records of runs that never happened: a sweep's folder of any size, to measure the analysis on.

    python benchmarks/generated_records.py FOLDER RUNS [--seed N]

Run ``i`` is seed ``i % 3`` of configuration ``i // 3`` in a grid of regularizers and strengths, learning rates, widths,
batch sizes and momenta, so that a larger folder contains a smaller one. Columns, layers, corruptions and statuses are
those of a ResNet-18 trained for 15 epochs; the numbers follow simple formulas with noise from ``(seed, i)`` and mean
nothing, but SSR is computed from the spectra beside it. About one run in 50 diverged or failed half-way.

:class:`frequency_reg.records.RunWriter` flushes every file to the disk and takes rows as Python lists; here files are
written straight from Arrow. That they are the same files, byte for byte, is asserted for one run of every kind before
anything is generated (:func:`check_against_writer`).
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frequency_reg.records import SCHEMA_VERSION, TABLES, RunWriter

SEEDS = 3
EPOCHS = 15
COLUMNS = 90
"""Columns of the run table of a run without regularizer; a regularizer's parameters come on top."""

WEIGHT_DECAYS = (1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
RATES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.64)
REGULARIZERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("none", {}),
    *(("weight_decay", {"weight_decay": strength, "decoupled": False}) for strength in WEIGHT_DECAYS),
    *(("dropout", {"dropout": strength}) for strength in RATES),
    *(
        (
            "spectral_mask",
            {
                "mask_shape": "per_channel",
                "convolution": "linear",
                "mask_values": "binary",
                "mask_gradient": "binary",
                "init_mean": 0.8,
                "init_sd": 0.2,
                "random_drop": strength,
            },
        )
        for strength in RATES
    ),
)
MOMENTA = (0.9, 0.0, 0.5, 0.8, 0.95, 0.99)
BATCH_SIZES = (128, 64, 256, 32, 512)
WIDTHS = (64, 32, 16)
LEARNING_RATES = (0.1, 0.03, 0.01)

CORRUPTIONS: dict[str, tuple[str, tuple[float, ...], float]] = {
    "gaussian_blur": ("blur kernel size (px)", (3, 5, 7, 9, 11), 3.0),
    "gaussian_noise": ("noise σ (pixels in [0, 1])", (0.05, 0.1, 0.15, 0.2), 4.0),
    "high_pass": ("radius removed (cycles per image)", (4, 8, 12, 16), 5.0),
    "low_pass": ("radius kept (cycles per image)", (16, 12, 8, 4), 2.0),
    "resize": ("resized to (px)", (28, 24, 20, 16, 12, 10, 8), 2.5),
}
"""Unit of the parameter, the parameter at each severity, and how steeply accuracy falls."""

NORMALIZATIONS = ("dc", "total", "energy", "absolute", "absolute_folded")
REFERENCES = ("init", "epoch_1")
RADII = np.array([0.0, 1.0, math.sqrt(2)])
MULTIPLICITIES = np.array([1, 4, 4])
NULL_DRAWS = 20


def _layers() -> Iterator[tuple[str, int]]:
    """Name and kernel size of the convolutions of a ResNet-18, in order."""
    yield "conv1", 3
    for stage, block in itertools.product(range(4), range(2)):
        yield f"stages.{stage}.{block}.conv1", 3
        yield f"stages.{stage}.{block}.conv2", 3
        if stage and not block:
            yield f"stages.{stage}.{block}.shortcut.0", 1


LAYERS = tuple(_layers())
SPATIAL = np.array([kernel > 1 for _, kernel in LAYERS])
RINGS = np.stack([np.ones(len(LAYERS), bool), SPATIAL, SPATIAL], axis=1)
"""Which radii a layer's kernels have: a 1 x 1 kernel has radius 0 only."""
MASKED = tuple(name for name, kernel in LAYERS if kernel > 1 and name != "conv1")

PROVENANCE: dict[str, str | int] = {
    "provenance.package_version": "0.1.0",
    "provenance.source_digest": "0123456789abcdef",
    "provenance.git_commit": "0123456789ab",
    "provenance.data_digest": hashlib.sha256(b"images").hexdigest(),
    "provenance.python": "3.11.7",
    "provenance.torch": "2.15.0",
    "provenance.numpy": "2.4.6",
    "provenance.platform": "Linux x86_64",
    "provenance.processor": "generated",
    "provenance.cores": 2,
    "provenance.threads": 1,
    "provenance.device": "cpu",
    "provenance.precision": "bfloat16",
    "provenance.recorded_at": "2026-11-20T00:00:00+00:00",
}


# --- configurations --------------------------------------------------------------------------------------------------


@cache
def _grid() -> list[tuple[float, int, int, float, str, dict[str, Any]]]:
    """Every configuration's momentum, batch size, width, learning rate, regularizer; the last varies fastest."""
    product = itertools.product(MOMENTA, BATCH_SIZES, WIDTHS, LEARNING_RATES, REGULARIZERS)
    return [(*context, name, parameters) for *context, (name, parameters) in product]


def most_runs() -> int:
    """Runs in the whole grid."""
    return SEEDS * len(_grid())


def configuration(index: int) -> dict[str, Any]:
    """The ``config.*`` columns of run ``index``, without the prefix, in the order in which a run records them.

    Raises:
        IndexError: the grid has fewer runs.
    """
    momentum, batch_size, width, rate, regularizer, parameters = _grid()[index // SEEDS]
    return {
        "dataset": "cifar10",
        "model": "resnet18",
        "optimizer": "SGD",
        "regularizer": regularizer,
        **_under("dataset", validation_size=5000, split_seed=0, crop_padding=4, horizontal_flip=True),
        **_under("model", width=width, kernel_size=3, shortcut="projection"),
        **_under("regularizer", **parameters),
        **_under("optimizer", lr=rate, momentum=momentum, nesterov=False),
        **_under("corruption.gaussian_noise", sigma="[0.05,0.1,0.15,0.2]", clip=True),
        **_under("corruption.gaussian_blur", kernel_size="[3,5,7,9,11]", sigma=None),
        **_under("corruption.resize", size="[28,24,20,16,12,10,8]", relative_to=32, antialias=False),
        **_under("corruption.low_pass", radius="[16.0,12.0,8.0,4.0]", relative_to=32.0),
        **_under("corruption.high_pass", radius="[4.0,8.0,12.0,16.0]", relative_to=32.0, keep_mean=False),
        **_under("probe.kernel_spectrum", null_draws=NULL_DRAWS, null_seed=0),
        **_further_settings(),
        **_under("runtime", precision="auto", deterministic=True),
        **_under("evaluation", splits='["test"]', batch_size=1000, seed=0),
        "seed": index % SEEDS,
        "epochs": EPOCHS,
        "batch_size": batch_size,
        "schedule": "cosine",
    }


def _under(group: str, **settings: Any) -> dict[str, Any]:
    return {f"{group}.{key}": value for key, value in settings.items()}


def _further_settings() -> dict[str, Any]:
    """Constant settings of a second probe: what brings a run without regularizer to :data:`COLUMNS` columns."""
    values = itertools.cycle((16, 0.5, True, "mean"))
    return {f"probe.generated.setting_{i:02d}": value for i, value in zip(range(_FURTHER), values, strict=False)}


_SETTINGS = 37  # of a run without regularizer, these left out
_FURTHER = COLUMNS - len(TABLES["run"]) - len(PROVENANCE) - _SETTINGS


def _identity(config: Mapping[str, Any]) -> str:
    text = json.dumps({"version": PROVENANCE["provenance.package_version"], "config": dict(config)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _name(config: Mapping[str, Any], run_id: str) -> str:
    regularizer = config["regularizer"]
    strength = config.get(f"regularizer.{regularizer}")
    label = regularizer if strength is None else f"{regularizer}={strength:g}"
    return f"{config['dataset']}-{config['model']}-{label}-seed={config['seed']}-{run_id[:8]}"


# --- one run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run's records: its folder's name, its ``run`` row without ``tables``, its other tables."""

    name: str
    run_id: str
    row: dict[str, Any]
    tables: dict[str, pa.Table]

    @property
    def stamp(self) -> dict[str, str]:
        """What a run stamps into the metadata of its files."""
        made_by = {key.removeprefix("provenance."): str(value) for key, value in PROVENANCE.items()}
        return {"configuration": self.run_id, "formula_version": str(SCHEMA_VERSION), **made_by}


def make_run(index: int, seed: int = 0) -> Run:
    """Run ``index`` of the grid, a function of ``index`` and ``seed`` alone."""
    config = configuration(index)
    run_id = _identity(config)
    random = np.random.default_rng([seed, index])
    status, detail, last = _end(index)
    quality, suppression = _effects(config)
    epochs = _epochs(config, quality + random.normal(0, 0.005), last, random)
    power = _power(suppression * random.normal(1, 0.05), last, random)
    columns = {
        "epochs": epochs,
        "spectra": {**_spectra_layout(last), "power": pa.array(power[:, RINGS].ravel())},
        "ssr": {**_ssr_layout(last), "value": _ssr(power, random)},
        "ssr_null": {**_null_layout(), "value": _null(seed, config["model.width"])},
    }
    if config["regularizer"] == "spectral_mask":
        columns["regularizer"] = {**_mask_layout(last), "value": _mask_shares(suppression, last, random)}
    row: dict[str, Any] = {
        "run_name": _name(config, run_id),
        "status": status,
        "status_detail": detail,
        "epoch": last,
        **{key: epochs[key][-1].as_py() for key in _LAST},
        "parameters": 11_173_962 * config["model.width"] ** 2 // 64**2,
        "train_seconds": float(sum(epochs["train_seconds"].to_pylist())),
        "peak_memory": 1_700_000_000 + int(random.integers(10**8)),
    }
    if status == "complete":
        clean = round(row["validation_accuracy"] + random.normal(0, 0.004), 4)
        row |= {"clean_loss": _loss(clean), "clean_accuracy": clean, "evaluate_seconds": float(random.uniform(40, 50))}
        columns["robustness"] = {**_robustness_layout(), **_robustness(clean, suppression, random)}
    row |= {f"config.{key}": value for key, value in config.items()} | PROVENANCE
    tables = {name: _table(name, run_id, found) for name, found in columns.items()}
    return Run(row["run_name"], run_id, row, tables)


_LAST = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def _end(index: int) -> tuple[str, str | None, int]:
    """Status, its detail and the last recorded epoch."""
    if index % 97 == 60:
        epoch = 2 + index % 9
        return "diverged", f"the training loss became nan in epoch {epoch}", epoch - 1
    if index % 101 == 70:
        return "failed", "RuntimeError: unable to write to the scratch disk", 1 + index % 12
    return "complete", None, EPOCHS


def _effects(config: Mapping[str, Any]) -> tuple[float, float]:
    """Expected accuracy, and how strongly high frequencies are suppressed; smooth in every setting."""
    quality = 0.84 + 0.02 * math.log2(config["model.width"] / 16)
    quality -= 0.02 * math.log10(config["optimizer.lr"] / 0.1) ** 2
    quality -= 0.01 * abs(math.log2(config["batch_size"] / 128)) + 0.02 * abs(config["optimizer.momentum"] - 0.9)
    name = config["regularizer"]
    strength = config.get({"spectral_mask": "regularizer.random_drop"}.get(name, f"regularizer.{name}"))
    if strength is None:
        return quality, 0.6
    position = math.log10(strength) + (3.0 if name == "weight_decay" else 0.5)
    gain = {"weight_decay": 0.9, "dropout": -0.3, "spectral_mask": 0.4}[name]
    return quality + 0.02 * math.exp(-(position**2)) - 0.01 * max(position, 0), 0.6 + gain / (1 + math.exp(-position))


def _loss(accuracy: float | np.ndarray) -> Any:
    return 2.6 * (1 - accuracy) ** 1.2


def _epochs(config: Mapping[str, Any], quality: float, last: int, random: np.random.Generator) -> dict[str, pa.Array]:
    epoch = np.arange(last + 1)
    rising = 0.1 + (quality - 0.1) * (1 - np.exp(-4 * epoch / EPOCHS)) / (1 - math.exp(-4))
    validation = np.round(rising + random.normal(0, 0.004, len(epoch)), 4)
    train = np.minimum(rising + 0.05 * epoch / EPOCHS + random.normal(0, 0.002, len(epoch)), 1.0)
    before = epoch == 0
    rate = config["optimizer.lr"] * (1 + np.cos(np.pi * (epoch - 1) / EPOCHS)) / 2
    return {
        "epoch": pa.array(epoch, pa.int32()),
        "train_loss": pa.array(_loss(train), mask=before),
        "train_accuracy": pa.array(train, mask=before),
        "validation_loss": pa.array(_loss(validation)),
        "validation_accuracy": pa.array(validation),
        "learning_rate": pa.array(rate, mask=before),
        "train_seconds": pa.array(np.where(before, 0.0, random.uniform(50, 60, len(epoch)))),
    }


def _power(suppression: float, last: int, random: np.random.Generator) -> np.ndarray:
    """Mean power (epoch, layer, radius): white at epoch 0, then falling with radius and depth."""
    depth = np.linspace(0.5, 1.5, len(LAYERS))[:, None]
    start = 0.1 / (1 + np.arange(len(LAYERS)))[:, None] * random.normal(1, 0.03, (len(LAYERS), len(RADII)))
    rate = suppression * depth * RADII * random.normal(1, 0.1, (len(LAYERS), 1))
    time_ = (np.arange(last + 1) / EPOCHS)[:, None, None]
    return np.asarray(start * np.exp(-rate * time_) * random.normal(1, 0.01, (last + 1, len(LAYERS), len(RADII))))


def _ssr(power: np.ndarray, random: np.random.Generator) -> pa.Array:
    """SSR of every epoch, layer, reference and normalization from ``power``; at 3 x 3 all but radius 0 is high."""
    energy = power * MULTIPLICITIES
    high, ring = power[..., 1:].sum(-1), energy[..., 1:].sum(-1)
    folded = ring * np.exp(random.normal(1, 0.3, len(LAYERS)) * (np.arange(len(power)) / EPOCHS)[:, None])
    found = np.stack([high / power[..., 0], high / power.sum(-1), ring / energy.sum(-1), ring, folded], axis=-1)
    reference = np.stack([found[0], found[min(1, len(found) - 1)]], axis=1)  # layer, reference, normalization
    value = 1 - found[:, :, None, :] / reference
    return pa.array(value[_ssr_there(len(power))], mask=~np.asarray(_ssr_ok(len(power))))


def _null(seed: int, width: int) -> pa.Array:
    """SSR between random initialisations: a property of the layers, so equal in all runs of one width."""
    random = np.random.default_rng([seed, width, NULL_DRAWS])
    spread = np.array([0.3, 0.15, 0.08, 0.1])[None, :, None] / np.sqrt(1 + np.arange(len(LAYERS)))[:, None, None]
    values = random.normal(0, 1, (len(LAYERS), len(NORMALIZATIONS) - 1, NULL_DRAWS)) * spread * 16 / width
    there = np.broadcast_to(SPATIAL[:, None, None], values.shape)
    return pa.array(values.ravel(), mask=~there.ravel())


def _robustness(clean: float, suppression: float, random: np.random.Generator) -> dict[str, pa.Array]:
    accuracies: list[np.ndarray] = []
    for name, (_, parameters, steepness) in CORRUPTIONS.items():
        # Fewer high frequencies in the weights: less hurt by noise, more by blur, as a plausible story for the plots.
        sign = {"gaussian_noise": -1, "high_pass": 1}.get(name, 0.3)
        share = np.arange(len(parameters) + 1) / len(parameters)
        fall = np.exp(-steepness * share * (1 + 0.3 * sign * (suppression - 0.6)) * random.normal(1, 0.03))
        accuracies.append(np.round(0.1 + (clean - 0.1) * fall, 4))
        accuracies[-1][0] = clean
    accuracy = np.concatenate(accuracies)
    return {"accuracy": pa.array(accuracy), "loss": pa.array(_loss(accuracy))}


def _mask_shares(suppression: float, last: int, random: np.random.Generator) -> pa.Array:
    removed = 0.5 * suppression * np.arange(last + 1)[:, None] / EPOCHS * random.uniform(0.5, 1, len(MASKED))
    return pa.array(np.stack([removed, 1 - removed], axis=-1).ravel())


# --- the columns that are the same in every run ----------------------------------------------------------------------


@cache
def _spectra_layout(last: int) -> dict[str, pa.Array]:
    rows = [
        (epoch, name, depth, kernel, float(radius), int(multiplicity))
        for epoch in range(last + 1)
        for depth, (name, kernel) in enumerate(LAYERS)
        for radius, multiplicity in list(zip(RADII, MULTIPLICITIES, strict=True))[: 3 if kernel > 1 else 1]
    ]
    return _columns("spectra", ("epoch", "layer", "depth", "kernel", "radius", "multiplicity"), rows)


@cache
def _ssr_there(epochs: int) -> np.ndarray:
    """Which of (epoch, layer, reference, normalization) are recorded: ``epoch_1`` from epoch 1 on."""
    there = np.ones((epochs, len(LAYERS), len(REFERENCES), len(NORMALIZATIONS)), bool)
    there[0, :, 1] = False
    return there


@cache
def _ssr_layout(last: int) -> dict[str, pa.Array]:
    rows = [
        (epoch, name, depth, normalization, reference, _ssr_status(kernel, normalization, reference))
        for epoch in range(last + 1)
        for depth, (name, kernel) in enumerate(LAYERS)
        for reference in (REFERENCES if epoch else REFERENCES[:1])
        for normalization in NORMALIZATIONS
    ]
    return _columns("ssr", ("epoch", "layer", "depth", "normalization", "reference", "status"), rows)


def _ssr_status(kernel: int, normalization: str, reference: str) -> str:
    if kernel == 1:
        return "no_high_band"
    return "no_statistics" if (normalization, reference) == ("absolute_folded", "init") else "ok"


@cache
def _ssr_ok(epochs: int) -> list[bool]:
    return [status == "ok" for status in _ssr_layout(epochs - 1)["status"].to_pylist()]


@cache
def _null_layout() -> dict[str, pa.Array]:
    rows = [
        (name, depth, normalization, draw)
        for depth, (name, _) in enumerate(LAYERS)
        for normalization in NORMALIZATIONS[:-1]
        for draw in range(NULL_DRAWS)
    ]
    return _columns("ssr_null", ("layer", "depth", "normalization", "draw"), rows)


@cache
def _robustness_layout() -> dict[str, pa.Array]:
    rows = [
        ("test", name, severity, None if parameter is None else float(parameter), unit, 10_000)
        for name, (unit, parameters, _) in CORRUPTIONS.items()
        for severity, parameter in enumerate((None, *parameters))
    ]
    return _columns("robustness", ("split", "corruption", "severity", "parameter", "parameter_unit", "n"), rows)


@cache
def _mask_layout(last: int) -> dict[str, pa.Array]:
    rows = list(itertools.product(range(last + 1), MASKED, ("share_removed", "share_kept")))
    return _columns("regularizer", ("epoch", "layer", "quantity"), rows)


def _columns(table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, pa.Array]:
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {name: pa.array(values, TABLES[table].field(name).type) for name, values in columns}


# --- writing ---------------------------------------------------------------------------------------------------------


def _table(name: str, run_id: str, columns: Mapping[str, pa.Array]) -> pa.Table:
    schema = TABLES[name]
    identity = pa.repeat(pa.scalar(run_id), len(next(iter(columns.values()))))
    return pa.Table.from_arrays([identity if f.name == "run_id" else columns[f.name] for f in schema], schema=schema)


def _run_table(run: Run) -> pa.Table:
    """The one-row table of ``run``: declared fields first, then the others with the types of their values."""
    counts = {name: len(table) for name, table in run.tables.items()}
    row = {**run.row, "run_id": run.run_id, "tables": json.dumps(counts, sort_keys=True)}
    schema = _run_schema(tuple((key, type(value)) for key, value in row.items() if key not in TABLES["run"].names))
    return pa.Table.from_arrays([pa.array([row.get(f.name)], f.type) for f in schema], schema=schema)


@cache
def _run_schema(extra: tuple[tuple[str, type], ...]) -> pa.Schema:
    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    fields = [
        pa.field(key, kinds.get(kind, pa.string()), metadata={"measured": "true"} if "provenance." in key else None)
        for key, kind in extra
    ]
    return pa.schema([*TABLES["run"], *fields])


def write_run(run: Run, directory: Path) -> None:
    """Write the run's files into ``directory``, which must not exist: what RunWriter writes, but not flushed to disk.

    An empty lock and log stand beside them, as in a folder where a sweep has run; checkpoints do not.
    """
    directory.mkdir(parents=True)
    (directory / ".lock").touch()
    (directory / "log.txt").touch()
    for name, table in {**run.tables, "run": _run_table(run)}.items():
        stamp = {"table": name, "schema_version": str(SCHEMA_VERSION), "run_id": run.run_id, **run.stamp}
        table = table.replace_schema_metadata({f"frequency_reg.{key}": value for key, value in stamp.items()})
        pq.write_table(table, directory / f"{name}.parquet", compression="zstd")


def check_against_writer() -> None:
    """Write one run of every regularizer and every status both ways and compare the files byte by byte.

    Equal bytes are equal columns, types, definitions, stamps, ``tables``, encoding and compression.

    Raises:
        AssertionError: RunWriter writes other files, or other bytes into one of them.
    """
    kinds = {
        (name, _end(index)[0]): index for index in range(9 * 101) for name in [configuration(index)["regularizer"]]
    }
    with tempfile.TemporaryDirectory() as folder:
        for number, index in enumerate(kinds.values()):
            run = make_run(index)
            ours, theirs = (Path(folder) / f"{number}-{who}" for who in ("ours", "theirs"))
            write_run(run, ours)
            theirs.mkdir()
            writer = RunWriter(theirs, run.run_id, stamp=run.stamp)
            for name, table in run.tables.items():
                writer.add(name, {key: table[key].to_pylist() for key in table.column_names if key != "run_id"})
            writer.set_run(run.row)
            writer.publish()
            files = sorted(file.name for file in theirs.iterdir())
            assert files == sorted(file.name for file in ours.glob("*.parquet")), (files, index)
            for file in files:
                same = (ours / file).read_bytes() == (theirs / file).read_bytes()
                assert same, (
                    f"run {index}: {file} differs from what RunWriter writes; mend benchmarks/{Path(__file__).name}"
                )


def _write_runs(folder: Path, seed: int, indices: range) -> None:
    for index in indices:
        run = make_run(index, seed)
        write_run(run, folder / run.name)


def generate(folder: Path, runs: int, *, seed: int = 0, processes: int = 2) -> None:
    """Write the first ``runs`` runs of the grid below ``folder``, which must not exist or be empty.

    Raises:
        ValueError: the folder holds something, or the grid has fewer runs.
        AssertionError: see :func:`check_against_writer`.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: not empty; name a new folder or delete this one")
    if not 0 < runs <= most_runs():
        raise ValueError(f"{runs} runs: expected 1 to {most_runs()}, the size of the grid")
    check_against_writer()
    chunks = [range(start, min(start + 100, runs)) for start in range(0, runs, 100)]
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(partial(_write_runs, folder, seed), chunks):
            pass


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description="Write the records of runs that never happened.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("runs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.perf_counter()
    generate(options.folder, options.runs, seed=options.seed)
    print(f"{options.folder}: {options.runs} runs in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
