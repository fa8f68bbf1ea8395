"""``python -m analysis``: output, messages, exit codes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.__main__ import main
from tests.analysis.synthetic import SWEEP, write_sweep


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
    assert "none  minus  dropout 0.5" in out
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
        (["report", "{sweep}", "-o", "{root}/no/report.html"], "its folder does not exist. Make"),
        (["report", "{sweep}", "-o", "{root}"], "is a folder. Give a file: -o"),
        (["report", "{sweep}", "-o", "/proc/report.html"], "/proc/report.html: the report could not be written"),
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
    assert output.err.count("\n") == 1
    assert message in output.err
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
    assert "3 of 3 runs complete" in output.out
    lines = output.err.splitlines()
    assert len(lines) == 2
    for line, file in zip(lines, damaged, strict=True):
        assert line.startswith(f"damaged: {file}: ")
    assert main(["report", str(root)]) == 1
    assert "Files that could not be read" in (root / "report.html").read_text()
