"""``hydra/sweeper=optuna``: a search instead of a grid. The work is in :mod:`sweeps.optuna_sweep`."""

from collections.abc import Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from frequency_reg.config import Config
from frequency_reg.recordable import Recordable
from frequency_reg.search_space import SearchSpace


class OptunaSweeper(Sweeper):
    """Optuna suggests, the records decide; the keys are explained in ``conf/hydra/sweeper/optuna.yaml``."""

    launcher: Launcher

    def __init__(self, **keys: Any) -> None:
        self._keys = keys

    @staticmethod
    def check_keys(keys: dict[str, Any]) -> None:
        """Refuse wrong keys before anything runs.

        Raises:
            ConfigError: naming the key, what was found and what is expected.
        """
        from sweeps.study_settings import study_settings

        study_settings(keys)

    @staticmethod
    def check_search(keys: dict[str, Any], space: SearchSpace, runs: Sequence[Config]) -> None:
        """Refuse a space that does not suit the keys, and objectives that one of ``runs`` would not record.

        Raises:
            ConfigError: naming the key and how to mend it.
        """
        from sweeps.study_settings import check_search, study_settings

        check_search(study_settings(keys), space, runs)

    @staticmethod
    def check_recordable(keys: dict[str, Any], recordable: Recordable) -> None:
        """Refuse objectives that a run which can record this much has no value of.

        Raises:
            ConfigError: naming the objective and how to mend it.
        """
        from sweeps.objective import check_recordable
        from sweeps.study_settings import study_settings

        for goal in study_settings(keys).goals:
            check_recordable(goal.name, recordable)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher that the configuration names."""
        self._config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Search where ``arguments`` leave room, batch after batch."""
        from sweeps.optuna_sweep import search

        launched = 0

        def launch(jobs: Sequence[Sequence[str]]) -> Sequence[JobReturn]:
            nonlocal launched
            first, launched = launched, launched + len(jobs)
            return self.launcher.launch(jobs, initial_job_idx=first)

        return [search(arguments, self._config, self._keys, launch)]
