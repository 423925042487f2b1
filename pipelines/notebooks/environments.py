"""The environment a kernel runs in: the workspace's own, or one built by uv as packages were on a day.

`as_of: 2023-03-01` in kernel.yaml asks for packages as they were at the end of that day, `requires:` for
further ones. Only names, versions and extras from the package index, and only wheels: nothing of a
package runs while it is installed. Environments are shared by kernels that ask for the same.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

from pipelines.notebooks import package_index
from pipelines.notebooks.package_index import Unresolved
from pipelines.old_apis.reading import imported_modules
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import content_hash, disk_errors, write_json
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.process import exclusive
from pipelines.values.kernel import Kernel, KernelFile

# The first day on which numpy, pandas, scikit-learn, matplotlib, seaborn and ipykernel could be had
# together as wheels for Python 3.11; scikit-learn 1.1.3 was the last of them to come.
FIRST_DAY = date(2022, 10, 26)
_ALWAYS = ("ipykernel", "numpy", "pandas")
_SHOWN = ("numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Environment:
    """Where a kernel runs.

    Attributes:
        python: its interpreter; the environment has ipykernel.
        packages: name → exact version. An own environment: all that was installed. The workspace's: what
            the kernel imports, and numpy, pandas, scikit-learn.
        is_own: built for kernels that ask for the same; else the workspace's own.
    """

    python: Path
    packages: dict[str, str]
    is_own: bool


def prepare(kernel: Kernel, on_event: Callable[[str], None] = lambda _: None) -> Environment:
    """Find the environment of a kernel, or build it: minutes the first time, then at once.

    Args:
        kernel: its `as_of` and `requires` decide; without them it is the workspace's environment.
        on_event: told what is being done, in a few words.

    Raises:
        UserError: a requirement is not a name with versions and extras.
        MemberFailed: a requirement cannot be had, or the package index cannot be reached.
    """
    file = kernel.file
    if not (file.as_of or file.requires):
        return Environment(Path(sys.executable), _installed(kernel.code), is_own=False)
    wanted = requirements(kernel)
    key = content_hash(
        {
            "as_of": file.as_of.isoformat() if file.as_of else None,
            "requirements": wanted,
            "python": sys.version_info[:3],
            "base": sys.base_prefix,
        }
    )
    folder = paths.environments() / key
    with exclusive(folder / "lock", f"the environment of {kernel.name}"):
        record = built(folder) or _build(folder, kernel, wanted, on_event)
    return Environment(python_of(folder / record["folder"]), record["packages"], is_own=True)


def requirements(kernel: Kernel) -> list[str]:
    """What an own environment is resolved from: `requires:`, what the code imports, and what each needs.

    A module that no known package brings is left out: a package of the same name may be another's.

    Raises:
        UserError: a requirement is not a name with versions and extras.
    """
    asked = [_checked(text, kernel.name) for text in kernel.file.requires]
    names = {package_index.normal(text) for text in asked}
    known = package_index.packages()
    brought = {known[m].package for m in imported_modules(kernel.code) if m in known}
    if re.search(r"^\W*%matplotlib", kernel.code, re.MULTILINE):
        brought.add("matplotlib")
    if kernel.file.as_of:
        # Every environment had it then, and packages of those years import it unasked.
        brought.add("setuptools")
    return sorted({*asked, *(brought.union(_ALWAYS) - names)})


def propose_as_of(published: date | None, code: str = "") -> date:
    """The day to propose for `as_of:`: the original's, but not before its packages had wheels for Python 3.11.

    Args:
        published: the day on which the original was last changed; None takes the first possible day.
        code: what it imports may have had wheels later than the usual packages, TensorFlow for one.
    """
    known = package_index.packages()
    days = [known[m].wheels or FIRST_DAY for m in imported_modules(code) if m in known]
    return max([FIRST_DAY, *days, published or FIRST_DAY])


def _checked(text: str, name: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    where = f"kernels/{name}/kernel.yaml: a requirement must be a package's name, with versions and extras"
    instead = "write it like `pandas[excel]==1.5.3`"
    try:
        found = Requirement(text)
    except InvalidRequirement:
        raise UserError(f"{where} at most, found {text!r}: {instead}") from None
    if found.url or found.marker:
        raise UserError(f"{where} at most, found an address or a condition in {text!r}: {instead}")
    return str(found)


def _installed(code: str) -> dict[str, str]:
    """Versions in the workspace of what the code imports."""
    by_module = metadata.packages_distributions()
    names = {name for module in imported_modules(code) for name in by_module.get(module, ())}
    found = {}
    for name in sorted(names.union(_SHOWN)):
        try:
            found[package_index.normal(name)] = metadata.version(name)
        except metadata.PackageNotFoundError:  # left behind by another tool
            continue
    return found


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def built(folder: Path) -> dict[str, Any] | None:
    """The record of a finished build; None where it was never finished, or was removed since."""
    try:
        record: dict[str, Any] = json.loads(
            (folder / "environment.json").read_text(encoding="utf-8")
        )
        return record if python_of(folder / record["folder"]).exists() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(
    folder: Path, kernel: Kernel, wanted: Sequence[str], on_event: Callable[[str], None]
) -> dict[str, Any]:
    """Resolve, install, compile; the record comes last, so that a killed build counts as none."""
    as_of = kernel.file.as_of
    remove_unfinished(folder)
    on_event("environment: " + (f"packages as of {as_of}" if as_of else "resolving packages"))
    pins = _resolve(kernel, wanted)
    environment = package_index.new_folder(folder)
    on_event(f"environment: installing {len(pins)} packages")
    try:
        package_index.install(pins, as_of, environment, home=folder / "home")
    except Unresolved as error:
        raise MemberFailed(
            f"{kernel.name}: its environment could not be installed: {error.short}"
        ) from None
    compile_bytecode(environment)
    record = {
        "as_of": as_of.isoformat() if as_of else None,
        "folder": environment.name,
        "packages": versions_in(environment),
        "python": sys.version.split()[0],
        "requirements": list(wanted),
    }
    write_json(folder / "environment.json", record)
    return record


def remove_unfinished(folder: Path) -> None:
    """Remove what killed builds left."""
    with disk_errors(folder):
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)


def versions_in(environment: Path) -> dict[str, str]:
    """Name → version of all that is installed."""
    folders = [str(path) for path in environment.glob("lib/python*/site-packages")]
    found = metadata.distributions(path=folders)
    return {package_index.normal(each.name): each.version for each in sorted(found, key=_name)}


def _name(distribution: metadata.Distribution) -> str:
    return distribution.name


def compile_bytecode(environment: Path) -> None:
    """Write the bytecode: the environment is read-only where a kernel runs, and would never have any.

    The workspace's interpreter does it: the new one would run the packages' start-up files (.pth).
    """
    program = [sys.executable, "-I", "-m", "compileall", "-q", "-j", "0", str(environment / "lib")]
    # Packages carry files that only an older Python reads: not our concern.
    subprocess.run(program, check=False, capture_output=True)


def _resolve(kernel: Kernel, wanted: Sequence[str]) -> list[str]:
    file, home = kernel.file, paths.environments() / "home"
    try:
        return package_index.resolve(wanted, file.as_of, home)
    except Unresolved as error:
        raise MemberFailed(f"{kernel.name}: {_way_out(file, wanted, error, home)}") from None


def _way_out(file: KernelFile, wanted: Sequence[str], error: Unresolved, home: Path) -> str:
    """Why there is no such set of packages, and what to write instead."""
    if error.cause == "network":
        return (
            "an environment of its own (`as_of:`, `requires:`) must be built from the package index, which could "
            f"not be reached ({error.short}): connect this machine and run again, name its mirror in "
            "UV_DEFAULT_INDEX (uv does not read pip's configuration), or take both keys out of kernel.yaml"
        )
    if error.cause == "dates":
        return (
            f"`as_of: {file.as_of}` needs a package index that tells when each file was uploaded, and the one of "
            "this machine does not: leave `as_of` out and write versions, for instance "
            '`requires: ["pandas==1.5.3", "numpy==1.23.5", "scikit-learn==1.1.3"]`'
        )
    if file.as_of is None:
        return f"`requires:` must be resolvable for {_this_python()}, and is not: {error.short}: change it"
    without = [name for name in wanted if not _resolves([name], file.as_of, home)]
    day = _first_day(wanted, file.as_of, home)
    names = ", ".join(without) or "the packages together"
    if day is None:
        return (
            f"`as_of: {file.as_of}` with these requirements must be resolvable for {_this_python()}, and on no day "
            f"is: {error.short}: change `requires:`"
        )
    return (
        f"`as_of: {file.as_of}` is too early: {names} had no wheels for {_this_python()} yet: write `as_of: {day}`, "
        "the first day that works"
    )


def _this_python() -> str:
    return f"Python {sys.version_info[0]}.{sys.version_info[1]}"


def _resolves(wanted: Sequence[str], day: date, home: Path) -> bool:
    try:
        return bool(package_index.resolve(wanted, day, home))
    except Unresolved:
        return False


def _first_day(wanted: Sequence[str], after: date, home: Path) -> date | None:
    """The first day after `after` on which the requirements resolve; None where not even today."""
    low, high = after, date.today()
    if low >= high or not _resolves(wanted, high, home):
        return None
    for day in {FIRST_DAY, max(filter(None, [FIRST_DAY, *_known_days(wanted)]))}:
        if low < day < high and _resolves(wanted, day, home):
            high = day
            before = day - timedelta(days=1)
            low = low if _resolves(wanted, before, home) else before
    while (high - low).days > 1:
        middle = low + timedelta(days=(high - low).days // 2)
        if _resolves(wanted, middle, home):
            high = middle
        else:
            low = middle
    return high


def _known_days(wanted: Sequence[str]) -> list[date | None]:
    names = {package_index.normal(text) for text in wanted}
    return [each.wheels for each in package_index.packages().values() if each.package in names]
