"""The parts of a run, made from its configuration and checked against one another before anything trains.

What does not fit (a device that is not there, a probe on data of another kind, a corruption that the images are too
small for) is a ConfigError here, when no directory exists yet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from frequency_reg.config import Config, ConfigError, instantiate, regularizer_parts
from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.published import Published
from frequency_reg.dataset.base import Dataset, ImageData, Split
from frequency_reg.diagnostic.base import Diagnostic, Source
from frequency_reg.model.base import ImageShape, Model
from frequency_reg.probe.base import Probe
from frequency_reg.regularizer.base import Composition
from frequency_reg.run_id import config_columns
from frequency_reg.source import load_sources
from frequency_reg.stopping import StoppingRule
from frequency_reg.streams import stream_seed
from frequency_reg.tracker.base import Tracker
from frequency_reg.train import Augmentation


@dataclass
class Experiment:
    """Everything a run is made of, built before its directory exists, so that bad input leaves nothing behind."""

    config: Config
    run_id: str
    data: ImageData
    augmentation: Augmentation
    model: Model
    regularizer: Composition
    optimizer: torch.optim.Optimizer
    probes: list[Probe]
    corruptions: dict[str, Corruption]
    published: dict[str, Published]
    diagnostics: list[Diagnostic]
    sources: dict[str, Source]
    pruning: StoppingRule | None
    trackers: dict[str, Tracker]
    device: torch.device
    precision: torch.dtype


def build(config: Config, run_id: str, data: ImageData | None = None) -> Experiment:
    """Build every part of a run, on ``data`` if it is loaded already; touches no file but the data set's cache."""
    device, precision = set_up_torch(config)
    dataset: Dataset = instantiate(config.dataset)
    data = _to_device(data or dataset.load(), device)
    _check_task(config, data)
    torch.manual_seed(stream_seed(config.seed, "initialisation"))
    model: Model = instantiate(
        config.model,
        image_shape=tuple(data.train.images.shape[1:]),
        num_classes=data.num_outputs,
        mean=data.mean,
        std=data.std,
    )
    parts = {name: instantiate(node) for name, node in regularizer_parts(config.regularizer).items()}
    regularizer = Composition(parts)
    torch.manual_seed(stream_seed(config.seed, "regularizer"))
    try:
        model = regularizer.prepare(model)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    corruptions, published = build_corruptions(config, data.image_shape)
    for source in published.values():
        next(source.sets(data))  # stored images of another test set must show before a run trains
    return Experiment(
        config=config,
        run_id=run_id,
        data=data,
        augmentation=Augmentation(dataset.crop_padding, dataset.horizontal_flip),
        model=model,
        regularizer=regularizer,
        optimizer=instantiate(config.optimizer, params=regularizer.parameter_groups(model)),
        probes=build_probes(config, data),
        corruptions=corruptions,
        published=published,
        diagnostics=build_diagnostics(config, data.image_shape, len(data.class_names)),
        sources=load_sources(config, config_columns(config), data.image_shape, data.class_names, device),
        pruning=None if config.pruning is None else instantiate(config.pruning),
        trackers={name: instantiate(config.tracker[name]) for name in sorted(config.tracker)},
        device=device,
        precision=precision,
    )


def build_corruptions(config: Config, image_shape: ImageShape) -> tuple[dict[str, Corruption], dict[str, Published]]:
    """The chosen corruptions: those that are computed, and the published sets of stored images.

    Raises:
        ConfigError: a severity of one cannot be applied to images (C, H, W) of that shape.
    """
    made = {name: instantiate(node) for name, node in sorted(config.corruption.items())}
    published = {name: each for name, each in made.items() if isinstance(each, Published)}
    computed: dict[str, Corruption] = {name: each for name, each in made.items() if name not in published}
    grey = torch.full((1, *image_shape), 0.5)
    for corruption in computed.values():
        for severity in range(1, len(corruption.parameters) + 1):
            try:
                corruption(grey, severity, torch.Generator().manual_seed(0))
            except ValueError as error:
                raise ConfigError(str(error)) from error
    return computed, published


def build_probes(config: Config, data: ImageData) -> list[Probe]:
    """The chosen probes, in alphabetical order, each shown the data.

    Raises:
        ConfigError: one cannot measure on these data.
    """
    probes: list[Probe] = [instantiate(config.probe[name]) for name in sorted(config.probe)]
    for probe in probes:
        try:
            probe.prepare(data)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    return probes


def _check_task(config: Config, data: ImageData) -> None:
    """Refuse what only classifiers of images can be asked, where the data set has values to fit."""
    if not data.train.is_regression:
        return
    for group in ("corruption", "diagnostic"):
        chosen = getattr(config, group)
        if chosen:
            raise ConfigError(
                f"{group}={','.join(sorted(chosen))}: only for classifiers of images, and this data set has values to "
                f"fit; use {group}=[]"
            )


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


def set_up_torch(config: Config) -> tuple[torch.device, torch.dtype]:
    """Set threads and determinism as ``config.runtime`` says; the device and the precision to compute in.

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
    torch.use_deterministic_algorithms(runtime.deterministic)
    precision = runtime.precision
    if precision == "auto":
        precision = "bf16" if _computes_bf16(device) else "fp32"
    return device, {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


def _available_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere bf16 would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _to_device(data: ImageData, device: torch.device) -> ImageData:
    if device.type == "cpu":
        return data
    moved = {
        name: Split(getattr(data, name).images.to(device), getattr(data, name).labels.to(device))
        for name in ("train", "validation", "test")
    }
    return ImageData(**moved, class_names=data.class_names, mean=data.mean, std=data.std, digest=data.digest)
