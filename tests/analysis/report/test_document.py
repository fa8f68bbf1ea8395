"""The report: every number of it, its safety, its size, that it is one file."""

from __future__ import annotations

import html
import json
import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.__main__ import main
from analysis.filter import filtered
from analysis.published import study
from analysis.report import document
from tests.analysis import naive
from tests.analysis.page import Page
from tests.analysis.synthetic import SWEEP, write_run, write_sweep

NASTY = "</script><script>alert('x')</script>"
REFERENCE = Path(__file__).parents[3] / "outputs" / "reference"
ROOTS = ["synthetic", "cifar10_weight_decay", "cifar10_spectral_mask"]
SHARED = {"clean %": "clean_accuracy", "corrupted %": "corrupted_accuracy", "relative %": "relative_robustness"}


@pytest.fixture(scope="module", params=ROOTS)
def root(request: pytest.FixtureRequest, sweep: Path) -> Path:
    return sweep if request.param == "synthetic" else REFERENCE / request.param


@cache
def page_of(root: Path) -> Page:
    """The report of a folder that no test changes, made once."""
    return Page(document.html(analysis.load(root)))


@pytest.fixture(scope="module")
def page(root: Path) -> Page:
    return page_of(root)


@pytest.fixture(scope="module")
def values(root: Path) -> pd.DataFrame:
    return naive.metrics(root)


@pytest.fixture(scope="module")
def one(sweep: Path) -> Page:
    return page_of(sweep)


def per_seed(values: pd.DataFrame, group: str, metric: str) -> pd.Series:
    rows = values[(values["group"] == group) & (values["metric"] == metric)]
    return rows.set_index("seed")["value"].sort_index()


def written(value: float, digits: int) -> str:
    """Two decimals for per cent, three for SSRs, four digits for SSRs from 100 on."""
    return f"{value:.{digits}f}" if digits == 2 or abs(value) < 100 else f"{value:.4g}"


def head_metric(head: str, drop: bool) -> str:
    """The metric of a column or row of the page, from its words."""
    words = head.removesuffix(" %").removesuffix(" pp").split(" ")
    if head in SHARED:
        return SHARED[head]
    if words[0] == "SSR":
        return "ssr/" + "/".join(words[1:])
    if words == ["clean", "accuracy"]:
        return "clean_accuracy"
    if words[0] == "accuracy":
        words = words[1:]
    return ("drop/" if drop else "accuracy/") + "/".join(words)


def test_every_cell_of_the_comparison_table_equals_a_naive_recomputation(page: Page, values: pd.DataFrame) -> None:
    head, *rows = page.tables["table"][0]
    cells = page.data_values["table"][0][1:]
    corruptions = {m.split("/")[1] for m in values["metric"] if m.startswith("drop/")}
    checked = 0
    for row, shown in zip(rows, cells, strict=True):
        for column in range(3, len(head)):
            # The first columns that bear a corruption's name are the drops, the second ones the accuracies.
            drop = head[column].removesuffix(" %") in corruptions and head.index(head[column]) == column
            mean, half = naive.interval(per_seed(values, row[1], head_metric(head[column], drop)))
            scale, digits = (100, 2) if head[column].endswith("%") else (1, 3)
            expected = f"{written(scale * mean, digits)} ± {written(scale * half, digits)}"
            assert row[column].rstrip(" ★☆") == expected, head[column]
            assert float(shown[column]) == pytest.approx(scale * mean, rel=1e-5, abs=1e-9)
            checked += 1
        assert row[2] == "3"
    assert checked == len(rows) * (len(head) - 3) >= 2 * 25


def test_every_difference_equals_a_naive_recomputation(page: Page, values: pd.DataFrame) -> None:
    titles = re.findall(r"<summary><strong>(.*?)</strong> minus (.*?):", page.text)
    tables = page.tables["differences"]
    assert len(titles) == len(tables) > 0
    p_values = []
    for (configuration, baseline), (_, *rows) in zip(titles, tables, strict=True):
        for metric, difference, n, p, holm, g in rows:
            name = head_metric(metric, drop=False)
            paired = per_seed(values, configuration, name) - per_seed(values, baseline, name)
            mean, half = naive.interval(paired)
            scale, digits = (100, 2) if metric.endswith(" pp") else (1, 3)
            shown, spread = (float(part) for part in difference.split(" ± "))
            # Rounding of a mean of differences near a half of the last digit is not ours to repeat.
            assert shown == pytest.approx(scale * mean, abs=0.51 * 10**-digits, rel=6e-4)
            assert spread == pytest.approx(scale * half, abs=0.51 * 10**-digits, rel=6e-4)
            assert difference.startswith("+") == (shown > 0) or abs(mean) < 1e-9
            assert n == "3"
            p_values.append((paired, p, holm, g))
    assert_tests(p_values)


def assert_tests(rows: list[tuple[pd.Series, str, str, str]]) -> None:
    """p of the paired t test on 2 degrees of freedom (closed form), Hedges' g with J(2), and Holm step by step."""
    exact = []
    for paired, p, _, g in rows:
        spread = np.std(paired, ddof=1)
        if spread < 1e-12:
            exact.append(np.nan if abs(paired.mean()) > 1e-12 else 1.0)
            continue
        t = abs(paired.mean()) / (spread / np.sqrt(3))
        exact.append(1 - t / np.sqrt(t**2 + 2))
        assert p in ("<.001" if exact[-1] < 0.001 else f"{exact[-1]:.3f}".lstrip("0"), "1")
        # J(2) = Gamma(1) / (sqrt(1) Gamma(1/2)) = 1 / sqrt(pi)
        assert float(g) == pytest.approx(paired.mean() / spread / np.sqrt(np.pi), abs=6e-4, rel=5e-3)
    order = sorted((i for i, p in enumerate(exact) if not np.isnan(p)), key=lambda i: exact[i])
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, exact[i] * (len(order) - rank)))
        expected = "<.001" if largest < 0.001 else f"{largest:.3f}".lstrip("0") if largest < 0.9995 else "1"
        assert rows[i][2] == expected


def test_every_published_number_stands_beside_a_naive_recomputation(page: Page, values: pd.DataFrame) -> None:
    for table in page.tables.get("published", []):
        if table[0][3] == "95% interval":
            assert_signs(blocks(table), values)
            continue
        for configuration, quantity, text, ours, interval, n, verdict in blocks(table):
            published = text.removesuffix(" †")
            seeds = per_seed(values, configuration, head_metric(quantity, drop=False))
            mean, half = naive.interval(seeds)
            scale, digits = (100, 2) if quantity.endswith(" %") else (1, 3)
            wide = naive.T[3] * np.std(seeds, ddof=1) * np.sqrt(1 + 1 / 3)
            assert ours == f"{scale * mean:.{digits}f} ± {scale * half:.{digits}f}"
            low, high = scale * (mean - wide), scale * (mean + wide)
            if digits == 2:
                low, high = max(low, 0.0), min(high, 100.0)
            assert interval == f"{low:.{digits}f} to {high:.{digits}f}"
            assert n == "3"
            every = published_values(head_metric(quantity, drop=False), float(published), scale)
            held = len(every) > 1 and low <= min(every) and max(every) <= high
            # The reference runs are no ResNet-18 over 50 epochs: nothing is called reproduced.
            assert verdict == ("cannot tell" if held else "inside" if low <= float(published) <= high else "outside")


def blocks(table: list[list[str]]) -> list[list[str]]:
    """Rows with the heading of their block, without what stands behind a configuration's name, first."""
    found, title = [], ""
    for row in table[1:]:
        if len(row) == 1:
            title = row[0].partition(" beside ")[0]
        else:
            found.append([title, *row])
    return found


def published_values(metric: str, published: float, scale: int) -> list[float]:
    """Every value of a quantity in the table that ``published`` stands in."""
    for entry in json.loads((Path(study.__file__).parent / "published.json").read_text()):
        found = [scale * value for row in entry["rows"] if (value := published_value(row, metric)) is not None]
        if any(abs(value - published) < 0.006 for value in found):
            return found
    raise AssertionError(published)


def published_value(row: dict[str, Any], metric: str) -> float | None:
    """As printed, or by arithmetic from H: high over DC power of two rings of four bins each."""
    if metric in row["values"] or "high_to_dc" not in row or not metric.startswith("ssr/first/"):
        return row["values"].get(metric)
    normalization, reference = metric.split("/")[2:]
    before, after = 2.0 if reference == "init" else row["high_to_dc"]["epoch_1"], row["high_to_dc"]["end"]
    bins = {"dc": lambda h: h, "total": lambda h: h / (1 + h), "energy": lambda h: 4 * h / (1 + 4 * h)}
    if normalization not in bins:
        return None
    return 1 - bins[normalization](after) / bins[normalization](before)


def assert_signs(rows: list[list[str]], values: pd.DataFrame) -> None:
    assert rows
    for pair, quantity, published, ours, interval, n, verdict in rows:
        metric = head_metric(quantity, drop=False)
        treated, base = pair.split(" − ")
        paired = per_seed(values, treated, metric) - per_seed(values, base, metric)
        mean, half = naive.interval(paired)
        scale, digits = (100, 2) if quantity.endswith(" pp") else (1, 3)
        low, high = scale * (mean - half), scale * (mean + half)
        shown = [float(text.replace("−", "-")) for text in (ours, *interval.split(" to "))]
        assert shown == pytest.approx([scale * mean, low, high], abs=0.51 * 10**-digits)
        assert n == "3"
        assert published.endswith(" †") == (metric.startswith("ssr") and metric != "ssr/first/dc/epoch_1")
        agrees = "published sign" if (mean > 0) == published.startswith("+") else "opposite sign"
        assert verdict == (agrees if low > 0 or high < 0 else "cannot tell")


def test_published_numbers_of_the_reference_sweep() -> None:
    page = page_of(REFERENCE / "cifar10_weight_decay")
    text = page.text
    values, signs = page.tables["published"][:2]
    shown = {(row[0], row[1]): row[2] for row in blocks(values)}
    # Table of arXiv 2512.22192: L2 1e-3 94.46 clean, SSR -1.397, 82.27 at 24 px; none 51.13 at blur 3.
    assert shown["weight_decay 0.001", "clean accuracy %"] == "94.46"
    assert shown["weight_decay 0.001", "SSR first dc/epoch_1"] == "-1.397"
    assert shown["weight_decay 0.001", "accuracy resize 24 %"] == "82.27"
    assert shown["weight_decay 0", "accuracy gaussian_blur 3 %"] == "51.13"
    # Computed from H: (2 - .825) / 2; total (.25706 - .45205) / .25706; energy .76744 and 6.252 / 7.252 against 8 / 9.
    assert shown["weight_decay 0.001", "SSR first dc/init"] == "0.588 †"
    assert shown["weight_decay 0.001", "SSR first total/epoch_1"] == "-0.759 †"
    assert shown["weight_decay 0", "SSR first energy/init"] == "0.030 †"
    each = {row[0] for row in blocks(values)}
    assert list(each - {"weight_decay 0", "weight_decay 0.001"}) == []
    # 4 noise levels, 7 sizes, 5 blurs; clean; six SSRs.
    assert len(blocks(values)) == 2 * (16 + 1 + 6)
    assert {row[0] for row in blocks(signs)} == {"weight_decay 0.001 − weight_decay 0"}
    assert "model resnet20 instead of resnet18; width 16 instead of 64; epochs 12 instead of 50.\nNot stated" in text
    assert "training images (ours 45000)" in text
    assert "1 values" not in text


def test_printed_queries_give_the_numbers_of_the_page(page: Page, root: Path, values: pd.DataFrame) -> None:
    records = analysis.load(root)
    blocks = re.findall(r'<details class="query">.*?</details>', page.text, re.S)
    queries = [Page(query).words for block in blocks for query in re.findall(r"<pre[^>]*>.*?</pre>", block, re.S)]
    assert len(queries) >= 12
    for words in queries:
        assert len(records.sql("".join(words))) > 0
    table = records.sql("".join(queries[0]))
    grouped = values.set_index(["group", "metric", "seed"])["value"]
    for row in table.itertuples():
        expected = grouped[row.configuration, row.metric, int(row.seed)]
        assert row.value == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_every_drawn_robustness_point_equals_a_naive_recomputation(page: Page, values: pd.DataFrame) -> None:
    drawn = page.frame("0-map")
    for row in drawn.itertuples():
        mean, half = naive.interval(per_seed(values, row.configuration, f"accuracy/{row.panel}/{row.at}"))
        assert row.mean == pytest.approx(mean, rel=1e-4)
        assert row.high == pytest.approx(min(mean + half, 1), rel=2e-2, abs=2e-4)
        assert row.low == pytest.approx(max(mean - half, 0), rel=2e-2, abs=2e-4)
        assert row.text.rstrip("*") == f"{100 * mean:.1f}"


def test_every_drawn_final_ssr_equals_a_naive_recomputation(page: Page, values: pd.DataFrame) -> None:
    drawn = page.frame("0-grid")
    assert len(drawn) >= 2 * 8 * drawn["configuration"].nunique()
    for row in drawn.itertuples():
        name = f"ssr/{row.position}/{row.normalization}/{row.reference}"
        mean, half = naive.interval(per_seed(values, row.configuration, name))
        assert row.mean == pytest.approx(mean, rel=1e-4, abs=1e-9)
        assert row.high == pytest.approx(mean + half, rel=1e-4, abs=1e-9)


def test_drawn_spectra_equal_a_naive_recomputation(page: Page, root: Path) -> None:
    run = naive.read(root, "run")[["run_id", "config.regularizer"]]
    spectra = naive.read(root, "spectra").query("kernel > 1").merge(run, on="run_id")
    energy = spectra["power"] * spectra["multiplicity"]
    keys = ["run_id", "epoch", "layer"]
    total = energy.groupby([spectra[k] for k in keys]).transform("sum")
    bins = spectra.groupby(keys)["multiplicity"].transform("sum")
    spectra["white"] = spectra["power"] * bins / total
    drawn = page.frame("0-scrub")
    assert len(drawn) == drawn["configuration"].nunique() * spectra.groupby(["layer", "epoch", "radius"]).ngroups
    if "weight_decay" in root.name:
        return  # its configurations share a regularizer: the next lines tell them apart by that
    expected = spectra.groupby(["config.regularizer", "layer", "epoch", "radius"])["white"].mean()
    for row in drawn[drawn["configuration"] == "none"].itertuples():
        radius = spectra["radius"].unique()[np.argmin(np.abs(spectra["radius"].unique() - row.r))]
        assert row.power == pytest.approx(np.log2(expected["none", row.layer, row.epoch, radius]), abs=1e-3)


def test_every_section_chart_and_definition_is_there(one: Page) -> None:
    for anchor in ("summary", "table", "differences", "plots", "scrubber", "definitions", "runs", "provenance"):
        assert f'<section id="{anchor}">' in one.text
        assert f'href="#{anchor}"' in one.text
    keys = [key.removeprefix("g0-") for key in one.json("specs")]
    assert keys == ["ssr", "final", "sensitivity", "depth", "profiles", "learning", "robustness", "map", "tradeoff",
                    "strength", "share", "scrub-map", "scrub-profile", "all-parallel"]  # fmt: skip
    for key in one.json("specs"):
        assert f'<figure id="{key}"' in one.text
    for term in ("absolute_folded", "epoch_1", "Why no single SSR is trusted", "relative robustness", "Holm"):
        assert term in one.text
    assert "id-run-3-2" in one.text
    assert "some processor" in one.text


def test_corruptions_are_described_as_recorded(one: Page) -> None:
    text = "".join(one.words)
    assert (
        "additive normal noise of the given standard deviation. unit of gaussian_noise, by severity: 0.05, 0.1." in text
    )
    assert "unit of resize, by severity: 24, 16, 8." in text


def test_an_unknown_corruption_is_named_with_its_unit(tmp_path: Path) -> None:
    write_sweep(tmp_path / "s", (0,), SWEEP[:1], layers=(), corruptions={"haze <b>": (1, 2)})
    text = document.html(analysis.load(tmp_path / "s"))
    assert "haze &lt;b&gt;" in text
    assert "no description on file. unit of haze &lt;b&gt;, by severity: 1, 2." in text


def test_no_network_no_absolute_path_and_under_ten_megabytes(one: Page, sweep: Path) -> None:
    assert all(value.startswith("#") for value in one.fetched)
    assert not {"link", "iframe", "object", "img"} & set(one.tags)
    ours = one.text.replace(document._library(), "")
    assert "http://" not in ours
    assert "https://" not in ours
    assert not re.search(r"@import|url\((?!#)", ours)
    assert str(sweep.parent) not in one.text
    assert "/data/cifar" not in one.text
    assert len(one.text.encode()) < 2_000_000


def test_ids_are_unique_and_headings_in_order(one: Page) -> None:
    ids = re.findall(r'<\w+[^>]*?\bid="([^"]+)"', one.text.replace(document._library(), ""))
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag in one.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2])
    assert document.html(analysis.load(root)) == document.html(analysis.load(root))


def test_recorded_text_is_escaped(tmp_path: Path) -> None:
    plain = Page(document.html(analysis.load(write_sweep(tmp_path / "plain", (0,), SWEEP[:2]))))
    for i, tag in enumerate((NASTY, "second", "third")):
        choices = {"regularizer": f"{NASTY} $x^{{2$ {i}", "tag": tag}
        write_run(tmp_path / "bad" / f"r{i}", choices, 0, layers=("conv1", f"{NASTY}.conv"), corruptions={NASTY: (1,)})
    write_run(tmp_path / "bad" / "x", {**SWEEP[0], "tag": NASTY}, 1, clean=None, status="failed", detail=f"E {NASTY}")
    page = Page(document.html(analysis.load(tmp_path / "bad")))
    assert NASTY not in page.text
    assert "<script>alert" not in page.text
    assert page.tags.count("script") == plain.tags.count("script")
    assert any(NASTY in str(row) for row in page.tables["table"][0])
    assert any(NASTY in str(value) for value in page.frame("0-scrub")["layer"])


def test_recorded_text_is_no_field_and_no_expression(tmp_path: Path) -> None:
    for i in range(2):
        write_run(tmp_path / f"r{i}", {"regularizer": "none", "datum['x']": f"datum.mean + {i}"}, i)
    specs = Page(document.html(analysis.load(tmp_path))).json("specs")

    def texts(part: object, key: str = "") -> list[tuple[str, str]]:
        if isinstance(part, dict):
            return [pair for k, v in part.items() for pair in texts(v, k)]
        if isinstance(part, list):
            return [pair for v in part for pair in texts(v, key)]
        return [(key, str(part))]

    where = {key for key, text in texts(specs) if "datum.mean" in text or "datum['x']" in text}
    # Members of a scale's domain, of a panel's order, of a parameter's value: data, never evaluated.
    assert where <= {"domain", "sort", "value", "a2", "shown"}


def test_failures_are_listed_with_their_reason_and_without_folders(tmp_path: Path) -> None:
    write_run(tmp_path / "ok", SWEEP[0], 0, layers=())
    detail = "FileNotFoundError: /home/somebody/data/batch.bin"
    write_run(tmp_path / "lost", SWEEP[0], 1, clean=None, status="failed", detail=detail)
    page = Page(document.html(analysis.load(tmp_path)))
    assert ["lost", "none", "1", "failed", "FileNotFoundError: …/batch.bin"] in page.tables["runs"][0]
    assert "1 of 2 runs complete" in page.text
    assert "/home/somebody" not in page.text


def test_damaged_runs_are_counted_in_the_headline(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / f"r{seed}", SWEEP[0], seed, layers=())
    (tmp_path / "r1" / "run.parquet").write_bytes(b"torn")
    assert "1 of 2 runs complete, 1 damaged, 1 configuration." in document.html(analysis.load(tmp_path))


def test_all_runs_failed_and_models_without_convolutions(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "lost", SWEEP[0], 0, clean=None, status="oom")
    assert "No run is complete" in document.html(analysis.load(tmp_path / "a"))
    write_run(tmp_path / "b" / "mlp", SWEEP[0], 0, layers=())
    assert "Accuracy against robustness" in document.html(analysis.load(tmp_path / "b"))


def test_many_configurations_stay_bounded(tmp_path: Path) -> None:
    sweep = [{"regularizer": "none", "width": w} for w in range(9)]
    sweep += [
        {"regularizer": "dropout", "regularizer.dropout": d / 10, "width": w} for d in range(1, 8) for w in range(9)
    ]
    root = write_sweep(tmp_path / "s", (0,), sweep, draws=2, layers=("conv1", "layer1.conv1"))
    page = Page(document.html(analysis.load(root)))
    assert len(page.tables["table"][0]) == 1 + 72
    assert page.json("specs")["all-alltradeoffs"]
    assert not any(key.startswith("g6") for key in page.json("specs"))  # six contexts are drawn
    assert "3 more contexts are in the tables and not drawn" in page.text
    # Differences of the headline metrics only, one row a configuration.
    assert [len(row) for row in page.tables["differences"][0]] == [6] * 64
    assert len(page.frame("-1-parallel")) == 72
    assert len(page.text) < 2_600_000


def test_a_failing_write_leaves_the_old_report_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0)
    target = tmp_path / "report.html"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(analysis.AnalysisError, match="No space left on device"):
        document.write(analysis.load(tmp_path), target)
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "report.html"}


def test_a_target_that_is_a_folder_or_has_none_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", SWEEP[0], 0)
    records = analysis.load(tmp_path)
    with pytest.raises(analysis.AnalysisError, match="is a folder"):
        document.write(records, tmp_path)
    with pytest.raises(analysis.AnalysisError, match="its folder does not exist"):
        document.write(records, tmp_path / "none" / "report.html")


def test_folders_and_conditions_are_said_and_stand_in_the_printed_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        for seed in (0, 1):
            write_run(tmp_path / name / f"{name}{seed}", SWEEP[0], seed, layers=())
    paths, where = [tmp_path / name for name in ("first", "second")], ["seed>0", "model=resnet20"]
    text = document.html(filtered(analysis.load(paths), where))
    assert "<h1>first + second</h1>" in text
    assert "Only runs with <code>seed&gt;0</code> and <code>model=resnet20</code>." in text
    command = html.unescape(re.findall(r"Runs with <code>(.*?)</code>", text)[0])
    assert command == "python -m analysis query first second SQL --where 'seed>0' --where model=resnet20"
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[3:]
    assert (
        main([*(w if w != "SQL" else "SELECT run_name FROM run ORDER BY ALL" for w in words), "--format", "csv"]) == 0
    )
    assert capsys.readouterr().out.split() == ["run_name", "first1", "second1"]
    page = document.html(analysis.load(Path("first/first0")))
    assert "<code>python -m analysis query first/first0 SQL</code>" in page, "runs where the page was made"
