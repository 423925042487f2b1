"""What was pushed, an entry a notebook; written before the push, so that whoever comes after a kill looks first."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_json, write_json
from pipelines.plumbing.schema import Strict, validate
from pipelines.remote.job import Job

_LONGEST = 50  # characters of a title on Kaggle
_OF_KEY = 8

State = Literal["pushing", "pushed", "failed", "taken"]


class Entry(Strict):
    """One job there.

    Attributes:
        reference: owner/slug.
        job: as in the script's head.
        state: `pushing` from before the push until the site shows it.
        time: of the last change, ISO, UTC.
        failed: nonces of attempts whose run failed.
    """

    reference: str
    job: Job
    state: State
    time: str = ""
    failed: list[str] = []

    @property
    def age(self) -> float:
        """Seconds since the last change; 0 where the clock was set back."""
        since = datetime.now(UTC) - datetime.fromisoformat(self.time)
        return max(0.0, since.total_seconds())


def slug_of(competition: str, model: str, key: str) -> str:
    """The notebook's name, which is the work's: another clone of the same commit finds the same one."""
    plain = re.sub(r"[^a-z0-9]+", "-", f"pilsa-{competition}-{model}".lower()).strip("-")
    return f"{plain[: _LONGEST - _OF_KEY - 1].strip('-')}-{key[:_OF_KEY]}"


def read(reference: str) -> Entry | None:
    """The entry of owner/slug; None where nothing was pushed from here.

    Raises:
        UserError: the file is damaged.
    """
    path = _path(reference)
    return validate(Entry, read_json(path), str(path)) if path.is_file() else None


def write(entry: Entry, state: State) -> Entry:
    """Write an entry with this state and the time."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    changed = entry.model_copy(update={"state": state, "time": now})
    write_json(_path(entry.reference), changed.model_dump())
    return changed


def remove(reference: str) -> None:
    _path(reference).unlink(missing_ok=True)


def entries() -> list[Entry]:
    """All of this clone, the newest first."""
    found = [validate(Entry, read_json(path), str(path)) for path in paths.pushed().glob("*.json")]
    return sorted(found, key=lambda entry: entry.time, reverse=True)


def _path(reference: str) -> Path:
    return paths.pushed() / f"{reference.replace('/', '--')}.json"
