"""The journal of a study as a kill leaves it: one entry of Optuna's a line."""

import json
import os
from io import BytesIO
from pathlib import Path

from pipelines.plumbing.errors import UserError


def mend(path: Path) -> None:
    """Remove what a kill can leave: a lock file, and a last line that is not whole.

    Our own lock keeps other processes out, so nobody holds Optuna's. A torn line would swallow the next
    one that is written behind it, and the study could not be read again.

    Raises:
        UserError: a line before the last is damaged. Without it the numbers of later trials would be wrong.
    """
    path.with_name(path.name + ".lock").unlink(missing_ok=True)
    lines = BytesIO(path.read_bytes() if path.is_file() else b"").readlines()
    damaged = [number for number, line in enumerate(lines) if not _is_entry(line)]
    if damaged and damaged != [len(lines) - 1]:
        raise refusal(path, f"line {damaged[0] + 1} is none")
    if damaged:
        os.truncate(path, sum(map(len, lines[:-1])))


def refusal(path: Path, found: str) -> UserError:
    return UserError(
        f"{path} must hold one entry of Optuna's journal a line, and {found}: delete that file; the next call "
        "tunes anew"
    )


def _is_entry(line: bytes) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return line.endswith(b"\n") and isinstance(entry, dict) and "op_code" in entry
