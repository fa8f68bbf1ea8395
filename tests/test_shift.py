"""Classes and images of one data set as a network of another sees them."""

from __future__ import annotations

import pickle

import pytest
import torch

from frequency_reg.config import ConfigError
from frequency_reg.dataset.base import Split
from frequency_reg.model.lenet import LeNet
from frequency_reg.regularizer.spectral_mask_per_class import SpectralMaskPerClass
from frequency_reg.shift import Shift, restricted, shared_classes, shown_split

IMAGES = torch.arange(4 * 3 * 2 * 2, dtype=torch.uint8).view(4, 3, 2, 2)
LENET = {"kernel_size": 3, "padding": 1, "width": 1.0}
LABELS = torch.tensor([0, 1, 2, 1])


def test_equal_names_are_paired_in_the_networks_order():
    assert shared_classes(("cat", "dog", "ship"), ("dog", "frog", "cat"), Shift()) == [(0, 2), (1, 0)]


def test_named_pairs_are_taken_as_they_are():
    assert shared_classes(("cat", "dog"), ("leopard", "wolf"), Shift(labels={"dog": "wolf"})) == [(1, 1)]


def test_named_pairs_are_in_the_networks_order_too():
    pairs = shared_classes(("cat", "dog"), ("leopard", "wolf"), Shift(labels={"dog": "wolf", "cat": "leopard"}))
    assert pairs == [(0, 0), (1, 1)]


def test_a_class_of_the_data_set_in_two_pairs_is_refused():
    """The images of a class have one label: the accuracy would count one of the pairs only."""
    with pytest.raises(ConfigError) as error:
        shared_classes(("cat", "dog"), ("leopard", "wolf"), Shift(labels={"cat": "wolf", "dog": "wolf"}))
    assert str(error.value) == (
        "--labels cat:wolf: the data set's class 'wolf' is given twice; a class belongs to one pair"
    )


@pytest.mark.parametrize("labels", [None, {"cat": "1"}])
def test_values_to_fit_are_shown_to_no_classifier(labels):
    with pytest.raises(ConfigError) as error:
        shared_classes(("cat", "dog"), (), Shift(labels=labels))
    assert str(error.value) == (
        "this data set has values to fit; only images with classes can be shown to a classifier, such as dataset=mnist"
    )


def test_nothing_in_common_and_unknown_names_are_explained():
    with pytest.raises(ConfigError, match=r"have no name in common; say which mean the same: --labels"):
        shared_classes(("cat",), ("leopard",), Shift())
    with pytest.raises(ConfigError, match=r"--labels cat:lion: 'lion' is none of the data set's classes: leopard"):
        shared_classes(("cat",), ("leopard",), Shift(labels={"cat": "lion"}))


def test_only_paired_classes_are_shown_and_renumbered():
    split = shown_split(Split(IMAGES, LABELS), [(5, 2), (3, 1)], (3, 2, 2), Shift())
    assert split.labels.tolist() == [1, 0, 1]
    assert torch.equal(split.images, IMAGES[1:])


def test_the_network_is_restricted_to_the_same_classes():
    logits = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    model = torch.nn.Sequential(torch.nn.Identity())
    names = [name for name, _ in model.named_modules()]
    with restricted(model, [3, 1]):
        assert model(logits).tolist() == [[4.0, 2.0]]
        assert [name for name, _ in model.named_modules()] == names
        pickle.dumps(model)
    assert model(logits).tolist() == logits.tolist()


def test_a_network_that_failed_is_whole_again():
    model = torch.nn.Identity()
    with pytest.raises(IndexError), restricted(model, [4]):
        model(torch.ones(1, 4))
    assert model(torch.ones(1, 4)).shape == (1, 4)


def test_the_classes_are_those_that_the_masks_of_each_class_leave():
    """The network's own hook, which makes (N, K) of (K N, K) logits, comes first."""
    model = LeNet(**LENET, image_shape=(1, 8, 8), num_classes=3, mean=(0.0,), std=(1.0,)).eval()
    masks = SpectralMaskPerClass(class_mask_shape="shared", class_mask_init_mean=0.5, class_mask_init_sd=0.1)
    model, images = masks.prepare(model), torch.rand(5, 1, 8, 8)
    whole = model(images)
    with restricted(model, [2, 0]):
        assert torch.equal(model(images), whole[:, [2, 0]])


def test_another_shape_must_be_asked_for():
    with pytest.raises(ConfigError, match=r"images \(1, 4, 4\), the data set's are \(3, 2, 2\).*add --resize"):
        shown_split(Split(IMAGES, LABELS), [(0, 0)], (1, 4, 4), Shift())


def test_resized_images_have_the_networks_shape_and_luma():
    colour = torch.tensor([100, 200, 50], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    split = shown_split(Split(colour, torch.tensor([0])), [(0, 0)], (1, 4, 4), Shift(resize=True))
    assert split.images.shape == (1, 1, 4, 4)
    assert set(split.images.unique().tolist()) == {round(0.299 * 100 + 0.587 * 200 + 0.114 * 50)}
    grey = torch.full((1, 1, 4, 4), 7, dtype=torch.uint8)
    assert shown_split(Split(grey, torch.tensor([0])), [(0, 0)], (3, 2, 2), Shift(resize=True)).images.tolist() == [
        [[[7, 7], [7, 7]]] * 3
    ]
