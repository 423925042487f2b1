"""What stands between a notebook and this machine: bubblewrap, or namespaces made by `unshare`, or little.

A notebook sees the system and its environment read-only, its input read-only, and can write to its own
folders alone; it has no network, no capabilities, an environment built from nothing, and dies with pilsa.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pipelines.plumbing.errors import UserError
from pipelines.sandbox import mounting
from pipelines.sandbox.mounting import Mount
from pipelines.sandbox.task import Isolation, Task

FIRST_PROCESS = Path(__file__).with_name("first_process.py")
KERNEL = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
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
        arguments: program and arguments; `{connection_file}` stands for that file's path.
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
    kinds: tuple[Literal["bubblewrap", "unshare"], ...] = ("bubblewrap", "unshare")
    refused = []
    for kind in kinds:
        failure = failure_of(kind, has_network)
        if failure is None:
            return Isolation(kind, has_network, tuple(_small_gaps(has_network)))
        refused.append(f"{kind}: {failure}")
    return Isolation("none", has_network, _gaps("; ".join(refused), has_network))


def _small_gaps(has_network: bool) -> Iterator[str]:
    if has_network:
        yield "with a network it can also reach this machine's own services on 127.0.0.1"


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
def failure_of(kind: Literal["bubblewrap", "unshare"], has_network: bool) -> str | None:
    """Why a kind of isolation does not work here; None where it does."""
    program = "bwrap" if kind == "bubblewrap" else "unshare"
    if platform.system() != "Linux":
        return "needs Linux"
    if shutil.which(program) is None:
        return f"{program} is not installed"
    with tempfile.TemporaryDirectory(prefix="pilsa-") as folder:
        isolation, trial = Isolation(kind, has_network), ["/usr/bin/env", "true"]
        command = _prefixed(isolation, mounting.system(), Path(folder), "/", trial)
        try:
            subprocess.run(command, env={}, timeout=30, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines()
            return said[-1] if said else f"{program} ended with {error.returncode}"
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    return None


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
    kernel = [str(task.python.absolute()), *KERNEL]
    if task.isolation.kind == "none":
        order = json.dumps({"parent": os.getpid()})
        arguments = [sys.executable, "-I", str(FIRST_PROCESS), order, *kernel]
        return Command(arguments, environment(task), task.working)
    mounts = mounting.of_task(task, sockets)
    arguments = _prefixed(task.isolation, mounts, task.folder / "root", "/kaggle/working", kernel)
    return Command(arguments, environment(task), Path("/"))


def _prefixed(
    isolation: Isolation, mounts: list[Mount], root: Path, directory: str, command: list[str]
) -> list[str]:
    if isolation.kind == "bubblewrap":
        return [*_bubblewrap(isolation, mounts, directory), *command]
    return [*_unshare(isolation, mounts, root, directory), *command]


def _bubblewrap(isolation: Isolation, mounts: list[Mount], directory: str) -> list[str]:
    words = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--cap-drop", "ALL"]
    spaces = ["user", "pid", "ipc", "uts", *([] if isolation.has_network else ["net"])]
    words += [f"--unshare-{space}" for space in spaces]
    words += ["--unshare-cgroup-try", "--hostname", "kernel", "--proc", "/proc", "--dev", "/dev"]
    verbs = {"read": "--ro-bind", "write": "--bind", "device": "--dev-bind", "link": "--symlink"}
    for mount in mounts:
        if mount.kind == "empty":
            words += ["--tmpfs", mount.target]
        else:
            words += [verbs[mount.kind], mount.source, mount.target]
    emptied = [mount.target for mount in mounts if mount.kind == "empty"]
    # Their memory could be filled unseen; and behind root in the sandbox may stand the machine's own root,
    # who may write to /proc/sys.
    for target in ("/", "/dev", "/proc", *emptied):
        words += ["--remount-ro", target]
    return [*_sealed(mounts), *words, "--chdir", directory, "--"]


def _sealed(mounts: list[Mount]) -> list[str]:
    """What stands before bubblewrap as root, who could change the devices' rights and times for everybody.

    What it writes there would outlive the run: one view could leave its targets for the next.
    """
    if os.getuid() != 0:
        return []
    order = {"devices": [mount.source for mount in mounts if mount.kind == "device"]}
    return _first_process(order)


def _first_process(order: dict[str, Any]) -> list[str]:
    return [sys.executable, "-I", "-S", str(FIRST_PROCESS), json.dumps(order)]


def _unshare(isolation: Isolation, mounts: list[Mount], root: Path, directory: str) -> list[str]:
    spaces = ["user", "mount", "pid", "ipc", "uts", *([] if isolation.has_network else ["net"])]
    order = {
        "root": str(root),
        "directory": directory,
        "loopback": not isolation.has_network,
        "mounts": [(mount.kind, mount.source, mount.target) for mount in mounts],
    }
    words = [shutil.which("unshare") or "unshare", *(f"--{space}" for space in spaces)]
    words += ["--map-root-user", "--fork", "--kill-child", "--"]
    return [*words, *_first_process(order)]


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
