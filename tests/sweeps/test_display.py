"""What a sweep shows: bars that fit the terminal, lines that stay, a summary now and then in a log."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console

from frequency_reg.presence import Sign
from sweeps import display
from sweeps.display import Bars, Lines, clip, frame, summary
from sweeps.engine import Running, Snapshot

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_000_000.0


@pytest.fixture(autouse=True)
def _clock_stands_still(monkeypatch):
    monkeypatch.setattr(display.time, "time", lambda: NOW)


def running(name, *, fraction=None, seconds=100.0, epochs=10):
    """A run taken up ``seconds`` ago, or one that has not said anything yet."""
    if fraction is None:
        return Running(name, None, seconds)
    return Running(name, Sign("here", 1, NOW - seconds, int(fraction * epochs), epochs, fraction), seconds)


def snapshot(*, counts=None, runs=(), waiting=0, total=100, run_seconds=(), capacity=2):
    return Snapshot(total, counts or {}, 0, tuple(runs), waiting, capacity, 500.0, tuple(run_seconds))


def drawn(shot, width, height):
    """The frame as text, one string a row."""
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(frame(shot, width=width, height=height))
    return console.file.getvalue().splitlines()


FIVE = [running(f"digits-resnet20-weight_decay=0.001-seed={i}-d2f1c9a{i}", fraction=0.5) for i in range(5)]
# 37 runs of 100 s; five are half way after 100 s: 100 s left each, and 58 wait for 5 places: 12 rounds.
# 100 + 12 x 100 = 1300 s = 21 min 40 s.
MANY = snapshot(
    counts={"complete": 33, "failed": 2, "killed": 2}, runs=FIVE, waiting=58, run_seconds=[100.0], capacity=5
)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 10), (200, 50), (30, 5), (10, 3)])
def test_the_frame_is_never_wider_nor_higher_than_the_terminal(width, height):
    rows = drawn(MANY, width, height)
    assert max(map(len, rows)) < width
    assert len(rows) < height


def test_a_frame_of_80_columns():
    first, *rows = drawn(MANY, 80, 24)
    assert re.fullmatch(r"37/100 runs  done 33 failed 2 killed 2  ━+╸? +21 min 40 s left", first.rstrip())
    assert len(rows) == 5
    for i, row in enumerate(rows):
        assert re.fullmatch(rf"  digits-resnet20-weight_decay=0.001-seed={i}  ━+╸? +5/10   50%   1 min 40 s", row)


def test_a_frame_of_60_columns_and_10_rows():
    first, *rows = drawn(MANY, 60, 10)
    assert re.fullmatch("37/100 runs  done 33 failed 2 killed 2 +21 min 40 s left", first)
    assert [re.search(r"seed=\d", row)[0] for row in rows] == [f"seed={i}" for i in range(5)]
    assert all(re.search(r"━.* 5/10   50%   1 min 40 s", row) for row in rows)


def test_runs_that_find_no_room_are_counted():
    rows = drawn(MANY, 80, 6)  # a row stays free above and one for the cursor: the sweep's, two runs', the count
    assert [row.split()[0] for row in rows[:1]] == ["37/100"]
    assert [re.search(r"seed=(\d)", row)[1] for row in rows[1:3]] == ["0", "1"]
    assert rows[3:] == ["  +3 more"]


def test_rows_keep_the_order_in_which_the_runs_were_started():
    names = ["zebra", "ape", "mole"]
    rows = drawn(snapshot(runs=[running(name, fraction=0.1) for name in names]), 80, 24)
    assert [row.split()[0] for row in rows[1:]] == names


def test_a_run_says_that_it_starts_and_that_it_evaluates():
    rows = drawn(snapshot(runs=[running("a"), running("b", fraction=0.0), running("c", fraction=1.0)]), 80, 24)
    assert rows[1].split() == ["a", "starting"]
    assert rows[2].split() == ["b", "0/10", "0%"]
    assert rows[3].split()[-3:] == ["10/10", "100%", "evaluating"]


def test_the_time_left_may_be_unknown_yet():
    assert drawn(snapshot(runs=[running("a")], waiting=99), 80, 24)[0].endswith("  time left unknown yet")


def test_names_that_differ_in_the_identity_alone_show_it():
    same = [running(f"digits-seed=0-{digits}", fraction=0.5) for digits in ("00000000", "11111111")]
    assert [row.split()[0] for row in drawn(snapshot(runs=same), 80, 24)[1:]] == [run.name for run in same]
    assert drawn(snapshot(runs=same[:1]), 80, 24)[1].split()[0] == "digits-seed=0"


def test_a_clipped_name_keeps_its_end():
    assert clip("digits-resnet20-dropout-seed=0-1234abcd", 39) == "digits-resnet20-dropout-seed=0-1234abcd"
    assert clip("digits-resnet20-dropout-seed=0-1234abcd", 27) == "digits...ut-seed=0-1234abcd"
    assert [len(clip("abcdefghij", width)) for width in range(11)] == list(range(11))


# --- lines -----------------------------------------------------------------------------------------------------------


def test_the_summary_in_words():
    # Mean 10 s; the running one needs 185 s at its speed; nothing waits.
    run = running("a", fraction=0.5, seconds=185.0)
    shot = snapshot(counts={"complete": 10, "failed": 1}, runs=[run], total=12, run_seconds=[10.0], capacity=1)
    assert summary(shot) == "11/12 runs: 10 complete, 1 failed; 1 running; 3 min 5 s left"
    assert summary(snapshot(waiting=100)) == "0/100 runs; 0 running; time left unknown yet"


def test_lines_at_once_and_a_summary_every_thirty_seconds():
    now = [0.0]
    sink = io.StringIO()
    lines = Lines(sink, seconds_between=30, clock=lambda: now[0])
    shot = snapshot(waiting=100)
    for now[0] in (0.2, 15.0, 29.9):
        lines.update(shot)
    lines.line("[1/3] complete a")
    for now[0] in (30.1, 30.4, 59.0, 60.2):
        lines.update(shot)
    lines.close()
    assert sink.getvalue().splitlines() == ["[1/3] complete a", summary(shot), summary(shot)]


@pytest.mark.parametrize(("style", "shown"), [("auto", 2), ("lines", 2), ("none", 1)])
def test_styles_outside_of_a_terminal(style, shown, capsys, monkeypatch):
    monkeypatch.setattr(display, "_SECONDS_BETWEEN_LINES", 0.0)
    made = display.make(style)
    made.line("complete [a]")
    made.update(snapshot(waiting=100))
    made.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["complete [a]", summary(snapshot(waiting=100))][:shown]


# --- a terminal ------------------------------------------------------------------------------------------------------


def test_bars_are_drawn_at_most_four_times_a_second():
    now = [0.0]
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True)
    bars = Bars(console, clock=lambda: now[0])
    for now[0] in [i / 100 for i in range(200)]:
        bars.update(MANY)
    assert console.file.getvalue().count("37/100") == 8
    bars.close()


IN_A_TERMINAL = """
import fcntl, struct, termios
from sweeps import display
from tests.sweeps.test_display import MANY, NOW
display._SECONDS_BETWEEN_FRAMES = 0
display.time.time = lambda: NOW
shown = display.make("auto")
shown.update(MANY)
shown.line("[ 1/100] complete one")
shown.update(MANY)
print("printed by somebody else")
shown.line("[ 2/100] failed   two  " + "why " * 30 + "[end]")
fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
shown.update(MANY)
shown.line("[ 3/100] complete three")
shown.update(MANY)
shown.close()
print("afterwards")
"""


def in_a_terminal(script, *, width, height):
    """Everything that a script writes to a terminal of that size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen([sys.executable, "-c", script], stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    written = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(master)
    assert process.wait() == 0, written.decode()
    return written.decode()


def screen(text):
    """What is left on an endless screen: cursor up, erase line, carriage return and newline are all that is used."""
    rows, y, x = [""], 0, 0
    for token in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|.", text, flags=re.DOTALL):
        if token == "\n":
            y += 1
            rows += [""] * (y + 1 - len(rows))
        elif token == "\r":
            x = 0
        elif token == "\x1b[1A":
            y -= 1
        elif token == "\x1b[2K":
            rows[y] = ""
        elif not token.startswith("\x1b"):
            rows[y] = rows[y][:x].ljust(x) + token + rows[y][x + 1 :]
            x += 1
        else:
            assert re.fullmatch(r"\x1b\[(\?25[lh]|[0-9;]*m)", token), repr(token)
    return [row.rstrip() for row in rows if row.strip()]


def test_in_a_terminal_the_lines_stay_and_the_bars_go():
    written = in_a_terminal(IN_A_TERMINAL, width=80, height=24)
    assert screen(written) == [
        "[ 1/100] complete one",
        "printed by somebody else",
        "[ 2/100] failed   two  " + "why " * 30 + "[end]",
        "[ 3/100] complete three",
        "afterwards",
    ]
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1, "the cursor is hidden and shown again"


def test_in_a_terminal_the_bars_are_as_wide_as_it_is_now():
    written = in_a_terminal(IN_A_TERMINAL, width=80, height=24)
    plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", written)
    bars = [len(row.rstrip()) for row in re.split(r"[\r\n]+", plain) if row.startswith("37/100")]
    assert bars[0] == 79
    assert max(bars[-2:]) < 60
