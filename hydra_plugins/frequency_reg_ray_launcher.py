"""``hydra/launcher=ray``: runs as tasks of a Ray cluster. The work is in :mod:`sweeps.ray_cluster`."""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Gt
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig


class RayLauncher(Launcher):
    """Runs on many machines, or on this one; the keys are explained in ``conf/hydra/launcher/ray.yaml``."""

    def __init__(
        self,
        *,
        address: str | None,
        cpus_per_run: Annotated[int, Ge(1)],
        gpus_per_run: Annotated[float, Ge(0)],
        memory_gb_per_run: Annotated[float, Gt(0)] | None,
        time_limit: Annotated[float, Gt(0)] | None,
        parallelism: Annotated[int, Ge(1)],
        init: dict[str, Any],
        retries: Annotated[int, Ge(0)],
        max_failures: Annotated[int, Ge(1)] | None,
    ) -> None:
        self._place = {
            "address": address,
            "cpus_per_run": cpus_per_run,
            "gpus_per_run": gpus_per_run,
            "memory_gb_per_run": memory_gb_per_run,
            "time_limit": time_limit,
            "parallelism": parallelism,
            "init": dict(init),
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
        from sweeps.ray_cluster import RayBackend

        return launch(
            job_overrides,
            self._config,
            backend=lambda _: RayBackend(**self._place),
            policy=self._policy,
        )
