"""Images found on one linear network hurt another by what their weights have in common; a run names its source."""

import shutil
from dataclasses import replace

import pytest
import torch

from frequency_reg import records
from frequency_reg.config import ConfigError
from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.base import Source
from frequency_reg.diagnostic.transfer import Transfer
from frequency_reg.evaluate_command import main
from frequency_reg.run import run
from frequency_reg.run_id import identity
from frequency_reg.stored import weights_digest
from tests.diagnostic.linear import ask, table, two_classes


def transfer(**changes):
    settings = {"source": "there", "linf": [4.0], "l2": [0.2], "steps": 40, "step_factor": 10.0, "restarts": 1}
    return Transfer(**{**settings, "images": None, **changes})


def test_accuracies_are_those_of_the_closed_form():
    """PGD takes margin m = y w . x of the source v down by eps v . d(v), and of the model w by eps w . d(v).

    d(v) is sign(v) in the L-infinity norm and v / ||v|| in the L2 norm.
    """
    generator = torch.Generator().manual_seed(0)
    weight, other = torch.randn(2, 1, 4, 4, generator=generator)
    other += 0.5 * weight
    images = torch.randint(80, 176, (300, 1, 4, 4), generator=generator, dtype=torch.uint8)
    scores, others = ((images.float() / 255 * each).sum((1, 2, 3)) for each in (weight, other))
    labels = (scores + 0.1 * torch.randn(300, generator=generator) > 0).long()
    sign = 2 * labels - 1
    source = Source(two_classes(other, 0.0), "another run", "its weights")
    asked = replace(ask(two_classes(weight, 0.0), Split(images, labels)), sources={"there": source})
    rows = table(transfer(), asked, "transfer")
    assert [(row["norm"], row["eps"], row["steps"], row["restarts"]) for row in rows] == [
        ("linf", 0, 0, 0),
        ("l2", 0, 0, 0),
        ("linf", 4 / 255, 40, 1),
        ("l2", 0.2, 40, 1),
    ]
    for row in rows:
        assert (row["source_run"], row["source_weights"], row["n"]) == ("another run", "its weights", 300)
        toward, straight = (each.sign() if row["norm"] == "linf" else each / each.norm() for each in (other, weight))
        left = sign * scores - row["eps"] * float((weight * toward).sum())
        direct = sign * scores - row["eps"] * float((weight * straight).sum())
        on_source = sign * others - row["eps"] * float((other * toward).sum())
        for name, margin in (("accuracy", left), ("direct_accuracy", direct), ("source_accuracy", on_source)):
            assert row[name] == pytest.approx(float((margin > 0).double().mean()), abs=0.005), name
    assert rows[2]["direct_accuracy"] < rows[2]["accuracy"] < rows[0]["accuracy"]


def test_loss_is_that_of_the_shown_network():
    images, labels = torch.full((4, 1, 2, 2), 128, dtype=torch.uint8), torch.ones(4, dtype=torch.int64)
    weight, other = torch.tensor([[[1.0, -2.0], [3.0, 0.5]]]), torch.tensor([[[1.0, 1.0], [1.0, -1.0]]])
    source = Source(two_classes(other, 0.0), "a", "b")
    asked = replace(ask(two_classes(weight, 0.0), Split(images, labels)), sources={"there": source})
    row = table(transfer(linf=[8.0], l2=[]), asked, "transfer")[-1]
    margin = 128 / 255 * 2.5 - 8 / 255 * (1 - 2 + 3 - 0.5)  # PGD on the source goes along -sign(1, 1, 1, -1)
    assert row["loss"] == pytest.approx(float(torch.nn.functional.softplus(torch.tensor(-margin))), rel=1e-4)
    straight = 128 / 255 * 2.5 - 8 / 255 * 6.5
    assert row["direct_loss"] == pytest.approx(float(torch.nn.functional.softplus(torch.tensor(-straight))), rel=1e-4)


# --- in a run --------------------------------------------------------------------------------------------------------

CHEAP = ["linf=[8.0]", "l2=[]", "steps=3", "restarts=1", "images=40"]


def chosen(source, *, name="transfer"):
    cheap = [f"diagnostic.transfer.{text}" for text in CHEAP] if name == "transfer" else []
    return [f"diagnostic=[{name}]", *cheap, f"diagnostic.{name}.source={source}"]


@pytest.fixture
def source(small):
    return run(small("name=sources", "seed=7", "epochs=1")).directory


def test_a_run_records_its_source_by_run_id_and_weights(small, source):
    outcome = run(small(*chosen(source)))
    assert outcome.status == "complete", outcome.detail
    tables, theirs = records.read(outcome.directory), records.read(source)["run"].to_pylist()[0]
    rows, own = tables["transfer"].to_pylist(), tables["run"].to_pylist()[0]
    state = torch.load(next(source.glob("checkpoint-*.pt")), weights_only=True)["model"]
    digest = weights_digest(_Holder(state))
    assert {(row["source_run"], row["source_weights"]) for row in rows} == {(theirs["run_id"], digest)}
    assert own["config.diagnostic.transfer.source"] == theirs["run_id"]
    folder = str(source.parents[1])
    assert not [key for row in (own, *rows) for key, value in row.items() if folder in str(value)]
    clean = rows[0]
    assert (clean["eps"], clean["n"]) == (0, 40)


class _Holder:
    def __init__(self, state):
        self._state = state

    def state_dict(self):
        return self._state


def test_training_is_the_same_with_and_without_a_source(small, source):
    plain, with_source = (run(small("name=n", *more)).directory for more in ([], chosen(source)))
    assert plain != with_source
    measured = ["epoch", "train_loss", "validation_loss"]
    tables = [records.read(folder)["epochs"].select(measured).to_pylist() for folder in (plain, with_source)]
    assert tables[0] == tables[1]


def test_the_identity_has_the_sources_run_and_not_its_folder(small, source, tmp_path):
    copy = tmp_path / "else where" / "copy=1"
    shutil.copytree(source, copy)
    other = run(small("name=sources", "seed=8", "epochs=1")).directory
    assert identity(small(*chosen(source))) == identity(small(*chosen(f'"{copy}"')))
    assert identity(small(*chosen(source))) != identity(small(*chosen(other)))
    masking = "diagnostic=[gradient_masking]"
    assert identity(small(masking)) == identity(small(masking, "diagnostic.gradient_masking.source=null"))
    assert _flat(small(masking))["diagnostic.gradient_masking.source"] is None
    assert identity(small(masking)) != identity(small(*chosen(source, name="gradient_masking")))


def _flat(config):
    from frequency_reg.run_id import flat_config

    return flat_config(config)


def test_a_source_that_does_not_suit_is_refused_before_anything_is_made(small, source, tmp_path):
    bands = run(small("name=bands", "dataset=bands", "dataset.n_train=200", "dataset.n_test=50", "epochs=1",
                      "dataset.validation_size=20")).directory  # fmt: skip
    cases = {
        "null": "diagnostic.transfer.source=null: on whose network .* another trained run of the same data set",
        str(
            tmp_path / "nowhere"
        ): r"diagnostic.transfer.source: .*nowhere: no run.parquet that can be read; give a run",
        str(bands): r"diagnostic.transfer.source=.*: it was trained on images of 1 x 32 x 32 \(C, H, W\) in 10 classes "
        r"\(.*\), this network sees images of 1 x 8 x 8 \(C, H, W\) in 10 classes \(0, 1, 2, ...\); give a run",
    }
    for folder, message in cases.items():
        with pytest.raises(ConfigError, match=message):
            run(small("name=refused", *chosen(folder)))
    with pytest.raises(ConfigError, match=r"this is the very network that is asked .*; give a run with another seed"):
        run(small("name=refused", "seed=7", "epochs=1", *chosen(source)))
    assert not (tmp_path / "outputs" / "refused").exists()


def test_evaluate_asks_a_source_and_refuses_the_run_itself(small, source, capsys):
    trained = run(small("name=s")).directory
    outputs = [f"outputs={trained.parents[1]}", "runtime.threads=1", "corruption=[]"]
    assert main([str(trained), *outputs, *chosen(source)]) == 0
    (folder,) = (path.parent for path in (trained.parents[1] / "s-evaluation").glob("*/run.parquet"))
    rows = records.read(folder)["transfer"].to_pylist()
    theirs = records.read(source)["run"].to_pylist()[0]["run_id"]
    assert {row["source_run"] for row in rows} == {theirs}
    assert main([str(trained), *outputs, *chosen(source)]) == 0
    assert "was there already" in capsys.readouterr().out
    assert main([str(trained), *outputs, "name=itself", *chosen(trained)]) == 2
    assert "error: diagnostic.transfer.source=" in (said := capsys.readouterr().err)
    assert "this is the very network that is asked" in said
    assert not (trained.parents[1] / "itself").exists()


def test_evaluate_with_classes_in_another_order_asks_the_source_in_the_same_order(small, source):
    trained = run(small("name=s")).directory
    shown = ["dataset=bands", "dataset.n_train=100", "dataset.n_test=60", "dataset.validation_size=20", "--resize"]
    labels = ["--labels", ",".join(f"{digit}:pattern {(digit + 3) % 10}" for digit in range(10))]
    outputs = [f"outputs={trained.parents[1]}", "runtime.threads=1", "corruption=[]", "name=shift"]
    assert main([str(trained), *outputs, *shown, *labels, *chosen(source), "diagnostic.transfer.images=null"]) == 0
    assert main([str(source), *outputs[:3], "name=alone", *shown, *labels]) == 0
    clean = [_evaluated(trained.parents[1] / name)["run"]["clean_accuracy"].to_pylist() for name in ("shift", "alone")]
    row = _evaluated(trained.parents[1] / "shift")["transfer"].to_pylist()[0]
    assert (row["eps"], row["n"]) == (0, 60)
    assert [[row["accuracy"]], [row["source_accuracy"]]] == clean


def _evaluated(sweep):
    (folder,) = (path.parent for path in sweep.glob("*/run.parquet"))
    return records.read(folder)
