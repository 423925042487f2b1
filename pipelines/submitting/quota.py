"""What is left of today's submissions, which a team has in common. Unknown is not unlimited."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from pipelines.platforms._remote import Allowance
from pipelines.plumbing.errors import UserError
from pipelines.tracking import ledger
from pipelines.values.competition import Competition

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Left:
    """Today's submissions.

    Attributes:
        left: how many may still be sent.
        per_day: of how many.
        resets: when the platform's next day begins.
        is_counted: whether they were counted in the ledger, because the platform does not say: team mates' count as
            far as their ledgers are merged.
    """

    left: int
    per_day: int
    resets: datetime
    is_counted: bool

    def sentence(self) -> str:
        source = " by the ledger, as far as team mates' are merged" if self.is_counted else ""
        return f"{self.left} of {self.per_day} submissions left today{source}; the next day begins at {self._reset()}"

    def check(self, competition: str) -> None:
        """Raise UserError where none is left."""
        if self.left <= 0:
            raise UserError(
                f"{competition} must have a submission left today, found 0 of {self.per_day}"
                f"{' by the ledger' if self.is_counted else ''}: send it after {self._reset()}"
            )

    def _reset(self) -> str:
        return f"{self.resets:%Y-%m-%d %H:%M %Z} ({self.resets.astimezone():%H:%M} here)"


def left(competition: Competition, allowance: Allowance, now: datetime) -> Left:
    """What is left of today, as the platform says it, else counted in the ledger.

    Args:
        competition: its `daily_limit` is what counts where the platform names none.
        allowance: what the platform says.
        now: with a time zone; a platform that does not say when its day begins begins it at midnight UTC.
    """
    resets = allowance.resets or datetime.combine(now.astimezone(UTC).date() + _DAY, time(), UTC)
    per_day = allowance.per_day or competition.daily_limit
    if allowance.left is not None:
        return Left(allowance.left, max(per_day, allowance.left), resets, is_counted=False)
    spent = spent_by_member(competition.name, resets).total()
    return Left(max(0, per_day - spent), per_day, resets, is_counted=True)


def spent_by_member(competition: str, resets: datetime) -> Counter[str]:
    """How many each member sent on the platform's day that ends at `resets`, by the ledger."""
    return Counter(
        row.member
        for row in ledger.submissions(competition)
        # One that may have arrived counts as one that did.
        if row.status != "ERROR" and resets - _DAY <= row.moment < resets
    )
