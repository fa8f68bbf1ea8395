"""What every regularizer must keep, for every YAML in conf/regularizer."""

import importlib
import typing
from functools import cache
from itertools import combinations

import pytest
import torch

from frequency_reg.config import instantiate, regularizer_parts
from frequency_reg.dataset.base import Split
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.base import Composition
from frequency_reg.run_id import flatten
from frequency_reg.train import Augmentation, train
from tests.contract.house import is_preset, node, variants

REGULARIZERS = [name for name in variants("regularizer") if not is_preset("regularizer", name)]
WITH_STRENGTH = [name for name in REGULARIZERS if name in node("regularizer", name)]
GREY = {"image_shape": (1, 8, 8), "num_classes": 4, "mean": (0.5,), "std": (0.25,)}


def trained(
    *names: str, epochs: int = 2, updates: int = 4, **changes
) -> tuple[torch.nn.Module, list[float], Composition]:
    """A tiny model trained for some epochs of so many updates under the regularizers of the given YAMLs, and losses."""
    merged = {"_target_": {}}
    for name in names:
        found = node("regularizer", name)
        merged = {**merged, **found, "_target_": {**merged["_target_"], **found["_target_"]}}
    merged.update(changes)
    regularizer = Composition({n: instantiate(part) for n, part in regularizer_parts(merged).items()})
    torch.manual_seed(0)
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", **GREY)
    torch.manual_seed(1)
    model = regularizer.prepare(model)
    generator = torch.Generator().manual_seed(9)
    images = torch.randint(0, 256, (8 * updates, 1, 8, 8), dtype=torch.uint8, generator=generator)
    results = train(
        model,
        Split(images, torch.arange(len(images)) % 4),
        regularizer=regularizer,
        optimizer=torch.optim.SGD(regularizer.parameter_groups(model), lr=0.05, momentum=0.9),
        schedule="constant",
        epochs=epochs,
        batch_size=8,
        augmentation=Augmentation(),
        seed=0,
    )
    return model, [result.loss for result in results], regularizer


@cache
def losses_of(name: str) -> tuple[float, ...]:
    """What a tiny model trained under the YAML of a regularizer loses; the same for every test that asks."""
    return tuple(trained(name)[1])


def flat_state(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.double().flatten() for value in model.state_dict().values()])


@pytest.mark.parametrize("name", REGULARIZERS)
def test_trains_and_repeats_bit_for_bit(name):
    first, losses, _ = trained(name)
    second, again, _ = trained(name)
    assert losses == again
    assert torch.equal(flat_state(first), flat_state(second))
    assert all(torch.isfinite(p).all() for p in first.parameters())


def alternatives() -> list[tuple[str, str, object]]:
    """Every value of every bool and Literal parameter that is not the YAML's."""
    found = []
    for name in REGULARIZERS:
        for key, value in node("regularizer", name).items():
            if key == "_target_":
                continue
            (part,) = regularizer_parts(node("regularizer", name)).values()
            module, _, attribute = part["_target_"].rpartition(".")
            hint = typing.get_type_hints(getattr(importlib.import_module(module), attribute).__init__)[key]
            choices = (True, False) if hint is bool else typing.get_args(hint)
            found += [(name, key, choice) for choice in choices if isinstance(value, bool | str) and choice != value]
    return found


@pytest.mark.parametrize(("name", "key", "choice"), alternatives())
def test_every_choice_of_a_parameter_trains_and_composes_with_all_others(name, key, choice):
    alone, losses, _ = trained(name, **{key: choice})
    assert torch.isfinite(flat_state(alone)).all()
    assert tuple(losses) != losses_of(name), f"{key}={choice} changes nothing"
    others = [other for other in REGULARIZERS if other != name]  # any two alone: see below
    model, _, regularizer = trained(name, *others, epochs=1, updates=2, **{key: choice})
    assert torch.isfinite(flat_state(model)).all()
    added = [p for n, p in model.named_parameters() if n.endswith("mask")]
    before = [p.detach().clone() for p in added]
    regularizer.after_step(model, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(added, before, strict=True)), "a mask was decayed"


@pytest.mark.parametrize("name", [name for name in REGULARIZERS if name != "none"])
def test_differs_from_none(name):
    assert losses_of(name) != losses_of("none")


@pytest.mark.parametrize("name", WITH_STRENGTH)
def test_strength_zero_equals_none_bit_for_bit(name):
    model, losses, _ = trained(name, **{name: 0.0})
    assert tuple(losses) == losses_of("none")
    assert torch.equal(flat_state(model), flat_state(trained("none")[0]))


@pytest.mark.parametrize("name", REGULARIZERS)
def test_initial_convolutions_are_those_of_none(name):
    """Compared runs share their initialisation: a regularizer may add parameters but not draw the weights anew."""
    torch.manual_seed(0)
    plain = ResNet20(width=2, kernel_size=3, shortcut="pad", **GREY)
    torch.manual_seed(0)
    prepared = ResNet20(width=2, kernel_size=3, shortcut="pad", **GREY)
    parts = regularizer_parts(node("regularizer", name))
    prepared = Composition({n: instantiate(p) for n, p in parts.items()}).prepare(prepared)
    assert torch.equal(plain.conv1.weight, prepared.get_parameter("conv1.weight"))
    assert torch.equal(plain.stages[0][0].conv1.weight, prepared.get_parameter("stages.0.0.conv1.weight"))


@pytest.mark.parametrize(("name", "other"), [*combinations(REGULARIZERS, 2)])
def test_any_two_compose_in_either_order(name, other):
    forwards, backwards = (trained(*both, epochs=1, updates=2) for both in ((name, other), (other, name)))
    assert torch.equal(flat_state(forwards[0]), flat_state(backwards[0]))
    parameters = [p for group in forwards[2].parameter_groups(forwards[0]) for p in group["params"]]
    assert len(parameters) == len(set(parameters)) == len(list(forwards[0].parameters()))


@pytest.mark.parametrize("name", REGULARIZERS)
def test_report_is_rows_of_numbers(name):
    model, _, regularizer = trained(name)
    for layer, quantity, value in regularizer.report(model):
        model.get_submodule(layer)
        assert isinstance(quantity, str)
        assert isinstance(value, float)


@pytest.mark.parametrize("name", REGULARIZERS)
def test_yaml_values_are_plain(name):
    assert all(isinstance(v, str | int | float | bool) for v in flatten(node("regularizer", name)).values())
