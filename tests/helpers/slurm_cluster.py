"""A real Slurm on this machine, for tests: Debian's packages, no accounting, no systemd, nodes that are processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NEEDED = ("slurmctld", "slurmd", "sbatch", "munged")
PORT = 26817
MUNGE_SOCKET = "munge.socket"

CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/{socket}
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
KillWait=20
MinJobAge=300
SlurmdTimeout=15
InactiveLimit=0
SchedulerParameters=sched_interval=2,bf_interval=2
{nodes}
PartitionName=main Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Which of Slurm's programs are not installed."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in NEEDED if shutil.which(name, path=path) is None] + ([] if os.geteuid() == 0 else ["root"])


class Cluster:
    """A running Slurm of several nodes."""

    def __init__(self, folder: Path, nodes: int = 2) -> None:
        self.folder = folder
        self.names = [f"n{i}" for i in range(nodes)]
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        host = socket.gethostname().partition(".")[0]
        lines = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + 1 + i} CPUs=2 RealMemory=4000 State=UNKNOWN"
            for i, name in enumerate(self.names)
        ]
        (folder / "state").mkdir(parents=True)
        self.conf = folder / "slurm.conf"
        self.conf.write_text(
            CONF.format(
                host=host, port=PORT, folder=folder, socket=MUNGE_SOCKET, nodes="\n".join(lines), names=",".join(self.names)
            )
        )
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}

    def start(self) -> None:
        """Start munge, the controller and the nodes; returns when all nodes are idle."""
        munge = self.folder / "munge"
        munge.mkdir(mode=0o700)
        key = munge / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self.folder.chmod(0o755)
        for folder in [self.folder, *self.folder.parents]:
            if folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)  # munge's clients reach the socket
        self._spawn(
            "munged",
            ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder / MUNGE_SOCKET}",
             f"--pid-file={munge / 'pid'}", f"--log-file={munge / 'log'}", f"--seed-file={munge / 'seed'}"],
        )  # fmt: skip
        self._until((self.folder / MUNGE_SOCKET).exists, "munge made no socket")
        self._spawn("slurmctld", ["slurmctld", "-D", "-f", str(self.conf)])
        for name in self.names:
            self.start_node(name)
        self._until(lambda: self.run("sinfo", "-h", "-o", "%t %D").strip() == f"idle {len(self.names)}", "nodes are not idle")

    def start_node(self, name: str) -> None:
        """Start a node's daemon."""
        self._spawn(name, ["slurmd", "-D", "-N", name, "-f", str(self.conf)])

    def kill_node(self, name: str) -> None:
        """Let a node die: its daemon, and all that runs on it."""
        own = [pid for pid in _pids() if self._node_of(pid) == name]
        steps = {parent for pid in own if (parent := _parent_of(pid)) and parent not in own}
        for pid in [*steps, *own]:  # first those that would tell the controller
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        daemon = self._daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def _node_of(self, pid: int) -> str:
        try:
            raw = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return ""
        values = dict(one.partition(b"=")[::2] for one in raw)
        mine = values.get(b"SLURM_CONF", b"").decode() == str(self.conf)
        return values.get(b"SLURMD_NODENAME", b"").decode() if mine else ""

    def run(self, *command: str) -> str:
        """The output of one of Slurm's commands."""
        answer = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        return answer.stdout

    def queue(self) -> dict[str, str]:
        """States of the jobs that have not ended."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def state(self, job: str) -> str:
        """A job's state, also after its end, as the controller remembers it."""
        text = self.run("scontrol", "show", "job", job)
        return text.partition("JobState=")[2].split(" ")[0].strip() if "JobState=" in text else ""

    def stop(self) -> None:
        """End everything."""
        self.run("scancel", "--full", "--signal=KILL", *self.queue())
        self.run("scancel", *self.queue())
        time.sleep(1)
        for process in reversed(self._daemons.values()):
            process.kill()
            process.wait()

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def _until(self, ready, words: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > until:
                logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in self.folder.glob("*.log"))
                raise RuntimeError(f"{words}:\n{logs}")
            time.sleep(0.2)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _parent_of(pid: int) -> int:
    """The step's own process above a job's process, 0 where it is another."""
    try:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        return parent if "slurmstepd" in Path(f"/proc/{parent}/cmdline").read_text() else 0
    except (OSError, ValueError):
        return 0


@contextmanager
def slurm(folder: Path, nodes: int = 2) -> Iterator[Cluster]:
    """A cluster while this holds."""
    cluster = Cluster(folder, nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
