"""A real Slurm for tests: munged, slurmctld and a slurmd for each node, all on this machine, on free ports."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from tests.sweeps.live_sweep import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue", "scontrol", "sinfo")

_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
KillWait=10
SlurmdTimeout=10
SlurmdParameters=config_overrides
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=15
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
"""


def missing() -> str | None:
    """Why no Slurm can be started here, or None."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"needs {', '.join(absent)} (Debian: slurmctld slurmd slurm-client munge)"
    return None if os.geteuid() == 0 else "a Slurm of one's own needs root"


class SlurmCluster:
    """The daemons, by name; ``environment`` makes a process use this cluster.

    Args:
        folder: of state, logs and sockets; short, since a socket's path may have 107 bytes.
        nodes: number of nodes, with 2 CPUs each, all of them this machine.
    """

    def __init__(self, folder: Path, nodes: int = 2) -> None:
        self.folder = folder
        self.nodes = [f"node{number}" for number in range(1, nodes + 1)]
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        folder.chmod(0o711)  # munged wants its socket within reach of everybody
        (folder / "state").mkdir()
        for node in self.nodes:
            (folder / f"spool-{node}").mkdir()
        (folder / "munge.key").write_bytes(os.urandom(1024))
        (folder / "munge.key").chmod(0o600)
        (folder / "slurm.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        host = socket.gethostname()
        ports = _free_ports(len(self.nodes) + 1)
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=16000 State=UNKNOWN"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        )
        return _CONF.format(host=host, folder=self.folder, controller_port=ports[0], nodes=nodes)

    def start(self) -> None:
        """Start every daemon and wait until the nodes are idle."""
        munge = [f"--{name}={self.folder}/munge.{name.split('-')[0]}" for name in ("key-file", "pid-file", "log-file")]
        self._start("munged", "-F", *munge, f"--socket={self.folder}/munge.socket", f"--seed-file={self.folder}/seed")
        wait_until(lambda: (self.folder / "munge.socket").exists(), 10, "munged's socket")
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        wait_until(lambda: self.states() == ["idle"] * len(self.nodes), 30, "idle nodes")

    def start_controller(self) -> None:
        """Start slurmctld, which takes up its saved state."""
        self._start("slurmctld", "-D")

    def start_node(self, node: str) -> None:
        """Start the slurmd of ``node``."""
        self._start(node, "-D", "-N", node, program="slurmd")

    def _start(self, name: str, *arguments: str, program: str = "") -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._daemons[name] = subprocess.Popen(
                [str(shutil.which(program or name)), *arguments],
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL the daemon ``name`` ("slurmctld", "node1", ...)."""
        self._daemons[name].kill()
        self._daemons.pop(name).wait()

    def lose(self, node: str) -> None:
        """SIGKILL everything on ``node``: its slurmd, its jobs and what watches them."""
        self.kill(node)
        for pid in self._processes_of(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes_of(self, node: str) -> list[int]:
        """Processes of jobs, by their environment, before them the slurmstepd that started them."""
        marks = {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={self.folder}/slurm.conf".encode()}
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if marks <= set((folder / "environ").read_bytes().split(b"\0")):
                    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                    if (Path("/proc") / str(parent) / "comm").read_text().startswith("slurmstepd"):
                        found.insert(0, parent)
                    found.append(int(folder.name))
        return found

    def command(self, *arguments: str) -> str:
        """Standard output of one of Slurm's commands."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            arguments, env=environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()

    def states(self) -> list[str]:
        """State of every node, as sinfo says it; empty while the controller does not answer."""
        try:
            return self.command("sinfo", "--noheader", "--Node", "--partition=main", "--format=%T").split()
        except subprocess.CalledProcessError:
            return []

    def clear(self) -> None:
        """End every job at once."""
        self.command("scancel", "--user=root")
        self.command("scancel", "--user=root", "--signal=KILL", "--full")
        wait_until(lambda: self.command("squeue", "--noheader") == "", 60, "an empty queue")

    def stop(self) -> None:
        """End the jobs, then the daemons."""
        if "slurmctld" in self._daemons:
            self.clear()
        for daemon in reversed(self._daemons.values()):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons.values():
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
