"""CIFAR-10, 32 x 32 colour, from whichever of its usual forms the folder holds."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from annotated_types import Ge
from numpy.typing import NDArray

from frequency_reg.dataset.base import DataError, Dataset, Decoded, ImageData, refuse_html
from frequency_reg.dataset.cache import cached, exclusive

N_TRAIN = 50_000
N_TEST = 10_000
SHAPE = (3, 32, 32)
BATCHES = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"
PARQUET_SOURCE = "https://huggingface.co/datasets/uoft-cs/cifar10"
PARQUET_MEND = f"copy it again from {PARQUET_SOURCE}"

Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Source:
    """Files of the training and of the test images, and the function that decodes one of them."""

    train: list[Path]
    test: list[Path]
    read: Callable[[Path], Part]


class Cifar10(Dataset):
    """50,000 training and 10,000 test images (3, 32, 32) of ten classes.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". Looked for in ``root`` and in
    ``root/cifar10``, in this order:

        1. the Parquet files of the Hugging Face copy (``train-*.parquet``, ``test-*.parquet``, here or in
           ``plain_text/``): PNG bytes in ``img.bytes``, the class in ``label``;
        2. torchvision's folder ``cifar-10-batches-py``. Its files are pickles: each must have the MD5 that torchvision
           publishes before it is opened, so that no stranger's code runs;
        3. with ``download``, torchvision's download into ``root``.

    The two forms hold the same images; another order gives another digest and another validation split.

    Args:
        root: the folder; relative to the working directory.
        download: let torchvision fetch the images (170 MB) if ``root`` has none.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def __init__(
        self,
        *,
        root: str,
        download: bool,
        validation_size: Annotated[int, Ge(1)],
        split_seed: Annotated[int, Ge(0)],
        crop_padding: Annotated[int, Ge(0)],
        horizontal_flip: bool,
    ) -> None:
        super().__init__(
            validation_size=validation_size,
            split_seed=split_seed,
            crop_padding=crop_padding,
            horizontal_flip=horizontal_flip,
        )
        self.root = Path(root).expanduser()
        self.download = download
        self.check_validation_size(N_TRAIN)

    def locate(self) -> None:
        """See :meth:`Dataset.locate`: the files are there, complete by number, and none is an HTML page.

        With ``download``, a root without images passes: they are fetched by ``load``.
        """
        if self._source() is None and not self.download:
            raise self._missing()

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`; downloads first where that is asked for and needed."""
        source = self._source() or self._downloaded()
        return self.split(cached("cifar10", source.train + source.test, lambda: _decode(source)))

    def _source(self) -> Source | None:
        folders = [self.root, self.root / "cifar10"]
        for folder in (inner for outer in folders for inner in (outer, outer / "plain_text")):
            train, test = sorted(folder.glob("train-*.parquet")), sorted(folder.glob("test-*.parquet"))
            if train or test:
                _check_parquet(train, N_TRAIN, folder / "train-*.parquet")
                _check_parquet(test, N_TEST, folder / "test-*.parquet")
                return Source(train, test, lambda path: _read_parquet(path, self.class_names))
        for folder in folders:
            if (folder / BATCHES).is_dir():
                train, test = (_batch_files(folder / BATCHES, part, self._mend) for part in ("train", "test"))
                return Source(train, test, lambda path: _read_batch(path, self._mend))
        return None

    def _downloaded(self) -> Source:
        if not self.download:
            raise self._missing()
        from torchvision.datasets import CIFAR10  # slow to import, and needed here only

        try:
            with exclusive(self.root / "cifar10.lock"):  # one of many concurrent runs fetches
                if self._source() is None:
                    CIFAR10(str(self.root), download=True)
        except (OSError, URLError, RuntimeError) as error:
            if (self.root / ARCHIVE).is_file():
                refuse_html(self.root / ARCHIVE, expected="the CIFAR-10 archive", mend=self._mend)
            raise DataError(
                f"dataset.download=true: torchvision could not fetch CIFAR-10 into dataset.root={self.root}: {error}. "
                f"Without a connection, {self._mend}"
            ) from error
        source = self._source()
        if source is None:
            raise self._missing()
        return source

    def _missing(self) -> DataError:
        archive = self.root / ARCHIVE
        if archive.is_file():
            refuse_html(archive, expected="the CIFAR-10 archive", mend=self._mend)
            return DataError(f"dataset.root={self.root}: {ARCHIVE} is not unpacked; tar -xzf {archive} -C {self.root}")
        return DataError(
            f"dataset.root={self.root}: no CIFAR-10 here, nor in {self.root / 'cifar10'} (neither train-*.parquet and "
            f"test-*.parquet nor {BATCHES}); {self._mend}"
        )

    @property
    def _mend(self) -> str:
        return (
            "fetch it with dataset.download=true, or copy the Parquet files of "
            f"{PARQUET_SOURCE} into a folder and name it in dataset.root or FREQUENCY_REG_DATA"
        )


def _decode(source: Source) -> Decoded:
    parts = []
    for paths in (source.train, source.test):
        images, labels = zip(*(source.read(path) for path in paths), strict=True)
        # One file, the usual case, needs no copy.
        parts += [rows[0] if len(rows) == 1 else np.concatenate(rows) for rows in (images, labels)]
    return Decoded.of(*parts)


def _check_parquet(paths: list[Path], rows: int, pattern: Path) -> None:
    """Raises DataError unless the files' footers are sound and declare ``rows`` rows in all, in the right columns."""
    found = 0
    for path in paths:
        refuse_html(path, expected="a Parquet file of CIFAR-10", mend=PARQUET_MEND)
        try:
            footer = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is damaged: {error}. Delete it; {PARQUET_MEND}") from error
        with footer:
            found += footer.metadata.num_rows
            columns = footer.schema_arrow.names
        if not {"img", "label"} <= set(columns):
            raise DataError(f"{path} has the columns {', '.join(columns)}; CIFAR-10 has img and label; {PARQUET_MEND}")
    if found != rows:
        raise DataError(
            f"{pattern}: {found} rows in {len(paths)} files, expected {rows}; copy the missing files from "
            f"{PARQUET_SOURCE}"
        )


def _read_parquet(path: Path, class_names: tuple[str, ...]) -> Part:
    try:
        table = pq.read_table(path, columns=["img", "label"], memory_map=True)
        encoded = pc.struct_field(table["img"], "bytes")
        labels = table["label"].to_numpy()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged: {error}. Delete it; {PARQUET_MEND}") from error
    _check_labels(path, labels, table.schema.metadata, class_names)
    images = np.empty((len(encoded), *SHAPE), np.uint8)
    for row, png in enumerate(png for batch in encoded.chunks for png in batch.to_pylist()):
        try:
            images[row] = _decode_png(png)
        except DataError as error:
            raise DataError(f"{path}, row {row}: {error}. Delete the file; {PARQUET_MEND}") from error
    return images, labels


def _decode_png(content: bytes) -> NDArray[np.uint8]:
    """Pixels (3, 32, 32) of one image file."""
    from PIL import Image  # needed for the first decoding only

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            # Read from the header: nothing large is decoded before it is refused.
            if image.size != (SHAPE[2], SHAPE[1]) or image.mode != "RGB":
                raise DataError(f"an image of size {image.size} and mode {image.mode}, expected (32, 32) and RGB")
            return np.asarray(image).transpose(2, 0, 1)
    except (OSError, SyntaxError, ValueError, TypeError, zlib.error) as error:
        raise DataError(f"the image is damaged ({error})") from error


def _check_labels(
    path: Path, labels: NDArray[np.int64], metadata: dict[bytes, bytes] | None, class_names: tuple[str, ...]
) -> None:
    """Raises DataError where labels are no indices of ``class_names``, or the metadata names other classes."""
    if labels.dtype != np.int64 or labels.min(initial=0) < 0 or labels.max(initial=0) >= len(class_names):
        raise DataError(f"{path}: labels must be whole numbers 0 to {len(class_names) - 1}")
    described: Any = json.loads((metadata or {}).get(b"huggingface", b"{}"))
    names = described.get("info", {}).get("features", {}).get("label", {}).get("names")
    if names is not None and tuple(names) != class_names:
        raise DataError(f"{path}: its classes are {', '.join(names)}; expected CIFAR-10's {', '.join(class_names)}")


def _batch_files(folder: Path, part: str, mend: str) -> list[Path]:
    paths = [folder / name for name in _published_md5(part)]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} is missing. Delete {folder}; {mend}")
        refuse_html(path, expected="a batch of CIFAR-10", mend=mend)
    return paths


def _read_batch(path: Path, mend: str) -> Part:
    content = path.read_bytes()
    expected = (_published_md5("train") | _published_md5("test"))[path.name]
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    # A pickle runs code when it is opened: only the published bytes are.
    if found != expected:
        raise DataError(
            f"{path} is damaged or not the original, and was not opened: MD5 {found}, expected {expected}. "
            f"Delete {path.parent}; {mend}"
        )
    batch = pickle.loads(content, encoding="latin1")
    return batch["data"].reshape(-1, *SHAPE), np.asarray(batch["labels"], np.int64)


def _published_md5(part: str) -> dict[str, str]:
    """File name -> MD5 of the ``part`` ("train" or "test"), as torchvision publishes them."""
    from torchvision.datasets import CIFAR10  # slow to import, and needed for this form only

    return dict(CIFAR10.train_list if part == "train" else CIFAR10.test_list)
