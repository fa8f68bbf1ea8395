"""AutoAttack finds on a linear network exactly what is possible, leaves no trace, and says what it lacks."""

import importlib.util
import sys

import pytest
import torch

from frequency_reg.config import ConfigError
from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.auto_attack import PACKAGE, AutoAttack
from frequency_reg.diagnostic.pgd import PGD
from frequency_reg.run import run
from tests.diagnostic.linear import Linear, ask, table

installed = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="pip install 'frequency-reg[attacks]' to test auto_attack"
)
STRENGTH = {"linf": [1.0], "l2": [0.1], "images": None}


def four_classes(n=24):
    generator = torch.Generator().manual_seed(0)
    model = Linear(torch.randn(4, 1, 5, 5, generator=generator), torch.zeros(4))
    images = torch.randint(80, 176, (n, 1, 5, 5), generator=generator, dtype=torch.uint8)
    labels = model(images / 255).argmax(1)
    labels[:3] = (labels[:3] + 1) % 4  # some are wrong from the start
    return model, Split(images, labels.detach())


@installed
def test_accuracy_is_that_of_the_closed_form_in_both_norms():
    """An image (N,) stays right if no class k comes within eps ||w_y - w_k||_dual of its own."""
    model, split = four_classes()
    rows = table(AutoAttack(**STRENGTH, batch_size=24), ask(model, split), "attacks")
    assert [(row["norm"], row["eps"], row["steps"], row["restarts"]) for row in rows] == [
        ("linf", 0, 0, 0),
        ("l2", 0, 0, 0),
        ("linf", 1 / 255, 100, 1),
        ("l2", 0.1, 100, 1),
    ]
    logits, weight = model(split.images / 255).detach(), model.weight.detach().flatten(1)
    for row in rows:
        gaps = logits.gather(1, split.labels[:, None]) - logits
        reach = row["eps"] * (weight[split.labels][:, None] - weight[None]).norm(
            p=1 if row["norm"] == "linf" else 2, dim=2
        )
        own = torch.nn.functional.one_hot(split.labels, 4).bool()
        robust = ((gaps > reach) | own).all(1).double().mean()
        assert row["accuracy"] == pytest.approx(float(robust), abs=1e-9)
        assert (row["attack"], row["n"]) == ("auto_attack", 24)
    pgd = table(PGD(**STRENGTH, steps=20, step_factor=2.5, restarts=1), ask(model, split), "attacks")
    assert all(strong["accuracy"] <= weak["accuracy"] for weak, strong in zip(pgd, rows, strict=True))
    assert rows[2]["accuracy"] < rows[0]["accuracy"]


@installed
def test_images_found_are_in_the_ball_and_a_debuggers_tracer_stays():
    from frequency_reg.ball import Ball

    def tracer(*_):
        return None

    model, split = four_classes(30)
    before, random_state = sys.gettrace(), torch.get_rng_state()
    sys.settrace(tracer)
    try:
        found = AutoAttack(**STRENGTH, batch_size=30)._found(ask(model.eval(), split), split, Ball("linf", 1 / 255))
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer
    assert torch.equal(random_state, torch.get_rng_state())
    assert float((found - split.images / 255).abs().max()) <= 1 / 255 + 1e-6
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_a_missing_package_is_named_before_training(small, monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == PACKAGE else found(name, *more)
    )
    message = r"diagnostic=\[auto_attack\] needs the package pyautoattack; pip install 'frequency-reg\[attacks\]'"
    with pytest.raises(ConfigError, match=message):
        run(small("diagnostic=[auto_attack]", "name=refused"))
    assert not (tmp_path / "outputs" / "refused").exists()


@installed
def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match="needs at least 4 classes, the data set has 3; use pgd"):
        AutoAttack(**STRENGTH, batch_size=5).check((1, 8, 8), 3)


@installed
@pytest.mark.parametrize(("side", "fits"), [(4, False), (8, True), (14, False), (19, False), (28, True), (32, True)])
def test_image_sizes_that_its_square_attack_cannot_take_are_refused(side, fits):
    """Refused are exactly those on which the package itself fails."""
    package, pixels = importlib.import_module(PACKAGE), torch.full((2, 1, side, side), 0.5)
    model = Linear(torch.ones(4, 1, side, side), torch.arange(4.0).neg())
    attack = package.AutoAttack(model, norm="L2", eps=1e-6, seed=0)
    attack.square.n_queries = 1
    asked = AutoAttack(linf=[], l2=[0.5], batch_size=5, images=None)
    labels = torch.zeros(2, dtype=torch.int64)
    with torch.no_grad(), torch.random.fork_rng([]):
        if fits:
            attack.square.perturb(pixels, labels)
            asked.check((1, side, side), 4)
        else:
            with pytest.raises((RuntimeError, ZeroDivisionError)):
                attack.square.perturb(pixels, labels)
            with pytest.raises(ValueError, match=f"Square attack cannot begin on images of {side} x {side} pixels"):
                asked.check((1, side, side), 4)
