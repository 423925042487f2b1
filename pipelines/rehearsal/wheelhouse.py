"""The wheelhouse of a kernel: the closure of its `requires`, frozen with hashes, and an environment of nothing else.

`wheels.json` beside kernel.yaml is to be committed: with it every member packs the same wheels. The wheels lie below
`.cache/pilsa/wheels`, each once for all kernels.
"""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.notebooks import environments, package_index
from pipelines.notebooks.environments import Environment
from pipelines.notebooks.package_index import Unresolved
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import content_hash, disk_errors, file_hash, read_json, write_json
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.process import exclusive
from pipelines.plumbing.schema import Strict, validate
from pipelines.values.kernel import Kernel

_FILE = "wheels.json"
Say = Callable[[str], None]


class Frozen(Strict):
    """wheels.json.

    Attributes:
        python: the site's, such as 3.11.
        as_of: the day of kernel.yaml.
        requirements: what was resolved.
        wheels: file name → sha256, of everything that is needed; in the order of their names.
    """

    python: str
    as_of: date | None
    requirements: list[str]
    wheels: dict[str, str]

    @property
    def hash(self) -> str:
        return content_hash({"wheels": self.wheels, "python": self.python})

    def pins(self) -> dict[str, list[str]]:
        """`name==version` → its hash."""
        named = {file: file.split("-")[:2] for file in self.wheels}
        return {f"{name}=={version}": [self.wheels[file]] for file, (name, version) in named.items()}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Wheelhouse:
    """The packed wheels of a kernel.

    Attributes:
        frozen: what they are; None where the kernel asks for no packages of its own.
        folder: where they lie, and those of other kernels.
        fetched: how many were downloaded by this call.
        remarks: a sentence each.
    """

    frozen: Frozen | None
    folder: Path
    fetched: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        return self.frozen.hash if self.frozen else ""

    @property
    def files(self) -> list[Path]:
        return [self.folder / name for name in (self.frozen.wheels if self.frozen else ())]

    @property
    def is_for_here(self) -> bool:
        """Whether this machine can install them."""
        here = (sys.platform, platform.machine()) == ("linux", "x86_64")
        return self.frozen is None or (here and self.frozen.python == this_python())


def this_python() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def pack(kernel: Kernel, python: str | None, say: Say) -> Wheelhouse:
    """Freeze and fetch what a kernel needs; what is frozen and here already is neither resolved nor fetched again.

    Args:
        kernel: its `requires` and `as_of` decide.
        python: the site's; None for this workspace's.
        say: told what is being done.

    Raises:
        UserError: a requirement is none, wheels.json is damaged, or the disk is full.
        MemberFailed: there are no such wheels for the site's Python, or the index cannot be reached.
    """
    folder, site = paths.wheels(), python or this_python()
    if not (kernel.file.requires or kernel.file.as_of):
        return Wheelhouse(None, folder)
    wanted = environments.requirements(kernel)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / "lock", "the wheels"):
        frozen = _frozen(kernel, site, wanted)
        is_new = frozen is None
        try:
            if frozen is None:
                say(f"wheels: resolving {len(wanted)} requirements for Python {site}")
                frozen = _freeze(kernel, site, wanted, folder, say)
                write_json(kernel.folder / _FILE, frozen.model_dump(mode="json"))
                fetched = len(frozen.wheels)
            else:
                fetched = _fetch_missing(frozen, folder, say)
        except Unresolved as error:
            raise MemberFailed(_why(kernel, site, error)) from None
    remarks = (f"commit kernels/{kernel.name}/{_FILE}: with it others pack the same",)
    return Wheelhouse(frozen, folder, fetched, remarks if is_new else ())


def _frozen(kernel: Kernel, site: str, wanted: list[str]) -> Frozen | None:
    """wheels.json, where it is about the same."""
    path = kernel.folder / _FILE
    if not path.is_file():
        return None
    found = validate(Frozen, read_json(path), str(path))
    asked = (site, kernel.file.as_of, wanted)
    return found if (found.python, found.as_of, found.requirements) == asked else None


def _freeze(kernel: Kernel, site: str, wanted: list[str], folder: Path, say: Say) -> Frozen:
    home = folder / "home"
    pins = package_index.pin(wanted, kernel.file.as_of, site, home)
    say(f"wheels: fetching {len(pins)} of them")
    files = package_index.fetch(pins, site, folder, home)
    if len(files) != len(pins):
        raise Unresolved(f"error: {len(pins)} wheels were asked for, and pip tells of {len(files)}")
    hashes = {name: file_hash(folder / name) for name in files}
    return Frozen(python=site, as_of=kernel.file.as_of, requirements=wanted, wheels=hashes)


def _fetch_missing(frozen: Frozen, folder: Path, say: Say) -> int:
    """Fetch what is not here, or is not what was frozen; how many that were."""
    wrong = [
        name for name, digest in frozen.wheels.items()
        if not (folder / name).is_file() or file_hash(folder / name) != digest
    ]  # fmt: skip
    if wrong:
        say(f"wheels: fetching {len(wrong)} of {len(frozen.wheels)}")
        for name in wrong:
            (folder / name).unlink(missing_ok=True)
        lacking = frozen.model_copy(
            update={"wheels": {name: frozen.wheels[name] for name in wrong}}
        )
        package_index.fetch(lacking.pins(), frozen.python, folder, folder / "home")
    return len(wrong)


def _why(kernel: Kernel, site: str, error: Unresolved) -> str:
    if error.cause == "network":
        return (
            f"{kernel.name}: wheels must be fetched from the package index, which could not be reached ({error.short}): "
            "connect this machine and pack again"
        )
    return (
        f"{kernel.name}: `requires:` must be had as wheels for the site's Python {site} (Linux, x86_64), and is not: "
        f"{error.short}: take a version that has them"
    )


def environment(kernel: Kernel, house: Wheelhouse, say: Say) -> Environment:
    """An environment of the packed wheels alone, built with the network cut; the workspace's where none are packed.

    Raises:
        UserError: the wheels are for another Python or system than this machine's.
        MemberFailed: they cannot be installed.
    """
    if house.frozen is None:
        return environments.prepare(kernel)
    if not house.is_for_here:
        raise UserError(
            f"wheels for Python {house.frozen.python} on Linux x86_64 must run here to be rehearsed, and this is Python "
            f"{this_python()} on {sys.platform} {platform.machine()}: rehearse where they run"
        )
    key = content_hash(
        {"wheels": house.hash, "python": sys.version_info[:3], "base": sys.base_prefix}
    )
    folder = paths.environments() / key
    with exclusive(folder / "lock", f"the environment of {kernel.name}"):
        record = environments.built(folder) or _build(kernel, house, folder, say)
    python = environments.python_of(folder / record["folder"])
    return Environment(python, record["packages"], is_own=True)


def _build(kernel: Kernel, house: Wheelhouse, folder: Path, say: Say) -> dict[str, Any]:
    environments.remove_unfinished(folder)
    made = package_index.new_folder(folder)
    say(f"environment: installing {len(house.files)} packed wheels, without the network")
    try:
        package_index.install_from(house.files, made, home=folder / "home")
    except Unresolved as error:
        raise MemberFailed(f"{kernel.name}: the packed wheels could not be installed: {error.short}") from None  # fmt: skip
    environments.compile_bytecode(made)
    record = {"folder": made.name, "packages": environments.versions_in(made), "wheels": house.hash}
    write_json(folder / "environment.json", record)
    return record
