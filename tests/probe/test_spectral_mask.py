"""Maps of learned masks: against counts by hand, the regularizer's own share, and a run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from frequency_reg import records
from frequency_reg.compose import make_plan
from frequency_reg.model.lenet import LeNet
from frequency_reg.probe.spectral_mask import SpectralMaskMaps, maps
from frequency_reg.regularizer.spectral_mask import MaskedConv2d, SpectralMask
from frequency_reg.run import run
from tests.conftest import SMALL

OPTIONS = {"mask_values": "binary", "mask_gradient": "binary", "random_drop": 0.0}
GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_kept_and_mean_of_two_channels_by_hand():
    layer = MaskedConv2d(
        nn.Conv2d(1, 2, 1), (3, 4), mask_shape="per_channel", convolution="circular", **OPTIONS
    )  # half plane: 3 x 3
    with torch.no_grad():
        layer.mask.fill_(1.0)
        layer.mask[0, 0, 1] = 0.2
        layer.mask[1, 1, 0] = 0.4  # its conjugate (2, 0) goes with it
        layer.mask[1, 2, 1] = 0.0
        layer.mask[0, 2, 1] = 0.0
    found = maps(layer)
    assert (found["height"], found["width"], found["masks"]) == (3, 4, 2)
    assert list(zip(found["fy"], found["fx"], strict=True)) == [(fy, fx) for fy in (0, 1, -1) for fx in (0, 1, 2)]
    assert found["kept"] == [1, 0.5, 1, 0.5, 1, 1, 0.5, 0, 1]
    assert found["mean"] == pytest.approx([1, 0.6, 1, 0.7, 1, 1, 0.7, 0, 1])


@pytest.mark.parametrize("convolution", ["linear", "circular"])
def test_the_mean_over_the_plane_is_the_share_kept(convolution):
    torch.manual_seed(0)
    regularizer = SpectralMask(mask_shape="per_channel", convolution=convolution, init_mean=0.5, init_sd=0.3, **OPTIONS)
    model = regularizer.prepare(LeNet(kernel_size=5, padding=2, width=1.0, **GREY))
    share = {layer: value for layer, quantity, value in regularizer.report(model) if quantity == "share_kept"}
    for table, rows in SpectralMaskMaps(every=1).measure(model, 0):
        assert table == "mask"
        width = rows["width"]
        counts = [1 if fx == 0 or 2 * fx == width else 2 for fx in rows["fx"]]
        total = sum(c * kept for c, kept in zip(counts, rows["kept"], strict=True))
        assert total / (rows["height"] * width) == pytest.approx(share.pop(rows["layer"]))
    assert not share


def test_only_some_epochs_and_only_masked_models_have_rows():
    plain = LeNet(kernel_size=5, padding=2, width=1.0, **GREY)
    masked = SpectralMask(mask_shape="shared", convolution="linear", init_mean=0.8, init_sd=0.2, **OPTIONS).prepare(
        LeNet(kernel_size=5, padding=2, width=1.0, **GREY)
    )
    probe = SpectralMaskMaps(every=3)
    assert not list(probe.measure(plain, 0))
    assert len(list(probe.measure(masked, 3))) == 2
    assert {rows["masks"] for _, rows in probe.measure(masked, 0)} == {1}


def test_a_run_records_them(tmp_path):
    plain = [text for text in SMALL if not text.startswith(("probe.", "corruption", "model"))]
    chosen = [
        "regularizer=spectral_mask",
        "probe=[spectral_mask]",
        "probe.spectral_mask.every=2",
        "corruption=[]",
        "epochs=3",
    ]
    network = ["model=lenet", "model.padding=2", f"outputs={tmp_path}"]
    table = records.read(run(make_plan([*plain, *chosen, *network], multirun=False).runs[0]).directory)["mask"]
    table = table.to_pandas()
    assert sorted(set(table["epoch"])) == [0, 2, 3]
    assert table.groupby("layer")["height"].first().to_dict() == {"conv1": 12, "conv2": 8}
    assert table.groupby("layer")["depth"].first().to_dict() == {"conv1": 0, "conv2": 1}
    assert len(table) == 3 * (12 * 7 + 8 * 5)
