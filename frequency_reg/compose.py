"""Command line -> the list of runs it means, every one composed and checked before any of them starts."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from frequency_reg.config import Config, ConfigError, check_plugin, check_search, nearest, validate
from frequency_reg.search_space import SearchSpace, dotted_keys, search_space

CONFIG_DIRECTORY = Path(__file__).resolve().parent.parent / "conf"
CONFIG_NAME = "config"
_FOLDER_OF_RUN = r"^([\w./@]+)=([\w./~+*${}-]+[=*][\w./~+=*${}-]*)$"
_SINGLE = ("dataset", "model", "optimizer", "runtime", "suite", "study")


@dataclass(frozen=True)
class Plan:
    """Every run of one command.

    Attributes:
        multirun: whether the command is a sweep.
        varied: keys that the command varies, in the order given.
        runs: one checked configuration a run, in the order they would run; of a search, which decides later, runs
            that stand for all it may decide on.
        search: what a search may vary; None for a single run and a grid.
        sweeper: of a search, the checked node ``hydra.sweeper``.
        trials: of a search, each done for every one of ``seeds`` seeds.
    """

    multirun: bool
    varied: tuple[str, ...]
    runs: tuple[Config, ...]
    search: SearchSpace | None = None
    sweeper: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 0
    seeds: int = 1


class Composer:
    """Composes many runs that differ in values: Hydra composes once for each choice of group options.

    Hydra itself composes every run from its files again, about 60 ms; here a run's values are applied, by Hydra's own
    function, to a copy of the composition of its groups, which gives the same configuration.

    Args:
        always: overrides of every run that say what is composed, such as ``hydra.searchpath``.
    """

    def __init__(self, always: Sequence[str] = ()) -> None:
        self._always = tuple(always)
        self._compositions: dict[tuple[str, ...], DictConfig] = {}
        self._modes: dict[tuple[str, ...], str] = {}
        self._parsed: dict[str, Override] = {}
        self._groups = set(_config_loader().list_groups(""))

    def config(self, overrides: Sequence[str]) -> Config:
        """The checked configuration of one run.

        Raises:
            ConfigError: a key, option, type or range is wrong.
        """
        with _explained(overrides):
            return validate(_plain(self.composed(overrides)))

    def composed(self, overrides: Sequence[str]) -> DictConfig:
        """What Hydra's ``compose`` gives for ``overrides``; raises Hydra's own errors."""
        key, values = self._divide(overrides)
        composed = copy.deepcopy(self._composition(key))
        ConfigLoaderImpl._apply_overrides_to_config(values, composed)
        return composed

    def asks_for_a_sweep(self, overrides: Sequence[str]) -> bool:
        """Whether the options that ``overrides`` choose, such as a study, set ``hydra.mode``; raises Hydra's errors."""
        key, _ = self._divide(overrides)
        self._composition(key)
        return self._modes[key].endswith("MULTIRUN")

    def _divide(self, overrides: Sequence[str]) -> tuple[tuple[str, ...], list[Override]]:
        """What decides which files are composed, and the values to apply to that."""
        choices = list(self._always)
        values: list[Override] = []
        for text in overrides:
            override = self._parse(text)
            if self._is_choice(override):
                choices.append(text)
            else:
                values.append(override)
        return tuple(choices), values

    def _composition(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._compositions:
            composed = compose(CONFIG_NAME, list(choices), return_hydra_config=True)
            self._modes[choices] = str(composed.hydra.mode)
            with open_dict(composed):
                del composed["hydra"]  # as Hydra's compose does when it is not asked for
            self._compositions[choices] = composed
        return self._compositions[choices]

    def search_space(self, overrides: Sequence[str], params: Mapping[str, Any]) -> SearchSpace:
        """What ``overrides`` and ``hydra.sweeper.params`` let a search vary; Hydra's own overrides left out.

        Raises:
            ConfigError: a range, a tag or a key is wrong.
        """
        return search_space(overrides, params, groups=self._groups, keys_of=self.keys)

    def is_group(self, key: str) -> bool:
        """Whether ``key`` is a group of options."""
        return key in self._groups

    def keys(self, overrides: tuple[str, ...]) -> frozenset[str]:
        """Every dotted key of what ``overrides`` compose to."""
        nested = OmegaConf.to_container(self.composed(overrides), resolve=False)
        assert isinstance(nested, dict)
        return frozenset(dotted_keys(nested))

    def _is_choice(self, override: Override) -> bool:
        """Whether the override decides which files are composed, as Hydra tells it."""
        if override.package is not None or _is_hydras(override):
            return True
        return override.key_or_group in self._groups and not isinstance(override.value(), dict)

    def _parse(self, text: str) -> Override:
        if text not in self._parsed:
            self._parsed[text] = _parse([text])[0]
        return self._parsed[text]


def make_plan(overrides: Sequence[str], *, multirun: bool, config_dir: str | None = None) -> Plan:
    """Compose and check every run that ``overrides`` means.

    Args:
        overrides: as on the command line, sweeps included.
        multirun: ``-m`` was given; a study may ask for it too.
        config_dir: a folder of the user's with groups or options of his own.

    Raises:
        ConfigError: a key, option, type or range is wrong, or the sweep is empty.
    """
    overrides = with_config_dir(overrides, config_dir)
    with _hydra(), _explained(overrides):
        parsed = _parse(overrides)
        fixed = [text for text, override in zip(overrides, parsed, strict=True) if not override.is_sweep_override()]
        _refuse_values_of_groups(parsed)
        composer = Composer()
        if not multirun and fixed == list(overrides) and not composer.asks_for_a_sweep(overrides):
            return Plan(False, (), (composer.config(overrides),))  # one composition, where Hydra's own part needs two
        hydra_config = _hydra_part(fixed)
        multirun = multirun or str(hydra_config.mode).endswith("MULTIRUN")
        if not multirun:
            _refuse_sweeps(parsed)
            return Plan(False, (), (composer.config(overrides),))
        _check_plugins(hydra_config)
        if "n_trials" in hydra_config.sweeper:
            return _search_plan(composer, overrides, hydra_config.sweeper)
        sweeper = hydra_config.sweeper
        jobs, varied = grid(overrides, sweeper.get("params") or {}, composer, sweeper.get("rows") or ())
        return Plan(True, varied, tuple(composer.config(job) for job in jobs))


def _search_plan(composer: Composer, overrides: Sequence[str], sweeper: DictConfig) -> Plan:
    ours = [text for text, override in zip(overrides, _parse(overrides), strict=True) if not _is_hydras(override)]
    space = composer.search_space(ours, sweeper.get("params") or {})
    runs = tuple(composer.config(job) for job in space.representatives())
    node = _plugin_node(sweeper)
    check_search(node, space, runs)
    return Plan(True, space.varied, runs, search=space, sweeper=node, trials=sweeper.n_trials, seeds=len(sweeper.seeds))


def _check_plugins(hydra_config: DictConfig) -> None:
    """Check the keys of a launcher and a sweeper of ours against their constructors, or let them do it themselves.

    Raises:
        ConfigError: naming the key.
    """
    for name in ("launcher", "sweeper"):
        node = _plugin_node(hydra_config[name])
        if str(node["_target_"]).startswith("hydra_plugins.frequency_reg_"):
            check_plugin(node, f"hydra.{name}")


def _plugin_node(config: DictConfig) -> dict[str, Any]:
    node: dict[str, Any] = OmegaConf.to_container(config, resolve=False)  # type: ignore[assignment]
    return node


def with_config_dir(overrides: Sequence[str], config_dir: str | None) -> list[str]:
    """``overrides`` with the user's own folder of groups and options added to Hydra's search path.

    A value that is the folder of a run (``seed=0`` stands in its name, or a ``*``) is quoted, as Hydra's grammar wants
    it.

    Raises:
        ConfigError: there is no such folder.
    """
    overrides = [re.sub(_FOLDER_OF_RUN, r'\1="\2"', text) for text in overrides]
    if config_dir is None:
        return overrides
    if not Path(config_dir).is_dir():
        raise ConfigError(f"--config-dir={config_dir}: no such folder")
    return [*overrides, f"hydra.searchpath=[file://{Path(config_dir).absolute()}]"]


def grid(
    overrides: Sequence[str], params: Mapping[str, Any], composer: Composer, rows: Sequence[Mapping[str, Any]] = ()
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The overrides of every combination, and the keys that vary, both in the order given.

    A swept key that only some of the swept options have (``regularizer.dropout`` beside ``regularizer=none,dropout``)
    is given to these only; the combinations that become equal are one. A study can be narrowed: a key of ``params``
    stays such a key when the command line gives it one value, and falls away when the command line replaces the options
    that have it (``study=X regularizer=none``).

    Args:
        overrides: of the command line, sweeps included; they win over ``params``.
        params: of ``hydra.sweeper.params``: swept values by key.
        rows: of ``hydra.sweeper.rows``: values by key, each replaces or joins ``params`` for a grid of its own; the
            runs of all are one sweep. For tables whose rows are no grid.

    Raises:
        ConfigError: a key has no values.
    """
    parsed = _parse(overrides)
    for override in parsed:
        if isinstance(override.value(), IntervalSweep):
            raise ConfigError(
                f"{override.input_line}: an interval is for a search; add hydra/sweeper=optuna, or give values"
            )
    given = {override.get_key_element() for override in parsed}
    grids = [{**params, **row} for row in rows] or [dict(params)]
    texts, varied = _choices(parsed, grids, given)
    if not all(map(all, texts)):
        raise ConfigError(f"the sweep over {', '.join(varied)} is empty; give each key at least one value")
    listed = set(params).union(*rows)
    single = {key for key in given if "." in key and not key.startswith("hydra.")}  # of an option that some rows have
    keys = {*varied, *listed, *single}
    groups = {key for key in keys if composer.is_group(key)}
    if not groups or groups == keys:
        return list(dict.fromkeys(job for each in texts for job in itertools.product(*each))), varied
    replaced = {key for key in listed - given if key.partition(".")[0] in given}
    jobs = _where_they_exist(texts, keys - groups, replaced, composer)
    return jobs, tuple(key for key in varied if any(text.startswith(f"{key}=") for job in jobs for text in job))


def _hydra_part(fixed: Sequence[str]) -> DictConfig:
    """Hydra's own configuration, from overrides with one value; those of options that a sweep chooses do not count.

    ``regularizer=none,weight_decay regularizer.weight_decay=1e-3`` is no error, though the default has no such key.
    """
    own = [text for text in fixed if "." not in text.partition("=")[0] or text.lstrip("+~").startswith("hydra.")]
    part: DictConfig = compose(CONFIG_NAME, own, return_hydra_config=True).hydra
    return part


_Choices = list[list[str]]
"""Of a grid, for each key the overrides ``key=value`` of its values."""


def _choices(
    parsed: Sequence[Override], grids: Sequence[Mapping[str, Any]], given: set[str]
) -> tuple[list[_Choices], tuple[str, ...]]:
    """What each of ``grids`` chooses among, the command line's keys included, and the keys that vary."""
    found: list[_Choices] = []
    varied: list[str] = []
    for params in grids:
        own = _parse([f"{key}={value}" for key, value in params.items()])
        swept = [override for override in own if override.get_key_element() not in given] + list(parsed)
        found.append([[job[0] for part in BasicSweeper.split_arguments([o], None) for job in part] for o in swept])
        varied += [o.get_key_element() for o in swept if o.is_sweep_override()]
    texts = {key: {grid.get(key) for grid in grids} for grid in grids for key in grid if key not in given}
    return found, tuple(dict.fromkeys([key for key in texts if len(texts[key]) > 1] + varied))


def _where_they_exist(
    grids: Sequence[_Choices], values: set[str], replaced: set[str], composer: Composer
) -> list[tuple[str, ...]]:
    """Every combination of each of ``grids`` without the ``values`` that its options do not have.

    A key that no combination has stays, to be refused, unless it is one of the ``replaced``. The order is that of the
    whole products, which are not formed: where each of many options has a key of its own they have millions of members.
    """
    keyed = [[(choices[0].partition("=")[0], list(enumerate(choices))) for choices in texts] for texts in grids]
    options = [list(itertools.product(*(n for key, n in each if key not in values))) for each in keyed]
    there = [[composer.keys(tuple(text for _, text in chosen)) for chosen in each] for each in options]
    known = replaced.union(*itertools.chain.from_iterable(there))
    places: dict[tuple[str, ...], tuple[int, ...]] = {}
    for grid_number, each in enumerate(keyed):
        for chosen, present in zip(options[grid_number], there[grid_number], strict=True):
            absent = {key for key in values if key in known and key not in present}
            left = iter(chosen)
            parts = [(n[:1] if key in absent else n) if key in values else [next(left)] for key, n in each]
            for combination in itertools.product(*parts):
                job = tuple(text for (_, text), (key, _) in zip(combination, each, strict=True) if key not in absent)
                place = (grid_number, *(number for number, _ in combination))
                places[job] = min(place, places.get(job, place))
    return sorted(places, key=places.__getitem__)


def _plain(config: DictConfig) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    return plain


def _parse(overrides: Sequence[str]) -> list[Override]:
    for text in overrides:
        if re.fullmatch(r"[^=~+]+=[\s,]*", text):
            raise ConfigError(f"{text}: no value given; write KEY=VALUE, or with -m KEY=VALUE,VALUE")
    return OverridesParser.create().parse_overrides(list(overrides))


def _refuse_values_of_groups(parsed: Sequence[Override]) -> None:
    """Hydra would merge a list of options in any group; one data set, model or optimizer is meant, and null is none."""
    for override in parsed:
        if override.key_or_group in _SINGLE and isinstance(override.value(), list):
            raise ConfigError(f"{override.input_line}: {override.key_or_group} takes one option")
        options = sorted(_config_loader().get_group_options(override.key_or_group)) if override.value() is None else []
        if options and not override.is_delete():
            none = "" if override.key_or_group in _SINGLE else f"; {override.key_or_group}=[] chooses none of them"
            raise ConfigError(
                f"{override.input_line}: no such option; the options of {override.key_or_group} are "
                f"{', '.join(options)}{none}"
            )


def _refuse_sweeps(parsed: Sequence[Override]) -> None:
    for override in parsed:
        if override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: several values make a sweep; add -m, or quote a list as [A,B]")


def _is_hydras(override: Override) -> bool:
    return bool(re.match(r"hydra[./]", override.key_or_group))


@contextmanager
def _hydra() -> Iterator[None]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIG_DIRECTORY)):
        yield


def _config_loader() -> ConfigLoaderImpl:
    loader = GlobalHydra.instance().config_loader()
    assert isinstance(loader, ConfigLoaderImpl)
    return loader


# --- explaining what Hydra refuses -----------------------------------------------------------------------------------


@contextmanager
def _explained(overrides: Sequence[str]) -> Iterator[None]:
    """Turn Hydra's and OmegaConf's errors into one message with the key, the value and the nearest valid ones."""
    try:
        yield
    except OverrideParseException as error:
        raise ConfigError(
            f"{error.override}: not a valid override; write KEY=VALUE, and a list as 'KEY=[A,B]'"
            f"{_command_meant(str(error.override))}"
        ) from error
    except MissingConfigException as error:
        raise ConfigError(_missing_option(error)) from error
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(_unknown_key(error, overrides)) from error


def _command_meant(word: str) -> str:
    """What to write instead of a word that belongs to another command."""
    if word in ("table", "compare", "plot", "report", "claims", "query"):
        return f"; results: python -m analysis {word} outputs/NAME"
    if word in ("status", "list", "retry", "clean"):
        return f"; sweeps: python -m sweeps {word} outputs/NAME"
    return "; frequency-reg --help lists groups and keys" if word == "help" else ""


def _missing_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    options = sorted(error.options or _config_loader().get_group_options(group))  # of a list, Hydra names none
    listed = ", ".join(options) or "none"
    return f"{group}={option}: no such option; the options of {group} are {listed}{nearest(option, options)}"


def _unknown_key(error: Exception, overrides: Sequence[str]) -> str:
    found = re.search(r"Could not override '([^']+)'|full_key: (\S+)", str(error))
    if found is None:
        return str(error).splitlines()[0]
    key = (found[1] or found[2]).partition("@")[0]
    parent, _, name = key.rpartition(".")
    composed = _composed_groups(overrides, with_hydra=key.startswith("hydra."))
    node = OmegaConf.select(composed, parent) if parent else composed
    if not isinstance(node, DictConfig):
        group, _, option = parent.rpartition(".")
        if group and option in _config_loader().get_group_options(group):
            return f"{key}: unknown key; it comes with {group}=[{option}]"
        return f"{key}: unknown key; {parent} has no keys below it"
    valid = sorted(str(k) for k in node if k not in ("_target_", "_recursive_", "_convert_", "hydra"))
    where = f" of {parent}" if parent else ""
    if not valid:
        return f"{key}: unknown key; the chosen {parent} has no keys{_options_with(parent, name)}"
    near = nearest(name, valid) or _elsewhere(composed, parent, name)
    return f"{key}: unknown key; the keys{where} are {', '.join(valid)}{near}"


_FLAT = ("regularizer", "optimizer", "model", "dataset", "runtime")
"""Groups whose options have their keys directly below the group's name."""


def _elsewhere(composed: DictConfig, parent: str, name: str) -> str:
    """``; did you mean regularizer.weight_decay?`` where another group has the key, as chosen or by another option."""
    for group in (g for g in _FLAT if g != parent):
        if name in (composed.get(group) or {}):
            return f"; did you mean {group}.{name}?"
        if found := _options_with(group, name):
            return f"{found.removesuffix(name)}{group}.{name}"
    return ""


def _options_with(group: str, key: str) -> str:
    """``; regularizer=weight_decay has it`` for the options of a group whose YAML sets ``key``."""
    files = sorted((CONFIG_DIRECTORY / group).glob("*.yaml"))
    options = [file.stem for file in files if key in OmegaConf.to_container(OmegaConf.load(file))]  # type: ignore[operator]
    return f"; {group}={' or '.join(options)} has {key}" if options else ""


def _composed_groups(overrides: Sequence[str], *, with_hydra: bool) -> DictConfig:
    """The configuration with the command's choices of group options, but none of its values."""
    groups = set(_config_loader().list_groups("")) - {"hydra"}
    chosen = [
        text
        for text, override in zip(overrides, _parse(overrides), strict=True)
        if (override.key_or_group in groups or override.key_or_group.startswith("hydra/"))
        and not override.is_sweep_override()
    ]
    return compose(CONFIG_NAME, chosen, return_hydra_config=with_hydra)
