"""What a kernel logged to MLflow by itself, in the store that it has in its own home.

It is a stranger's file: opened read-only, only numbers and short texts are taken, never a model, and only so
much of them.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

STORE = Path("mlruns") / "mlflow.db"  # below the kernel's home
_MOST = 200
_LONGEST = 250
_STEPS = 2_000_000  # of SQLite's virtual machine, a few hundredths of a second


def read(home: Path) -> dict[str, Any] | None:
    """Parameters and last metrics of all runs in a kernel's own store.

    Args:
        home: the kernel's home folder.

    Returns:
        `params` (name → text) and `metrics` (name → finite number), at most 200 each; None where the kernel
        has no store, or one that cannot be read.
    """
    file = home / STORE
    # A link anywhere on the way could lead to a store that the kernel itself cannot see.
    if not file.is_file() or file.resolve() != home.resolve() / STORE:
        return None
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            store.execute("PRAGMA trusted_schema = OFF")
            store.set_progress_handler(lambda: 1, _STEPS)  # a view could compute for ever
            params = store.execute("SELECT key, value FROM params LIMIT ?", (_MOST,)).fetchall()
            metrics = store.execute(
                "SELECT key, value FROM latest_metrics WHERE is_nan = 0 LIMIT ?", (_MOST,)
            ).fetchall()
    except sqlite3.Error:
        return None
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
