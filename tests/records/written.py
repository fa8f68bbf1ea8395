"""Small records of a run, and tables of them changed."""

import pyarrow.parquet as pq

from frequency_reg.records import RunWriter

EPOCHS = {
    "train_loss": None,
    "train_accuracy": 0.5,
    "validation_loss": 1.0,
    "validation_accuracy": 0.25,
    "learning_rate": 0.1,
}


def write_run(folder, run_id="a", *, status="complete", seconds=1.0, **config):
    folder.mkdir(parents=True)
    writer = RunWriter(folder, run_id, stamp={"torch": "9.9"})
    writer.add("epochs", {**EPOCHS, "epoch": [0, 1], "train_seconds": seconds})
    writer.set_run({"status": status, **{f"config.{k}": v for k, v in config.items()}, "provenance.host": str(seconds)})
    writer.publish()
    return folder


def rewrite(folder, table, **columns):
    """Replace columns of a written table; None takes the column away."""
    path = folder / f"{table}.parquet"
    content = pq.ParquetFile(path).read()
    for name, values in columns.items():
        if name in content.column_names:
            content = content.drop_columns([name])
        content = content if values is None else content.append_column(name, values)
    pq.write_table(content, path)
