"""The parts of a run, made from its configuration and checked against one another before anything trains.

What does not fit (a device that is not there, a probe on data of another kind, a corruption that the images are too
small for) is a ConfigError here, when no directory exists yet.
"""

from __future__ import annotations

import copy
import itertools
import logging
import math
import os
from dataclasses import dataclass, replace
from functools import cache

import torch

from frequency_reg import checkpoint
from frequency_reg.config import Config, ConfigError, instantiate, regularizer_parts
from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.published import Published
from frequency_reg.dataset.base import Dataset, ImageData, Split
from frequency_reg.diagnostic.base import Diagnostic
from frequency_reg.evaluate import Bench
from frequency_reg.initial import begin_with_initial_weights
from frequency_reg.model.base import ImageShape, Model
from frequency_reg.probe.base import Probe
from frequency_reg.provenance import processor
from frequency_reg.regularizer.base import Composition
from frequency_reg.run_id import config_columns, run_directory
from frequency_reg.source import load_sources
from frequency_reg.stopping import StoppingRule
from frequency_reg.streams import stream_seed
from frequency_reg.tracker.base import Tracker
from frequency_reg.train import Augmentation

_log = logging.getLogger(__name__)


@dataclass
class Experiment:
    """Everything a run is made of, built before its directory exists, so that bad input leaves nothing behind.

    ``added`` names the tensors of the model's state that its regularizers brought; ``initial_weights`` is the digest of
    the weights that the model was filled with, None where it has none or goes on from a checkpoint of its own.
    """

    config: Config
    run_id: str
    data: ImageData
    augmentation: Augmentation
    model: Model
    regularizer: Composition
    optimizer: torch.optim.Optimizer
    probes: list[Probe]
    bench: Bench
    pruning: StoppingRule | None
    added: frozenset[str]
    initial_weights: str | None
    trackers: dict[str, Tracker]
    device: torch.device
    precision: torch.dtype


def build(config: Config, run_id: str, data: ImageData | None = None) -> Experiment:
    """Build every part of a run, on ``data`` if it is loaded already; touches no file but the data set's cache."""
    device = set_up_torch(config)
    dataset: Dataset = instantiate(config.dataset)
    data = _to_device(data or dataset.load(), device)
    precision = chosen_precision(config, data, device)
    regularizer = Composition({name: instantiate(node) for name, node in regularizer_parts(config.regularizer).items()})
    _check_task(config, data, regularizer)
    model, added = _build_model(config, data, regularizer)
    _check_last_batch(config, data, model)
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    goes_on = checkpoint.exists(run_directory(config))
    initial = None if goes_on else begin_with_initial_weights(model, added, config, device)
    bench = build_bench(config, data.image_shape, len(data.class_names), precision)
    for published in bench.published.values():
        next(published.sets(data))  # stored images of another test set must show before a run trains
    optimizer = instantiate(config.optimizer, params=regularizer.parameter_groups(model))
    probes = build_probes(config, data, model)
    sources = load_sources(config, config_columns(config), data.image_shape, data.class_names, device)
    pruning = None if config.pruning is None else instantiate(config.pruning)
    _check_pruning(pruning, data)
    return Experiment(
        config=config,
        run_id=run_id,
        data=data,
        augmentation=Augmentation(dataset.crop_padding, dataset.horizontal_flip),
        model=model,
        regularizer=regularizer,
        optimizer=optimizer,
        probes=probes,
        bench=replace(bench, sources=sources),
        pruning=pruning,
        added=added,
        initial_weights=initial,
        trackers={name: instantiate(config.tracker[name]) for name in sorted(config.tracker)},
        device=device,
        precision=precision,
    )


def _build_model(config: Config, data: ImageData, regularizer: Composition) -> tuple[Model, frozenset[str]]:
    """A new network as the regularizers want it, and which tensors they added; seeds torch before each of the two."""
    torch.manual_seed(stream_seed(config.seed, "initialisation"))
    channels = len(data.mean)
    model: Model = instantiate(
        config.model,
        image_shape=tuple(data.train.images.shape[1:]),
        num_classes=data.num_outputs,
        mean=data.mean if config.standardize_input else (0.0,) * channels,
        std=data.std if config.standardize_input else (1.0,) * channels,
    )
    own = set(model.state_dict())
    torch.manual_seed(stream_seed(config.seed, "regularizer"))
    try:
        model = regularizer.prepare(model)
        return model, frozenset(set(model.state_dict()) - own)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def build_bench(config: Config, image_shape: ImageShape, num_classes: int, precision: torch.dtype) -> Bench:
    """What the trained model is measured by, its sources left out.

    Raises:
        ConfigError: see :func:`build_corruptions` and :func:`build_diagnostics`.
    """
    corruptions, published = build_corruptions(config, image_shape)
    settings = config.evaluation
    return Bench(
        corruptions=corruptions,
        published=published,
        diagnostics=build_diagnostics(config, image_shape, num_classes),
        splits=tuple(settings.splits),
        batch_size=settings.batch_size,
        precision=precision,
        seed=settings.seed,
        eight_bit=settings.eight_bit,
        cache_gib=config.runtime.corruption_cache_gib,
    )


def build_corruptions(config: Config, image_shape: ImageShape) -> tuple[dict[str, Corruption], dict[str, Published]]:
    """The chosen corruptions: those that are computed, and the published sets of stored images.

    Raises:
        ConfigError: a severity of one cannot be applied to images (C, H, W) of that shape.
    """
    made = {name: instantiate(node) for name, node in sorted(config.corruption.items())}
    published = {name: each for name, each in made.items() if isinstance(each, Published)}
    computed: dict[str, Corruption] = {name: each for name, each in made.items() if name not in published}
    coincide = []
    for name, corruption in computed.items():
        try:
            coincide += _coinciding(name, corruption, image_shape)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    if coincide:
        _warn_once(f"on images of {' x '.join(map(str, image_shape))} (C, H, W): {'; '.join(coincide)}")
    return computed, published


_PROBE_VALUES = 4096
"""So many pixels at least tell severities apart that change one in a hundred."""


def _coinciding(name: str, corruption: Corruption, image_shape: ImageShape) -> list[str]:
    """Which severities give the clean images or one another's, on fixed random images and from equal random numbers.

    Raises:
        ValueError: a severity cannot be applied to images (C, H, W) of that shape.
    """
    n = -(-_PROBE_VALUES // math.prod(image_shape))
    clean = torch.rand((n, *image_shape), generator=torch.Generator().manual_seed(0))
    kinds: list[tuple[torch.Tensor, list[str]]] = [(clean, [])]
    for severity in range(1, len(corruption.parameters) + 1):
        images = corruption(clean, severity, torch.Generator().manual_seed(1))
        same = next((numbers for seen, numbers in kinds if torch.allclose(seen, images, rtol=0, atol=1e-4)), None)
        if same is None:
            kinds.append((images, [str(severity)]))
        else:
            same.append(str(severity))
    (_, unchanged), *others = kinds
    meant = not any(corruption.changes(image_shape[0], int(severity)) for severity in unchanged)
    how = " (as it says of such images)" if meant else ""
    found = [f"{name} changes nothing at severity {', '.join(unchanged)}{how}"] if unchanged else []
    return found + [f"{name} does the same at severities {', '.join(n)}" for _, n in others if len(n) > 1]


@cache
def _warn_once(text: str) -> None:
    """A sweep builds the same corruptions for every run."""
    _log.warning("%s; their rows repeat a measurement", text)


def build_probes(config: Config, data: ImageData, model: Model) -> list[Probe]:
    """The chosen probes, in alphabetical order, each shown the data and the untrained model.

    Raises:
        ConfigError: one cannot measure on these data, or this model.
    """
    probes: list[Probe] = [instantiate(config.probe[name]) for name in sorted(config.probe)]
    for probe in probes:
        probe.last = config.epochs
        try:
            probe.prepare(data)
            probe.check(model)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    return probes


def _check_task(config: Config, data: ImageData, regularizer: Composition) -> None:
    """Refuse what only classifiers of images can be asked or trained with, where the data set has values to fit."""
    if not data.train.is_regression:
        return
    for group in ("corruption", "diagnostic"):
        chosen = getattr(config, group)
        if chosen:
            raise ConfigError(
                f"{group}={','.join(sorted(chosen))}: only for classifiers of images, and this data set has values to "
                f"fit; use {group}=[]"
            )
    if regularizer.for_classes_only:
        raise ConfigError(
            f"regularizer={','.join(regularizer.for_classes_only)}: only for images with classes as labels, and this "
            "data set has values to fit; choose another, such as regularizer=weight_decay"
        )
    if not regularizer.for_pixels_only:
        return
    lowest, highest = data.train.images.min().item(), data.train.images.max().item()
    if lowest < 0 or highest > 1:
        raise ConfigError(
            f"regularizer={','.join(regularizer.for_pixels_only)}: clips what it changes to [0, 1], and the points of "
            f"this data set lie in [{lowest:.3g}, {highest:.3g}]; choose another, such as regularizer=weight_decay"
        )


def _check_pruning(rule: StoppingRule | None, data: ImageData) -> None:
    """Refuse a rule that looks at what a run on ``data`` does not record."""
    if rule is not None and rule.metric == "validation_accuracy" and data.train.is_regression:
        raise ConfigError("pruning: looks at validation_accuracy; this data set has values to fit; use validation_loss")


def _check_last_batch(config: Config, data: ImageData, model: Model) -> None:
    """Refuse a batch of one image where batch norm would take a deviation of one value, before an epoch ends on it."""
    n, size, steps = len(data.train), config.batch_size, config.steps_per_epoch
    comes = size == 1 or (n % size == 1 and (steps is None or steps >= math.ceil(n / size)))
    if n < 2 or not comes:
        return
    with torch.random.fork_rng(devices=[]):
        try:
            copy.deepcopy(model).train()(torch.zeros(1, *data.image_shape, device=model.mean.device))
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            better = next(b for b in itertools.count(size + 1) if n % b != 1)
            raise ConfigError(
                f"batch_size={size}: {n:,} training images leave a batch of one image, of which batch norm at 1 x 1 px "
                f"can take no deviation; choose another, such as batch_size={better}"
            ) from error


def build_diagnostics(config: Config, image_shape: ImageShape, num_classes: int) -> list[Diagnostic]:
    """The chosen diagnostics, in alphabetical order.

    Raises:
        ConfigError: one cannot be asked on images (C, H, W) of that shape or so many classes, or lacks a package.
    """
    diagnostics: list[Diagnostic] = [instantiate(config.diagnostic[name]) for name in sorted(config.diagnostic)]
    for diagnostic in diagnostics:
        try:
            diagnostic.check(image_shape, num_classes)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    return diagnostics


def set_up_torch(config: Config) -> torch.device:
    """Set threads and determinism as ``config.runtime`` says; the device to compute on.

    Raises:
        ConfigError: the device is not there.
    """
    runtime = config.runtime
    device = torch.device(_available_device() if runtime.device == "auto" else runtime.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"runtime.device={runtime.device}: no CUDA device is available here; use auto or cpu")
    if runtime.threads is not None:
        torch.set_num_threads(runtime.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Weights that decay towards 0 would become denormal numbers, which cost a CPU 12 times as much.
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(runtime.deterministic)
    # The guard that fills every new tensor with NaN; nothing here reads what was never written, and a step is faster.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return device


def chosen_precision(config: Config, data: ImageData, device: torch.device) -> torch.dtype:
    """What ``runtime.precision`` means for a network of ``data`` on ``device``.

    ``auto`` is bf16 where the device is faster with it, but fp32 where the labels are values to fit: bfloat16 has 8
    significant bits, and tells of 1,024 equidistant points in [0, 1) only 513 apart.
    """
    precision = config.runtime.precision
    if precision == "auto":
        precision = "bf16" if not data.train.is_regression and _computes_bf16(device) else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


def _available_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _computes_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 on the device: where it is multiplied in hardware, with one exception.

    Intel's processors with AVX-512 BF16 but without AMX tiles (or in a virtual machine that hides them) train ResNet-20
    1.3 to 1.4 times slower in bf16 (measured on a Xeon); AMD's with AVX-512 BF16 2.4 times faster (on an EPYC).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    vectors = torch.cpu._is_avx512_bf16_supported() and "Intel" not in processor()
    return bool(vectors or torch.cpu._is_amx_tile_supported())


def _to_device(data: ImageData, device: torch.device) -> ImageData:
    if device.type == "cpu":
        return data
    moved = {
        name: Split(getattr(data, name).images.to(device), getattr(data, name).labels.to(device))
        for name in ("train", "validation", "test")
    }
    return ImageData(**moved, class_names=data.class_names, mean=data.mean, std=data.std, digest=data.digest)
