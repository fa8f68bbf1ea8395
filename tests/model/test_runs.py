"""Every model in a whole run: bfloat16 and channels last, regularizers, an interruption, records."""

from pathlib import Path

import pytest

from frequency_reg import checkpoint, records
from frequency_reg.compose import make_plan
from frequency_reg.config import Config, ConfigError
from frequency_reg.records import content_digest
from frequency_reg.run import run
from frequency_reg.run_id import run_directory
from tests.conftest import SMALL
from tests.contract.house import variants

MODELS = {
    **{name: [f"model={name}"] for name in variants("model")},
    "resnet20 with group norm": ["model=resnet20", "model.norm=group"],
    "resnet20": ["model=resnet20", "model.width=4"],
    "resnet18": ["model=resnet18", "model.width=2", "model.kernel_size=5"],
    "resnet50": ["model=resnet50", "model.width=2", "model.norm=group"],
    "vit": ["model=vit", "model.width=16", "model.depth=2", "optimizer=adam"],
    "mlp": ["model=mlp", "model.hidden=[16]"],
    "lenet": ["model=lenet", "model.padding=2"],
}
RUN = [text for text in SMALL if not text.startswith("model")] + ["runtime.precision=bf16", "batch_size=512"]
COMPOSED = "regularizer=[dropout,gaussian_augmentation,weight_decay]"


def one(folder: Path, *overrides: str) -> Config:
    return make_plan([*RUN, *overrides, f"outputs={folder}"], multirun=False).runs[0]


@pytest.mark.parametrize("overrides", MODELS.values(), ids=MODELS)
def test_an_interrupted_run_under_several_regularizers_equals_a_whole_one(tmp_path, monkeypatch, overrides):
    whole = one(tmp_path / "whole", *overrides, COMPOSED)
    parts = one(tmp_path / "parts", *overrides, COMPOSED)
    assert run(whole).status == "complete"
    save = checkpoint.save

    def save_and_stop(directory, epoch, state):
        save(directory, epoch, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run(parts)
    monkeypatch.setattr(checkpoint, "save", save)
    assert run(parts).status == "complete"
    assert content_digest(run_directory(parts)) == content_digest(run_directory(whole))
    row = records.read(run_directory(whole))["run"].to_pylist()[0]
    assert row["provenance.precision"] == "bfloat16"
    assert row["config.regularizer"] == "dropout+gaussian_augmentation+weight_decay"


def test_the_transformer_s_embedding_is_recorded_and_masks_are_refused_before_the_run(tmp_path):
    outcome = run(one(tmp_path, *MODELS["vit"], "regularizer=weight_decay", "regularizer.decoupled=true"))
    tables = records.read(outcome.directory)
    assert {(r["layer"], r["kernel"]) for r in tables["spectra"].to_pylist()} == {("embedding", 4)}
    assert len(tables["ssr_null"]) == 4 * 2
    with pytest.raises(ConfigError, match="regularizer=spectral_mask: ViT has no block convolutions to mask"):
        run(one(tmp_path, *MODELS["vit"], "regularizer=spectral_mask"))
