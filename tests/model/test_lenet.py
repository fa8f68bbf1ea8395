"""LeNet: parameters of the original layout, and images that are too small for it."""

import pytest
import torch

from frequency_reg.model.lenet import LeNet

COLOUR = {"image_shape": (3, 32, 32), "num_classes": 10, "mean": (0.5,) * 3, "std": (0.25,) * 3}


def test_parameters_by_hand():
    model = LeNet(kernel_size=5, padding=0, width=1.0, **COLOUR)
    convolutions = (3 * 25 * 6 + 6) + (6 * 25 * 16 + 16)
    dense = (16 * 5 * 5 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10)
    assert sum(p.numel() for p in model.parameters()) == convolutions + dense


def test_width_scales_the_layers():
    model = LeNet(kernel_size=3, padding=1, width=2.0, **COLOUR)
    assert (model.conv1.out_channels, model.conv2.out_channels, model.fc1.out_features) == (12, 32, 240)
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_too_small_images_name_the_key_and_the_way_out():
    small = {**COLOUR, "image_shape": (3, 8, 8)}
    with pytest.raises(ValueError, match=r"model.padding=0: 8 x 8 images are too small.*model.padding=2 keeps"):
        LeNet(kernel_size=5, padding=0, width=1.0, **small)
    assert LeNet(kernel_size=5, padding=2, width=1.0, **small)(torch.rand(2, 3, 8, 8)).shape == (2, 10)


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match=r"model\.kernel_size=4: must be odd"):
        LeNet(kernel_size=4, padding=0, width=1.0, **COLOUR)


def test_what_mends_too_small_images_is_no_padding_that_was_given():
    facts = {"num_classes": 2, "mean": (0.3,), "std": (0.4,)}
    with pytest.raises(ValueError, match=r"model\.padding=0: 8 x 8 images are too small .* model\.padding=2 keeps"):
        LeNet(kernel_size=5, padding=0, width=1.0, image_shape=(1, 8, 8), **facts)
    with pytest.raises(
        ValueError, match=r"model\.padding=2: 3 x 3 images are too small .* needs 4 x 4 pixels at least"
    ):
        LeNet(kernel_size=5, padding=2, width=1.0, image_shape=(1, 3, 3), **facts)
