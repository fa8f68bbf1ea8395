"""Class activation maps: the map of Zhou et al. from the read-out's weights, Grad-CAM by hand, the image itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from frequency_reg.dataset.base import Split, as_values
from frequency_reg.diagnostic.base import Question
from frequency_reg.diagnostic.class_activation_map import ClassActivationMap, evidence
from frequency_reg.model.base import Model
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.spectral_mask_per_class import SpectralMaskPerClass

FACTS = {"image_shape": (3, 16, 16), "num_classes": 5, "mean": (0.5,) * 3, "std": (0.3,) * 3}


def question(model: nn.Module, shape=(3, 16, 16)) -> Question:
    images = torch.randint(0, 256, (6, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Question(model.eval(), Split(images, torch.arange(6) % 5), "test", 4, torch.float32, 0)


def test_in_a_network_with_mean_pooling_it_is_the_map_of_the_read_outs_weights():
    torch.manual_seed(0)
    model = ResNet20(width=4, kernel_size=3, shortcut="pad", norm="batch", **FACTS)
    asked = question(model)
    pixels, classes = as_values(asked.split.images[:4]), torch.tensor([3, 0, 1, 3])
    layer, found = evidence(asked, pixels, classes)
    with torch.no_grad():
        x = torch.relu(model.bn1(model.conv1((pixels - 0.5) / 0.3)))
        for stage in model.stages:
            x = stage(x)
        expected = torch.einsum("nk,nkyx->nyx", model.readout.weight[classes], x)
        logits = model(pixels).gather(1, classes[:, None])[:, 0]
    assert layer == "stages.2"
    assert found.shape == (4, 4, 4)
    assert torch.allclose(found, expected.double(), rtol=1e-4, atol=1e-5)
    assert torch.allclose(found.mean((1, 2)) + model.readout.bias[classes], logits.double(), rtol=1e-4, atol=1e-5)


class Weighted(Model):
    """Logits are sums of the rectified image times one plane of weights a class: gradients are the weights."""

    def __init__(self) -> None:
        super().__init__(image_shape=(2, 2, 3), num_classes=2, mean=(0.0, 0.0), std=(1.0, 1.0))
        self.relu = nn.ReLU()
        self.planes = torch.arange(24.0).view(2, 2, 2, 3) - 9

    def logits(self, x):
        return torch.einsum("nkyx,ckyx->nc", self.relu(x), self.planes)


def test_elsewhere_the_weights_of_the_channels_are_mean_gradients():
    pixels = torch.rand(2, 2, 2, 3, generator=torch.Generator().manual_seed(0))
    layer, found = evidence(question(Weighted(), (2, 2, 3)), pixels, torch.tensor([0, 1]))
    assert layer == "relu"
    for image in range(2):
        planes = [sum(range(12 * image + 6 * k, 12 * image + 6 * k + 6)) - 54 for k in range(2)]  # 6 places x mean
        for y in range(2):
            for x in range(3):
                by_hand = sum(planes[k] * float(pixels[image, k, y, x]) for k in range(2))
                assert float(found[image, y, x]) == pytest.approx(by_hand, abs=1e-4)


def test_rows_say_which_image_class_and_place_and_the_images_are_there():
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", norm="batch", **FACTS)
    asked = question(model)
    tables = list(ClassActivationMap(images=6).measure(asked))
    maps = [rows for table, rows in tables if table == "class_activation_map"]
    label, prediction = maps
    assert (label["of"], prediction["of"], label["layer"]) == ("label", "prediction", "stages.2")
    assert label["image"][:: 4 * 4] == prediction["image"][:: 4 * 4] == list(range(6))
    assert label["class_index"][:: 4 * 4] == [0, 1, 2, 3, 4, 0]
    assert label["y"][:6] == [0, 0, 0, 0, 1, 1]
    assert label["x"][:6] == [0, 1, 2, 3, 0, 1]
    with torch.no_grad():
        predicted = model(as_values(asked.split.images)).argmax(1)
    assert prediction["class_index"][::16] == predicted.tolist()
    assert label["correct"][::16] == (predicted == asked.split.labels).tolist()
    (pixels,) = [rows for table, rows in tables if table == "class_activation_image"]
    place = 5 * 3 * 16 * 16 + 2 * 16 * 16 + 5 * 16 + 7  # last image, third channel
    assert [pixels[name][place] for name in ("image", "channel", "y", "x")] == [5, 2, 5, 7]
    assert pixels["pixel"][place] == pytest.approx(int(asked.split.images[5, 2, 5, 7]) / 255)


def test_a_network_without_feature_maps_shows_the_image_itself():
    layer, found = evidence(
        question(MLP(hidden=[4], activation="relu", **FACTS)), torch.rand(1, 3, 16, 16), torch.tensor([2])
    )
    assert (layer, found.shape) == ("input", (1, 16, 16))


def test_a_network_that_passes_an_image_once_for_each_class_gives_the_map_of_the_asked_class_s_pass():
    torch.manual_seed(0)
    options = {"class_mask_shape": "per_channel", "class_mask_init_mean": 0.5, "class_mask_init_sd": 0.3}
    model = ResNet20(width=4, kernel_size=3, shortcut="pad", norm="batch", **FACTS)
    asked = question(SpectralMaskPerClass(**options).prepare(model))
    pixels, classes = as_values(asked.split.images[:3]), torch.tensor([3, 0, 1])
    _, found = evidence(asked, pixels, classes)
    assert found.shape == (3, 4, 4)
    with torch.no_grad():
        logits = asked.model(pixels).gather(1, classes[:, None])[:, 0]
    assert torch.allclose(found.mean((1, 2)) + model.readout.bias[classes], logits.double(), rtol=1e-4, atol=1e-4)
