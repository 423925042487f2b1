"""The file behind the run store: where it lies, and whether SQLite can use it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError

REBUILD = "move mlruns/mlflow.db away and rebuild it with `pilsa runs mirror`"
_SECONDS_FOR_LOCK = 20.0  # as long as MLflow itself waits for SQLite


def database() -> Path:
    return paths.mlruns() / "mlflow.db"


def uri(database: Path) -> str:
    """The address by which MLflow opens a database."""
    # SQLAlchemy decodes the path, so a folder called `100%` must reach it encoded; all else stays as it
    # is, because MLflow makes the parent folder from the text that it is given.
    path = str(database).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    return f"sqlite:///{path}"


def check(database: Path) -> None:
    """Raise UserError unless SQLite can read and write it; MLflow would try for minutes."""
    try:
        with closing(
            sqlite3.connect(database, timeout=_SECONDS_FOR_LOCK, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA user_version").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        raise UserError(
            f"{database} must be writable and is not ({error}): change its permissions, free some space, or "
            "end what holds it"
        ) from error
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{database} must be a run store and is damaged ({error}): {REBUILD}"
        ) from error
