"""Writing files so that a reader sees the old bytes or the new ones, never half of them."""

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.plumbing.errors import UserError, refuse_conflict

if TYPE_CHECKING:
    import numpy as np

_FREE_SPACE = "free some space (`pilsa clean` removes what can be made again)"
_NOT_WRITABLE = "the folder is not writable for this user: change its permissions"
_WRONG_KIND = "a file lies where a folder must be, or the reverse: move it away"
_ADVICE = {
    errno.ENOSPC: f"the disk is full: {_FREE_SPACE}",
    errno.EDQUOT: f"the disk quota is used up: {_FREE_SPACE}",
    errno.EFBIG: "no file of this user may be that large: raise `ulimit -f`, or use another disk",
    errno.EROFS: "the file system is read-only: mount it writable",
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EEXIST: _WRONG_KIND,
    errno.EISDIR: _WRONG_KIND,
    errno.ENOTDIR: _WRONG_KIND,
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an operating system error about `path` into a UserError that says what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        raise UserError(
            f"{path} must be written and could not be ({error.strerror or error}): {advice}"
        ) from error


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`; when the block ends well it takes the place of `path`.

    The old file stays as it was if the block raises, the disk fills up or the process is killed. What a
    killed process left beside it, the next call for the same `path` removes.

    Raises:
        UserError: the disk is full, read-only, or the folder is not writable.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
        # Unlike mkstemp this keeps to the umask, so that a group that shares a folder can read it.
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # says that somebody is still writing
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of `path` whose writer is gone; a folder's hash would count them."""
    start = f".{path.name}."
    for entry in os.scandir(path.parent):
        if not entry.name.startswith(start):
            continue
        try:
            descriptor = os.open(entry.path, os.O_RDWR)
        except OSError:  # gone by now, or another user's
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(entry.path).unlink(missing_ok=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    with writing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 with line feeds, on every system."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys.

    Raises:
        ValueError: a number is NaN or infinite; no other reader would take it.
    """
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_arrays(path: Path, arrays: "Mapping[str, np.ndarray]") -> None:
    """Write npz without pickles; the same arrays give the same bytes.

    Raises:
        ValueError: an array holds Python objects.
    """
    import numpy as np

    kept: dict[str, Any] = dict(arrays)
    pickled = [name for name, array in kept.items() if np.asarray(array).dtype.hasobject]
    if pickled:  # asked here: numpy before 2.2 would write `allow_pickle=False` as one more array
        raise ValueError(f"{pickled[0]} must hold no Python objects, which would be pickled")
    with writing(path) as temporary, temporary.open("wb") as target:
        np.savez_compressed(target, **kept)


def read_arrays(path: Path) -> "dict[str, np.ndarray]":
    """Read npz without pickles.

    Raises:
        UserError: the file is missing, cut off, altered, or holds pickles.
    """
    import zipfile
    import zlib

    import numpy as np

    try:
        with (
            path.open("rb") as content,
            np.lib.npyio.NpzFile(content, allow_pickle=False) as stored,
        ):
            return dict(stored)
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path} must hold arrays (npz) and cannot be read ({error}): delete it and rerun"
        ) from None


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        UserError: the file is missing, is no JSON, or holds a conflict of git.
    """
    try:
        text = path.read_text(encoding="utf-8")
        refuse_conflict(path, text)
        return json.loads(text)
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except ValueError as error:
        raise UserError(f"{path} must be JSON ({error}): delete it and run `dvc repro`") from None


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Give a file a second name; a copy where the file system has no links or they may not be made.

    Only for what nobody writes to: who writes to one changes the other.
    """
    try:
        os.link(source, target)
    except OSError:
        with suppress(shutil.SameFileError):  # it is linked there already
            shutil.copyfile(source, target)


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def content_hash(value: Any) -> str:
    """First 16 hex digits of the SHA-256 of a value's canonical JSON.

    Paths count as text, numbers of numpy as the numbers that they are.

    Raises:
        TypeError: it holds something else, whose text might differ from run to run.
    """
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) == 0:
        return value.item()
    raise TypeError(
        f"a hash needs JSON, paths and numbers, found {type(value).__name__}: convert it"
    )
