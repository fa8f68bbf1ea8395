"""What README says of the results is what the committed records say."""

import re
import shlex
from pathlib import Path

import pytest

import analysis
from analysis import compare, spectral_bias, table
from frequency_reg.compose import make_plan

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
REFERENCE = sorted(path.name for path in (ROOT / "outputs" / "reference").iterdir() if path.is_dir())


@pytest.mark.parametrize("name", REFERENCE)
def test_every_reference_sweep_is_whole(name):
    records = analysis.load(ROOT / "outputs" / "reference" / name)
    assert records.damaged == ()
    assert set(records["run"]["status"]) == {"complete"}
    assert records["run"]["provenance.git_commit"].str.fullmatch("[0-9a-f]{12}").all(), "made by committed code"


@pytest.mark.parametrize("name", REFERENCE)
def test_every_row_of_a_results_table_is_in_the_readme(name):
    records = analysis.load(ROOT / "outputs" / "reference" / name)
    if name.startswith("spectral_bias"):
        criteria = spectral_bias.text(spectral_bias.criteria(records), "markdown", 80)
        rows = [line for line in criteria.splitlines() if re.search(r"\| \d+ of \d+ \|$", line)]
    else:
        rows = [line for line in table.markdown(records).splitlines() if line.startswith("|")][2:]
    assert rows
    assert [row for row in rows if row not in README] == []


def test_differences_in_the_readme_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "cifar10_weight_decay")
    frame = compare.differences(records)
    text = compare.terminal(frame[frame["configuration"] == "weight_decay 0.001"], markdown=True)
    stated = [line for line in README.splitlines() if re.match(r"\| (.* pp|SSR .*/.*) \| [+-]", line)]
    assert len(stated) == 21
    assert [line for line in stated if line not in text] == []


def test_shares_removed_in_the_readme_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "cifar10_spectral_mask")
    rows = records["regularizer"].query("quantity == 'share_removed' and epoch == 15")
    for layer, values in rows.groupby("layer")["value"]:
        stated = next(line for line in README.splitlines() if line.startswith(f"| {layer} |"))
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
