"""``hydra/launcher=local``: runs on this machine, each in its own process. The work is in :mod:`sweeps.local`."""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Gt
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """Concurrent isolated runs on this machine; the keys are explained in ``conf/hydra/launcher/local.yaml``."""

    def __init__(
        self,
        *,
        workers: Annotated[int, Ge(1)] | None,
        threads: Annotated[int, Ge(1)] | None,
        runs_per_gpu: Annotated[int, Ge(1)],
        time_limit: Annotated[float, Gt(0)] | None,
        memory_limit: Annotated[float, Gt(0)] | None,
        retries: Annotated[int, Ge(0)],
        max_failures: Annotated[int, Ge(1)] | None,
    ) -> None:
        self._resources = {
            "workers": workers,
            "threads": threads,
            "runs_per_gpu": runs_per_gpu,
            "time_limit": time_limit,
            "memory_limit": memory_limit,
        }
        self._failures = {"retries": retries, "max_failures": max_failures}

    def setup(self, *, config: DictConfig, **_: Any) -> None:
        """Keep the command's configuration, and one count of failures for all that it launches."""
        from sweeps.engine import Policy

        self._config = config
        self._policy = Policy(**self._failures)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Do the runs; each job's return value is a :class:`frequency_reg.outcome.Outcome`."""
        from sweeps.launch import launch
        from sweeps.resources import local_backend

        return launch(
            job_overrides,
            self._config,
            backend=lambda tasks: local_backend(tasks, **self._resources),
            policy=self._policy,
        )
