"""Published claims beside records: the page, its numbers, its commands, what is missing."""

from __future__ import annotations

import io
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.__main__ import main
from analysis.claims import claim as data
from analysis.claims import page
from analysis.claims.command import Given
from analysis.filter import filtered
from analysis.load import load
from analysis.published.ssr import suppression
from tests.analysis.synthetic import WEIGHT, edit, write_run

CORRUPTIONS: dict[str, Sequence[float]] = {"gaussian_noise": (0.05, 0.1), "resize": (28, 24, 20)}
NONE = {"regularizer": "none"}
DECAY = {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3, "regularizer.decoupled": False}
DROPOUT = {"regularizer": "dropout", "regularizer.dropout": 0.5}
# Suppression by seed: decay's lies .109, .110, .111 above none's (supported), dropout's as far below (contradicted).
SUPPRESSION = {"none": (0.2, 0.3, 0.4), "decay": (0.309, 0.410, 0.511), "dropout": (0.091, 0.190, 0.289)}
# Clean accuracy by seed: decay +.02, +.03, +.01 above none (t = 3.46), dropout far below.
CLEAN = {"none": (0.80, 0.81, 0.82), "decay": (0.82, 0.84, 0.83), "dropout": (0.70, 0.712, 0.72)}
CHOICES: dict[str, Mapping[str, Any]] = {"none": NONE, "decay": DECAY, "dropout": DROPOUT}


def write(root: Path, names: Sequence[str] = ("none", "decay", "dropout"), seeds: int = 3, **options: Any) -> Path:
    for name in names:
        for seed in range(seeds):
            options_here = {"corruptions": CORRUPTIONS, "suppression": SUPPRESSION[name][seed], **options}
            write_run(root / f"{name}-{seed}", CHOICES[name], seed, clean=CLEAN[name][seed], **options_here)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("outputs") / "three")


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return page.page(load(folder), Given([Path(folder.name)]))


@pytest.fixture(scope="module")
def exported(folder: Path) -> pd.DataFrame:
    return page.export(load(folder))


def row(frame: pd.DataFrame, claim: str, definition: str) -> pd.Series:
    found = frame[(frame["claim"] == claim) & (frame["definition"] == definition)]
    assert len(found) == 1
    return found.iloc[0]


# -- what is published


def test_the_dropout_claim_is_contradicted_by_its_own_data(text: str) -> None:
    section = text.split("## 2. Dropout suppresses")[1].split("\n## ")[0]
    assert (
        "bear it out under SSR first dc/epoch_1 (+2.865), total/epoch_1 (+1.201), energy/epoch_1 (+0.436); have the "
        "opposite sign under SSR first dc/init (−0.247), total/init (−0.095), energy/init (−0.033): under 3 of 6 the "
        "claim is contradicted by its own data."
    ) in section
    assert "ended at 2.057 with and 1.563 without, a factor of 0.76" in section


# -- what the records say


def test_a_supported_and_a_contradicted_claim(exported: pd.DataFrame) -> None:
    # 3 epochs: SSR of the first layer against epoch 1 is 2 x suppression x weight.
    for claim, sign, verdict in (("l2_suppresses", 1, "supported"), ("dropout_suppresses", -1, "contradicted")):
        found = row(exported, claim, "ssr/first/energy/epoch_1")
        assert found["mean"] == pytest.approx(sign * 2 * 0.11 * WEIGHT["energy"])
        assert (found["n"], found["verdict"]) == (3, verdict)
        half = 4.302652729911275 * 2 * 0.001 * WEIGHT["energy"] / np.sqrt(3)
        assert (found["low"], found["high"]) == pytest.approx((found["mean"] - half, found["mean"] + half))


def test_p_and_holm_are_those_of_a_naive_computation(tmp_path: Path) -> None:
    root = write(tmp_path / "naive", ("none", "decay"), layers=())
    factor = 0.9  # of the corrupted accuracies of one run: without it the drops would not differ
    edit(
        root / "decay-0",
        "robustness",
        lambda f: f.assign(accuracy=f["accuracy"] * np.where(f["severity"] > 0, factor, 1)),
    )
    family = page.export(load(root)).query("claim == 'l2_low_resolution'")
    lost = {28: 0.1, 24: 0.2, 20: 0.3}
    clean = {name: np.array(CLEAN[name]) for name in ("decay", "none")}
    p = {}
    for definition in family["definition"]:
        head, _, size = definition.partition("/resize/")
        corrupted = {name: values - lost[int(size)] for name, values in clean.items()}
        corrupted["decay"] = corrupted["decay"] * [factor, 1, 1]
        sides = {
            "accuracy": corrupted,
            "drop": {name: clean[name] - corrupted[name] for name in clean},
            "relative_robustness": {name: corrupted[name] / clean[name] for name in clean},
        }[head]
        p[definition] = float(stats.ttest_rel(sides["decay"], sides["none"]).pvalue)
    holm, highest = {}, 0.0
    for i, definition in enumerate(sorted(p, key=lambda d: p[d])):
        highest = max(highest, min(1.0, (len(p) - i) * p[definition]))
        holm[definition] = highest
    assert len(family) == 3 + 2 + 2
    assert dict(zip(family["definition"], family["p"], strict=True)) == pytest.approx(p)
    assert dict(zip(family["definition"], family["p_holm"], strict=True)) == pytest.approx(holm)


def test_the_accuracy_order(text: str, exported: pd.DataFrame) -> None:
    some = exported[(exported["claim"] == "accuracy_order") & (exported["definition"] == "clean_accuracy")]
    assert some["comparison"].tolist() == [
        "weight_decay 0.001 − none",
        "none − dropout 0.5",
        "weight_decay 0.001 − dropout 0.5",
    ]
    assert some["mean"].tolist() == pytest.approx([0.02, 0.81 - 2.132 / 3, 0.83 - 2.132 / 3])
    # .02 / (.01 / sqrt 3) = 3.46 on 2 degrees of freedom: p = .074, whatever the family.
    assert some["verdict"].iloc[0] == "cannot tell"
    assert "cannot be told under any of 2 definitions" in text


def test_two_of_three_comparisons_are_no_order(tmp_path: Path) -> None:
    root = write(tmp_path / "two", ("none", "dropout"))
    records = load(root)
    text = page.page(records, Given([root]))
    assert "Not measured here: weight_decay 0.001 against none; weight_decay 0.001 against dropout 0.5." in text
    [order] = [a for a in page.answers(records)[0] if a.claim.id == "accuracy_order"]
    assert order.frame["verdict"].eq("supported").all()
    assert page.weighed(order)["verdict"].eq("cannot tell").all()


def test_a_single_seed_gives_no_verdict(tmp_path: Path) -> None:
    root = write(tmp_path / "one", ("none", "decay"), seeds=1)
    frame = page.export(load(root))
    assert set(frame["verdict"]) <= {"cannot tell (n = 1)", "cannot tell"}
    found = row(frame, "l2_suppresses", "ssr/first/dc/epoch_1")
    assert (found["n"], found["verdict"]) == (1, "cannot tell (n = 1)")
    assert np.isnan(found["p"])
    text = page.page(load(root), Given([root]))
    assert "n = 1: no interval, no test and no ranking" in text


def test_strength_0_counts_as_none_and_the_pair_with_most_seeds_is_taken(tmp_path: Path) -> None:
    root = write(tmp_path / "zero", ("decay",))
    zero = {"regularizer": "weight_decay", "regularizer.weight_decay": 0.0, "regularizer.decoupled": False}
    for seed in range(3):
        write_run(root / f"zero-{seed}", zero, seed, clean=0.8)
    write_run(root / "none-0", NONE, 0, clean=0.1)  # one seed only
    write_run(root / "decoupled-0", {**DECAY, "regularizer.decoupled": True}, 0, clean=0.9)
    claim = next(c for c in data.claims() if c.id == "l2_suppresses")
    [setting] = data.settings(load(root), claim)
    [pair] = setting.pairs
    assert pair.words == "weight_decay 0.001 (decoupled=false) − weight_decay 0 (decoupled=false)"


def test_without_a_seed_in_common_nothing_is_measured(tmp_path: Path) -> None:
    root = tmp_path / "apart"
    write_run(root / "a", NONE, 0)
    write_run(root / "b", DECAY, 1)
    found, missing = page.answers(load(root))
    assert found == []
    assert len(missing) == len(data.claims())
    text = page.page(load(root), Given([root]))
    assert "no setting has weight_decay 0.001 against none, complete and with a seed in common" in text
    assert "      frequency-reg study=spectral_evolution" in text


def test_missing_metrics_are_named(text: str) -> None:
    section = text.split("L2 loses accuracy under Gaussian noise\n")[1].split("\n## ")[0]
    assert "Not recorded here: accuracy gaussian_noise 0.15, accuracy gaussian_noise 0.2." in section
    assert "no setting has weight_decay above 0.001 against weight_decay 0.001, complete" in text


def test_a_claim_whose_metrics_are_not_recorded_is_not_measured(tmp_path: Path) -> None:
    root = write(tmp_path / "plain", ("none", "decay"), corruptions={})
    missing = {c.id: why for c, why in page.answers(load(root))[1]}
    assert missing["l2_noise"] == "the configurations are here, but not what the claim is about"


def test_deeper_layers(exported: pd.DataFrame) -> None:
    # Layers 0, 1, 2 have SSR (depth + 1) x 2 x suppression against epoch 1: deeper mean 2.5, all of it rising.
    found = row(exported, "l2_deeper", "mean over deeper layers dc/epoch_1")
    assert found["mean"] == pytest.approx(2.5 * 2 * 0.11)
    assert found["verdict"] == "supported"
    depth = row(exported, "l2_deeper", "rank correlation with depth dc/epoch_1")
    assert (depth["mean"], depth["verdict"]) == (pytest.approx(1.0), "cannot tell")  # equal in every seed: no test
    down = row(exported, "dropout_deeper", "rank correlation with depth dc/epoch_1")
    assert down["mean"] == pytest.approx(-1.0)


def test_masks(tmp_path: Path) -> None:
    # Share removed after 3 epochs in masked layers 1 .. 4 of 5: .15 (5 - d) / 5, from .12 to .03; n = 3.
    layers = ("a", "b", "c", "d", "e")
    for seed in range(3):
        write_run(tmp_path / "m" / f"{seed}", {"regularizer": "spectral_mask"}, seed, layers=layers)
    edit(
        tmp_path / "m" / "2", "regularizer", lambda f: f.assign(value=f["value"] * np.where(f["layer"] == "b", 1.1, 1))
    )
    frame = page.export(load(tmp_path / "m"))
    ends = row(frame, "masks_fall", "share removed, last minus first layer")
    last = 0.122 * 1.1 - 0.032  # of seed 2, whose shares are .002 higher and b's tenth more
    assert ends["mean"] == pytest.approx((-0.09 - 0.09 - last) / 3)
    assert ends["verdict"] == "supported"
    ranks = row(frame, "masks_fall", "share removed, rank correlation with depth")
    assert ranks["mean"] == pytest.approx(-1.0)
    assert ranks["published"] == -0.988


def test_the_whole_range_of_strengths(tmp_path: Path) -> None:
    clean = {0.0: (0.80, 0.81, 0.79), 1e-3: (0.84, 0.85, 0.83), 1e-2: (0.70, 0.714, 0.69)}
    for strength, values in clean.items():
        for seed, value in enumerate(values):
            choices = {**DECAY, "regularizer.weight_decay": strength}
            write_run(tmp_path / "s" / f"{strength}-{seed}", choices, seed, clean=value)
    frame = page.export(load(tmp_path / "s"))
    found = row(frame, "strong_decay", "clean_accuracy")
    assert found["comparison"] == "weight_decay 0.01 − weight_decay 0.001"
    assert found["mean"] == pytest.approx((-0.14 - 0.136 - 0.14) / 3)
    assert found["verdict"] == "supported"
    text = page.page(load(tmp_path / "s"), Given([tmp_path / "s"]))
    assert "| 0.001 | 3 | 84.00 ± 2.48 ▲ |" in text
    assert (
        "clean accuracy peaks at 0.001 by the mean, 13.87 points above the strongest (0.01); seed by seed: 0.001 in 3"
        in text
    )


def test_a_small_short_network_is_told_from_the_published_setting(text: str) -> None:
    assert "Not the published setting: model resnet20 instead of resnet18;" in text
    assert "epochs 3 instead of 50" in text
    assert "resnet20 on cifar10, 3 epochs, n = 3\\*" in text


# -- the page


def test_equal_records_give_an_equal_page_wherever_they_lie(folder: Path, text: str, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, copied)
    again = page.page(load(copied), Given([copied]))
    assert again == text
    assert str(tmp_path) not in again


def test_the_printed_commands_give_the_same_numbers(
    folder: Path,
    text: str,
    exported: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder.parent)
    for title, claim in (("Dropout suppresses", "dropout_suppresses"), ("L2 loses", "l2_noise")):
        section = text.split(f". {title}")[1].split("\n## ")[0]
        line = next(line for line in section.splitlines() if line.startswith("    python -m analysis compare"))
        assert main([*shlex.split(line)[3:], "--format", "csv"]) == 0
        given = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("metric")
        ours = exported[exported["claim"] == claim].set_index("definition")
        assert set(given.index) == set(ours.index)
        for column in ("mean", "low", "high", "n", "p", "p_holm"):
            assert given[column].to_dict() == pytest.approx(ours[column].to_dict(), nan_ok=True)


def test_the_printed_query_runs(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    line = next(line for line in text.splitlines() if line.startswith("    python -m analysis query"))
    assert main([*shlex.split(line)[3:], "--format", "csv"]) == 0
    values = pd.read_csv(io.StringIO(capsys.readouterr().out))
    some = values[
        (values["layer"] == "layer2.conv1") & (values["normalization"] == "dc") & (values["reference"] == "init")
    ]
    assert some.set_index(["configuration", "seed"])["value"]["dropout 0.5", 1] == pytest.approx(3 * 3 * 0.19)


def test_the_printed_query_has_the_pages_conditions(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["seed<=1"]
    text = page.page(filtered(load(folder), where), Given([folder], where))
    monkeypatch.chdir(folder.parent)
    line = next(line for line in text.splitlines() if line.startswith("    python -m analysis query"))
    assert main([*shlex.split(line)[3:], "--format", "csv"]) == 0
    assert set(pd.read_csv(io.StringIO(capsys.readouterr().out))["seed"]) == {0, 1}


def test_text_of_strangers_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    bad = "x|<img src=a>`y`\n## z"
    for name in ("none", "decay"):
        for seed in range(2):
            choices = {**CHOICES[name], "model": bad}
            layers = ("conv1", "<b>|`l`", "c")
            write_run(tmp_path / "s" / f"{name}-{seed}", choices, seed, clean=0.8 + 0.01 * seed, layers=layers)
    text = page.page(load(tmp_path / "s"), Given([tmp_path / "s"]))
    assert "<img" not in text
    assert "<b>" not in text
    assert "\n## z" not in text
    assert "x\\|&lt;img src=a&gt;\\`y\\` ## z on cifar10, 3 epochs" in text
    tables = [line for line in text.splitlines() if line.startswith("|") and "&lt;img" in line]
    assert tables
    assert {line.replace("\\|", "").count("|") for line in tables} == {9}  # of eight cells


# -- the command


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# Published claims beside our records\n")
    target = tmp_path / "FINDINGS.md"
    assert main(["claims", str(folder), "-o", str(target)]) == 0
    assert target.read_text() == printed
    assert main(["claims", str(folder), "--where", "seed=0,1", "-o", str(tmp_path / "c.csv")]) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    assert set(table["n"]) == {2}


def test_conditions_stand_in_the_commands(folder: Path) -> None:
    text = page.page(load(folder), Given([folder], ["seed=0,1"]))
    assert "python -m analysis claims three --where seed=0,1 -o FINDINGS.md" in text
    assert all("--where seed=0,1" in line for line in text.splitlines() if "analysis compare" in line)


def test_there_is_no_latex(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", str(folder), "--format", "latex"]) == 2
    assert "Use --format markdown, or csv for the numbers." in " ".join(capsys.readouterr().err.split())


def test_the_settings_nearest_the_published_one_are_shown(tmp_path: Path) -> None:
    for epochs in (50, 1, 2, 3, 4):
        for name in ("none", "decay"):
            choices = {**CHOICES[name], "epochs": epochs, "optimizer.lr": 0.1 if epochs == 50 else 0.2}
            write_run(tmp_path / "s" / f"{name}-{epochs}", choices, 0, layers=(), clean=0.8)
    found = [a for a in page.answers(load(tmp_path / "s"))[0] if a.claim.id == "accuracy_order"]
    assert found[0].setting.words == "resnet20 on cifar10, 50 epochs"
    assert [(a.number, a.more) for a in found] == [(found[0].number, 1)] * 4
    text = page.page(load(tmp_path / "s"), Given([tmp_path / "s"]))
    assert "Not shown are 1 more settings" in text
    assert text.count("### resnet20 on cifar10, 50 epochs") == len(
        {a.claim.id for a in page.answers(load(tmp_path / "s"))[0]}
    )


def test_published_ratios_give_the_published_suppression_to_about_a_per_cent(text: str) -> None:
    # (.289 - 1.563) / .289 = -4.408, (.346 - .825) / .346 = -1.384, (.795 - 2.057) / .795 = -1.587
    assert "From these H the two SSRs come out as -1.384 and -4.408" in text
    assert "From these H the two SSRs come out as -1.587 and -4.408" in text
    study = data.studies()["arXiv 2512.22192"]
    for published in study["rows"]:
        side = data.Side(published["regularizer"], published["strength"])
        found = suppression(study["high_to_dc"][side.label], "dc", "epoch_1")
        assert found == pytest.approx(published["values"]["ssr/first/dc/epoch_1"], rel=0.015)


def test_one_seed_of_every_strength_ranks_nothing(tmp_path: Path) -> None:
    for strength, value in {0.0: 0.80, 1e-3: 0.84, 1e-2: 0.70}.items():
        write_run(tmp_path / "s" / f"{strength}", {**DECAY, "regularizer.weight_decay": strength}, 0, clean=value)
    text = page.page(load(tmp_path / "s"), Given([tmp_path / "s"]))
    assert "| 0.001 | 1 | 84.00" in text
    assert "▲ |" not in text
    assert "peaks at" not in text
    assert "Some strengths have one seed: nothing is ranked." in text
