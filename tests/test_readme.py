"""What README and RESULTS say of the results is what the committed records say."""

import re
import shlex
from pathlib import Path

import pytest
from scipy import stats

import analysis
from analysis import compare, metric, spectral_bias, table
from analysis.__main__ import main
from frequency_reg.compose import make_plan

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
RESULTS = (ROOT / "outputs" / "reference" / "RESULTS.md").read_text()
REFERENCE = sorted(
    path.name for path in (ROOT / "outputs" / "reference").iterdir() if path.is_dir() and path.name[0] != "."
)


@pytest.fixture(scope="module", params=REFERENCE)
def sweep_and_records(request):
    return request.param, analysis.load(ROOT / "outputs" / "reference" / request.param)


def test_every_reference_sweep_is_whole(sweep_and_records):
    _, records = sweep_and_records
    assert records.damaged == ()
    assert set(records["run"]["status"]) == {"complete"}
    assert records["run"]["provenance.git_commit"].str.fullmatch("[0-9a-f]{12}").all(), "made by committed code"


def test_every_row_of_a_results_table_is_stated(sweep_and_records):
    name, records = sweep_and_records
    if name.startswith("spectral_bias"):
        criteria = spectral_bias.text(spectral_bias.criteria(records), "markdown", 80)
        rows = [line for line in criteria.splitlines() if re.search(r"\| \d+ of \d+ \|$", line)]
    else:
        rows = [
            line for line in table.markdown(records, metric.headline(records)).splitlines() if line.startswith("|")
        ][2:]
    assert rows
    assert [row for row in rows if row not in RESULTS] == []


def test_stated_differences_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "cifar10_weight_decay")
    frame = compare.differences(records)
    text = compare.terminal(frame[frame["configuration"] == "weight_decay 0.001"], markdown=True)
    stated = [line for line in RESULTS.splitlines() if re.match(r"\| (.* pp|SSR .*/.*) \| [+-]\S+ ± ", line)]
    assert len(stated) == 21
    assert [line for line in stated if line not in text] == []


def test_stated_shares_removed_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "cifar10_spectral_mask")
    rows = records["regularizer"].query("quantity == 'share_removed' and epoch == 15")
    for layer, values in rows.groupby("layer")["value"]:
        stated = next(line for line in RESULTS.splitlines() if line.startswith(f"| {layer} |"))
        assert stated.split("|")[-2].split("±")[0].strip() == f"{100 * values.mean():.2f}"


def commands() -> list[list[str]]:
    """Arguments of every ``frequency-reg`` command in README that is given in full."""
    text = re.sub(r"\\\n\s*", "", README)
    lines = [line.strip().partition("  #")[0] for line in text.splitlines() if line.startswith("    frequency-reg ")]
    lines = [line for line in lines if " evaluate " not in line]  # its first words are folders
    parsed = [shlex.split(line)[1:] for line in lines if "..." not in line and "KEY" not in line]
    return [arguments for arguments in parsed if "--help" not in arguments and "--config-dir=my_conf" not in arguments]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_in_the_readme_means_what_can_run(arguments):
    overrides = [text for text in arguments if text not in ("-m", "--plan")]
    plan = make_plan(overrides, multirun="-m" in arguments)
    assert plan.runs
    if "name=grid" in overrides:
        assert len(plan.runs) == 18, "as the text says"


OURS = {
    "clean accuracy %": ("run", "clean_accuracy"),
    "SSR first dc/epoch_1": ("ssr", "epoch_1"),
    "SSR of the stem, against epoch 1": ("ssr", "epoch_1"),
    "SSR first dc/init": ("ssr", "init"),
    "the same, against initialisation": ("ssr", "init"),
    "noise .05 %": ("gaussian_noise", 0.05),
    "noise .1 %": ("gaussian_noise", 0.1),
    "resized to 28 px %": ("resize", 28),
    "resized to 24 px %": ("resize", 24),
    "resized to 20 px %": ("resize", 20),
    "resized to 16 px %": ("resize", 16),
    "blur, k = 3 %": ("gaussian_blur", 3),
    "blur, k = 5 %": ("gaussian_blur", 5),
}


def ours(records, regularizer, table, key):
    """Values of one regularizer, seed by seed, of accuracies in %."""
    run = records["run"]
    runs = run[run["config.regularizer"] == regularizer].set_index("run_id")["config.seed"]
    if table == "run":
        frame = run.assign(value=100 * run[key])
    elif table == "ssr":
        frame = records["ssr"].query("layer == 'conv1' and normalization == 'dc' and epoch == 50")
        frame = frame[frame["reference"] == key]
    else:
        frame = records["robustness"].query("corruption == @table and parameter == @key")
        frame = frame.assign(value=100 * frame["accuracy"])
    values = frame.set_index("run_id")["value"].reindex(runs.index)
    return values.set_axis(runs).sort_index()


def half_width(values):
    return stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5


def compared_rows(text, ending, width):
    """Rows ``| label | published / ours ± half-width mark | ...`` of a page."""
    cell = r"([-+]?[\d.]+)†? / ([-+]?[\d.]+) ± ([\d.]+)( [^|]+?)? \|"
    for line in text.splitlines():
        label, found = line.removeprefix("| ").partition(" | ")[0], re.findall(cell, line)
        if len(found) == width and label in {name.replace(" %", ending) for name in OURS}:
            yield label.replace(" pp", " %"), [(*map(float, numbers), mark.strip(" \\")) for *numbers, mark in found]


def rounding(label):
    return 0.0051 if "%" in label else 0.00051


@pytest.mark.parametrize("text", [README, RESULTS], ids=["README", "RESULTS"])
def test_our_numbers_beside_the_published_ones_are_those_of_the_records(text):
    records = analysis.load(ROOT / "outputs" / "reference" / "spectral_evolution")
    rows = list(compared_rows(text, " %", 3))
    assert len(rows) == (5 if text is README else 11)
    for label, cells in rows:
        for regularizer, (published, mean, half, mark) in zip(("none", "weight_decay", "dropout"), cells, strict=True):
            values = ours(records, regularizer, *OURS[label])
            assert (mean, half) == pytest.approx((values.mean(), half_width(values)), abs=rounding(label))
            if text is RESULTS:
                outside = abs(published - values.mean()) > 2 * half_width(values)  # sqrt(1 + 1/3) is 2 / sqrt(3)
                assert (mark == "‡") == outside, (label, regularizer)


def test_our_differences_beside_the_published_ones_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "spectral_evolution")
    rows = list(compared_rows(RESULTS, " pp", 2))
    assert len(rows) == 11
    for label, cells in rows:
        none = ours(records, "none", *OURS[label])
        for regularizer, (_, mean, half, mark) in zip(("weight_decay", "dropout"), cells, strict=True):
            values = ours(records, regularizer, *OURS[label]) - none
            assert (mean, half) == pytest.approx((values.mean(), half_width(values)), abs=rounding(label))
            assert (mark == "*") == (abs(values.mean()) > half_width(values)), (label, regularizer)


def test_stated_shares_by_depth_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "mask_table3_short")
    run = records["run"]
    for model in ("resnet18", "resnet20"):
        ids = run.loc[run["config.model"].str.contains(model), "run_id"]
        rows = records["regularizer"].query("quantity == 'share_removed' and run_id in @ids")
        assert len(ids) == 3
        depth = records["ssr"].query("run_id in @ids").drop_duplicates("layer").set_index("layer")["depth"]
        for epoch in (0, 10):
            means = rows[rows["epoch"] == epoch].groupby("layer")["value"].mean().mul(100)
            means = means.loc[sorted(means.index, key=depth.__getitem__)]
            (stated,) = re.findall(rf"^\| {model} \| {epoch} \| ([\d. ]+) \|$", RESULTS, re.MULTILINE)
            assert [float(share) for share in stated.split()] == pytest.approx(means.tolist(), abs=0.0051)


def test_the_findings_page_is_what_its_command_gives(tmp_path, monkeypatch):
    """Also on another machine: the page has no clock, no path and no number that depends on where it is made."""
    page = (ROOT / "outputs" / "reference" / "FINDINGS.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("    python -m analysis claims "))
    words = command.split()[3:]
    monkeypatch.chdir(ROOT)
    assert main([*words[:-1], str(tmp_path / words[-1])]) == 0
    assert (tmp_path / words[-1]).read_text() == page
