"""Free disk: what can be computed, installed or fetched again. The history of runs and the ledger stay.

`--older DAYS` counts from the last use: a lock is written each time its folder is used. What somebody
holds at this moment stays, whatever its age.
"""

import fcntl
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.plumbing import paths

_MD5 = re.compile(r"""\bmd5"?: "?([0-9a-f]{32}(?:\.dir)?)\b""")
_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Entry:
    """One thing that can be made again.

    Attributes:
        kind: what it is, and so how it comes back.
        paths: files and folders that go together.
        locks: whoever holds one of these files uses it.
        bytes: on disk; what has a second name elsewhere (in uv's cache, in data/) is not freed and not counted.
        days: since its last use.
    """

    kind: str
    name: str
    paths: tuple[Path, ...]
    locks: tuple[Path, ...]
    bytes: int
    days: float

    def as_json(self) -> dict[str, Any]:
        shown = {"kind": self.kind, "name": self.name, "bytes": self.bytes}
        return shown | {"days": round(self.days, 1), "paths": [str(path) for path in self.paths]}


def clean(older: float, is_dry: bool = False) -> tuple[list[Entry], list[Entry]]:
    """Remove what was not used for `older` days; return what is (or would be) gone and what is in use.

    Both lists begin with the largest.
    """
    gone, used = [], []
    for entry in sorted(_entries(older), key=lambda entry: -entry.bytes):
        if entry.days < older:
            continue
        with ExitStack() as held:
            if not all(_take(lock, held) for lock in entry.locks):
                used.append(entry)
                continue
            gone.append(entry)
            for path in () if is_dry else entry.paths:
                _remove(path)
    return gone, used


def table(gone: Sequence[Entry], used: Sequence[Entry], is_dry: bool) -> str:
    """A line per entry, largest first, and the sum."""
    lines = [
        f"{_readable(entry.bytes):>9}  {entry.days:4.0f} days  {entry.kind:<15}  {entry.name}{mark}"
        for entries, mark in ((gone, ""), (used, "  in use: left"))
        for entry in entries
    ]
    done = "could be freed" if is_dry else "freed"
    return "\n".join([*lines, f"{_readable(sum(entry.bytes for entry in gone)):>9}  {done}"])


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _take(lock: Path, held: ExitStack) -> bool:
    """Hold a lock until `held` ends; False where somebody else does."""
    try:
        file = held.enter_context(lock.open("rb"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:  # held, or another user's
        return False
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _entries(older: float) -> Iterator[Entry]:
    cache, copies = paths.cache(), paths.home() / ".dvc" / "tmp" / "exps"
    bundles = [path for path in (cache / "kernels").glob("*/*") if path.is_dir()]
    running = tuple(bundle / "lock" for bundle in bundles)
    for folder in sorted((cache / "work").glob("*")):
        # A result that was brought from Colab cannot be made here.
        if not folder.name.endswith("-elsewhere"):
            yield _folder("kept work", folder, *folder.glob("**/lock"))
    for folder in sorted((cache / "environments").glob("*/")):
        # A kernel that runs does not hold its environment's lock, only its own.
        yield _folder("environment", folder, folder / "lock", *running)
    if paths.wheels().is_dir():
        yield _folder("packed wheels", paths.wheels(), paths.wheels() / "lock")
    for folder in sorted((cache / "downloads").glob("*/")):
        yield _folder("download", folder, *(cache / "locks").glob(f"*-download@{folder.name}"))
    for bundle in bundles:
        # There lie a notebook that a member edits, and what was brought from Colab or Kaggle.
        if not (bundle / "open").exists() and not (bundle / "elsewhere").exists():
            yield _folder("bundle", bundle, bundle / "lock", bundle / "handing-in.lock")
    for folder in sorted([*copies.glob("tmp*/"), *copies.glob("standalone/tmp*/")]):
        stages = (cache / "locks").glob(f"{sha256(str(folder).encode()).hexdigest()[:8]}-*")
        yield _folder("experiment copy", folder, folder / ".dvc" / "tmp" / "lock", *stages)
    yield from _unneeded(older)


def _folder(kind: str, folder: Path, *locks: Path) -> Entry:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    # Whoever uses a folder writes its lock; where it has none, its files tell.
    own = [path for path in locks if path.is_file() and path.is_relative_to(folder)]
    last = max((path.stat().st_mtime for path in own or files), default=folder.stat().st_mtime)
    name = "/".join(folder.parts[-2:]) if kind == "bundle" else folder.name
    return Entry(kind, name, (folder,), locks, _size(files), (time.time() - last) / _DAY)


def _size(files: Iterable[Path]) -> int:
    found = [path.stat() for path in files]
    return sum(512 * each.st_blocks for each in found if each.st_nlink == 1)


def _unneeded(older: float) -> Iterator[Entry]:
    """Old versions of outputs that no dvc.lock names: neither the one here nor any commit's or experiment's.

    `dvc gc` knows the stages of the active competition alone and would take the results of all others.
    """
    cache = paths.home() / ".dvc" / "cache" / "files" / "md5"
    versions = {path.parent.name + path.name: path for path in cache.glob("??/*")}
    needed = {name for text in _lock_files() for name in _MD5.findall(text)}
    for folder in [name for name in needed & versions.keys() if name.endswith(".dir")]:
        needed |= set(_MD5.findall(versions[folder].read_text(encoding="utf-8", errors="replace")))
    found = [versions[name] for name in versions.keys() - needed]
    ages = {path: (time.time() - path.stat().st_mtime) / _DAY for path in found}
    old = tuple(path for path in found if ages[path] >= older)
    if old:
        locks = (paths.cache() / "locks" / "repro", paths.home() / ".dvc" / "tmp" / "lock")
        name = f"{len(old)} that no dvc.lock names"
        yield Entry("old results", name, old, locks, _size(old), min(ages[path] for path in old))


def _lock_files() -> Iterator[str]:
    """dvc.lock as it lies here, and as every commit, branch, stash and experiment has it."""
    here = paths.home() / "dvc.lock"
    if here.is_file():
        yield here.read_text(encoding="utf-8", errors="replace")
    for commit in _git("log", "--all", "--reflog", "--format=%H", "--", "dvc.lock").split():
        yield _git("show", f"{commit}:dvc.lock")


def _git(*arguments: str) -> str:
    """What git prints; nothing where there is no git."""
    command = ["git", "-C", str(paths.home()), *arguments]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return ""
