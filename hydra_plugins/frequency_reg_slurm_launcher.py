"""``hydra/launcher=slurm``: runs as jobs of a Slurm cluster. The work is in :mod:`sweeps.slurm`.

Its parameters are those of hydra-submitit-launcher, which waits for results in its own way, and for ever if a job is
killed on a cluster without accounting; only that waiting is replaced.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

if TYPE_CHECKING:
    _Submitit: Any = Launcher
    _INSTALLED = True
else:
    try:
        import submitit as _  # noqa: F401
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as _Submitit

        _INSTALLED = True
    except ImportError:  # Hydra imports every plugin at its start: it must not complain about an extra nobody asked for
        _Submitit = Launcher
        _INSTALLED = False


class SlurmLauncher(_Submitit):
    """Runs as Slurm jobs; the keys are explained in ``conf/hydra/launcher/slurm.yaml``."""

    def __init__(
        self,
        *,
        submitit_folder: str,
        name: str,
        partition: str | None,
        account: str | None,
        qos: str | None,
        timeout_min: Annotated[int, Ge(1)],
        max_num_timeout: Annotated[int, Ge(0)],
        signal_delay_s: Annotated[int, Ge(1)],
        cpus_per_task: Annotated[int, Ge(1)] | None,
        gpus_per_node: Annotated[int, Ge(0)] | None,
        mem_gb: Annotated[float, Gt(0)] | None,
        gres: str | None,
        gpus_per_task: Annotated[int, Ge(0)] | None,
        cpus_per_gpu: Annotated[int, Ge(1)] | None,
        mem_per_gpu: str | None,
        mem_per_cpu: str | None,
        constraint: str | None,
        exclude: str | None,
        comment: str | None,
        setup: list[str] | None,
        additional_parameters: dict[str, Any],
        stderr_to_stdout: bool,
        array_parallelism: Annotated[int, Ge(1)],
        retries: Annotated[int, Ge(0)],
        max_failures: Annotated[int, Ge(1)] | None,
    ) -> None:
        given = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        self._failures = {key: given.pop(key) for key in ("retries", "max_failures")}
        if _INSTALLED:
            super().__init__(**given)  # makes `params` of them, plain values

    def setup(self, *, config: DictConfig, **_: Any) -> None:
        """Keep the command's configuration, and one count of failures for all that it launches."""
        from sweeps.engine import Policy

        self._config = config
        self._policy = Policy(**self._failures)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Submit the runs and wait for all; each job's return value is a :class:`frequency_reg.outcome.Outcome`."""
        from frequency_reg.config import ConfigError
        from sweeps.launch import launch

        if not _INSTALLED:
            raise ConfigError("hydra/launcher=slurm: submitit is not installed; pip install frequency-reg[slurm]")
        from sweeps.slurm import SlurmBackend

        return launch(
            job_overrides,
            self._config,
            backend=lambda _: SlurmBackend(self.params),
            policy=self._policy,
        )
