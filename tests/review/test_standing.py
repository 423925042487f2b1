"""The platform's leaderboard, and one's own place on it."""

from typing import Any

import pandas as pd
import pytest

from pipelines.platforms._remote import Listed
from pipelines.platforms.bundled import Bundled
from pipelines.plumbing.errors import UserError
from pipelines.review import standing
from tests.conftest import Workshop


class Somewhere:
    """A platform's server; `own` are the scores of what was sent."""

    def __init__(self, own: list[float | None]) -> None:
        self.own = own

    def submissions(self) -> list[Listed]:
        return [
            Listed(str(n), "a.csv", "", pd.Timestamp(0, tz="UTC"), "COMPLETE", score)
            for n, score in enumerate(self.own)
        ]


@pytest.mark.parametrize(
    ("metric", "own", "best", "place", "first"),
    [
        ("accuracy", [0.1, None, 0.5], 0.5, 2, "a"),
        ("accuracy", [0.9], 0.9, 1, "a"),
        ("log_loss", [0.9, 0.6], 0.6, 3, "b"),
        ("accuracy", [], None, None, "a"),
    ],
)
def test_the_place_is_one_more_than_those_who_are_better(
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    metric: str,
    own: list[Any],
    best: Any,
    place: Any,
    first: str,
) -> None:
    workshop.write_competition(metric=metric)
    teams = pd.DataFrame({"team": ["b", "a", "c"], "score": [0.5, 0.75, 0.5]})
    monkeypatch.setattr(Bundled, "leaderboard", lambda _: teams)
    monkeypatch.setattr(Bundled, "remote", lambda _: Somewhere(own))
    found = standing.take("tiny")
    assert (found.own, found.place, found.table["team"][0]) == (best, place, first)
    assert pd.read_csv(found.file).to_dict("records") == found.table.to_dict("records")
    said = standing.lines(found)[-1]
    assert ("nothing of yours" in said) == (place is None)


def test_who_is_graded_here_has_no_leaderboard(workshop: Workshop) -> None:
    with pytest.raises(UserError, match="tiny has none"):
        standing.take("tiny")
