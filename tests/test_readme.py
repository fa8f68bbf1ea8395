"""What README and RESULTS say of the results is what the committed records say."""

import re
import shlex
from pathlib import Path

import pytest

import analysis
from analysis import compare, metric, spectral_bias, table
from analysis.__main__ import main
from frequency_reg.compose import make_plan

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
RESULTS = (ROOT / "outputs" / "reference" / "RESULTS.md").read_text()
REFERENCE = sorted(path.name for path in (ROOT / "outputs" / "reference").iterdir() if path.is_dir())


@pytest.mark.parametrize("name", REFERENCE)
def test_every_reference_sweep_is_whole(name):
    records = analysis.load(ROOT / "outputs" / "reference" / name)
    assert records.damaged == ()
    assert set(records["run"]["status"]) == {"complete"}
    assert records["run"]["provenance.git_commit"].str.fullmatch("[0-9a-f]{12}").all(), "made by committed code"


@pytest.mark.parametrize("name", REFERENCE)
def test_every_row_of_a_results_table_is_stated(name):
    records = analysis.load(ROOT / "outputs" / "reference" / name)
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
    run = records["run"]
    (run_id,) = run.loc[run["config.regularizer"] == regularizer, "run_id"]

    def its(name):
        return records[name][records[name]["run_id"] == run_id]

    if table == "run":
        return 100 * float(its("run")[key].iloc[0])
    if table == "ssr":
        rows = its("ssr").query("layer == 'conv1' and normalization == 'dc' and epoch == 50")
        return float(rows.loc[rows["reference"] == key, "value"].iloc[0])
    rows = its("robustness")
    return 100 * float(rows.loc[(rows["corruption"] == table) & (rows["parameter"] == key), "accuracy"].iloc[0])


@pytest.mark.parametrize("text", [README, RESULTS], ids=["README", "RESULTS"])
def test_our_numbers_beside_the_published_ones_are_those_of_the_records(text):
    records = analysis.load(ROOT / "outputs" / "reference" / "spectral_evolution")
    rows = [
        line.split(" | ") for line in text.splitlines() if re.match(r"\| [^|]+ \| \S+ / \S+ \| \S+ / \S+ \| ", line)
    ]
    assert len(rows) >= 5
    for label, *cells in rows:
        table, key = OURS[label.removeprefix("| ")]
        for regularizer, cell in zip(("none", "weight_decay", "dropout"), cells, strict=True):
            stated = cell.strip(" |").partition(" / ")[2]
            digits = len(stated.partition(".")[2])
            assert float(stated) == pytest.approx(ours(records, regularizer, table, key), abs=0.51 * 10**-digits)


def test_the_findings_page_is_what_its_command_gives(tmp_path, monkeypatch):
    """Also on another machine: the page has no clock, no path and no number that depends on where it is made."""
    page = (ROOT / "outputs" / "reference" / "FINDINGS.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("    python -m analysis claims "))
    words = command.split()[3:]
    monkeypatch.chdir(ROOT)
    assert main([*words[:-1], str(tmp_path / words[-1])]) == 0
    assert (tmp_path / words[-1]).read_text() == page
