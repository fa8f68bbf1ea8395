"""What README and RESULTS say of the results is what the committed records say."""

import itertools
import re
import shlex
from pathlib import Path

import numpy as np
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
    section = RESULTS.partition("\n## Weight decay in detail\n")[2].partition("\n## ")[0]
    stated = [line for line in section.splitlines() if re.match(r"\| (.* pp|SSR .*/.*) \| [+-]\S+ ± ", line)]
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


SHARES = {
    "resnet18": ("mask_table3_short", "resnet18", (0, 10)),
    "resnet20": ("mask_table3_short", "resnet20", (0, 10)),
    "full width resnet18": ("mask_resnet18", "resnet18", (0, 12)),
    "resnet20, rate .05": ("mask_table2_short", "resnet20", (10,)),
}


@pytest.mark.parametrize("label", SHARES)
def test_stated_shares_by_depth_are_those_of_the_records(label):
    sweep, model, epochs = SHARES[label]
    records = analysis.load(ROOT / "outputs" / "reference" / sweep)
    run = records["run"]
    masked = run["config.regularizer"].eq("spectral_mask") & run["config.model"].str.contains(model)
    ids = run.loc[masked, "run_id"]
    rows = records["regularizer"].query("quantity == 'share_removed' and run_id in @ids")
    assert len(ids) == 3
    depth = records["ssr"].query("run_id in @ids").drop_duplicates("layer").set_index("layer")["depth"]
    for epoch in epochs:
        means = rows[rows["epoch"] == epoch].groupby("layer")["value"].mean().mul(100)
        means = means.loc[sorted(means.index, key=depth.__getitem__)]
        (stated,) = re.findall(rf"^\| {label} \| {epoch} \| ([\d. ]+) \|$", RESULTS, re.MULTILINE)
        assert [float(share) for share in stated.split()] == pytest.approx(means.tolist(), abs=0.0051)


def test_stated_accuracies_under_attack_are_those_of_the_records():
    records = analysis.load(ROOT / "outputs" / "reference" / "mask_attack_short")
    attacks = records["attacks"].merge(records["run"][["run_id", "config.regularizer"]], on="run_id")
    rows = re.findall(r"^\| (fgsm|pgd) \| (\d) \| (.*) \|$", RESULTS, re.MULTILINE)
    assert len(rows) == 8
    for attack, eps, cells in rows:
        asked = (attacks["attack"] == attack) & (attacks["norm"] == "linf") & np.isclose(attacks["eps"], int(eps) / 255)
        for name, cell in zip(("none", "weight_decay", "spectral_mask+weight_decay"), cells.split(" | "), strict=True):
            values = 100 * attacks.loc[asked & (attacks["config.regularizer"] == name), "accuracy"]
            assert len(values) == 3
            assert cell == f"{values.mean():.2f} ± {half_width(values):.2f}"
    checks = records["gradient_masking_checks"]
    assert len(checks) == 9 * 5
    assert checks["passed"].all()
    assert checks["value"].max() == 0


def printed_analyses() -> list[tuple[str, list[str]]]:
    """Indented ``python -m analysis`` commands of RESULTS, each with the rows of the table that follows it."""
    blocks: list[tuple[str, list[str]]] = []
    for line in RESULTS.splitlines():
        if line.startswith("      ") and blocks and not blocks[-1][1]:
            blocks[-1] = (f"{blocks[-1][0]} {line.strip()}", [])
        elif line.startswith("    "):
            blocks.append((line.strip(), []))
        elif line.startswith("| ") and blocks:
            blocks[-1][1].append(line)
        elif line and blocks and blocks[-1][1]:  # prose ends what a command is answerable for
            blocks.append(("", []))
    return [(command, rows) for command, rows in blocks if command.startswith("python -m analysis ")]


@pytest.mark.parametrize(("command", "rows"), printed_analyses(), ids=lambda value: str(value)[:80])
def test_a_table_below_its_command_is_what_the_command_gives(command, rows, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)[3:]) == 0
    given, heading = [], ""
    for line in capsys.readouterr().out.splitlines():
        heading = f"**{line.removeprefix('### ')}**" if line.startswith("### ") else heading
        given.append((heading, line))
    heading = ""
    assert rows
    for row in rows:
        label = row.split("|")[1].strip()
        heading = label if label.startswith("**") else heading
        if not label.startswith("**"):
            # Above the first heading stand the heads of the columns, which every section of the output has.
            assert (heading, row) in given or (not heading and row in [line for _, line in given]), row


def test_stated_likeness_of_class_activation_maps_is_that_of_the_records():
    """Correlation over the places of a map, mean over the images, of two networks."""
    records = analysis.load(ROOT / "outputs" / "reference" / "mask_table2_short")
    of = records["run"].set_index("run_id")["config.regularizer"]
    maps = {}
    for run, frame in records["class_activation_map"].query("of == 'label'").groupby("run_id"):
        places = frame.sort_values(["image", "y", "x"])["value"].to_numpy().reshape(frame["image"].nunique(), -1)
        places = places - places.mean(axis=1, keepdims=True)
        maps[run] = places / np.linalg.norm(places, axis=1, keepdims=True)

    def likeness(first, second):
        pairs = itertools.product(*(sorted(run for run in maps if of[run] == name) for name in (first, second)))
        return np.array([(maps[a] * maps[b]).sum(axis=1).mean() for a, b in pairs if first != second or a < b])

    def two_digits(value):
        return f"{value:.2f}".removeprefix("0")

    none, mask, adversarial = (likeness("none", name) for name in ("none", "spectral_mask", "adversarial_training"))
    flat = " ".join(RESULTS.split())
    for name, values in (("none with none of another seed", none), ("masks with none", mask)):
        stated = f"{two_digits(values.mean())} ({len(values)} pairs, {two_digits(values.min())} to "
        assert f"{name} {stated}{two_digits(values.max())})" in flat
    for name, values in (
        ("masks with masks", likeness("spectral_mask", "spectral_mask")),
        ("noise with none", likeness("none", "gaussian_augmentation")),
        ("DropPath with none", likeness("none", "drop_path")),
        ("adversarial training with none", adversarial),
    ):
        assert f"{name} {two_digits(values.mean())}" in flat


def test_the_findings_page_is_what_its_command_gives(tmp_path, monkeypatch):
    """Also on another machine: the page has no clock, no path and no number that depends on where it is made."""
    page = (ROOT / "outputs" / "reference" / "FINDINGS.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("    python -m analysis claims "))
    words = command.split()[3:]
    monkeypatch.chdir(ROOT)
    assert main([*words[:-1], str(tmp_path / words[-1])]) == 0
    assert (tmp_path / words[-1]).read_text() == page
