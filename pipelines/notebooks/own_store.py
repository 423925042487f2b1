"""What a kernel logged to MLflow by itself, in the store that it has in its own home.

It is a stranger's file: opened read-only, only numbers and short texts are taken, never a model, and only so
much of them. A view in it, or its very schema, could take any memory and time: a process of its own reads it,
which may take little of both. Run as a script this module is that process.
"""

import json
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

STORE = Path("mlruns") / "mlflow.db"  # below the kernel's home
_MOST = 200
_LONGEST = 250
_STEPS = 2_000_000  # of SQLite's virtual machine, a few hundredths of a second
_LARGEST = 1 << 16  # bytes of one text, blob or row; MLflow's longest parameter has 8000 characters
_MEMORY = 256 << 20  # bytes
_SECONDS = 20


def read(home: Path) -> dict[str, Any] | None:
    """Parameters and last metrics of all runs in a kernel's own store.

    Args:
        home: the kernel's home folder.

    Returns:
        `params` (name → text) and `metrics` (name → finite number), at most 200 each; None where the kernel
        has no store, or one that cannot be read with little memory and time.
    """
    file = home / STORE
    # A link anywhere on the way could lead to a store that the kernel itself cannot see.
    if not file.is_file() or file.resolve() != home.resolve() / STORE:
        return None
    command = [sys.executable, "-I", "-S", __file__, str(file.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return found


def _limit() -> None:
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, 0)):
        with suppress(OSError, ValueError):  # not every system knows both
            resource.setrlimit(kind, (most, most))


def _taken(file: str) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
        store.set_progress_handler(lambda: 1, _STEPS)  # a view could compute for ever
        store.execute("PRAGMA trusted_schema = OFF")
        params = store.execute("SELECT key, value FROM params LIMIT ?", (_MOST,)).fetchall()
        metrics = store.execute(
            "SELECT key, value FROM latest_metrics WHERE is_nan = 0 LIMIT ?", (_MOST,)
        ).fetchall()
    return {
        "params": {_short(key): _short(value) for key, value in params},
        "metrics": {
            _short(key): float(value)
            for key, value in metrics
            if isinstance(value, int | float) and abs(value) < float("inf")
        },
    }


def _short(text: Any) -> str:
    return str(text)[:_LONGEST]


if __name__ == "__main__":
    _limit()
    try:
        print(json.dumps(_taken(sys.argv[1])))
    except (sqlite3.Error, MemoryError):
        sys.exit(1)
