"""What a platform's server is asked for a submission: upload it, list what was sent, say how many are left."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from pipelines.plumbing.errors import UserError

ListedStatus = Literal["PENDING", "COMPLETE", "ERROR"]


@dataclass(frozen=True)
class Listed:
    """One submission as the platform lists it.

    Attributes:
        ref: its id there.
        file: the name under which it was uploaded.
        message: the words that were sent with it.
        time: when the platform took it, with a time zone, by the platform's clock.
        status: PENDING (not scored yet), COMPLETE, or ERROR (the platform could not score it).
        public, private: leaderboard scores; None while unknown.
        error: why it was not scored, in the platform's words; empty otherwise.
    """

    ref: str
    file: str
    message: str
    time: datetime
    status: ListedStatus
    public: float | None = None
    private: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Allowance:
    """How many submissions a team may still send today.

    Attributes:
        per_day: None where nobody says; unknown is not unlimited.
        left: of today; None where nobody says.
        resets: when the next day begins for the platform, with a time zone; None where nobody says.
    """

    per_day: int | None
    left: int | None
    resets: datetime | None = None


class Refused(UserError):
    """The platform said no, and nothing was spent."""


class UnknownOutcome(UserError):
    """A 5xx or a lost connection after the upload began: look at the list before any retry."""


class Remote(ABC):
    """A platform's server, for one competition and the account that is signed in.

    Attributes:
        lists: whether `submissions` gives anything; where it does not, scores are written down by hand.
        deadline: when the competition ends; None where nobody said.
    """

    lists: ClassVar[bool] = True
    deadline: datetime | None = None

    @abstractmethod
    def upload(self, path: Path, name: str, message: str) -> str | None:
        """Send a file.

        Args:
            path: its bytes.
            name: under which the platform lists it; unique per attempt.
            message: a few words about it.

        Returns:
            Its id there, where the platform tells one.

        Raises:
            Refused: the platform took nothing.
            UnknownOutcome: nobody knows whether it did.
        """

    @abstractmethod
    def submissions(self) -> list[Listed]:
        """All that the team has sent, in any order; [] where `lists` is False.

        Raises:
            UserError: the platform cannot be reached or does not give the list.
        """

    @abstractmethod
    def allowance(self) -> Allowance:
        """What is left of today.

        Raises:
            UserError: the platform cannot be reached; where it just does not say, the fields are None.
        """
