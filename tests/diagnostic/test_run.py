"""Diagnostics in a run: chosen, checked, recorded, part of its identity."""

import pytest

from frequency_reg import records
from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError
from frequency_reg.diagnostic.pgd import PGD
from frequency_reg.experiment import build_diagnostics
from frequency_reg.run import run
from frequency_reg.run_id import config_columns, identity

CHOSEN = [
    "diagnostic=[fgsm,pgd,path_frequency,fourier_heat_map]",
    "diagnostic.fgsm.images=50",
    "diagnostic.pgd.images=20",
    "diagnostic.pgd.steps=3",
    "diagnostic.path_frequency.paths=5",
    "diagnostic.fourier_heat_map.images=20",
    "diagnostic.fourier_heat_map.layers=true",
    "evaluation.splits=[test,validation]",
]


def config_of(*overrides):
    return make_plan(list(overrides), multirun=False).runs[0]


def test_a_run_records_its_diagnostics_on_every_split(small):
    config = small(*CHOSEN)
    outcome = run(config)
    assert outcome.status == "complete", outcome.detail
    tables = records.read(outcome.directory)
    assert not tables.damaged
    for table in ("attacks", "path_frequency", "fourier_heat_map", "fourier_activation_map"):
        assert set(tables[table]["split"].to_pylist()) == {"test", "validation"}
    attacks = tables["attacks"].to_pylist()
    assert {row["attack"] for row in attacks} == {"fgsm", "pgd"}
    # 5 rows of fgsm, 2 + 4 + 3 of pgd, twice
    assert len(attacks) == 28
    assert len(tables["fourier_heat_map"]) == 2 * 34
    clean = [row for row in attacks if row["eps"] == 0 and row["attack"] == "fgsm"]
    assert [row["n"] for row in clean] == [50, 50]
    assert {"config.diagnostic.pgd.steps": 3}.items() <= tables["run"].to_pylist()[0].items()


def test_the_heat_map_and_attacks_start_from_the_clean_accuracy_of_the_run(small):
    outcome = run(small("diagnostic=[fgsm]"))
    tables = records.read(outcome.directory)
    clean = next(row for row in tables["attacks"].to_pylist() if row["eps"] == 0)
    row = tables["run"].to_pylist()[0]
    assert clean["accuracy"] == row["clean_accuracy"]
    assert clean["loss"] == pytest.approx(row["clean_loss"], rel=1e-6)


def test_an_evaluation_that_failed_midway_is_done_anew(small, monkeypatch):
    config = small("diagnostic=[fgsm,pgd]", "diagnostic.pgd.images=5", "diagnostic.pgd.steps=2")

    def fail(*_):
        raise RuntimeError("no such luck")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(PGD, "rows", fail)
        assert run(config).status == "failed"
    outcome = run(config)
    assert outcome.status == "complete"
    attacks = records.read(outcome.directory)["attacks"].to_pylist()
    assert [row["attack"] for row in attacks] == ["fgsm"] * 5 + ["pgd"] * 9  # the first 5 of fgsm are not there twice


def test_equal_runs_have_equal_records(small, tmp_path):
    digests = set()
    for folder in ("a", "b"):
        outcome = run(small(*CHOSEN, f"outputs={tmp_path}/{folder}", "epochs=1"))
        digests.add(records.content_digest(outcome.directory))
    assert len(digests) == 1


def test_diagnostics_belong_to_the_identity_and_none_leaves_it_as_it_was():
    plain, chosen = config_of(), config_of("diagnostic=[pgd]")
    assert (
        len({identity(plain), identity(chosen), identity(config_of("diagnostic=[pgd]", "diagnostic.pgd.steps=7"))}) == 3
    )
    assert [value for key, value in config_columns(plain).items() if "diagnostic" in key] == ["{}"]
    before = {key: value for key, value in plain.as_dict().items() if key != "diagnostic"}

    class Before:
        def as_dict(self):
            return before

    assert identity(Before()) == identity(plain)  # what records from before the group existed were named by


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["diagnostic=[pgdd]"], "diagnostic=pgdd: no such option; the options of diagnostic are .*; did you mean pgd"),
        (["diagnostic=[pgd]", "diagnostic.pgd.step=3"], "diagnostic.pgd.step: unknown key; .*; did you mean steps"),
        (
            ["diagnostic=[pgd]", "diagnostic.pgd.steps=0"],
            "diagnostic.pgd.steps=0: input should be greater than or equal",
        ),
        (["diagnostic=[band_importance]", "diagnostic.band_importance.energy=x"], "'power' or 'magnitude'"),
        (["diagnostic.pgd.steps=3"], r"diagnostic.pgd.steps: unknown key; it comes with diagnostic=\[pgd\]"),
    ],
)
def test_a_bad_choice_says_what_is_valid(overrides, message):
    with pytest.raises(ConfigError, match=message):
        config_of(*overrides)


def test_images_that_do_not_suit_are_refused_before_training(small):
    config = small("diagnostic=[band_importance]", "diagnostic.band_importance.bands=15")
    with pytest.raises(ConfigError, match="bands=15: 8 x 8 images have only 14 radii; choose at most 14"):
        run(config)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("pgd", ["linf=[]", "l2=[]"], "diagnostic.pgd.linf=.*nothing to attack"),
        ("pgd", ["linf=[300]"], "diagnostic.pgd.linf: eps 300 is wider"),
        ("pgd", ["l2=[128]"], "diagnostic.pgd.l2: eps 128 is wider .* 8 from black to white"),
        ("fgsm", ["linf=[300]"], "diagnostic.fgsm.linf: eps 300 is wider"),
        ("transfer", ["linf=[]", "l2=[]"], "diagnostic.transfer.linf=.*nothing to attack"),
        ("transfer", ["linf=[300]"], "diagnostic.transfer.linf: eps 300 is wider"),
        ("auto_attack", ["linf=[]", "l2=[]"], "diagnostic.auto_attack.linf=.*nothing to attack"),
        ("auto_attack", ["linf=[300]"], "diagnostic.auto_attack.linf: eps 300 is wider"),
        ("gradient_masking", ["eps=300"], "diagnostic.gradient_masking.eps: eps 300 is wider"),
        ("gradient_masking", ["linf=[8,300]"], "diagnostic.gradient_masking.linf: eps 300 is wider"),
    ],
)
def test_attacks_in_no_ball_or_beyond_all_images_are_refused(name, overrides, message):
    config = config_of(f"diagnostic=[{name}]", *(f"diagnostic.{name}.{text}" for text in overrides))
    with pytest.raises(ConfigError, match=message):
        build_diagnostics(config, (1, 8, 8), 10)
