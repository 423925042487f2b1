"""Which process a run belongs to, and whether that very process still lives."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def process_tags() -> dict[str, str]:
    """Tags that name this process: its machine, its number, and when it was born."""
    pid = os.getpid()
    return {"pilsa.host": host(), "pilsa.pid": str(pid), "pilsa.birth": birth(pid)}


def host() -> str:
    """The name by which a machine tells its own runs from those of another on a shared disk.

    A container that gets a new name at each start does not know the runs of its past life: what `kill -9`
    ended there stays RUNNING until somebody deletes it in MLflow's pages. So give a container a fixed name
    (`--hostname`), and no two that share a store the same one. The boot's id would not do instead: it is
    that of the machine below, and the processes of a living container beside this one cannot be seen. Only
    a lock held as long as the run would tell, and over a network disk not every lock is seen by all. A run
    too many is a lesser evil than a living one closed.
    """
    return socket.gethostname()


def lives(tags: Mapping[str, str]) -> bool:
    """Whether the process of these tags, which must be of this machine, still lives."""
    return tags["pilsa.birth"] == birth(int(tags["pilsa.pid"]))


def birth(pid: int) -> str:
    """When a living process was born; empty for a dead one.

    Numbers of processes are given out again, also after a restart of the machine, but not at the same
    moment: on Linux this is the boot's id and the clock ticks since.
    """
    if sys.platform != "linux":
        asked = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip()
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # proc_pid_stat(5): after the name, which may hold anything, come the state and, 19 on, the start.
    state, *rest = stat.rpartition(")")[2].split()
    if state in "ZX":
        return ""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot} {rest[18]}"
