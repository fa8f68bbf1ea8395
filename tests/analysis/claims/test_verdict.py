"""The rule of the verdicts, and the sentences over them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.claims.verdict import synthesis, verdicts, whole


@pytest.mark.parametrize(
    ("sign", "mean", "low", "high", "n", "p_holm", "verdict"),
    [
        (1, 0.5, 0.4, 0.6, 3, 0.049, "supported"),
        (1, 0.5, 0.4, 0.6, 3, 0.050, "cannot tell, leans for"),
        (1, -0.5, -0.6, -0.4, 3, 0.01, "contradicted"),
        (-1, -0.5, -0.6, -0.4, 3, 0.01, "supported"),
        (-1, 0.5, 0.4, 0.6, 3, 0.2, "cannot tell, leans against"),
        (1, 0.5, -0.1, 1.1, 3, 0.9, "cannot tell"),
        (1, 0.5, 0.5, 0.5, 3, np.nan, "cannot tell, leans for"),  # no spread: no test
        (1, 0.5, np.nan, np.nan, 1, np.nan, "cannot tell (n = 1)"),
        (0, 0.5, 0.4, 0.6, 3, 0.01, "rises with depth"),
        (0, -0.5, -0.6, -0.4, 3, 0.01, "falls with depth"),
        (0, 0.5, 0.4, 0.6, 3, 0.2, "cannot tell"),
    ],
)
def test_the_verdict(sign: int, mean: float, low: float, high: float, n: int, p_holm: float, verdict: str) -> None:
    frame = pd.DataFrame({"sign": [sign], "mean": mean, "low": low, "high": high, "n": n, "p_holm": p_holm})
    assert verdicts(frame).tolist() == [verdict]


def judged(*words: str, can_reach: bool = True) -> pd.DataFrame:
    names = [f"accuracy resize {i}" for i in range(len(words))]
    return pd.DataFrame({"name": names, "verdict": words, "sign": 1, "can_reach": can_reach})


def test_one_sentence_says_where_a_claim_survives_and_fails() -> None:
    frame = judged("supported", "supported", "contradicted", "cannot tell", "cannot tell, leans against")
    assert synthesis(frame, "here") == (
        "In this setting (here), of 5 definitions, the claim survives under 2 (accuracy resize 0, 1); it fails under 1 "
        "(accuracy resize 2); it cannot be told under 2; of these 1 leans against it (accuracy resize 4)."
    )
    assert synthesis(judged("cannot tell", "cannot tell (n = 1)"), "here") == (
        "In this setting (here) it cannot be told under any of 2 definitions."
    )
    assert synthesis(judged("supported", can_reach=False), "here").endswith(
        "What survives or fails does so only if differences are normal."
    )


def test_an_order_holds_only_where_every_comparison_does() -> None:
    frame = pd.DataFrame(
        {
            "definition": ["a", "a", "b", "b", "c", "c"],
            "verdict": ["supported", "supported", "supported", "contradicted", "supported", "cannot tell"],
            "claimed": True,
            "sign": 1,
            "can_reach": True,
        }
    )
    assert whole(frame)["verdict"].tolist() == ["supported", "contradicted", "cannot tell"]
