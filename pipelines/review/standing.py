"""The platform's leaderboard as it stands now, kept as a file, and the place that one's own best score has on it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.values import competition as competitions
from pipelines.values.metrics import get

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Standing:
    """A leaderboard.

    Attributes:
        table: `team` and `score`, the best first.
        own: the best public score of what was sent from this account; None where nothing is scored.
        place: how many are strictly better, and one; None without an own score.
        file: the CSV in which it is kept.
    """

    table: pd.DataFrame
    own: float | None
    place: int | None
    file: Path


def take(name: str) -> Standing:
    """Ask the platform for the leaderboard and for what was sent, and keep the table.

    Raises:
        UserError: the platform has no leaderboard for us, or cannot be reached.
    """
    chosen = competitions.load(name)
    platform = platforms.of(chosen)
    table, remote = platform.leaderboard(), platform.remote()
    if remote is None or table is None:
        raise UserError(
            f"a leaderboard is only given by a platform that lists it, and {name} has none: `pilsa scores` compares "
            "what is here"
        )
    metric = get(chosen.metric)
    table = table.sort_values("score", ascending=not metric.greater_is_better, kind="stable")
    scores = [one.public for one in remote.submissions() if one.public is not None]
    own = None if not scores else max(scores) if metric.greater_is_better else min(scores)
    place = None if own is None else 1 + sum(metric.better(score, own) for score in table["score"])
    file = paths.leaderboards(name) / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.csv"
    write_text(file, table.to_csv(index=False, lineterminator="\n"))
    return Standing(table.reset_index(drop=True), own, place, file)


def lines(standing: Standing) -> list[str]:
    """What a person wants to know of it, a line each."""
    table = standing.table
    if table.empty:
        return [f"nobody is on the leaderboard yet (kept as {standing.file})"]
    first = [
        f"{place}. {row.team}  {row.score:g}"
        for place, row in enumerate(table.head(_SHOWN).itertuples(), 1)
    ]
    said = "nothing of yours is scored there"
    if standing.own is not None:
        said = f"your best is {standing.own:g}: place {standing.place} of {len(table):,}"
    return [
        *first,
        f"median {table['score'].median():g} of {len(table):,} teams; {said} (kept as {standing.file})",
    ]
