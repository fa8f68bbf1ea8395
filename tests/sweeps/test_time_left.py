"""How long a sweep still takes: every expectation is worked out by hand."""

import pytest

from frequency_reg.presence import Sign
from sweeps.time_left import seconds_left

NOW = 1000.0


def sign(*, seconds, fraction, first=0.0):
    """A run that was taken up ``seconds`` ago."""
    return Sign("here", 1, NOW - seconds, epochs=10, fraction=fraction, first_fraction=first)


def left(ended=(), running=(), waiting=0, capacity=1):
    return seconds_left(ended=ended, running=running, waiting=waiting, capacity=capacity, now=NOW)


def test_nothing_to_do_takes_no_time():
    assert left() == 0
    assert left(ended=[5.0]) == 0


def test_waiting_runs_take_the_mean_of_those_that_ended():
    assert left(ended=[10, 30], waiting=3) == 60


def test_waiting_runs_share_the_places():
    # m = 10; two places: 3 runs end after 10, 10, 20.
    assert left(ended=[10], waiting=3, capacity=2) == 20


def test_a_running_run_goes_on_at_its_own_speed():
    # A quarter in 20 s: 60 s are left, though the others took 10 s.
    assert left(ended=[10], running=[(sign(seconds=20, fraction=0.25), 21)]) == 60


def test_a_resumed_run_is_timed_from_where_it_resumed():
    # 0.1 of the run in 5 s since it was taken up at 0.5; 0.4 is left: 20 s.
    assert left(running=[(sign(seconds=5, fraction=0.6, first=0.5), 6)]) == pytest.approx(20)


def test_waiting_runs_begin_where_a_run_ends_first():
    # Places free after 60 s and 5 s (m = 40, 35 s so far): the waiting three end at 45, 85 and, on the other, 100.
    running = [(sign(seconds=20, fraction=0.25), 20), (None, 35)]
    assert left(ended=[40], running=running, waiting=3, capacity=2) == 100


def test_a_run_beyond_the_mean_is_about_to_end():
    assert left(ended=[10], running=[(None, 25)]) == 0


def test_before_a_run_has_ended_the_running_ones_say_how_long_one_is():
    # Whole runs of 80 s and 40 s: m = 60. Left: 60, 20 and, without a speed, 60 - 10 = 50; one waits: 20 + 60 = 80.
    running = [
        (sign(seconds=20, fraction=0.25), 20),
        (sign(seconds=20, fraction=0.5), 20),
        (sign(seconds=9, fraction=0), 10),
    ]
    assert left(running=running, waiting=1, capacity=3) == 80


@pytest.mark.parametrize("running", [[], [(None, 5.0)], [(sign(seconds=5, fraction=0.0), 5.0)]])
def test_unknown_before_anything_has_a_speed(running):
    assert left(running=running, waiting=1) is None


def test_ten_thousand_waiting_runs_on_four_places():
    assert left(ended=[2.0], waiting=10_000, capacity=4) == 5000
