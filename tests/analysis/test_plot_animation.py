"""Moving figures as GIF and MP4."""

from __future__ import annotations

import io
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis import animation
from analysis.load import AnalysisError
from analysis.plot.base import Moving


def colored(steps: int = 3, size: tuple[float, float] = (2.0, 1.01)) -> Moving:
    """A figure that is red, then green, then blue."""
    figure = Figure(figsize=size)

    def show(step: int) -> None:
        figure.set_facecolor(["#ff0000", "#00ff00", "#0000ff"][step % 3])

    return Moving(figure, range(steps), show)


def test_a_gif_has_a_picture_for_each_step_and_holds_the_last() -> None:
    content = animation.gif(colored())
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (200, 101)
    colors, durations = [], []
    for i in range(picture.n_frames):
        picture.seek(i)
        colors.append(picture.convert("RGB").getpixel((5, 5)))
        durations.append(picture.info["duration"])
    assert colors == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert durations == [450, 450, 2000]
    assert picture.info["loop"] == 0
    assert content == animation.gif(colored())


def test_more_colours_than_a_gif_has_become_the_nearest() -> None:
    ramp = np.arange(4096, dtype=np.int64).reshape(64, 64) * 4096
    often = np.full((64, 64), 0xFF0000)
    first, second = animation._indexed([ramp, often])
    assert first.mode == "P"
    assert second.convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    assert len(set(np.asarray(first).ravel().tolist())) == 256


def test_a_film_has_even_sides_and_its_length() -> None:
    pytest.importorskip("imageio_ffmpeg")
    content = animation.mp4(colored())
    assert content[4:8] == b"ftyp"
    told = subprocess.run([animation.ffmpeg(), "-i", "-"], input=content, capture_output=True, check=False).stderr
    assert b"h264" in told
    assert b"200x100" in told
    # Two pictures of .45 s and four for the last one: 2.7 s.
    assert b"Duration: 00:00:02.7" in told
    assert content == animation.mp4(colored())


def test_without_ffmpeg_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(AnalysisError, match=r"mp4 needs ffmpeg.*pip install imageio-ffmpeg.*--format gif"):
        animation.mp4(colored())


def test_a_failing_ffmpeg_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\ncat > /dev/null\necho 'no such codec' >&2\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("shutil.which", lambda _: str(fake))
    with pytest.raises(AnalysisError, match=r"ffmpeg could not write the film: no such codec. Take --format gif"):
        animation.mp4(colored())
