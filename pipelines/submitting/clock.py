"""The time, and waiting: a value, so that tests of hours take none."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_FIRST, _LONGEST = 2.0, 30.0  # seconds between two looks


class Clock:
    """This machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def looks(self, patience: float) -> Iterator[None]:
        """Give a turn at once, and again after growing pauses, for `patience` seconds."""
        until, pause = self.now() + timedelta(seconds=patience), _FIRST
        yield
        while self.now() < until:
            self.sleep(pause)
            pause = min(2 * pause, _LONGEST)
            yield
