"""What every probe must keep, for every YAML in conf/probe."""

import pytest
import torch

from frequency_reg import records
from frequency_reg.config import instantiate, regularizer_parts
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from tests.contract.house import node, variants

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def build(name):
    return instantiate(node("probe", name)[name])


def subject(probe):
    """A model and data that the probe can measure: images, with masks as some probes ask for, or else a function."""
    images = Split(torch.zeros(20, 1, 8, 8, dtype=torch.uint8), torch.arange(20) % 10)
    data = ImageData(images, images, images, tuple("0123456789"), (0.3,), (0.4,), "0" * 64)
    torch.manual_seed(0)
    model = LeNet(kernel_size=5, padding=2, width=1.0, **GREY)
    try:
        probe.prepare(data)
        (masks,) = regularizer_parts(node("regularizer", "spectral_mask")).values()
        model = instantiate(masks).prepare(model)
    except ValueError:
        data = instantiate(node("dataset", "sinusoids")).load()
        model = MLP(
            hidden=[8], activation="relu", image_shape=data.image_shape, num_classes=1, mean=data.mean, std=data.std
        )
        probe.prepare(data)
    return model


@pytest.mark.parametrize("name", variants("probe"))
def test_rows_fit_the_schemas_and_nothing_is_disturbed(name, tmp_path):
    probe = build(name)
    model = subject(probe).eval()
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    writer = records.RunWriter(tmp_path, "id", schemas=probe.schemas)
    writer.set_run({"status": "running"})
    tables = set()
    for epoch in range(2):
        for table, rows in probe.measure(model, epoch):
            writer.add(table, rows)
            tables.add(table)
    writer.publish()
    found = records.read(tmp_path)
    assert tables
    assert all(len(found[table]) for table in tables)
    assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())
    assert not model.training


@pytest.mark.parametrize("name", variants("probe"))
def test_the_untrained_and_the_finished_network_are_measured(name):
    probe = build(name)
    probe.last = 997
    assert probe.due(0)
    assert probe.due(997)


@pytest.mark.parametrize("name", variants("probe"))
def test_state_is_tensors_and_round_trips(name):
    first, second = build(name), build(name)
    model = subject(first)
    subject(second)
    list(first.measure(model, 0))
    state = first.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    second.load_state_dict(state)
    assert [str(r) for r in first.measure(model, 1)] == [str(r) for r in second.measure(model, 1)]
