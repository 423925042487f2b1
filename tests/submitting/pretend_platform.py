"""A platform's server on this machine's disk, with faults: what it took is in a file, which several processes share."""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.platforms._remote import Allowance, Listed, Refused, Remote, UnknownOutcome
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import Killed
from pipelines.submitting.clock import Clock

FAULTS = (
    "killed before",
    "killed during",
    "killed after",
    "500",
    "500 after",
    "lost reply",
    "limit",
)


class Hours(Clock):
    """A clock that passes when somebody sleeps, and whenever it is told to."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def kill() -> None:
    """As SIGTERM ends a process; `kill -9` is `really_kill`."""
    raise Killed(signal.SIGTERM)


def really_kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Pretend(Remote):
    """The server.

    Attributes:
        folder: where it keeps what it took.
        clock: its time.
        faults: one per upload to come; None for none.
        per_day: submissions a day and team; None where it does not say.
        lag: until its list shows what it took.
        grading: until it is scored, by `score` of the file's bytes.
        die: what ends the process that uploads.
        renames: whether its list has a name of its own for every file.
        list_fails: whether the list cannot be had just now.
    """

    folder: Path
    clock: Clock
    faults: list[str | None] = field(default_factory=list)
    per_day: int | None = 5
    lag: timedelta = timedelta(0)
    grading: timedelta = timedelta(seconds=60)
    score: Callable[[bytes], float] = lambda content: 0.75
    die: Callable[[], None] = kill
    renames: bool = False
    list_fails: Callable[[], bool] = lambda: False
    lists: Any = True

    def upload(self, path: Path, name: str, message: str) -> str | None:
        fault = self.faults.pop(0) if self.faults else None
        if fault in ("killed before", "killed during"):
            content = path.read_bytes()
            content[: len(content) // 2 if fault == "killed during" else 0]
            self.die()
        if fault == "limit":
            raise Refused("the daily limit is used up: come back tomorrow")
        if fault == "500":
            raise UnknownOutcome("the platform answers 500")
        ref = self._take(path, name, message)
        if fault == "killed after":
            self.die()
        if fault in ("500 after", "lost reply"):
            raise UnknownOutcome(f"the platform: {fault}")
        return ref

    def _take(self, path: Path, name: str, message: str) -> str:
        with self._taken() as taken:
            if self.per_day is not None and len(taken) >= self.per_day:
                raise Refused("the daily limit is used up: come back tomorrow")
            now = self.clock.now()
            taken.append(
                {"ref": str(1000 + len(taken)), "name": name, "message": message, "time": now.isoformat(),
                 "score": self.score(path.read_bytes())}
            )  # fmt: skip
            return str(taken[-1]["ref"])

    @contextmanager
    def _taken(self) -> Iterator[list[dict[str, Any]]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            file = self.folder / "taken.json"
            taken = json.loads(file.read_text()) if file.is_file() else []
            before = len(taken)
            yield taken
            if len(taken) != before:
                file.write_text(json.dumps(taken))

    def submissions(self) -> list[Listed]:
        if self.list_fails():
            raise UserError("the platform must be reachable and is not")
        with self._taken() as taken:
            return [
                self._listed(one) for one in reversed(taken)
                if self.clock.now() >= datetime.fromisoformat(one["time"]) + self.lag
            ]  # fmt: skip

    def _listed(self, one: dict[str, Any]) -> Listed:
        time = datetime.fromisoformat(one["time"])
        name = "submission.csv" if self.renames else one["name"]
        if self.clock.now() < time + self.grading:
            return Listed(one["ref"], name, one["message"], time, "PENDING")
        if one["score"] is None:
            return Listed(one["ref"], name, one["message"], time, "ERROR", error="no rows")
        return Listed(one["ref"], name, one["message"], time, "COMPLETE", one["score"])

    def allowance(self) -> Allowance:
        with self._taken() as taken:
            left = None if self.per_day is None else self.per_day - len(taken)
        return Allowance(self.per_day, left)

    def taken(self) -> list[str]:
        """The names of all that it took."""
        with self._taken() as taken:
            return [one["name"] for one in taken]
