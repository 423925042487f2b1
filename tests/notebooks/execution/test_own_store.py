"""What a notebook logged by itself is a stranger's file: little is taken of it, and it can do nothing."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.notebooks.execution import own_store

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
    # In a process of its own: nothing else could end it where it is not cut short.
    code = "import sys; from pathlib import Path; from pipelines.notebooks.execution import own_store; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(own_store.read(Path(sys.argv[1])))", str(tmp_path)],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "None\n", done.stderr


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
