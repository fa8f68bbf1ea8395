"""The aggregated table as text."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis import rows, table
from analysis.formatting import LATEX_HEAD, columns
from analysis.report import document
from tests.analysis.synthetic import SWEEP, write_run, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_fits_80_columns_and_shows_every_configuration_once_a_block(records: analysis.Records) -> None:
    lines = table.terminal(records).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("weight_decay 0.001") for line in lines) == 2


def test_cells_equal_a_naive_recomputation(records: analysis.Records) -> None:
    run = records["run"]
    values = run.loc[run["config.regularizer"] == "dropout", "clean_accuracy"].to_numpy()
    half = 4.302652729911275 * values.std(ddof=1) / math.sqrt(3)
    line = next(line for line in table.terminal(records).splitlines() if line.startswith("dropout 0.5"))
    assert f"{100 * np.mean(values):.2f} ± {100 * half:.2f}" in line


def test_only_differing_columns_are_shown(records: analysis.Records) -> None:
    names, _, _ = table.cells(records)
    assert names == ["regularizer", "n"]
    assert "resnet20" not in table.terminal(records)
    assert "batch_size" not in table.markdown(records)


def test_footer_says_interval_split_reference_and_null(records: analysis.Records) -> None:
    text = " ".join(table.terminal(records).split())
    for words in ("95% Student-t interval", "test split", "before the first update", "two random initialisations"):
        assert words in text


def test_one_seed_shows_no_interval(tmp_path: Path) -> None:
    text = table.terminal(analysis.load(write_sweep(tmp_path / "s", seeds=(1,))))
    assert "80.00" in text
    assert "±" not in text.partition("mean ± half-width")[0]


def test_incomplete_runs_are_named_and_counted(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", sweep=SWEEP[:2])
    write_run(root / "lost", SWEEP[1], 3, clean=None, status="diverged", detail="loss is NaN in epoch 2")
    text = table.terminal(analysis.load(root))
    assert "6 of 7 runs complete, 2 configurations." in text
    assert "lost: diverged (loss is NaN in epoch 2)" in text
    assert "3 of 4" in text


def test_all_diverged(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / f"a{seed}", SWEEP[0], seed, clean=None, status="diverged")
    text = table.terminal(analysis.load(tmp_path))
    assert "0 of 2 runs complete" in text
    assert "0 of 2" in next(line for line in text.splitlines() if line.startswith("none"))


def test_a_model_without_convolutions(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none", "model": "mlp"}, 0, layers=())
    text = table.terminal(analysis.load(tmp_path))
    assert "80.00" in text
    assert "SSR first dc/init" in table.markdown(analysis.load(tmp_path))


def test_markdown_is_a_table_with_escaped_values(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none", "tag": "a|b"}, 0)
    write_run(tmp_path / "b", {"regularizer": "none", "tag": "<b>"}, 0)
    lines = table.markdown(analysis.load(tmp_path)).splitlines()
    assert lines[0].startswith("| tag | regularizer | n | clean % |")
    assert lines[1].startswith("| --- | --- | ---: |")
    assert lines[2].startswith("| &lt;b&gt; | none | 1 | 80.00 |")
    assert lines[3].startswith("| a\\|b | none | 1 |")


def test_many_differing_columns_still_fit(tmp_path: Path) -> None:
    for i in range(2):
        choices = {"regularizer": "none", "model": f"a_rather_long_model_name_{i}", "dataset": f"data_set_{i}",
                   "epochs": i + 1, "optimizer": f"optimizer_{i}"}  # fmt: skip
        write_run(tmp_path / f"r{i}", choices, 0)
    assert max(map(len, table.terminal(analysis.load(tmp_path)).splitlines())) <= 80


def test_runs_of_several_versions_of_code_and_data_are_said(tmp_path: Path) -> None:
    """Within one choice of data only: two data sets, and two sizes of one, have two digests."""
    made = [
        ("x" * 16, "d1", "cifar10"),
        ("x" * 16, "d1", "cifar10"),
        ("y" * 16, "d2", "cifar10"),
        (None, "d3", "mnist"),
        (None, "d4", "mnist"),
    ]
    for i, (code, data, dataset) in enumerate(made):
        by = {"data_digest": data} | ({} if code is None else {"source_digest": code})
        size = {"dataset.size": int(data[1])} if dataset == "mnist" else {}
        write_run(tmp_path / f"r{i}", {"regularizer": "none", "dataset": dataset, **size}, i, made_by=by)
    records = analysis.load(tmp_path)
    code = "Caution: these runs were made by 2 versions of code: 2 by xxxxxxxxxxxx, 1 by yyyyyyyyyyyy."
    data = "Caution: these runs were made by 2 versions of data: 2 by d1, 1 by d2."
    assert [line for line in table.counts(records) if line.startswith("Caution")] == [code, data]
    assert code in document.html(records)
    write_run(tmp_path / "one" / "r", {"regularizer": "none"}, 0, made_by={"source_digest": "x"})
    assert "Caution" not in table.terminal(analysis.load(tmp_path / "one"))


ROOT = Path(__file__).parents[2]


def test_records_of_the_first_version_are_read() -> None:
    """Made by version 1 of the schema, which knew neither ``tables`` nor the note that no statistics existed."""
    text = table.terminal(analysis.load(ROOT / "outputs" / "reference" / "cifar10_weight_decay"))
    assert "9 of 9 runs complete, 3 configurations." in text
    assert "86.52 ± 0.49" in text


def test_the_test_images_spread_is_said_beside_that_of_the_seeds(records: analysis.Records) -> None:
    """Wilson's half-width by hand: a is the mean clean accuracy of the 15 runs, .84, on 10000 images."""
    z, a, n = 1.959963984540054, 0.84, 10000
    half = z * math.sqrt(a * (1 - a) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    text = " ".join(table.footer(records))
    assert f"± {100 * half:.2f} at 84.00 % on 10000 images" in text
    assert "sampling" not in " ".join(table.footer(records, ["clean_loss"]))


def test_runs_that_were_not_tested_have_no_sampling_sentence(tmp_path: Path) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0, corruptions={})
    text = table.terminal(analysis.load(tmp_path))
    assert "80.00" in text
    assert "sampling" not in text


def test_runs_without_a_seed_replicate_nothing(tmp_path: Path) -> None:
    for i in range(2):
        write_run(tmp_path / f"r{i}", SWEEP[0], None, layers=(), clean=0.8 + 0.02 * i)  # type: ignore[arg-type]
    found = rows.by_configuration(analysis.load(tmp_path), ["clean_accuracy"])
    assert found.column("clean_accuracy").tolist() == pytest.approx([0.81])


def test_two_data_sets_are_rows_of_one_table(tmp_path: Path) -> None:
    for dataset in ("mnist", "cifar10"):
        for seed in (0, 1):
            write_run(tmp_path / f"{dataset}{seed}", {"regularizer": "none", "dataset": dataset}, seed)
    names, _, texts = table.cells(analysis.load(tmp_path))
    assert names == ["dataset", "regularizer", "n"]
    assert [text[:3] for text in texts] == [["cifar10", "none", "2"], ["mnist", "none", "2"]]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_strangers_values_of_any_length_and_script_fit(tmp_path: Path, width: int) -> None:
    for i in range(3):
        choices = {"regularizer": "weight_decay", "regularizer.weight_decay": 10.0**-i, "model": "m" * 90 + str(i),
                   "dataset": f"データ集合{i}", "optimizer": f"sgd{i}", "optimizer.lr": 0.1**i, "schedule": f"é{i}",
                   "tag\x1b[31m": f"\x1b[3{i}m"}  # fmt: skip
        write_run(tmp_path / f"r{i}", choices, 0)
        write_run(tmp_path / f"lost{i}", choices, 1, clean=None, status="failed", detail="w" * 300)
    records = analysis.load(tmp_path)
    metrics = rows.metrics_named(records, ["clean_accuracy", "accuracy/*", "ssr/*/init"])[0]
    text = table.terminal(records, metrics, width)
    assert max(map(columns, text.splitlines())) <= width
    assert "\x1b" not in text
    assert all("m" * 90 + str(i) in "".join(text.split()) for i in range(3))


def test_many_incomplete_runs_are_counted_not_all_named(tmp_path: Path) -> None:
    for i in range(15):
        write_run(tmp_path / f"lost{i:02}", SWEEP[0], i, clean=None, status="diverged", layers=())
    records = analysis.load(tmp_path)
    text = table.terminal(records)
    assert "lost11: diverged" in text
    assert "lost12" not in text
    assert "and 3 more: table --runs --where status!=complete" in text
    assert "lost14: diverged" in table.markdown(records)


def test_a_long_table_says_how_to_ask_for_less(tmp_path: Path) -> None:
    for i in range(60):
        write_run(tmp_path / f"r{i}", {"regularizer": "none", "batch_size": i}, 0, layers=(), epochs=1, corruptions={})
    records = analysis.load(tmp_path)
    assert "60 rows: choose some with --where KEY=VALUE" in table.terminal(records, ["clean_loss"])
    text = table.terminal(records, ["clean_loss"], limit=3)
    assert "3 of 60 rows (--limit)." in text
    assert [line.split()[0] for line in text.splitlines()[4:7]] == ["0", "1", "2"]


def test_pooled_rows_say_what_they_pool_and_count_runs(tmp_path: Path) -> None:
    for model in ("lenet", "resnet20"):
        for seed in (0, 1):
            write_run(tmp_path / f"{model}{seed}", {"regularizer": "none", "model": model}, seed, layers=())
    write_run(tmp_path / "lost", {"regularizer": "none", "model": "lenet"}, 2, clean=None, status="oom", layers=())
    records = analysis.load(tmp_path)
    found = rows.by_keys(records, ["regularizer"], ["clean_accuracy"])
    names, _, texts = table.cells(records, ["clean_accuracy"], found)
    assert names == ["regularizer", "runs", "n"]
    assert texts == [["none", "4 of 5", "2", "80.00 ± 0.00"]]
    assert "Pooled over model (lenet, resnet20)." in " ".join(table.terminal(records, rows=found).split())


def test_marks_are_explained_and_stand_beside_the_numbers(records: analysis.Records) -> None:
    found = rows.by_configuration(records, ["clean_accuracy"])
    marks = found.estimates["mean"].map(lambda mean: "best" if mean > 0.87 else "")
    text = table.terminal(records, ["clean_accuracy"], rows=replace(found, marks=marks))
    starred = [line for line in text.splitlines() if line.endswith(" *")]
    assert [line.split()[0] for line in starred] == ["spectral_mask"]
    assert "*: may be the best: no other row is shown to be better" in " ".join(text.split())
    none = table.terminal(records, ["clean_accuracy"], rows=replace(found, marks=marks.map(lambda _: "")))
    assert "No row is marked" in " ".join(none.split())
    assert "marked" not in table.terminal(records)


def test_latex_is_a_tabular_and_the_rest_comments(records: analysis.Records) -> None:
    lines = table.latex(records, ["clean_accuracy"]).splitlines()
    assert lines[:3] == [LATEX_HEAD, r"\begin{tabular}{lrr}", r"\toprule"]
    assert lines[3] == r"regularizer & n & clean \% \\"
    assert any(line.startswith(r"weight\_decay 0.001 & 3 & 84.00 $\pm$ ") for line in lines)
    assert all(line.startswith("% ") for line in lines[lines.index(r"\end{tabular}") + 1 :])


def test_constants_say_what_does_not_differ(records: analysis.Records) -> None:
    sentence = table.constants(records)[0]
    assert "batch_size=128, dataset=cifar10, dataset.root=…/cifar, epochs=3" in sentence
    assert "seed" not in sentence


def test_equal_values_are_no_evidence_of_no_spread(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / f"a{seed}", {"regularizer": "none"}, seed, clean=0.8, layers=())
        write_run(tmp_path / f"b{seed}", {"regularizer": "spectral_mask"}, seed, clean=0.8 + 0.01 * seed, layers=())
    records = analysis.load(tmp_path)
    sentence = "± 0: these seeds gave equal values"
    shown = rows.by_configuration(records, ["clean_accuracy"])
    assert any(text.startswith(sentence) for text in table.footer(records, ["clean_accuracy"], shown))
    spread = shown.taken(shown.keys.index[1:])
    assert not any(text.startswith(sentence) for text in table.footer(records, ["clean_accuracy"], spread))
    assert sentence in " ".join(table.terminal(records, ["clean_accuracy"]).split())
