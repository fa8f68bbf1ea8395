"""What every model must keep, for every YAML in conf/model."""

import pytest
import torch
from torch import nn

from frequency_reg.config import instantiate
from tests.contract.house import node, variants

MODELS = variants("model")


def build(name, shape=(3, 32, 32), **changes):
    torch.manual_seed(0)
    data = {"image_shape": shape, "num_classes": 7, "mean": (0.4,) * shape[0], "std": (0.25,) * shape[0]}
    parameters = {"width": 4} if "resnet" in name else {}
    return instantiate({**node("model", name), **parameters}, **{**data, **changes})


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 40, 32)])
def test_logits_have_one_column_a_class_at_any_image_shape(name, shape):
    model = build(name, shape)
    assert model(torch.rand(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("name", MODELS)
def test_normalisation_is_inside(name):
    plain = build(name, mean=(0.0,) * 3, std=(1.0,) * 3).eval()
    normalising = build(name, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.2)).eval()
    images = torch.rand(4, 3, 32, 32)
    by_hand = (images - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor([0.5, 0.25, 0.2]).view(3, 1, 1)
    assert torch.allclose(normalising(images), plain(by_hand), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_images_of_a_batch_do_not_see_each_other_in_evaluation(name):
    model = build(name).eval()
    images = torch.rand(3, 3, 32, 32)
    assert torch.allclose(model(images)[1:], model(images[1:]), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_initialisation_is_a_function_of_the_seed(name):
    first, second = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_dropout_sites_are_identities_and_block_convolutions_are_convolutions(name):
    model = build(name)
    assert model.dropout_sites
    assert all(isinstance(model.get_submodule(site), nn.Identity) for site in model.dropout_sites)
    assert all(isinstance(model.get_submodule(site), nn.Conv2d) for site in model.block_convolutions)


@pytest.mark.parametrize("name", MODELS)
def test_without_its_residual_branches_a_model_still_shows_its_shortcuts(name):
    """What stands at a branch's end decides all that the branch adds: the input still gets through if that is 0."""
    model = build(name).eval()
    images = torch.rand(2, 3, 32, 32)
    before = model(images)
    for site in model.residual_branches:
        branch = model.get_submodule(site)
        assert isinstance(branch, nn.Identity)
        branch.register_forward_hook(lambda _module, _inputs, output: 0 * output)
    cut = model(images)
    assert torch.equal(before, cut) == (not model.residual_branches)
    assert not torch.equal(cut[0], cut[1])


@pytest.mark.parametrize("name", MODELS)
def test_convolutions_keep_torch_default_initialisation(name):
    """The null of the SSR draws ``reset_parameters`` again; a model that initialises otherwise would falsify it."""
    model = build(name)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            bound = (module.in_channels * module.kernel_size[0] * module.kernel_size[1]) ** -0.5
            assert float(module.weight.detach().abs().max()) <= bound
            assert float(module.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.25)


@pytest.mark.parametrize("name", MODELS)
def test_wrong_moments_are_refused(name):
    with pytest.raises(Exception, match="expected 3 means and positive stds, one a channel"):
        build(name, mean=(0.5,), std=(0.5,))
