"""Norms of the residual networks: groups counted by hand, what each is blind to, and how regularizers see them."""

import pytest
import torch
from torch import nn

from frequency_reg.model.resnet import normalization
from frequency_reg.model.resnet18 import ResNet18
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.probe.kernel_spectrum import KernelSpectrum

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def resnet20(norm: str) -> ResNet20:
    torch.manual_seed(0)
    return ResNet20(width=16, kernel_size=3, shortcut="projection", norm=norm, **GREY)


@pytest.mark.parametrize(
    ("channels", "groups"),
    [(1, 1), (3, 1), (8, 1), (16, 2), (32, 4), (64, 8), (512, 64), (12, 1), (20, 2), (24, 3), (27, 3), (11, 1)],
)
def test_groups_by_hand(channels, groups):
    """The smallest size from 8 on that divides: 27 channels make 3 groups of 9, 20 make 2 of 10, 12 and 11 one."""
    assert normalization("group", channels).num_groups == groups


def test_group_norm_equals_its_definition():
    norm = normalization("group", 16)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(3, 16, 4, 4) * 5 + 2
    expected = torch.empty_like(x)
    for image in range(3):
        for start in (0, 8):
            group = x[image, start : start + 8]
            expected[image, start : start + 8] = (group - group.mean()) / (group.var(unbiased=False) + 1e-5).sqrt()
    expected = expected * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)
    assert torch.allclose(norm(x), expected, atol=1e-5)


@pytest.mark.parametrize(("model", "norms"), [(ResNet20, 21), (ResNet18, 20)])
def test_every_norm_is_the_chosen_one(model, norms):
    chosen = model(width=8, kernel_size=3, shortcut="projection", norm="group", **GREY)
    assert sum(isinstance(m, nn.GroupNorm) for m in chosen.modules()) == norms
    assert not [m for m in chosen.modules() if isinstance(m, nn.BatchNorm2d)]


def test_batch_is_the_default_and_both_norms_share_names_parameters_and_initialisation():
    torch.manual_seed(0)
    default = ResNet20(width=16, kernel_size=3, shortcut="projection", **GREY)
    batch, group = dict(resnet20("batch").named_parameters()), dict(resnet20("group").named_parameters())
    for other in (batch, dict(default.named_parameters())):
        assert list(other) == list(group)
        assert all(torch.equal(other[name], group[name]) for name in group)
    assert isinstance(default.bn1, nn.BatchNorm2d)


def test_images_of_a_training_batch_see_each_other_with_batch_norm_only():
    images = torch.rand(4, 1, 8, 8)
    for norm, alike in (("batch", False), ("group", True)):
        model = resnet20(norm).train()
        assert torch.allclose(model(images)[:2], model(images[:2]), atol=1e-4) is alike


def test_both_norms_undo_the_scale_of_a_layer_but_group_norm_not_that_of_one_filter():
    images = torch.rand(4, 1, 8, 8)
    for norm, blind_to_one in (("batch", True), ("group", False)):
        layer, one = resnet20(norm).train(), resnet20(norm).train()
        before = layer(images)
        with torch.no_grad():
            layer.stages[0][0].conv1.weight.mul_(3)
            one.stages[0][0].conv1.weight[0].mul_(3)
        assert torch.allclose(layer(images), before, atol=1e-2)
        assert torch.allclose(one(images), before, atol=1e-2) is blind_to_one


def test_no_gain_is_folded_from_a_group_norm():
    """Its gain depends on the image: there is no weight that it could be folded into."""
    model, probe = resnet20("group"), KernelSpectrum(null_draws=0, null_seed=0)
    model.train()(torch.rand(8, 1, 8, 8))
    for epoch in range(2):
        rows = [rows for table, rows in probe.measure(model, epoch) if table == "ssr" and rows["layer"] == "conv1"]
        found = list(zip(rows[0]["normalization"], rows[0]["value"], rows[0]["status"], strict=True))
        folded = [(value, status) for normalization, value, status in found if normalization == "absolute_folded"]
        assert set(folded) == {(None, "no_gain")}
        assert all(status == "ok" for normalization, _, status in found if normalization != "absolute_folded")
