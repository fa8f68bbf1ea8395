from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from frequency_reg.corruption import frost as module
from frequency_reg.corruption.frost import Frost, album, photographs
from tests.corruption.real_images import cifar10_images

IMAGE, FROST = [1.0, 1.0, 0.9, 0.85, 0.75], [0.2, 0.3, 0.4, 0.4, 0.45]


@pytest.fixture
def files() -> list[Path]:
    """The five photographs on disk; skips where the package is not installed."""
    try:
        found = {path.name: Path(str(path.locate())) for path in metadata.files("imagecorruptions") or []}
    except metadata.PackageNotFoundError:
        pytest.skip("imagecorruptions is not installed: no photographs of frost")
    return [found[f"frost{i}.{'png' if i < 4 else 'jpg'}"] for i in range(1, 6)]


def frost(**changes: object) -> Frost:
    return Frost(**{"image": IMAGE, "frost": FROST, "photo_scale": 0.2, "relative_to": 32.0, **changes})  # type: ignore[arg-type]


def test_photographs_at_a_fifth_are_every_fifth_pixel(files: list[Path]) -> None:
    found = album(0.2, coloured=True)
    for file, start, (height, width) in zip(files, found.starts.tolist(), found.sizes.tolist(), strict=True):
        pixels = np.asarray(Image.open(file).convert("RGB"))[2::5, 2::5]
        assert pixels.shape == (height, width, 3)
        ours = found.pixels[:, start : start + height * width].reshape(3, height, width).permute(1, 2, 0)
        np.testing.assert_allclose(ours.numpy() * 255, pixels, atol=2e-3)


def test_photographs_equal_opencv_at_a_fifth(files: list[Path]) -> None:
    cv2 = pytest.importorskip("cv2")
    found = album(0.2, coloured=True)
    theirs = [cv2.resize(cv2.imread(str(file)), (0, 0), fx=0.2, fy=0.2)[..., ::-1] for file in files]
    assert [image.shape[:2] for image in theirs] == [tuple(size) for size in found.sizes.tolist()]
    flat = np.concatenate([image.reshape(-1, 3) for image in theirs])
    assert np.abs(found.pixels.T.numpy() * 255 - flat).mean() < 0.5  # two builds of libjpeg


def test_black_images_show_crops_of_every_photograph(files: list[Path]) -> None:
    shown = frost()(torch.zeros(300, 3, 32, 32), 1, torch.Generator().manual_seed(2)).permute(0, 2, 3, 1).numpy()
    draws = torch.rand(300, 3, generator=torch.Generator().manual_seed(2)).tolist()
    pixels = [np.asarray(Image.open(file).convert("RGB"))[2::5, 2::5] / 255 for file in files]
    counts = np.zeros(5)
    for image, (a, b, c) in zip(shown, draws, strict=True):
        photograph = pixels[int(5 * a)]
        top, left = int(b * (len(photograph) - 32)), int(c * (photograph.shape[1] - 32))
        np.testing.assert_allclose(image, 0.2 * photograph[top : top + 32, left : left + 32], atol=1e-5)
        counts[int(5 * a)] += 1
    assert counts.min() > 60 - 4 * (300 * 0.2 * 0.8) ** 0.5


@pytest.mark.usefixtures("files")
def test_weights_by_hand_and_clipping() -> None:
    black, grey, white = (torch.full((8, 3, 16, 16), value) for value in (0.0, 0.5, 1.0))
    ice, frosted, light = (frost()(x, 3, torch.Generator().manual_seed(2)) for x in (black, grey, white))
    torch.testing.assert_close(frosted, 0.9 * 0.5 + ice)
    torch.testing.assert_close(light, (0.9 + ice).clamp(max=1))
    assert light.max() == 1


@pytest.mark.usefixtures("files")
def test_grey_images_get_luma() -> None:
    rgb = frost()(torch.zeros(4, 3, 28, 28), 2, torch.Generator().manual_seed(2))
    grey = frost()(torch.zeros(4, 1, 28, 28), 2, torch.Generator().manual_seed(2))
    luma = 0.299 * rgb[:, 0] + 0.587 * rgb[:, 1] + 0.114 * rgb[:, 2]
    torch.testing.assert_close(grey[:, 0], luma)


@pytest.mark.usefixtures("files")
def test_ice_grows_with_the_image() -> None:
    for side in (5, 8, 64, 224):
        assert frost()(torch.zeros(2, 3, side, side), 1, torch.Generator()).shape == (2, 3, side, side)
    # Twice the side: every pixel of the small crop is the mean of 2 x 2 samples of the large photograph, nearly.
    small, large = album(0.2, coloured=False), album(0.4, coloured=False)
    assert (large.sizes.float() / small.sizes - 2).abs().max() < 0.02
    assert large.pixels.mean().item() == pytest.approx(small.pixels.mean().item(), rel=0.01)


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_the_reference_in_distribution(
    files: list[Path], data_root: Path, severity: int, generator: Generator
) -> None:
    images, rng = cifar10_images(data_root, 500) / 255, np.random.default_rng(5)
    photos = [np.asarray(Image.open(file).convert("RGB"))[2::5, 2::5] / 255 for file in files]
    theirs = []
    for image in images:
        photo = photos[rng.integers(5)]
        top, left = rng.integers(0, photo.shape[0] - 32), rng.integers(0, photo.shape[1] - 32)
        crop = photo[top : top + 32, left : left + 32]
        theirs.append(np.clip(IMAGE[severity - 1] * image + FROST[severity - 1] * crop, 0, 1) - image)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    ours = (frost()(pixels, severity, generator) - pixels).permute(0, 2, 3, 1).numpy()
    power = [np.abs(np.fft.fft2(r.mean(-1)))[:, 1:, 1:] ** 2 for r in (ours, np.array(theirs))]
    pairs = [(ours.mean((1, 2)).T, np.mean(theirs, (1, 2)).T), [p.mean((1, 2))[None] for p in power]]
    for a, b in pairs:  # rows of one value an image, over the same images
        assert (np.abs((a - b).mean(1)) < 4 * (a - b).std(1) / len(images) ** 0.5).all()


def test_missing_package_is_told_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_files(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    photographs.cache_clear()
    monkeypatch.setattr(module.metadata, "files", no_files)
    with pytest.raises(ValueError, match=r"frost1.png.*imagecorruptions are not installed; pip install 'frequency-reg"):
        frost()
    photographs.cache_clear()


@pytest.mark.usefixtures("files")
def test_messages(generator: Generator) -> None:
    with pytest.raises(ValueError, match=r"frost.frost=\[0.2\]: 1 values for the 5 of image; give one value"):
        frost(frost=[0.2])
    with pytest.raises(ValueError, match=r"photo_scale=0.2: images of 96 x 80 pixels do not fit .* down to 63 x 105; "):
        frost(relative_to=None)(torch.zeros(1, 3, 96, 80), 1, generator)
    with pytest.raises(ValueError, match=r"photo_scale=0.0001: images of 8 x 8 pixels do not fit .* down to 0 x 0; "):
        frost(relative_to=None, photo_scale=1e-4)(torch.zeros(1, 3, 8, 8), 1, generator)


@pytest.mark.usefixtures("files")
def test_distortion_grows_while_the_image_keeps_its_weight(natural: Tensor) -> None:
    errors = [
        (frost()(natural, s, torch.Generator().manual_seed(1)) - natural).square().mean().item() for s in range(6)
    ]
    assert errors[0] == 0 < errors[1] < errors[2]
    assert list(frost().parameters) == FROST
