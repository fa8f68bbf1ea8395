"""What CIFAR-10 and CIFAR-100 share: the forms that their files come in, and how each is read."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

SHAPE = (3, 32, 32)

Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Edition:
    """What tells one CIFAR from the other.

    Attributes:
        title: the name, for messages.
        name: the name of its cache, and of the folder below ``root`` that is looked into.
        n_train: number of training images.
        n_test: number of test images.
        label: column of the class in the Parquet files.
        batch_labels: key of the classes in torchvision's files.
        folder: subfolder of the Hugging Face copy with the Parquet files.
        batches: torchvision's folder.
        archive: the file that torchvision downloads.
        torchvision: name of torchvision's class.
        source: where the Hugging Face copy is.
        spellings: class names that the Hugging Face copy spells otherwise, as it spells them, and the right ones.
    """

    title: str
    name: str
    n_train: int
    n_test: int
    label: str
    batch_labels: str
    folder: str
    batches: str
    archive: str
    torchvision: str
    source: str
    spellings: Mapping[str, str] = field(default_factory=dict)

    @property
    def parquet_mend(self) -> str:
        """How to get a sound Parquet file."""
        return f"copy it again from {self.source}"

    @property
    def mend(self) -> str:
        """How to get the data set."""
        return (
            "fetch it with dataset.download=true, or copy the Parquet files of "
            f"{self.source} into a folder and name it in dataset.root or FREQUENCY_REG_DATA"
        )


class Cifar(Dataset):
    """50,000 training and 10,000 test images (3, 32, 32), in one of two editions.

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
        self.check_validation_size(self.edition.n_train)

    @property
    @abstractmethod
    def edition(self) -> Edition:
        """Which of the two it is."""

    def locate(self) -> None:
        """See :meth:`Dataset.locate`: the files are there, complete by number, and none is an HTML page.

        With ``download``, a root without images passes: they are fetched by ``load``.
        """
        if self._source() is None and not self.download:
            raise self._missing()

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`; downloads first where that is asked for and needed."""
        source = self._source() or self._downloaded()
        return self.split(cached(self.edition.name, source.train + source.test, source.decode))

    def _source(self) -> Parquet | Batches | None:
        edition = self.edition
        folders = [self.root, self.root / edition.name]
        for folder in (inner for outer in folders for inner in (outer, outer / edition.folder)):
            train, test = sorted(folder.glob("train-*.parquet")), sorted(folder.glob("test-*.parquet"))
            if train or test:
                _check_parquet(train, edition.n_train, folder / "train-*.parquet", edition)
                _check_parquet(test, edition.n_test, folder / "test-*.parquet", edition)
                return Parquet(train, test, edition, self.class_names)
        for folder in folders:
            if (folder / edition.batches).is_dir():
                train, test = (_batch_files(folder / edition.batches, part, edition) for part in ("train", "test"))
                return Batches(train, test, edition, self.class_names)
        return None

    def _downloaded(self) -> Parquet | Batches:
        if not self.download:
            raise self._missing()
        from torchvision import datasets  # slow to import, and needed here only

        edition = self.edition
        try:
            with exclusive(self.root / f"{edition.name}.lock"):  # one of many concurrent runs fetches
                if self._source() is None:
                    getattr(datasets, edition.torchvision)(str(self.root), download=True)
        except (OSError, URLError, RuntimeError) as error:
            if (self.root / edition.archive).is_file():
                refuse_html(self.root / edition.archive, expected=f"the {edition.title} archive", mend=edition.mend)
            raise DataError(
                f"dataset.download=true: torchvision could not fetch {edition.title} into dataset.root={self.root}: "
                f"{error}. Without a connection, {edition.mend}"
            ) from error
        source = self._source()
        if source is None:
            raise self._missing()
        return source

    def _missing(self) -> DataError:
        edition = self.edition
        archive = self.root / edition.archive
        if archive.is_file():
            refuse_html(archive, expected=f"the {edition.title} archive", mend=edition.mend)
            return DataError(
                f"dataset.root={self.root}: {edition.archive} is not unpacked; tar -xzf {archive} -C {self.root}"
            )
        return DataError(
            f"dataset.root={self.root}: no {edition.title} here, nor in {self.root / edition.name} (neither "
            f"train-*.parquet and test-*.parquet nor {edition.batches}); {edition.mend}"
        )


@dataclass(frozen=True)
class Source(ABC):
    """Files of the training and of the test images of an edition, in one form."""

    train: list[Path]
    test: list[Path]
    edition: Edition
    class_names: tuple[str, ...]

    def decode(self) -> Decoded:
        """Everything that the files hold."""
        parts = []
        for paths in (self.train, self.test):
            images, labels = zip(*map(self.read, paths), strict=True)
            # One file, the usual case, needs no copy.
            parts += [rows[0] if len(rows) == 1 else np.concatenate(rows) for rows in (images, labels)]
        return Decoded.of(*parts)

    @abstractmethod
    def read(self, path: Path) -> Part:
        """Images (N, 3, 32, 32) and labels (N,) of one file."""


class Parquet(Source):
    """The Hugging Face copy: PNG bytes in ``img.bytes``, the class in a column."""

    def read(self, path: Path) -> Part:
        """See :meth:`Source.read`."""
        edition = self.edition
        try:
            table = pq.read_table(path, columns=["img", edition.label], memory_map=True)
            encoded = pc.struct_field(table["img"], "bytes")
            labels = table[edition.label].to_numpy()
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is damaged: {error}. Delete it; {edition.parquet_mend}") from error
        self._check_labels(path, labels, table.schema.metadata)
        images = np.empty((len(encoded), *SHAPE), np.uint8)
        for row, png in enumerate(png for batch in encoded.chunks for png in batch.to_pylist()):
            try:
                images[row] = _decode_png(png)
            except DataError as error:
                raise DataError(f"{path}, row {row}: {error}. Delete the file; {edition.parquet_mend}") from error
        return images, labels

    def _check_labels(self, path: Path, labels: NDArray[np.int64], metadata: dict[bytes, bytes] | None) -> None:
        """Raises DataError where labels are no indices of the classes, or the metadata names other classes."""
        if labels.dtype != np.int64 or labels.min(initial=0) < 0 or labels.max(initial=0) >= len(self.class_names):
            raise DataError(f"{path}: labels must be whole numbers 0 to {len(self.class_names) - 1}")
        described: Any = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        names = described.get("info", {}).get("features", {}).get(self.edition.label, {}).get("names")
        if names is None:
            return
        if tuple(self.edition.spellings.get(name, name) for name in names) != self.class_names:
            raise DataError(
                f"{path}: its classes are {_listed(names)}; expected {self.edition.title}'s {_listed(self.class_names)}"
            )


class Batches(Source):
    """torchvision's folder of pickles, each of which must have its published MD5 before it is opened."""

    def read(self, path: Path) -> Part:
        """See :meth:`Source.read`."""
        content = path.read_bytes()
        published = _published_md5("train", self.edition) | _published_md5("test", self.edition)
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        # A pickle runs code when it is opened: only the published bytes are.
        if found != published[path.name]:
            raise DataError(
                f"{path} is damaged or not the original, and was not opened: MD5 {found}, expected "
                f"{published[path.name]}. Delete {path.parent}; {self.edition.mend}"
            )
        batch = pickle.loads(content, encoding="latin1")
        return batch["data"].reshape(-1, *SHAPE), np.asarray(batch[self.edition.batch_labels], np.int64)


def _check_parquet(paths: list[Path], rows: int, pattern: Path, edition: Edition) -> None:
    """Raises DataError unless the files' footers are sound and declare ``rows`` rows in all, in the right columns."""
    found = 0
    for path in paths:
        refuse_html(path, expected=f"a Parquet file of {edition.title}", mend=edition.parquet_mend)
        try:
            footer = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is damaged: {error}. Delete it; {edition.parquet_mend}") from error
        with footer:
            found += footer.metadata.num_rows
            columns = footer.schema_arrow.names
        if not {"img", edition.label} <= set(columns):
            raise DataError(
                f"{path} has the columns {', '.join(columns)}; {edition.title} has img and {edition.label}; "
                f"{edition.parquet_mend}"
            )
    if found != rows:
        raise DataError(
            f"{pattern}: {found} rows in {len(paths)} files, expected {rows}; copy the missing files from "
            f"{edition.source}"
        )


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


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f", ... ({len(names)})" if len(names) > 10 else "")


def _batch_files(folder: Path, part: str, edition: Edition) -> list[Path]:
    paths = [folder / name for name in _published_md5(part, edition)]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} is missing. Delete {folder}; {edition.mend}")
        refuse_html(path, expected=f"a batch of {edition.title}", mend=edition.mend)
    return paths


def _published_md5(part: str, edition: Edition) -> dict[str, str]:
    """File name -> MD5 of the ``part`` ("train" or "test"), as torchvision publishes them."""
    from torchvision import datasets  # slow to import, and needed for this form only

    published = getattr(datasets, edition.torchvision)
    return dict(published.train_list if part == "train" else published.test_list)
