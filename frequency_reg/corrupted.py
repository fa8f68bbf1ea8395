"""Corrupted versions of a split's images: how they are generated, by which code, and when they are read instead.

A set (one corruption at one severity) is the same for every model, so it is generated once and kept in
``<cache>/corrupted``, ``<cache>`` as in :mod:`frequency_reg.dataset.cache`; :mod:`frequency_reg.array_cache` says how
processes share the folder and what goes where it is full. Empty it with ``rm -r``, at any time. A set is kept as the
float32 it was computed as, or as bytes with ``evaluation.eight_bit``, which are a fourth of that and lose nothing.

What is read has the very bits of what would be computed. The key of a set is a digest of all that they depend on: the
images, the corruption's class and every value it holds, severity, random stream, the generator's version, and what
rounding depends on (processor, threads, batch size, the deterministic and matmul switches).

What it costs and saves, in processor seconds of one thread for 2,000 CIFAR images: a set is generated in 0.004 to 0.15
(0.02 in the middle) and read in 0.001 to 0.002 from memory; from a disk it takes 0.01 to 0.06 s to come. The 95 sets of
``cifar10_c`` take 10.6 s with LeNet, of which 3.2 s are the images, 15.3 s when they are written too, 7.4 s when they
are read: a gain from the third run on. With ResNet-20, 166 s, it is one of 2 percent. A single run is better off
without: ``runtime.corruption_cache_gib=0``. The default of 4 GiB holds these sets as float32 (2.2 GiB), and those of
10,000 images as bytes (2.7 GiB); as float32 these are 10.9 GiB, of which the first third is kept.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from frequency_reg.array_cache import ArrayCache
from frequency_reg.corruption.base import Corruption
from frequency_reg.dataset.base import as_values
from frequency_reg.dataset.cache import cache_folder
from frequency_reg.provenance import processor
from frequency_reg.streams import stream_seed

GENERATION = 1
"""Raise it whenever this file changes what :func:`generated` or :func:`truncated` return."""


def generated(
    images: Tensor, corruption: Corruption | None, severity: int, *, batch_size: int, seed: int, eight_bit: bool
) -> Iterator[Tensor]:
    """Corrupted pixels in [0, 1], float32, of uint8 ``images`` (N, C, H, W), batch after batch.

    The corruption draws from a generator of its own, seeded by its class and severity: every model sees the same
    corrupted images, whatever the batch size. ``eight_bit`` cuts them by :func:`truncated`.
    """
    generator = torch.Generator().manual_seed(_stream(corruption, severity, seed))
    for batch in images.split(batch_size):
        pixels = as_values(batch)
        if corruption is not None:
            pixels = corruption(pixels, severity, generator)
            pixels = truncated(pixels) if eight_bit else pixels
        yield pixels


def _stream(corruption: Corruption | None, severity: int, seed: int) -> int:
    return stream_seed(seed, "corruption", type(corruption).__name__, severity)


def truncated(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] cut down to multiples of 1/255, as a cast to bytes does it; what CIFAR-10-C was stored as.

    Rounding in float32 may leave a whole level just below itself: a thousandth of a level is forgiven.
    """
    return _levels(pixels) / 255


def _levels(pixels: Tensor) -> Tensor:
    return (pixels.float() * 255 + 1e-3).floor().clamp(0, 255)


class CorruptedSets:
    """The corrupted versions of one split's images, generated or read.

    Args:
        images: uint8 (N, C, H, W).
        batch_size: images a batch.
        seed: of the corruptions' random streams.
        eight_bit: whether pixels are :func:`truncated`.
        cache_gib: GiB that the cache may take; 0 generates every set.
    """

    def __init__(self, images: Tensor, *, batch_size: int, seed: int, eight_bit: bool, cache_gib: float = 0) -> None:
        self.images = images
        self.batch_size = batch_size
        self.seed = seed
        self.eight_bit = eight_bit
        self._cache = ArrayCache(cache_folder() / "corrupted", int(cache_gib * 2**30))

    def batches(self, corruption: Corruption, severity: int) -> Iterator[Tensor]:
        """Corrupted pixels in [0, 1], float32, on the images' device: the bits of :func:`generated`."""
        kept = self._kept(corruption, severity)
        if kept is None:
            yield from self._generated(corruption, severity)
            return
        for batch in torch.from_numpy(kept).split(self.batch_size):
            pixels = batch.to(self.images.device)
            yield pixels.float().div_(255) if self.eight_bit else pixels

    def _generated(self, corruption: Corruption, severity: int) -> Iterator[Tensor]:
        return generated(
            self.images,
            corruption,
            severity,
            batch_size=self.batch_size,
            seed=self.seed,
            eight_bit=self.eight_bit,
        )

    def _kept(self, corruption: Corruption, severity: int) -> NDArray[Any] | None:
        """The set on a memory map, written if need be; None where it is not kept."""
        key = self._key(corruption, severity) if self._cache.limit else None
        if key is None:
            return None
        dtype = np.dtype(np.uint8 if self.eight_bit else np.float32)

        def blocks() -> Iterator[NDArray[Any]]:
            for pixels in self._generated(corruption, severity):
                stored = pixels.mul(255).round_().byte() if self.eight_bit else pixels
                yield stored.cpu().numpy()

        return self._cache.array(key, tuple(self.images.shape), dtype, blocks)

    def _key(self, corruption: Corruption, severity: int) -> str | None:
        """SHA-256 (hex) of all that the set's bits depend on; None where that cannot be told."""
        version = generator_version(corruption)
        kind = type(corruption)
        told = [
            self._images_digest,
            [version, kind.__module__, kind.__qualname__, vars(corruption)],
            [severity, _stream(corruption, severity, self.seed), self.eight_bit, self.batch_size],
            _arithmetic(self.images.device),
        ]
        try:
            return None if version is None else hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        except (TypeError, ValueError):  # it holds something that is no plain value
            return None

    @cached_property
    def _images_digest(self) -> str:
        digest = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        digest.update(self.images.cpu().contiguous().numpy().data)
        return digest.hexdigest()


def _arithmetic(device: torch.device) -> list[Any]:
    """What the last bits of a result may depend on beside the code: the machine and torch's switches."""
    return [
        torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        processor(),
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
    ]


# --- the generator's version -----------------------------------------------------------------------------------------


def generator_version(corruption: Corruption) -> str | None:
    """Which code makes a corruption's images: 16 hex digits that change when it does; None if it has no source file.

    A digest of the corruption's module and of every module of its package and of this one that it imports, directly or
    not, of torch, NumPy and, where one of them imports it, Pillow with its JPEG library. A module that reads files of
    an installed package names it in ``PACKAGE``, and that package's version counts too.
    """
    return _version(type(corruption))


@cache
def _version(kind: type[Corruption]) -> str | None:
    sources = _sources(kind.__module__)
    if not sources:
        return None
    digest = hashlib.sha256(json.dumps([GENERATION, torch.__version__, np.__version__]).encode())
    trees = {name: source.read_bytes() for name, source in sorted(sources.items())}
    for name, text in trees.items():
        digest.update(f"\n{name}\n".encode() + text)
    if any("PIL" in _imported(ast.parse(text), name) for name, text in trees.items()):
        digest.update(json.dumps(_pillow()).encode())
    packages = sorted({package for text in trees.values() for package in _named_packages(ast.parse(text))})
    digest.update(json.dumps([[package, _installed(package)] for package in packages]).encode())
    return digest.hexdigest()[:16]


def _sources(module: str) -> dict[str, Path]:
    """Source files of ``module`` and of what it imports from its own package and from this one."""
    roots = {module.partition(".")[0], __name__.partition(".")[0]}
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in roots:
            continue
        path = _source_file(name)
        if path is not None:
            found[name] = path
            waiting += _imported(ast.parse(path.read_bytes()), name)
    return found if module in found else {}


def _source_file(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # a name in a module, not a module; __main__
        return None
    path = None if spec is None or spec.origin is None else Path(spec.origin)
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _imported(tree: ast.Module, importer: str) -> set[str]:
    """Modules that a source may import: of ``from a import b`` both a and a.b, which may be one."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*importer.split(".")[: -node.level], *filter(None, [node.module])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)} - {""}
    return found


def _named_packages(tree: ast.Module) -> set[str]:
    """Values of ``PACKAGE = "name"`` in a module."""
    return {
        str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if any(isinstance(target, ast.Name) and target.id == "PACKAGE" for target in node.targets)
    }


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _pillow() -> list[str | None]:
    from PIL import __version__, features

    return [__version__, features.version("jpg"), features.version("libjpeg_turbo"), platform.machine()]
