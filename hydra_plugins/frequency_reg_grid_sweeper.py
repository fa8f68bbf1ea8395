"""``hydra/sweeper=grid``: every combination of the swept values. The work is in :mod:`sweeps.grid`."""

from collections.abc import Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GridSweeper(Sweeper):
    """All combinations at once, so that the launcher sees the whole sweep; keys in ``conf/hydra/sweeper/grid.yaml``."""

    launcher: Launcher

    def __init__(self, *, params: dict[str, Any] | None, rows: list[dict[str, Any]], retry: list[str]) -> None:
        self._params = params or {}
        self._rows = rows
        self._retry = retry

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher that the configuration names."""
        self._config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch every combination of ``arguments`` as one batch."""
        from frequency_reg.compose import Composer
        from sweeps.grid import jobs
        from sweeps.launch import hydra_overrides

        chosen = jobs(arguments, self._params, self._rows, list(self._retry), Composer(hydra_overrides(self._config)))
        return [self.launcher.launch(chosen, initial_job_idx=0)] if chosen else []
