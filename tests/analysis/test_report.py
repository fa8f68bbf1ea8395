"""The report: its numbers, its safety, that it is one file."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import report
from tests.analysis.synthetic import SWEEP, write_run, write_sweep

NASTY = "<script>alert('x')</script>"


class Cells(HTMLParser):
    """Text of every table row, and every attribute that could fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        if tag == "tr":
            self.rows.append([])
        self._open = tag in ("td", "th")
        if self._open:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open and self.rows:
            self.rows[-1][-1] += data


def parse(text: str) -> Cells:
    cells = Cells()
    cells.feed(text)
    return cells


@pytest.fixture(scope="module")
def page(sweep: Path) -> str:
    return report.html(analysis.load(sweep))


def test_table_cells_equal_a_naive_recomputation(page: str, sweep: Path) -> None:
    run = pd.concat(pd.read_parquet(file) for file in sorted(sweep.glob("*/run.parquet")))
    ssr = pd.concat(pd.read_parquet(file) for file in sorted(sweep.glob("*/ssr.parquet")))
    ssr = ssr[
        (ssr.layer == "layer2.conv1") & (ssr.normalization == "dc") & (ssr.reference == "init") & (ssr.epoch == 3)
    ]
    row = next(row for row in parse(page).rows if row[0] == "dropout 0.5" and len(row) == 7)
    chosen = run[run["config.regularizer"] == "dropout"]
    for column, values, scale, digits in (
        (2, chosen["clean_accuracy"], 100, 2),
        (6, chosen.merge(ssr, on="run_id")["value"], 1, 3),
    ):
        half = 4.302652729911275 * np.std(values, ddof=1) / np.sqrt(3)
        assert row[column] == f"{scale * np.mean(values):.{digits}f} ± {scale * half:.{digits}f}"


def test_differences_equal_a_naive_recomputation(page: str) -> None:
    # Equal distances per seed: weight_decay 0.001 is .04 above none in every seed, in every corruption.
    rows = [row for row in parse(page).rows if row and row[0] == "accuracy resize 16 pp"]
    assert [row[1] for row in rows] == ["+6.00 ± 0.00", "+8.00 ± 0.00", "+2.00 ± 0.00", "+4.00 ± 0.00"]
    ssr = [row for row in parse(page).rows if row and row[0] == "SSR last dc/init"]
    assert ssr[0][1].startswith("+1.350")  # (.10 - (-.05)) * 3 epochs * 3


def test_every_section_plot_and_definition_is_there(page: str) -> None:
    for anchor in ("runs", "table", "differences", "plots", "definitions", "computed", "provenance"):
        assert f'<section id="{anchor}">' in page
        assert f'href="#{anchor}"' in page
    assert page.count("<svg") == page.count("</svg>") == 10
    for words in ("SSR over training", "Final SSR beside its null", "Spectrum over training", "Robustness",
                  "Accuracy against robustness", "strength of weight decay", "removed by the masks"):  # fmt: skip
        assert words in page
    for term in ("absolute_folded", "epoch_1", "Why no single SSR is trusted", "relative robustness", "Holm"):
        assert term in page
    assert "id-run-3-2" in page
    assert "some processor" in page


def test_no_network_no_absolute_path_and_under_ten_megabytes(page: str, sweep: Path) -> None:
    cells = parse(page)
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in cells.fetched)
    assert "http://" not in page
    assert "https://" not in page
    assert not {"link", "iframe", "object", "img"} & set(cells.tags)
    assert not re.search(r"@import|url\((?!#)", page)
    assert str(sweep.parent) not in page
    assert "/data/cifar" not in page
    assert len(page.encode()) < 10_000_000


def test_ids_are_unique_and_references_resolve(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page))
    assert {a or b for a, b in wanted} <= set(ids)


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:1], layers=())
    assert report.html(analysis.load(root)) == report.html(analysis.load(root))


def test_recorded_text_is_escaped(tmp_path: Path) -> None:
    for i, tag in enumerate((NASTY, "second", "third")):
        choices = {"regularizer": f"{NASTY} $x^{{2$ {i}", "tag": tag}
        write_run(tmp_path / f"r{i}", choices, 0, layers=("conv1",) if i == 0 else ())
    write_run(tmp_path / "bad", {**SWEEP[0], "tag": NASTY}, 1, clean=None, status="failed", detail=f"Error {NASTY}")
    text = report.html(analysis.load(tmp_path))
    assert NASTY not in text
    assert "&lt;script&gt;alert(" in text
    assert parse(text).tags.count("script") == 1


def test_failures_are_listed_with_their_reason_and_without_folders(tmp_path: Path) -> None:
    write_run(tmp_path / "ok", SWEEP[0], 0, layers=())
    detail = "FileNotFoundError: /home/somebody/data/batch.bin"
    write_run(tmp_path / "lost", SWEEP[0], 1, clean=None, status="failed", detail=detail)
    text = report.html(analysis.load(tmp_path))
    assert ["lost", "none", "1", "failed", "FileNotFoundError: …/batch.bin"] in parse(text).rows
    assert "1 of 2 runs complete" in text
    assert "/home/somebody" not in text


def test_all_runs_failed_and_models_without_convolutions(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "lost", SWEEP[0], 0, clean=None, status="oom")
    assert "No run is complete" in report.html(analysis.load(tmp_path / "a"))
    write_run(tmp_path / "b" / "mlp", SWEEP[0], 0, layers=())
    assert "Accuracy against robustness" in report.html(analysis.load(tmp_path / "b"))


def test_a_failing_write_leaves_the_old_report_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0)
    target = tmp_path / "report.html"
    target.write_text("old")

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "html", full)
    with pytest.raises(analysis.AnalysisError, match="No space left on device"):
        report.write(analysis.load(tmp_path), target)
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "report.html"}
