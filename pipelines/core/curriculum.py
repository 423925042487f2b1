"""curriculum.yaml: which week is which Saturday, and what is transcribed in it."""

from datetime import date

from pydantic import Field

from pipelines.core import paths
from pipelines.core.schema import Name, Strict, read_yaml, validate


class Week(Strict):
    """One week of the group's programme.

    Attributes:
        date: of the meeting (Saturday, Korean time).
        presenters: members, in the order of their talks.
    """

    week: int = Field(ge=1)
    date: date
    topic: str
    presenters: list[Name] = []


class Curriculum(Strict):
    """The whole programme."""

    weeks: list[Week] = []

    def week_of(self, day: date) -> Week | None:
        """The week whose meeting is the next on or after `day`; None after the last."""
        ahead = [week for week in self.weeks if week.date >= day]
        return min(ahead, key=lambda week: week.date, default=None)


def load() -> Curriculum:
    """Read curriculum.yaml.

    Raises:
        UserError: it is missing, or a key is unknown.
    """
    return validate(Curriculum, read_yaml(paths.curriculum()), "curriculum.yaml")
