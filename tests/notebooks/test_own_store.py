"""What a notebook logged by itself is a stranger's file: little is taken of it, and it can do nothing."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.notebooks import own_store

TABLES = (
    "CREATE TABLE params (key, value); CREATE TABLE latest_metrics (key, value, is_nan DEFAULT 0);"
)
ENDLESS = "WITH RECURSIVE n(key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM n)"


def store(home: Path, script: str, metrics: list[tuple[Any, ...]] | None = None) -> Path:
    file = home / own_store.STORE
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as made, made:
        made.executescript(script)
        if metrics:
            made.executemany("INSERT INTO latest_metrics VALUES (?, ?, ?)", metrics)
    return file


def test_numbers_and_short_texts_are_taken(tmp_path: Path) -> None:
    script = f"{TABLES} INSERT INTO params VALUES ('depth', 3), ('{'k' * 300}', '{'v' * 300}')"
    numbers = [("a", 0.5, 0), ("nan", 0.0, 1), ("inf", float("inf"), 0), ("text", "high", 0)]
    store(tmp_path, script, numbers)
    assert own_store.read(tmp_path) == {
        "params": {"depth": "3", "k" * 250: "v" * 250},
        "metrics": {"a": 0.5},
    }


def test_no_more_than_200_are_taken(tmp_path: Path) -> None:
    store(tmp_path, TABLES, [(f"m{number}", 1.0, 0) for number in range(300)])
    found = own_store.read(tmp_path)
    assert found is not None
    assert len(found["metrics"]) == 200


def test_a_view_that_computes_for_ever_is_cut_short(tmp_path: Path) -> None:
    script = f"CREATE VIEW params AS {ENDLESS} SELECT key, key AS value FROM n WHERE key < 0;"
    store(tmp_path, script + "CREATE TABLE latest_metrics (key, value, is_nan)")
    found, _ = read_apart(tmp_path)
    assert found == "None"


MANY = f"{ENDLESS} SELECT key, hex(zeroblob(30000)) || key AS value FROM n LIMIT 1"


@pytest.mark.parametrize(
    "params",
    [
        "VIEW params AS SELECT hex(zeroblob(100000000)) AS key, hex(zeroblob(100000000)) AS value "
        "FROM (VALUES (1), (2), (3), (4))",
        "VIEW params AS SELECT hex(zeroblob(40000)) AS key, 1 AS value FROM (VALUES (1), (2))",
        # A store may ask for a cache of any size, which a view that sorts then fills.
        f"VIEW params AS SELECT key, value FROM ({MANY}0000) ORDER BY value",
    ],
)
def test_a_store_that_would_fill_the_memory_is_not_read(tmp_path: Path, params: str) -> None:
    file = store(tmp_path, f"PRAGMA default_cache_size = 1000000; CREATE {params};")
    with closing(sqlite3.connect(file)) as made, made:
        made.execute("CREATE TABLE latest_metrics (key, value, is_nan)")
    found, peak = read_apart(tmp_path)
    assert found == "None"
    assert peak < 300 << 20


def read_apart(home: Path) -> tuple[str, int]:
    """What is read in a process of its own, which can be ended, and the most memory that was taken for it."""
    code = (
        "import re, sys; from pathlib import Path; from resource import *\n"
        "from pipelines.notebooks import own_store; print(own_store.read(Path(sys.argv[1])))\n"
        # Of this process itself Linux counts what the one that started it had taken.
        "own = re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())\n"
        "print(max(int(own[1]), getrusage(RUSAGE_CHILDREN).ru_maxrss))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found, peak = done.stdout.splitlines()
    return found, int(peak) << 10


@pytest.mark.parametrize("part", ["mlruns", "mlruns/mlflow.db"])
def test_a_link_leads_to_no_other_store(tmp_path: Path, part: str) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    store(other, TABLES, [("secret", 1.0, 0)])
    (home / part).parent.mkdir(parents=True)
    (home / part).symlink_to(other / part)
    assert own_store.read(other) is not None
    assert own_store.read(home) is None


def test_no_store_and_a_broken_one_say_nothing(tmp_path: Path) -> None:
    assert own_store.read(tmp_path) is None
    file = store(tmp_path, "CREATE TABLE params (key)")
    assert own_store.read(tmp_path) is None
    file.write_bytes(b"no database at all" * 100)
    assert own_store.read(tmp_path) is None
