"""What each table of the records holds: columns, types, units, definitions."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 3
"""Raised whenever a table's columns or their meaning change; old versions stay readable."""

STATUSES = ("running", "complete", "diverged", "pruned", "failed", "oom", "timeout", "killed")


def field(name: str, kind: pa.DataType, definition: str, *, unit: str = "1", measured: bool = False) -> pa.Field:
    """An Arrow field that carries its definition and unit; ``measured`` marks what two equal runs may differ in."""
    metadata = {"definition": definition, "unit": unit}
    if measured:
        metadata["measured"] = "true"
    return pa.field(name, kind, metadata=metadata)


RUN_ID = field("run_id", pa.string(), "hash of the resolved configuration that made the run")
_EPOCH = field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch")
_LAYER = field("layer", pa.string(), "module path of the convolution")
_DEPTH = field("depth", pa.int32(), "index among the convolutions with square kernels, 0 is the stem")
_NORMALIZATION = field(
    "normalization", pa.string(), "how H is formed: dc, total, energy, absolute, absolute_folded; see ssr.value"
)
_SSR = "(H_ref - H) / H_ref; positive = less high-frequency power than the reference"

TABLES: dict[str, pa.Schema] = {
    "run": pa.schema(
        [
            RUN_ID,
            field("run_name", pa.string(), "name of the run's directory"),
            field("status", pa.string(), "one of " + ", ".join(STATUSES)),
            field("status_detail", pa.string(), "why the run did not complete; NULL if it did"),
            _EPOCH,
            field("train_loss", pa.float64(), "mean training loss over the last epoch", unit="nat"),
            field("train_accuracy", pa.float64(), "training accuracy over the last epoch, augmented images"),
            field("validation_loss", pa.float64(), "mean loss on the validation split, last epoch", unit="nat"),
            field("validation_accuracy", pa.float64(), "accuracy on the validation split, last epoch"),
            field("clean_loss", pa.float64(), "mean loss on the uncorrupted test set", unit="nat"),
            field("clean_accuracy", pa.float64(), "accuracy on the uncorrupted test set"),
            field("parameters", pa.int64(), "trainable parameters of the prepared model"),
            field("tables", pa.string(), "rows of each other table of the run when this row was written, as JSON"),
            field("train_seconds", pa.float64(), "wall time of all epochs", unit="s", measured=True),
            field("evaluate_seconds", pa.float64(), "wall time of the final evaluation", unit="s", measured=True),
            field("peak_memory", pa.int64(), "peak resident memory of the process", unit="byte", measured=True),
        ]
    ),
    "epochs": pa.schema(
        [
            RUN_ID,
            _EPOCH,
            field("train_loss", pa.float64(), "mean training loss over the epoch; NULL at epoch 0", unit="nat"),
            field("train_accuracy", pa.float64(), "training accuracy over the epoch, augmented images"),
            field("validation_loss", pa.float64(), "mean loss on the validation split after the epoch", unit="nat"),
            field("validation_accuracy", pa.float64(), "accuracy on the validation split after the epoch"),
            field("learning_rate", pa.float64(), "learning rate of the epoch's last step; NULL at epoch 0"),
            field("train_seconds", pa.float64(), "wall time of the epoch's updates", unit="s", measured=True),
        ]
    ),
    "spectra": pa.schema(
        [
            RUN_ID,
            _EPOCH,
            _LAYER,
            _DEPTH,
            field("kernel", pa.int32(), "kernel size k of the k x k convolution", unit="sample"),
            field("radius", pa.float64(), "sqrt(f_u^2 + f_v^2), f = fftfreq(k) * k", unit="cycle per kernel"),
            field("multiplicity", pa.int32(), "DFT bins on that radius; mean power x multiplicity = ring energy"),
            field("power", pa.float64(), "|DFT2(W)|^2, mean over the ring and over all out x in kernels"),
        ]
    ),
    "ssr": pa.schema(
        [
            RUN_ID,
            _EPOCH,
            _LAYER,
            _DEPTH,
            _NORMALIZATION,
            field("reference", pa.string(), "state that H_ref is taken from: init or epoch_1"),
            field("value", pa.float64(), "Spectral Suppression Ratio, " + _SSR),
            field(
                "status",
                pa.string(),
                "ok, or why value is NULL: no_high_band, not_finite (the weights), zero_power (nothing to divide by), "
                "no_reference (H_ref does not exist), zero_reference, no_gain, no_statistics",
            ),
        ]
    ),
    "ssr_null": pa.schema(
        [
            RUN_ID,
            _LAYER,
            _DEPTH,
            _NORMALIZATION,
            field("draw", pa.int32(), "number of the pair of independent random initialisations"),
            field("value", pa.float64(), "SSR between two random initialisations of the layer, " + _SSR),
        ]
    ),
    "robustness": pa.schema(
        [
            RUN_ID,
            field("split", pa.string(), "test or validation"),
            field("corruption", pa.string(), "name of the corruption"),
            field("severity", pa.int32(), "position in the corruption's list of parameters; 0 is the clean set"),
            field("parameter", pa.float64(), "the corruption's physical parameter at that severity; NULL at 0"),
            field("parameter_unit", pa.string(), "what the parameter is and its unit, as text for an axis"),
            field("accuracy", pa.float64(), "accuracy on the corrupted split"),
            field("loss", pa.float64(), "mean loss on the corrupted split", unit="nat"),
            field("n", pa.int64(), "images in the split", unit="image"),
        ]
    ),
    "regularizer": pa.schema(
        [
            RUN_ID,
            _EPOCH,
            field("layer", pa.string(), "module path the quantity belongs to"),
            field("quantity", pa.string(), "what the regularizer reports of itself, such as share_removed"),
            field("value", pa.float64(), "its value; definition in the regularizer's docstring"),
        ]
    ),
}
"""Schema of every table, by name. A probe that adds a table declares its schema in its own file."""

INDISPENSABLE = {
    "run": ("run_id", "run_name", "status"),
    "epochs": ("run_id", "epoch"),
    "spectra": ("run_id", "epoch", "layer", "depth", "kernel", "radius", "multiplicity", "power"),
    "ssr": ("run_id", "epoch", "layer", "depth", "normalization", "reference", "value", "status"),
    "ssr_null": ("run_id", "layer", "depth", "normalization", "draw", "value"),
    "robustness": ("run_id", "split", "corruption", "severity", "accuracy"),
    "regularizer": ("run_id", "epoch", "layer", "quantity", "value"),
}
"""Columns without which a file is not the table of its name; the others are NULL where older records lack them."""
