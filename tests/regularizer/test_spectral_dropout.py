"""Spectral dropout against scipy's DCT, its mask by hand, and its expectation."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.regularizer.feature_maps import transform
from frequency_reg.regularizer.spectral_dropout import DroppedCoefficients, SpectralDropout, cosine_matrix

DATA = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_coefficients_are_scipys():
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 5, 8)
    found = transform(maps, cosine_matrix(5), cosine_matrix(8))
    expected = dctn(maps.numpy(), type=2, norm="ortho", axes=(2, 3))
    assert np.allclose(found.numpy(), expected, atol=1e-5)


def test_a_step_is_mask_and_inverse_transform():
    layer = DroppedCoefficients(0.3, 0.5, (5, 8))
    maps = torch.randn(2, 3, 5, 8)
    torch.manual_seed(1)
    found = layer(maps)
    coefficients = dctn(maps.numpy().astype(float), type=2, norm="ortho", axes=(2, 3))
    torch.manual_seed(1)
    drawn = (torch.rand_like(transform(maps, cosine_matrix(5), cosine_matrix(8))) >= 0.3).numpy()
    rms = np.sqrt((coefficients**2).mean((2, 3), keepdims=True))
    kept = coefficients * drawn * (np.abs(coefficients) >= 0.5 * rms) / 0.7
    assert np.allclose(found.numpy(), idctn(kept, type=2, norm="ortho", axes=(2, 3)), atol=1e-5)


def test_threshold_by_hand():
    """Mean square (9 + 1 + 1 + 1) / 4 = 3: at tau = .6 the limit is 1.04, above 1; at .5 it is .87."""
    coefficients = torch.tensor([3.0, -1.0, 1.0, 1.0]).view(1, 1, 2, 2)
    torch.manual_seed(0)
    strong = DroppedCoefficients(1e-9, 0.6, (2, 2)).mask(coefficients).flatten().round().tolist()
    weak = DroppedCoefficients(1e-9, 0.5, (2, 2)).mask(coefficients).flatten().round().tolist()
    assert strong == [1, 0, 0, 0]
    assert weak == [1, 1, 1, 1]


def test_the_expectation_is_the_map_where_nothing_is_too_weak():
    torch.manual_seed(0)
    layer, one = DroppedCoefficients(0.25, 0.0, (4, 4)), torch.rand(1, 1, 4, 4)
    mean = layer(one.expand(20000, 1, 4, 4)).mean(0)
    # each pixel's variance is below p / (1 - p) times the largest coefficient's share
    deviation = (0.25 / 0.75 * float(one.square().sum()) / 20000) ** 0.5
    assert (mean - one[0]).abs().max() < 5 * deviation


def test_evaluation_leaves_maps_alone():
    maps = torch.randn(2, 3, 5, 8)
    assert DroppedCoefficients(0.3, 0.5, (5, 8)).eval()(maps) is maps


def test_stands_where_maps_are_and_adds_nothing_to_the_checkpoint():
    plain = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    keys = set(plain.state_dict())
    model = SpectralDropout(spectral_dropout=0.2, spectral_threshold=0.1).prepare(plain)
    sites = {name: tuple(m.rows.shape) for name, m in model.named_modules() if isinstance(m, DroppedCoefficients)}
    assert sites == {"between": (4, 4)}
    assert set(model.state_dict()) == keys


def test_zero_changes_no_module_whatever_the_threshold():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    SpectralDropout(spectral_dropout=0.0, spectral_threshold=5.0).prepare(model)
    assert isinstance(model.between, nn.Identity)


def test_vectors_are_no_maps():
    with pytest.raises(ValueError, match=r"regularizer=spectral_dropout: no feature maps \(C, H, W\) reach"):
        SpectralDropout(spectral_dropout=0.2, spectral_threshold=0.1).prepare(
            MLP(hidden=[4], activation="relu", **DATA)
        )
