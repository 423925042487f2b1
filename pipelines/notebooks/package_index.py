"""What pilsa knows of the package index, and the calls of uv that speak with it.

uv gets a scrubbed environment: where the index is and how it is reached, and no token of anything else.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import Strict, read_yaml, validate

_KEPT = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX\w*|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|OFFLINE|KEYRING_PROVIDER|INSECURE_HOST"
    r"|NATIVE_TLS|SYSTEM_CERTS|HTTP_\w+|REQUEST_TIMEOUT|CONFIG_FILE|NO_CONFIG|CACHE_DIR|LINK_MODE|CONCURRENT_\w+)"
    r"|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|SSL_CLIENT_CERT|NETRC|PATH|LANG|LC_ALL|TMPDIR",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"Request failed|Failed to fetch|dns error|error sending request|Could not connect|tcp connect|timed out"
    r"|network was disabled|Network connectivity is disabled",
    re.IGNORECASE,
)
_SECONDS = 1800  # the largest sets are gigabytes
_GLIBC = range(5, 29)  # as uv is told


class Package(Strict):
    """A package that brings a module.

    Attributes:
        package: its name on the index.
        wheels: the first day with wheels for Python 3.11; None where it was earlier than of any other.
    """

    package: str
    with_: Literal["pilsa", "kernels"] | None = Field(default=None, alias="with")
    wheels: date | None = None


class PlatformModule(Strict):
    """A module that no package brings: `only_on` a platform; `instead`: what to do without it."""

    only_on: str
    instead: str


class Unresolved(Exception):
    """uv found no such set of packages, or could not install it.

    Attributes:
        cause: network: no index was reached; dates: it does not tell upload times; else requirements.
        short: uv's explanation in a line, without user names and passwords of addresses.
    """

    def __init__(self, said: str) -> None:
        said = re.sub(r"//[^/\s@]+@", "//", said)
        self.cause: Literal["network", "dates", "requirements"] = "requirements"
        if _NETWORK.search(said):
            self.cause = "network"
        elif "missing an upload date" in said:
            self.cause = "dates"
        self.short = _short(said)
        super().__init__(self.short)


@cache
def modules() -> dict[str, Package | PlatformModule]:
    """Module → what brings it, of those that notebooks import most."""
    path = Path(__file__).with_name("imports.yaml")
    found: dict[str, Package | PlatformModule] = {}
    for module, content in read_yaml(path).items():
        is_platforms = "only_on" in content
        found[str(module)] = (
            validate(PlatformModule, content, path.name)
            if is_platforms
            else validate(Package, content, path.name)
        )
    return found


def packages() -> dict[str, Package]:
    """Module → the package that brings it."""
    return {name: each for name, each in modules().items() if isinstance(each, Package)}


def normal(name: str) -> str:
    """The normal form of a requirement's or a package's name: `ruamel.yaml>=0.19` is `ruamel-yaml`."""
    found = re.match(r"[A-Za-z0-9._-]+", name)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def resolve(wanted: Sequence[str], as_of: date | None, home: Path) -> list[str]:
    """Find versions that fit together, as wheels for the workspace's Python.

    Args:
        wanted: requirements.
        as_of: files that were uploaded after the end of that day do not exist; None knows all.
        home: a folder for uv's own files.

    Returns:
        `name==version`, everything that is needed.

    Raises:
        Unresolved: there are none.
    """
    words = ["pip", "compile", "-", "--no-header", "--no-annotate", "--python", sys.executable]
    said = _uv([*words, *_limits(as_of)], home, "\n".join(wanted))
    return [line for line in said.splitlines() if "==" in line]


def install(pins: Sequence[str], as_of: date | None, environment: Path, home: Path) -> None:
    """Make a virtual environment with exactly these packages.

    Raises:
        Unresolved: a file could not be had.
    """
    words = ["venv", "--python", sys.executable, "--no-project", "--no-python-downloads"]
    _uv([*words, str(environment)], home)
    words = ["pip", "install", "--python", str(environment / "bin" / "python"), "--no-deps"]
    _uv([*words, "-r", "-", *_limits(as_of)], home, "\n".join(pins))


def pin(wanted: Sequence[str], as_of: date | None, python: str, home: Path) -> dict[str, list[str]]:
    """Find versions that fit together, as wheels for a site's Linux and Python.

    Args:
        wanted: requirements.
        as_of: as in `resolve`.
        python: such as 3.11.
        home: a folder for uv's own files.

    Returns:
        `name==version` → the sha256 of every file that the index has of it; everything that is needed.

    Raises:
        Unresolved: there are none.
    """
    words = ["pip", "compile", "-", "--no-header", "--no-annotate", "--generate-hashes"]
    words += ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    words.append("--no-python-downloads")
    said, found = _uv([*words, *_limits(as_of)], home, "\n".join(wanted)), dict[str, list[str]]()
    for line in said.splitlines():
        if "==" in line:
            found[line.rstrip("\\ ").partition(" ")[0]] = latest = list[str]()
        elif hashed := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
            latest.append(hashed[1])
    return found


def fetch(pins: Mapping[str, Sequence[str]], python: str, into: Path, home: Path) -> list[str]:
    """Download the wheel of each pin that fits the site; one that is there already is not fetched again.

    Args:
        pins: `name==version` → the sha256 that it may have.
        python: the site's, such as 3.11.
        into: the folder of all wheels.
        home: a folder without settings.

    Returns:
        The wheels' file names.

    Raises:
        Unresolved: one could not be had, or has another hash.
    """
    # uv downloads into its own cache alone, and pip wants every older glibc named.
    words = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    words += ["--python-version", python, "--dest", str(into), "--requirement", "/dev/stdin"]
    words += [word for glibc in _GLIBC for word in ("--platform", f"manylinux_2_{glibc}_x86_64")]
    words += [
        "--platform",
        "manylinux2014_x86_64",
        "--platform",
        "manylinux2010_x86_64",
        "--platform",
        "manylinux1_x86_64",
    ]
    words += ["--platform", "linux_x86_64"]
    lines = [
        " ".join([each, *(f"--hash=sha256:{one}" for one in hashes)])
        for each, hashes in pins.items()
    ]
    # As a variable: arguments can be read by all who are on this machine, and it may hold a password.
    index = os.environ.get("UV_DEFAULT_INDEX")
    said = _run(words, home, "\n".join(lines) + "\n", {"PIP_INDEX_URL": index} if index else {})
    told = re.findall(
        r"^\s*(?:Saved|File was already downloaded) (.+\.whl)\s*$", said, re.MULTILINE
    )
    return sorted({Path(name).name for name in told})


def install_from(wheels: Sequence[Path], environment: Path, home: Path) -> None:
    """Make a virtual environment of exactly these wheels, with the network cut.

    Raises:
        Unresolved: they cannot be installed, for they are of another system or Python.
    """
    words = ["venv", "--python", sys.executable, "--no-project", "--no-python-downloads"]
    _uv([*words, str(environment)], home)
    words = [
        "pip",
        "install",
        "--python",
        str(environment / "bin" / "python"),
        "--no-deps",
        "--offline",
        "--no-index",
    ]
    _uv([*words, "-r", "-"], home, "\n".join(map(str, wheels)))


def new_folder(folder: Path) -> Path:
    """A name that no earlier build has used: one that was killed may still have a uv writing into its own."""
    return folder / secrets.token_hex(4)


def _limits(as_of: date | None) -> list[str]:
    return ["--only-binary", ":all:", *(["--exclude-newer", as_of.isoformat()] if as_of else [])]


def _uv(words: Sequence[str], home: Path, text: str = "") -> str:
    beside = str(Path(sys.executable).parent)
    program = shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if program is None:
        raise UserError("`as_of:` and `requires:` need uv, which was not found: run `make setup`")
    return _run([program, *words, "--color", "never", "--no-progress"], home, text)


def _run(
    command: Sequence[str], home: Path, text: str, besides: Mapping[str, str] | None = None
) -> str:
    """What a program prints that speaks with the index, told also what stands in `besides`."""
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=home,
            env=_surroundings(home) | dict(besides or {}),
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        name = Path(command[0]).name
        raise Unresolved(f"error: {name} timed out after {_SECONDS // 60} minutes") from None
    if done.returncode:
        raise Unresolved(done.stderr)
    return done.stdout


def _surroundings(home: Path) -> dict[str, str]:
    """What uv is told: ways to the index. Its downloads stay in the user's cache, its settings are the user's.

    pip's own settings are not passed on: an index that pip adds often tells no upload times.
    """
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    user = Path.home()
    settings = os.environ.get("XDG_CONFIG_HOME") or str(user / ".config")
    downloads = os.environ.get("XDG_CACHE_HOME") or str(user / ".cache")
    given = {"UV_CACHE_DIR": str(Path(downloads) / "uv"), "XDG_CONFIG_HOME": settings}
    if (user / ".netrc").is_file():
        given["NETRC"] = str(user / ".netrc")
    return given | kept | {"HOME": str(home)}


def _short(said: str) -> str:
    """The first sentence that says why, of what uv printed."""
    lines = [line.strip() for line in said.splitlines() if not line.startswith("warning:")]
    text = " ".join(line for line in lines if line)
    text = re.sub(r"^error: (No solution found when resolving dependencies)?", "", text).strip()
    text = re.sub(r"\s*cause: ", " ", text).partition(" hint: ")[0].strip()
    because = re.findall(r"(?:And because|[Bb]ecause) (.*?)(?:, we can conclude|$)", text)
    shown = because[-1] if because else text
    return shown if len(shown) <= 300 else shown[:299] + "…"
