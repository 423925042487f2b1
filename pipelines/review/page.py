"""The weekly page: one HTML file that opens from a disk, without a server and without the network."""

import base64
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.plumbing import pages, paths
from pipelines.plumbing.atomic import read_json
from pipelines.plumbing.pages import Language, Say
from pipelines.review import leaderboard
from pipelines.review.leaderboard import Leaderboard
from pipelines.tracking import curriculum, failures, ledger
from pipelines.tracking.curriculum import Week
from pipelines.values import competition as competitions
from pipelines.values.competition import Competition
from pipelines.values.findings import SENTENCES


@dataclass(frozen=True, eq=False)
class Content:
    """What the page shows.

    Attributes:
        week: of the competition, as the curriculum gives it; None where it gives none.
        profile: what `preprocess` found in the data.
        picture: of the data, as a data URI; None where there is none.
        is_table: whether the picture is of columns, and not of pictures.
        submissions: rows of the ledger, newest first.
    """

    competition: Competition
    board: Leaderboard
    week: Week | None
    profile: dict[str, Any]
    picture: str | None
    is_table: bool
    submissions: list[Any]


def gather(name: str, today: date) -> Content:
    """Read all that the page of competition `name` shows.

    Raises:
        UserError: a file is missing or damaged.
    """
    folder, found = paths.profile(name), leaderboard.read(name)
    # While this page is made its own last failure is still on record, and about to be the past.
    own = failures.address("review", name)
    others = [failure for failure in found.failed if failure.stage != own]
    drawn = sorted(folder.glob("*.png"))
    return Content(
        competitions.load(name), replace(found, failed=others), curriculum.load().week_of(name, today),
        read_json(folder / "profile.json"), _data_uri(drawn[0]) if drawn else None,
        any(picture.stem == "distributions" for picture in drawn),
        list(reversed(ledger.submissions(name))),
    )  # fmt: skip


def render(content: Content, language: Language) -> str:
    """The page in Korean (`ko`) or English (`en`).

    Everything that members or platforms wrote is escaped, and the page loads nothing and runs nothing.
    """
    say = pages.Say(language, __package__, "pipelines.tracking", "pipelines.values")
    return pages.render(
        __package__, "page.html.jinja",
        {
            "score": lambda value: "–" if value is None else f"{value:.4f}",
            "day": lambda value: pages.long_day(value, language),
            "recorded": say.recorded,
            "reason": say.reason,
        },
        say, page=content, language=language, verdict=_verdict(content.board.verdict, say), findings=_findings(content.profile, say),
    )  # fmt: skip


def _findings(profile: dict[str, Any], say: Say) -> list[tuple[bool, str, str]]:
    """Of each finding of the checks: whether it is loud, its sentence, and what to do."""
    said = []
    for found in profile.get("findings", ()):
        sentence, advice = SENTENCES[found["kind"]]
        values = {**found["counts"], "example": found["example"]}
        said.append((found["severity"] == "loud", say(sentence, **values), say(advice)))
    return said


def _verdict(found: dict[str, Any], say: Say) -> str | None:
    """What the ensemble stage found, in a sentence; None before it ran."""
    if "difference" not in found:
        usable = found.get("usable", ())
        return say("An ensemble takes two members, and there is one.") if len(usable) == 1 else None
    gap, fair = found["difference"], found.get("at_equal_threshold")
    names = {"a": found["best_ensemble"], "b": found["best_single"], "gain": f"{gap['gain']:+.4f}"}
    if fair:
        return say(
            "%(a)s and %(b)s differ by their threshold, not as models: %(gain)s as they are, %(fair)s where "
            "both give each class as many rows.",
            **names, fair=f"{fair['gain']:+.4f}",
        )  # fmt: skip
    if gap["low"] is None:
        return say(
            "%(a)s and %(b)s tie (%(gain)s, and %(rows)s rows are too few for an interval).",
            **names, rows=gap["rows"],
        )  # fmt: skip
    interval = {"low": f"{gap['low']:+.4f}", "high": f"{gap['high']:+.4f}", "rows": gap["rows"]}
    if gap["is_tie"]:
        sentence = (
            "%(a)s and %(b)s tie (%(gain)s, 95 %% interval %(low)s … %(high)s on %(rows)s rows)."
        )
    elif gap["low"] > 0:
        sentence = "%(a)s is better than %(b)s (%(gain)s, 95 %% interval %(low)s … %(high)s on %(rows)s rows)."
    else:
        sentence = "%(a)s is worse than %(b)s (%(gain)s, 95 %% interval %(low)s … %(high)s on %(rows)s rows)."
    return say(sentence, **names, **interval)


def _data_uri(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
