"""Progress of long work: a live bar in a terminal, a few plain lines in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pipelines.plumbing.printing import one_line, say

_SECONDS_BETWEEN_LINES = 20.0


class Bar:
    """One bar: `step` moves it on and says in a few words where the work is."""

    def __init__(self, title: str, total: int, live: Progress | None) -> None:
        self._title, self._total, self._done, self._live = title, total, 0, live
        self._task = live.add_task(title, total=total, note="") if live else None
        self._last_line = time.monotonic()

    def note(self, note: str) -> None:
        """Say in a few words where the work is, without moving the bar on."""
        if self._live and self._task is not None:
            self._live.update(self._task, note=one_line(note))
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._print(note)

    def step(self, note: str = "", advance: int = 1) -> None:
        """Advance by `advance` of `total` and show `note`."""
        self._done += advance
        if self._live and self._task is not None:
            self._live.update(self._task, advance=advance, note=one_line(note))
            return
        finished = self._done >= self._total
        if finished or time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._print(note)

    def _print(self, note: str) -> None:
        self._last_line = time.monotonic()
        line = f"{self._title}: {self._done}/{self._total} {note}"
        say(one_line(line.rstrip()), is_error=True)


@contextmanager
def bar(title: str, total: int) -> Iterator[Bar]:
    """Show a bar for `total` steps on standard error while the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar(title, total, None)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False))  # fmt: skip
    with Progress(*columns, console=console) as live:
        yield Bar(title, total, live)
