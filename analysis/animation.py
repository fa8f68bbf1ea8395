"""Figures that move over training, as GIF and as MP4."""

from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from analysis.load import AnalysisError
from analysis.plot.base import Moving

DPI = 100
SECONDS = 0.45
"""How long one epoch is shown."""
HELD = 2.0
"""How long the last epoch is shown, in seconds."""


def gif(moving: Moving) -> bytes:
    """An animated GIF that repeats, one picture an epoch, with one palette throughout."""
    indexed = _indexed([_packed(pixels) for pixels in _pictures(moving)])
    milliseconds = [round(1000 * SECONDS)] * (len(indexed) - 1) + [round(1000 * HELD)]
    sink = io.BytesIO()
    indexed[0].save(sink, "GIF", save_all=True, append_images=indexed[1:], duration=milliseconds, loop=0, optimize=True)
    return sink.getvalue()


def _indexed(pictures: Sequence[np.ndarray]) -> list[Image.Image]:
    """Pictures in the 256 colours that are the most frequent ones of all of them, every other colour as the nearest.

    Figures have few colours: those of the colour map, and of ink on paper. A palette of averages would blur the scale.
    """
    found = [np.unique(picture, return_inverse=True, return_counts=True) for picture in pictures]
    colors, place = np.unique(np.concatenate([own for own, _, _ in found]), return_inverse=True)
    counts = np.bincount(place, weights=np.concatenate([n for _, _, n in found]))
    # Shades of the scale matter more than the greys at the edges of letters.
    gaudy = np.ptp(_channels(colors), axis=1) > 16
    palette = _channels(colors[np.argsort(-counts * np.where(gaudy, 20, 1), kind="stable")[:256]])
    images = []
    for picture, (own, inverse, _) in zip(pictures, found, strict=True):
        distance = ((_channels(own)[:, None] - palette[None]) ** 2).sum(axis=2)
        indices = distance.argmin(axis=1).astype(np.uint8)[inverse].reshape(picture.shape)
        image = Image.fromarray(indices)
        image.putpalette(palette.astype(np.uint8).tobytes())
        images.append(image)
    return images


def _channels(packed: np.ndarray) -> np.ndarray:
    """Red, green and blue of colours packed into one number each."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1)


def _packed(pixels: np.ndarray) -> np.ndarray:
    """Colours as one number each, every channel rounded to a multiple of 4: soft edges of ink need fewer greys so."""
    red, green, blue = np.minimum((np.moveaxis(pixels.astype(np.int64), -1, 0) + 2) // 4 * 4, 255)
    return np.asarray(red << 16 | green << 8 | blue)


def mp4(moving: Moving) -> bytes:
    """An MP4 film (H.264), one picture an epoch, the last one held.

    Raises:
        AnalysisError: there is no ffmpeg, or it fails.
    """
    program = ffmpeg()
    pictures = [_even(pixels) for pixels in _pictures(moving)]
    pictures += [pictures[-1]] * round(HELD / SECONDS - 1)
    height, width, _ = pictures[0].shape
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "film.mp4"
        command = [program, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
                   "-r", f"{1 / SECONDS:.4f}", "-i", "-", "-c:v", "libx264", "-threads", "1", "-crf", "18",
                   "-pix_fmt", "yuv420p", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1",
                   "-movflags", "+faststart", str(target)]  # fmt: skip
        done = subprocess.run(command, input=b"".join(p.tobytes() for p in pictures), capture_output=True, check=False)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise AnalysisError(f"ffmpeg could not write the film: {reason[0]}. Take --format gif instead.")
        return target.read_bytes()


def ffmpeg() -> str:
    """The program that writes films: the one on PATH, or that of the package imageio-ffmpeg.

    Raises:
        AnalysisError: there is neither.
    """
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        found = str(imageio_ffmpeg.get_ffmpeg_exe())
    if found is None:
        raise AnalysisError(
            "mp4 needs ffmpeg, and there is none on PATH. Install it with your system's packages or with "
            "pip install imageio-ffmpeg, or take --format gif."
        )
    return found


def _pictures(moving: Moving) -> Iterator[np.ndarray]:
    """Every step as pixels: uint8 of shape (height, width, 3)."""
    canvas = FigureCanvasAgg(moving.figure)
    dpi = moving.figure.get_dpi()
    engine = moving.figure.get_layout_engine()
    moving.figure.set_dpi(DPI)
    for step in moving.steps:
        moving.show(step)
        canvas.draw()  # type: ignore[no-untyped-call]
        moving.figure.set_layout_engine("none")  # laid out once: nothing may jump, and each picture is faster
        yield np.asarray(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]
    moving.figure.set_dpi(dpi)
    moving.figure.set_layout_engine(engine)


def _even(pixels: np.ndarray) -> np.ndarray:
    """Without the last row or column where their number is odd: the film's colours are stored in pairs of pixels."""
    height, width, _ = pixels.shape
    return np.ascontiguousarray(pixels[: height - height % 2, : width - width % 2])
