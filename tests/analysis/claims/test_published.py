"""Published differences, as printed and by arithmetic from what is printed."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.claims.claim import Side, claims, studies
from analysis.claims.measured import sign
from analysis.claims.published import difference
from analysis.claims.verdict import own_counts


@pytest.mark.parametrize(
    ("treated", "definition", "published", "computed"),
    [
        ("weight_decay", "ssr/first/dc/epoch_1", -1.397 + 4.463, False),
        ("weight_decay", "ssr/first/dc/init", (2 - 0.825) / 2 - (2 - 1.563) / 2, True),  # .59 - .22
        ("dropout", "ssr/first/dc/init", (2 - 2.057) / 2 - (2 - 1.563) / 2, True),  # -.03 - .22: the other sign
        # total: H / (1 + H): .795/1.795 = .44290, 2.057/3.057 = .67288; .289/1.289 = .22420, 1.563/2.563 = .60983
        ("dropout", "ssr/first/total/epoch_1", (0.44290 - 0.67288) / 0.44290 - (0.22420 - 0.60983) / 0.22420, True),
        # energy against init: 8/9; 4 x 2.057 / 9.228 = .89164, 4 x 1.563 / 7.252 = .86211
        ("dropout", "ssr/first/energy/init", (0.86211 - 0.89164) * 9 / 8, True),
        ("weight_decay", "drop/resize/24", (0.9446 - 0.8227) - (0.9203 - 0.7596), True),
        ("weight_decay", "relative_robustness/gaussian_noise/0.05", 0.6873 / 0.9446 - 0.7693 / 0.9203, True),
    ],
)
def test_published_differences(treated: str, definition: str, published: float, computed: bool) -> None:
    study = studies()["arXiv 2512.22192"]
    side = Side(treated, {"weight_decay": 1e-3, "dropout": 0.5}[treated])
    found = difference(study, side, Side("none"), definition)
    assert found[0] == pytest.approx(published, abs=2e-4)
    assert found[1] == computed


@pytest.mark.parametrize(
    ("claim", "definition", "published"),
    [
        ("masks_accuracy", "clean_accuracy", 0.683 - 0.6041),
        ("masks_and_augmentation", "clean_accuracy", 0.698 - 0.7623),
        ("masks_robust", "accuracy/impulse_noise", 0.57344 - 0.50436),
        ("masks_robust", "relative_robustness/fog", 0.86752 / 0.9406 - 0.8514 / 0.935),
    ],
)
def test_published_differences_of_masks(claim: str, definition: str, published: float) -> None:
    (found,) = [each for each in claims() if each.id == claim]
    ((treated, baseline),) = found.comparisons
    value, _ = difference(studies()[found.study], treated, baseline, definition)
    assert value == pytest.approx(published)


def test_nothing_is_published_of_other_layers_and_strengths() -> None:
    study = studies()["arXiv 2512.22192"]
    none = Side("none")
    assert difference(study, Side("dropout", 0.5), none, "ssr/last/dc/init")[0] is None
    assert difference(study, Side("dropout", 0.1), none, "clean_accuracy")[0] is None


def test_more_than_6_points_under_blur_is_not_in_the_blur_table() -> None:
    claim = next(c for c in claims() if c.id == "l2_blur")
    study = studies()[claim.study]
    sides = claim.comparisons[0]
    frame = pd.DataFrame({"definition": claim.metrics, "sign": [sign(claim, d) for d in claim.metrics]})
    frame["published"] = [difference(study, *sides, d)[0] for d in frame["definition"]]
    places = dict(zip(frame["definition"], own_counts(frame, claim.more_than), strict=False))
    assert places["accuracy/gaussian_blur/3"] == "short"
    assert {places[f"accuracy/gaussian_blur/{k}"] for k in (5, 7, 9, 11)} == {"opposite"}
    assert (places["accuracy/resize/24"], places["accuracy/resize/20"]) == ("bears", "bears")
