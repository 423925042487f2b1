"""What a notebook sees of this machine's files: the system, its environment, its own folders, nothing else."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.sandbox.task import Task

HOME = "/kaggle/home"
# Folder of a run → what the notebook takes it for. Shared memory on disk is counted as disk, and bounded.
WRITTEN = (
    ("working", "/kaggle/working"), ("output", "/kaggle/output"), ("home", HOME), ("tmp", "/tmp"), ("tmp", "/kaggle/temp"), ("shm", "/dev/shm"),  # noqa: S108
)  # fmt: skip
SYSTEM = (
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/sbin",
    "/nix/store",
    "/gnu/store",
)
# Of /etc only what libraries look up: it also holds secrets, and a container's user may read them all.
SETTINGS = (
    "alternatives", "ca-certificates", "fonts", "group", "host.conf", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "OpenCL", "passwd", "pki", "protocols",
    "resolv.conf", "services", "ssl", "timezone",
)  # fmt: skip
ENVIRONMENT = ("bin", "etc", "include", "lib", "lib32", "lib64", "libexec", "pyvenv.cfg", "share", "ssl")  # fmt: skip
GRAPHICS = ("nvidia*", "dri", "kfd")


class Mount(NamedTuple):
    """One thing that is shown, as an argument of bubblewrap.

    Attributes:
        verb: --ro-bind, --bind (can be written), --dev-bind (a device), --symlink, --tmpfs (hides what lies there).
        source: a path of this machine; for a link what it says; for --tmpfs nothing.
        target: an absolute path, as the notebook sees it.
    """

    verb: Literal["--ro-bind", "--bind", "--dev-bind", "--symlink", "--tmpfs"]
    source: str
    target: str


def of_task(task: Task, sockets: Path) -> list[Mount]:
    """All that one notebook sees, in the order in which it has to be put there.

    Args:
        task: its input is shown read-only; `working/`, `output/`, `home/`, `tmp/`, `shm/` of its folder can be written.
        sockets: the folder through which it is spoken to, shown under its own path.

    Raises:
        UserError: the environment's interpreter does not run.
    """
    shown = system()
    # Before the environment, which may lie below /tmp or wherever else the notebook has a folder of its own.
    shown += [Mount("--bind", str(task.folder / name), target) for name, target in WRITTEN]
    shown.append(Mount("--ro-bind", str(task.input), "/kaggle/input"))
    shown += [*_environment(task.python), *_devices()]
    shown += [Mount("--tmpfs", "", path) for path in _hidden(task)]
    shown += [Mount("--ro-bind", target, target) for target in sorted(_linked(task.input))]
    shown.append(Mount("--bind", str(sockets), str(sockets)))
    return shown


def system() -> list[Mount]:
    """Programs and libraries of the operating system, without anybody's files that lie among them."""
    shown = [_as_it_is(path) for path in SYSTEM if os.path.lexists(path)]
    shown += [
        Mount("--ro-bind", f"/etc/{name}", f"/etc/{name}")
        for name in SETTINGS
        if Path("/etc", name).exists()
    ]
    folders = [mount.target for mount in shown if mount.verb == "--ro-bind"]
    for private in _private():
        if any(private.startswith(f"{folder}/") for folder in folders):
            shown.append(Mount("--tmpfs", "", private))
    return shown


def _as_it_is(path: str) -> Mount:
    """A folder, or the link that stands for it (/bin is a link to usr/bin on most systems)."""
    if Path(path).is_symlink():
        return Mount("--symlink", str(Path(path).readlink()), path)
    return Mount("--ro-bind", path, path)


def _private() -> list[str]:
    """Where the members' files lie: this repository, the one worked in, the home folder, the data."""
    found = {Path(__file__).parents[3], Path.home(), Path(os.environ.get("HOME", "/"))}
    if "PILSA_DATA_DIR" in os.environ:
        found.add(Path(os.environ["PILSA_DATA_DIR"]).absolute())
    try:
        found |= {paths.root(), paths.home()}
    except UserError:
        found.add(Path.cwd())
    return sorted({str(path) for path in found} | {str(path.resolve()) for path in found})


def _environment(python: Path) -> Iterator[Mount]:
    """The environment of an interpreter and the Python it was made from, each under its own path.

    Of their folders only the parts that Python uses: an environment may lie in a folder together with
    other things, above all in the repository itself.
    """
    prefixes = _prefixes(python)
    for prefix in prefixes:
        for name in ENVIRONMENT:
            path = f"{prefix}/{name}"
            if Path(path).exists():
                yield Mount("--ro-bind", path, path)
    for hop in _hops(python):
        if not any(str(hop).startswith(f"{prefix}/bin/") for prefix in (*prefixes, "/usr", "")):
            yield Mount("--symlink", str(hop.readlink()), str(hop))


def _hidden(task: Task) -> list[str]:
    """The folders of packages that hold what the notebook must not find."""
    places = (
        place
        for prefix in _prefixes(task.python)
        for hidden in task.hidden
        for place in Path(prefix).glob(f"lib*/python*/site-packages/{hidden}")
    )
    return sorted({str(place) for place in places})


@cache
def _prefixes(python: Path) -> tuple[str, ...]:
    """The folders that hold bin/ and lib/ of an interpreter, by every name under which it looks for them."""
    ask = "import json, sys; print(json.dumps([sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]))"
    try:
        command = [str(python), "-I", "-c", ask]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        told = [str(prefix) for prefix in json.loads(answer.stdout.splitlines()[-1])]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise UserError(
            f"{python} must be the Python of an environment and does not run ({error}): make the "
            "environment anew"
        ) from None
    told += [str(hop.parent.parent) for hop in _hops(python) if _is_prefix(hop.parent.parent)]
    every = dict.fromkeys([*told, *(os.path.realpath(prefix) for prefix in told)])
    return tuple(prefix for prefix in every if prefix not in ("/", "/usr"))


def _is_prefix(folder: Path) -> bool:
    return any(folder.glob("lib/python3*/os.py"))


def _hops(python: Path) -> list[Path]:
    """The links from an interpreter's name to its file, such as .venv/bin/python → python3.11 → …"""
    found, path = [], python.absolute()
    while path.is_symlink() and path not in found:
        found.append(path)
        path = Path(os.path.normpath(path.parent / path.readlink()))
    return found


def has_graphics() -> bool:
    """Whether this machine has a graphics processor that computes."""
    return any(path.name != "dri" for path in _graphics())


def _graphics() -> list[Path]:
    return [path for name in GRAPHICS for path in sorted(Path("/dev").glob(name))]


def _devices() -> Iterator[Mount]:
    """Processor topology, which libraries choose their threads by; graphics processors where there are any."""
    found = _graphics()
    folder = "/sys" if found else "/sys/devices/system"
    if Path(folder).is_dir():
        yield Mount("--ro-bind", folder, folder)
    yield from (Mount("--dev-bind", str(path), str(path)) for path in found)


def _linked(folder: Path) -> set[str]:
    """What links in `folder`, and in the folders right below it, lead to."""
    found = set()
    for pattern in ("*", "*/*"):
        for path in folder.glob(pattern):
            if path.is_symlink() and path.exists():
                found.add(os.path.realpath(path))
                found.add(os.path.normpath(path.parent / path.readlink()))
    inside = f"{os.path.realpath(folder)}/"
    return {path for path in found if not path.startswith((inside, f"{folder}/"))}
