"""Drop path: the linear rule, whole branches, their expectation, and evaluation without it."""

import pytest
import torch

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.model.vit import ViT
from frequency_reg.regularizer.drop_path import DropPath, DroppedBranch

DATA = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_the_probability_rises_by_equal_parts_to_that_of_the_last_branch():
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA)
    model = DropPath(drop_path=0.45, drop_path_unit="image").prepare(model)
    found = [m.probability for m in model.modules() if isinstance(m, DroppedBranch)]
    assert found == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45])


def test_a_transformer_has_two_branches_a_block():
    model = ViT(patch=4, depth=2, width=8, heads=2, mlp_ratio=2.0, **DATA)
    model = DropPath(drop_path=0.4, drop_path_unit="image").prepare(model)
    found = {name: m.probability for name, m in model.named_modules() if isinstance(m, DroppedBranch)}
    names = ["blocks.0.branch1", "blocks.0.branch2", "blocks.1.branch1", "blocks.1.branch2"]
    assert found == pytest.approx(dict(zip(names, [0.1, 0.2, 0.3, 0.4], strict=True)))


def test_images_lose_the_whole_branch_or_keep_it_scaled():
    torch.manual_seed(0)
    x = torch.rand(4000, 2, 3) + 1
    ratio = (DroppedBranch(0.25, "image")(x) / x).flatten(1)
    kept = ratio[:, 0] > 0
    assert torch.allclose(ratio, torch.where(kept, 4 / 3, 0.0)[:, None].expand(-1, 6))
    assert kept.float().mean().item() == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 4000) ** 0.5)


def test_a_batch_shares_one_draw():
    torch.manual_seed(0)
    branch, x = DroppedBranch(0.5, "batch"), torch.ones(3, 2, 2, 2)
    outcomes = [branch(x).unique().tolist() for _ in range(200)]
    assert {tuple(values) for values in outcomes} == {(0.0,), (2.0,)}
    assert 70 < sum(values == [2.0] for values in outcomes) < 130


def test_evaluation_keeps_every_branch():
    torch.manual_seed(0)
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA).eval()
    images = torch.rand(4, 1, 8, 8)
    plain = model(images)
    assert torch.equal(DropPath(drop_path=0.9, drop_path_unit="image").prepare(model)(images), plain)


def test_a_model_without_branches_is_refused():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    with pytest.raises(ValueError, match="regularizer=drop_path: LeNet names no residual_branches to drop; choose a"):
        DropPath(drop_path=0.5, drop_path_unit="image").prepare(model)
