"""``python -m analysis``: output, messages, exit codes."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import analysis.__main__ as program
from analysis.__main__ import main
from analysis.formatting import columns
from frequency_reg.compose import make_plan
from frequency_reg.settle import settle
from tests.analysis.synthetic import SWEEP, edit, write_run, write_sweep


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_table_prints_and_returns_zero(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(sweep)]) == 0
    output = capsys.readouterr()
    assert "15 of 15 runs complete" in output.out
    assert output.err == ""


def test_chosen_metrics_in_markdown(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["table", str(sweep), "--format", "markdown", "--metrics", "drop/resize", "ssr/last/energy/epoch_1"]
    assert main(arguments) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head == "| regularizer | n | drop resize % | SSR last energy/epoch_1 |"


def test_compare_with_a_chosen_baseline(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", str(sweep), "--baseline", "regularizer.dropout=0.5", "--metrics", "clean_accuracy"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "none minus dropout 0.5" in out
    assert "-6.00 ± 0.00" in out


def test_report_prints_its_path_from_a_copied_folder(tmp_path: Path) -> None:
    original = write_sweep(tmp_path / "made_here", seeds=(0, 1), sweep=SWEEP[:2], layers=())
    copied = tmp_path / "elsewhere" / "copy"
    shutil.copytree(original, copied)
    shutil.rmtree(original)
    command = [sys.executable, "-W", "error", "-m", "analysis", "report", "copy"]
    done = subprocess.run(command, cwd=copied.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "copy/report.html", "")
    text = (copied / "report.html").read_text()
    assert "made_here" not in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "{root}/nowhere"], "nowhere: no such folder. Give a run's folder or a sweep's folder"),
        (["report", "{root}"], "no records here (no run.parquet at any depth)"),
        (["table", "{sweep}", "--metrics", "clean_acc"], "unknown metric 'clean_acc'. Did you mean clean_accuracy"),
        (
            ["compare", "{sweep}", "--baseline", "none"],
            "--baseline 'none': expected KEY=VALUE, such as regularizer=none",
        ),
        (
            ["compare", "{sweep}", "--metrics", "ssr/first/dc"],
            "unknown metric 'ssr/first/dc'. Did you mean ssr/first/dc/init",
        ),
        (["table", "{sweep}", "--metrics", "t*_mse"], "no run here has a value of train_mse, test_mse."),
        (
            ["table", "{sweep}", "--metrics", "t*_mse", "--format", "csv"],
            "no run here has a value of train_mse, test_mse.",
        ),
        (["table", "{sweep}", "--where", "seed=7"], "no run has seed=7. Values here: 0, 1, 2."),
        (["table", "{sweep}", "--sort", "-spede"], "--sort: no column 'spede'. Columns here: regularizer"),
        (["table", "{sweep}", "--group", "modle"], "--group: unknown key 'modle'. Did you mean model"),
        (["table", "{sweep}", "--runs", "--best"], "--runs lists single runs: --group and --best"),
        (["table", "{sweep}", "--format", "parquet"], "Give a file: -o FILE.parquet"),
        (["table", "{sweep}", "-o", "{root}/t.xlsx"], "the ending '.xlsx' says no format"),
        (["table", "{sweep}", "-o", "{root}/no/t.csv"], "its folder does not exist. Make"),
        (["table", "{sweep}", "{root}/nowhere"], "nowhere: no such folder"),
        (["compare", "{sweep}/run-0-0", "{sweep}/run-1-0", "--baseline", "seed=0"], "--match and --where belong"),
        (["query", "{sweep}"], "query: no SQL. Give it after PATH"),
        (["query", "{sweep}", "SELECT nothing"], "nothing"),
        (["query", "{sweep}", "COPY (SELECT 1) TO '{root}/x.csv'"], "the query failed: Permission Error"),
        (["compact", "{root}"], "no records here"),
        (["compact", "{sweep}", "--remove"], "there is no cache to remove"),
        (["plot", "{sweep}", "ssr_trajectorie"], "Did you mean ssr_trajectories"),
        (["plot", "{root}"], "no records here"),
        (["report", "{sweep}", "-o", "{root}/no/report.html"], "its folder does not exist. Make"),
        (["report", "{sweep}", "-o", "{root}"], "is a folder. Give a file: -o"),
        (["report", "{sweep}", "-o", "/proc/report.html"], "/proc/report.html: could not be written"),
        (["report", "{sweep}", "-o", "{root}/r.html", "--baseline", "model=vgg"], "no configuration has model=vgg"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_two(
    arguments: list[str], message: str, sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([a.format(root=tmp_path, sweep=sweep) for a in arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert all(line.startswith("  ") for line in output.err.splitlines()[1:])
    assert message in " ".join(output.err.split())
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_named_after_the_answer_with_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2], layers=())
    damaged = [root / "run-0-0" / "epochs.parquet", root / "run-1-1" / "run.parquet"]
    for file in damaged:
        file.write_bytes(file.read_bytes()[:100])
    assert main(["table", str(root)]) == 1
    output = capsys.readouterr()
    assert "s: 3 of 4 runs complete, 1 damaged, 2 configurations." in output.out
    lines = [line for line in output.err.splitlines() if not line.startswith("  ")]
    assert len(lines) == 2
    assert "; left out, rerun that run to replace it" in " ".join(output.err.split())
    for line, file in zip(lines, damaged, strict=True):
        assert f"{line} ".startswith(f"damaged: {file}: ")
    assert main(["report", str(root)]) == 1
    assert "Files that could not be read" in (root / "report.html").read_text()


def test_filter_sort_limit_and_all_columns(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["table", str(sweep), "--where", "regularizer!=none", "--sort", "-clean_accuracy", "--limit", "2",
                 "--metrics", "clean_accuracy", "--all-columns"]  # fmt: skip
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "12 of 12 runs complete, 4 configurations." in out
    assert [line.split()[0] for line in out.splitlines()[4:6]] == ["spectral_mask", "dropout"]
    assert "2 of 4 rows (--limit)." in out
    assert "batch_size=128" in out


def test_groups_and_wildcards(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two strengths of weight decay, clean accuracies .82 and .84 (plus or minus .01 a seed), are one row."""
    assert main(["table", str(sweep), "--group", "regularizer", "--columns", "clean_accuracy", "drop/resize/*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("weight_decay"))
    assert row.split()[:5] == ["weight_decay", "6", "3", "83.00", "±"]
    assert "24 %" in " ".join(lines)
    assert "Pooled over regularizer.weight_decay" in " ".join(lines)


def test_several_sweeps_are_read_together_and_copies_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The runs of both sweeps have the same identities here: each of the second's is a copy of one of the first's."""
    folders = [write_sweep(tmp_path / name, seeds=(0, 1), sweep=SWEEP[:1], layers=()) for name in ("first", "second")]
    assert main(["table", *map(str, folders)]) == 0
    output = capsys.readouterr()
    assert "2 of 2 runs complete" in output.out
    assert "note: 2 folders hold copies of runs, which count once: " in " ".join(output.err.split())
    assert str(folders[1] / "run-0-0") in output.err


def test_each_run_with_its_folder(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(sweep), "--runs", "--where", "seed=1", "--metrics", "clean_accuracy"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("run-")] == [
        f"run-{i}-1" for i in (0, 3, 4, 1, 2)
    ]


@pytest.mark.parametrize(
    "arguments",
    [["table"], ["table", "--runs"], ["table", "--group", "model", "regularizer"], ["table", "--all-columns", "--best"],
     ["compare"], ["query", "SELECT * FROM run"], ["query", "--tables"],
     ["table", "--metrics", "accuracy/*", "ssr/*/dc/*"]],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("width", [50, 80])
def test_every_answer_fits_its_terminal(
    sweep: Path, arguments: list[str], width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([arguments[0], str(sweep), *arguments[1:], "--width", str(width)]) == 0
    assert max(map(columns, capsys.readouterr().out.splitlines())) <= width


def test_the_terminals_own_width_is_used(
    sweep: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["table", str(sweep)]) == 0
    assert sum(line.startswith("none") for line in capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("command", ["table", "compare"])
def test_files_for_programs(sweep: Path, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = {suffix: tmp_path / f"t.{suffix}" for suffix in ("csv", "json", "parquet", "tex", "md")}
    for file in written.values():
        assert main([command, str(sweep), "--metrics", "clean_accuracy", "-o", str(file)]) == 0
        assert capsys.readouterr().out.strip() == str(file)
    rows = list(csv.DictReader(io.StringIO(written["csv"].read_text())))
    loaded = json.loads(written["json"].read_text())["rows"]
    table = pq.read_table(written["parquet"]).to_pylist()
    assert [float(row["mean"]) for row in rows] == [row["mean"] for row in loaded] == [row["mean"] for row in table]
    assert main([command, str(sweep), "--metrics", "clean_accuracy", "--format", "csv"]) == 0
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == rows
    assert r"\begin{tabular}" in written["tex"].read_text()
    assert "| --- |" in written["md"].read_text()


def test_two_runs_side_by_side(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(sweep / "run-0-0"), str(sweep / "run-3-1")]
    assert main(["compare", *runs, "--metrics", "clean_accuracy"]) == 0
    out = capsys.readouterr().out
    assert next(line for line in out.splitlines() if line.startswith("clean %")).split()[2:] == [
        "79.00",
        "86.00",
        "+7.00",
    ]
    assert "n = 1: one run each" in out
    assert main(["compare", *runs, "--format", "csv"]) == 0
    head, first, *_ = csv.reader(io.StringIO(capsys.readouterr().out))
    assert head == ["metric", "A", "B", "B-A"]
    assert (first[0], *map(float, first[1:])) == ("clean_accuracy", *map(pytest.approx, (0.79, 0.86, 0.07)))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_runs_side_by_side_that_were_tested_on_different_things(
    order: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name and a pattern stand for what any of them has; the others have a dash."""
    for name, corruption in (("noisy", "gaussian_noise"), ("resized", "resize")):
        write_run(tmp_path / name, SWEEP[0], 0, corruptions={corruption: (0.1,)}, layers=())
    paths = [[str(tmp_path / "noisy"), str(tmp_path / "resized")][place] for place in order]
    assert main(["compare", *paths, "--metrics", "accuracy/resize", "accuracy/gaussian_noise/*"]) == 0
    rows = [line.split()[-3:] for line in capsys.readouterr().out.splitlines() if "%" in line]
    # .8 - .1 for a severity of resizing, .8 - .2 for one of noise.
    resized, noisy = ["–", "70.00", "–"], ["60.00", "–", "–"]
    expected = [resized, noisy] if order == (0, 1) else [[b, a, d] for a, b, d in (resized, noisy)]
    assert rows[:2] == expected


def test_query_in_every_format(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT seed, count(*) AS runs FROM runs GROUP BY seed ORDER BY seed"
    assert main(["query", str(sweep), sql]) == 0
    rows = ["0        5", "1        5", "2        5"]
    assert capsys.readouterr().out.splitlines() == ["seed  runs", "----  ----", *rows, "", "3 rows."]
    assert main(["query", str(sweep), sql, "--format", "markdown"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == ["| seed | runs |", "| --- | ---: |", "| 0 | 5 |"]
    assert main(["query", str(sweep), sql, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "seed,runs\n0,5\n1,5\n2,5\n"
    assert main(["query", str(sweep), sql, "-o", str(tmp_path / "q.parquet")]) == 0
    assert pq.read_table(tmp_path / "q.parquet")["runs"].to_pylist() == [5, 5, 5]


def test_a_query_of_several_folders_and_some_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "second"):
        for seed in (0, 1):
            write_run(tmp_path / name / f"{name}{seed}", SWEEP[0], seed, layers=())
    sql = "SELECT run_name FROM run ORDER BY run_name"
    folders = [str(tmp_path / name) for name in ("first", "second")]
    assert main(["query", *folders, sql, "--where", "seed=1", "--format", "csv"]) == 0
    assert capsys.readouterr().out.split() == ["run_name", "first1", "second1"]


def test_a_list_is_an_answer(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT list(DISTINCT seed ORDER BY seed) AS seeds, [0.5::DOUBLE, NULL] AS numbers FROM runs"
    assert main(["query", str(sweep), sql]) == 0
    assert capsys.readouterr().out.splitlines()[2].split("  ") == ["[0, 1, 2]", "[0.5, –]"]
    assert main(["query", str(sweep), sql, "--format", "csv"]) == 0
    assert capsys.readouterr().out == 'seeds,numbers\n"[""0"", ""1"", ""2""]","[0.5, null]"\n'
    assert main(["query", str(sweep), sql, "-o", str(tmp_path / "q.parquet")]) == 0
    assert pq.read_table(tmp_path / "q.parquet")["seeds"].to_pylist() == [["0", "1", "2"]]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_columns_of_one_name_are_numbered(
    form: str, sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT 1 AS value, 2 AS value, 3 AS value_1, 4 AS value"
    names = ["value", "value_2", "value_1", "value_3"]
    assert main(["query", str(sweep), sql]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[:3:2]] == [names, ["1", "2", "3", "4"]]
    file = tmp_path / f"q.{form}"
    assert main(["query", str(sweep), sql, "-o", str(file)]) == 0
    read = {"csv": pd.read_csv, "json": lambda path: pd.DataFrame(json.loads(path.read_text())["rows"]),
            "parquet": pd.read_parquet}[form]  # fmt: skip
    assert read(file).to_dict("records") == [dict(zip(names, (1, 2, 3, 4), strict=True))]


def test_plots_are_written_and_named(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(sweep), "--list"]) == 0
    assert "ssr_trajectories" in capsys.readouterr().out.split()
    assert main(["plot", str(sweep), "strength_response", "-o", str(tmp_path / "p"), "--format", "svg"]) == 0
    named = capsys.readouterr().out.split()
    assert sorted(named) == sorted(str(file) for file in (tmp_path / "p").iterdir())
    assert (tmp_path / "p" / "captions.md").read_text().startswith("## ")


def test_compact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[:2], layers=())
    assert main(["compact", str(root)]) == 0
    assert "2 of 2 runs" in capsys.readouterr().out
    assert main(["compact", str(root), "--remove"]) == 0
    assert not (root / ".compact").exists()


def test_compact_names_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2], layers=())
    (root / "run-0-0" / "epochs.parquet").write_bytes(b"torn")
    (root / "run-1-1" / "run.parquet").unlink()
    assert main(["compact", str(root)]) == 1
    output = capsys.readouterr()
    assert "2 of 3 runs" in output.out
    error = " ".join(output.err.split())
    assert f"damaged: {root / 'run-0-0' / 'epochs.parquet'}: " in error
    assert f"damaged: {root / 'run-1-1' / 'run.parquet'}: no run.parquet beside the tables of a run" in error


def test_a_table_that_a_complete_run_of_version_1_must_have_had_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:1])
    for name in ("run-0-0", "run-0-1"):
        edit(root / name, "run", lambda run: run.assign(tables=None))
    (root / "run-0-0" / "robustness.parquet").unlink()
    (root / "run-0-1" / "ssr.parquet").unlink()
    assert main(["table", str(root)]) == 0
    assert " ".join(capsys.readouterr().err.split()) == (
        "note: complete runs lack tables that they must have recorded: run-0-0 (robustness), run-0-1 (ssr)"
    )


def test_filtered_counts_say_that_damaged_runs_may_be_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2], layers=())
    (root / "run-1-1" / "run.parquet").write_bytes(b"")
    assert main(["table", str(root), "--where", "regularizer=none", "--width", "200"]) == 1
    assert "2 of 2 runs complete, 1 damaged (any of these rows may lack them), 1 conf" in capsys.readouterr().out


def test_missing_seeds_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:1], layers=())
    edit(root / "run-0-0", "run", lambda run: run.assign(**{"config.seed": None}))
    assert main(["table", str(root), "--width", "200"]) == 0
    assert "1 of 2 runs record no seed: each of these counts as a replication" in capsys.readouterr().out
    for name in ("run-0-0", "run-0-1"):
        file = root / name / "run.parquet"
        pq.write_table(pq.ParquetFile(file).read().drop_columns(["config.seed"]), file)
    assert main(["table", str(root), "--width", "200"]) == 0
    said = "No seed is recorded: each run counts as a replication of its own, and nothing can be paired."
    assert capsys.readouterr().out.splitlines().count(said) == 2  # above the table and below it


def test_a_reader_that_has_enough_is_no_error(sweep: Path) -> None:
    command = [sys.executable, "-m", "analysis", "query", str(sweep), "SELECT * FROM ssr_null", "--limit", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.readline()
        done.stdout.close()
        assert done.stderr.read() == b""
        assert done.wait(60) == 0


def test_an_interrupt_is_exit_code_130(
    sweep: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> program.Answer:
        raise KeyboardInterrupt

    monkeypatch.setitem(program._COMMANDS, "table", interrupted)
    assert main(["table", str(sweep)]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_the_table_starts_light(sweep: Path) -> None:
    """What costs seconds to import is for plots and reports."""
    code = (
        "import sys; from analysis.__main__ import main; main(['table', sys.argv[1]]); "
        "heavy = {'matplotlib', 'seaborn', 'scipy.stats', 'statsmodels', 'torch', 'jinja2'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(sweep)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_plots_are_listed_without_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "--list"]) == 0
    assert "ssr_trajectories" in capsys.readouterr().out.split()


def test_runs_that_never_began_are_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Killed or out of memory before epoch 0: a row without provenance, the only one that such a folder has."""
    overrides = ["seed=0,1", "dataset=digits", f"outputs={tmp_path}", "name=s"]
    for config in make_plan(overrides, multirun=True).runs:
        settle(config, "oom", "killed by the system when memory was exhausted")
    for command in ("table", "compare", "report"):
        assert main([command, str(tmp_path / "s")]) == 0, command
    assert "killed by the system" in capsys.readouterr().out
