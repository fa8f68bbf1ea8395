"""Runs that take a millisecond: records written by formula, so that a search's tests know every number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import OmegaConf
from optuna.samplers import RandomSampler

from frequency_reg.compose import Composer, _config_loader, _hydra
from frequency_reg.config import Config, instantiate
from frequency_reg.outcome import Outcome
from frequency_reg.records import RunWriter
from frequency_reg.run_id import config_columns, identity, run_directory
from frequency_reg.search_space import SearchSpace, dotted_keys, search_space
from sweeps.optuna_part import OPTUNA
from sweeps.study import Search
from sweeps.study_settings import study_settings

EPOCHS = 4
LAYERS = ("stem", "block.conv")


def accuracy(config: Config, epoch: int = EPOCHS) -> float:
    """Best at lr .1, better with a regularizer, .01 more per seed; half of the way to it after each epoch."""
    base = 0.8 - 0.1 * abs(math.log10(config.optimizer["lr"] / 0.1))
    gain = 0.05 * ("none" not in config.regularizer["_target_"])
    return (base + gain + 0.01 * config.seed) * (1 - 0.5**epoch)


def noise_accuracy(config: Config, severity: int) -> float:
    """Falls with severity and with the learning rate's logarithm."""
    return 0.5 - 0.1 * severity - 0.05 * math.log10(config.optimizer["lr"])


@dataclass
class FakeRuns:
    """Stands for a launcher: writes the records of runs.

    Attributes:
        compose: configuration of a run's overrides.
        ends: the status of a run's configuration, where it is not ``complete``; ``nan`` completes without a value.
        interrupt_after: raises KeyboardInterrupt instead of run number so many, counted from 0.
        started: names of the runs done, in order.
    """

    compose: Callable[[Sequence[str]], Config]
    ends: Callable[[Config], str] = lambda _: "complete"
    interrupt_after: float = math.inf
    started: list[str] = field(default_factory=list)

    def __call__(self, jobs: list[list[str]]) -> list[Outcome]:
        """Do the runs one after the other."""
        return [self.run(self.compose(job)) for job in jobs]

    def run(self, config: Config) -> Outcome:
        """Do one run as its configuration, its stopping rule and ``ends`` say."""
        if len(self.started) >= self.interrupt_after:
            raise KeyboardInterrupt
        directory, end = run_directory(config), self.ends(config)
        self.started.append(directory.name)
        directory.mkdir(parents=True, exist_ok=True)
        writer = RunWriter(directory, identity(config))
        rule = None if config.pruning is None else instantiate(config.pruning)
        curve: dict[int, float] = {}
        for epoch in range(EPOCHS + 1):
            value = math.nan if end == "nan" and epoch == EPOCHS else accuracy(config, epoch)
            curve.update({epoch: value} if epoch else {})
            _add_epoch(writer, epoch, value)
            if rule is not None and curve and (reason := rule.reason(curve)):
                return _finish(writer, config, "pruned", reason)
        _add_final(writer, config)
        return _finish(writer, config, "complete" if end == "nan" else end, "")


def _add_epoch(writer: RunWriter, epoch: int, value: float) -> None:
    nothing = dict.fromkeys(("train_loss", "train_accuracy", "learning_rate"))
    writer.add(
        "epochs",
        {**nothing, "epoch": epoch, "validation_loss": 1 - value, "validation_accuracy": value, "train_seconds": 0.0},
    )


def _add_final(writer: RunWriter, config: Config) -> None:
    for split in ("validation", "test"):
        for severity in range(3):
            row = {"split": split, "corruption": "gaussian_noise", "severity": severity, "parameter": None}
            # A reader of test data would be far off.
            value = noise_accuracy(config, severity) if split == "validation" else 0.999
            writer.add("robustness", {**row, "parameter_unit": "", "accuracy": value, "loss": 0.0, "n": 1})
    for depth, layer in enumerate(LAYERS):
        for epoch in (0, EPOCHS):
            value = epoch * (depth + 1) * config.optimizer["lr"]
            row = {"epoch": epoch, "layer": layer, "depth": depth, "normalization": "dc", "reference": "init"}
            writer.add("ssr", {**row, "value": value, "status": "ok"})


def _finish(writer: RunWriter, config: Config, status: str, detail: str) -> Outcome:
    row: dict[str, Any] = {"run_name": writer.directory.name, "status": status, "status_detail": detail, "epoch": 0}
    writer.set_run({**row, **config_columns(config)})
    writer.publish()
    return Outcome(writer.directory, status, detail)


@dataclass
class Bench:
    """A folder with a composer: makes searches whose runs are fake."""

    folder: Path
    composer: Composer

    @property
    def fixed(self) -> list[str]:
        """Overrides of every run."""
        splits, noise = "evaluation.splits=[test,validation]", "corruption.gaussian_noise.sigma=[0.1,0.2]"
        outputs = "outputs=" + QuotedString(str(self.folder), Quote.single).with_quotes()
        return [outputs, "name=s", f"epochs={EPOCHS}", splits, "corruption=[gaussian_noise]", noise]

    def space(self, *overrides: str, params: dict[str, Any] | None = None) -> SearchSpace:
        """The search space of a command."""
        groups = _config_loader().list_groups("")
        return search_space([*self.fixed, *overrides], params or {}, groups=groups, keys_of=self.keys)

    def keys(self, texts: tuple[str, ...]) -> frozenset[str]:
        """Dotted keys of what ``texts`` compose to."""
        return frozenset(dotted_keys(OmegaConf.to_container(self.composer.composed(texts))))  # type: ignore[arg-type]

    def runs(self, **options: Any) -> FakeRuns:
        """A launcher."""
        return FakeRuns(self.composer.config, **options)

    def search(
        self,
        runs: FakeRuns,
        *overrides: str,
        say: Callable[[str], None] = lambda _: None,
        trusted: Sequence[str] = OPTUNA,
        **keys: Any,
    ) -> Search:
        """A search of the learning rate, or of what ``overrides`` say, with ``keys`` of hydra.sweeper."""
        space = self.space(*(overrides or LEARNING_RATE))
        return Search(study_settings(keys), space, compose=self.composer.config, launch=runs, say=say, trusted=trusted)


LEARNING_RATE = ("optimizer.lr=tag(log,interval(0.001,1))",)
CONDITIONAL = (
    "regularizer=none,weight_decay,[dropout,weight_decay]",
    "optimizer.lr=tag(log,interval(0.001,1))",
    "regularizer.weight_decay=tag(log,interval(1e-5,1e-1))",
    "regularizer.dropout=interval(0.1,0.7)",
)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """A bench in ``folder``."""
    with _hydra():
        yield Bench(folder, Composer())


class UnseededSampler(RandomSampler):
    """A stranger's sampler that takes no seed."""

    def __init__(self) -> None:
        super().__init__()
