"""Writing files so that a reader sees the old bytes or the new ones, never half of them."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.core.errors import UserError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space (`dvc gc -w` removes old results)",
    errno.EDQUOT: "the disk quota is used up: free some space (`dvc gc -w` removes old results)",
    errno.EROFS: "the file system is read-only: mount it writable",
    errno.EACCES: "the folder is not writable for this user: change its permissions",
    errno.EPERM: "the folder is not writable for this user: change its permissions",
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
            f"{path} must be written and could not be ({error.strerror}): {advice}"
        ) from error


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well it takes the place of `path`.

    The old file stays as it was if the block raises, the disk fills up or the process is killed.

    Raises:
        UserError: the disk is full, read-only, or the folder is not writable.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    with writing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 with line feeds, on every system."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys; NaN is refused, since no other reader would take it."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        UserError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except ValueError as error:
        raise UserError(f"{path} must be JSON ({error}): delete it and run `dvc repro`") from None


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def content_hash(value: Any) -> str:
    """First 16 hex digits of the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
