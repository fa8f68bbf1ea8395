"""When a probe is asked."""

import pytest

from frequency_reg.probe.layer_norms import LayerNorms


@pytest.mark.parametrize(
    ("every", "last", "expected"),
    [(3, None, [0, 3, 6]), (3, 7, [0, 3, 6, 7]), (3, 6, [0, 3, 6]), (1, 7, list(range(8))), (10, 7, [0, 7])],
)
def test_at_first_every_so_many_epochs_and_at_last(every, last, expected):
    probe = LayerNorms(every=every, start_seed=0)
    probe.last = last
    assert [epoch for epoch in range(8) if probe.due(epoch)] == expected
