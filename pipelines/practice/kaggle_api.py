"""Kaggle's protocol as the real client 2.2.5 speaks it: operations with JSON in and out.

Only how the client asks is known for sure. What kaggle.com answers was written down from what others have published,
and its wording, statuses and limits may differ: see docs/practice-server.md.
"""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from pipelines.practice.held import Held
from pipelines.practice.state import Refusal, Sent, World
from pipelines.values import metrics

Body = dict[str, Any]
_PAGE = 20
# The client goes to http://localhost by its own setting, and to this server by http_proxy.
ADDRESS = "http://localhost"
_DEADLINE = timedelta(days=30)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(items: list[Body], body: Body) -> tuple[list[Body], str]:
    """One page of a list and the token of the next, by `page` (from 1) or `pageToken`."""
    size = int(body.get("pageSize") or _PAGE)
    start = int(body.get("pageToken") or 0) or (int(body.get("page") or 1) - 1) * size
    end = start + size
    return items[start:end], str(end) if end < len(items) else ""


def list_competitions(world: World, member: str, body: Body) -> Body:
    words = str(body.get("search", "")).lower().split("-")
    found = [
        one
        for one in world.held.values()
        if any(word in f"{one.slug} {one.competition.title.lower()}" for word in words)
    ]
    rows, following = page([_competition(world, member, one) for one in found], body)
    return {"competitions": rows, "nextPageToken": following}


def _competition(world: World, member: str, held: Held) -> Body:
    day = world.now().replace(hour=23, minute=59, second=0, microsecond=0)
    return {
        "id": held.number, "ref": f"https://www.kaggle.com/competitions/{held.slug}",
        "url": f"https://www.kaggle.com/competitions/{held.slug}",
        "title": held.competition.title, "deadline": stamp(day + _DEADLINE), "category": "Getting Started",
        "reward": "Knowledge", "teamCount": len({one.team for one in world.state.members.values()}),
        "userHasEntered": held.slug in world.state.members[member].joined,
        "maxDailySubmissions": held.competition.daily_limit, "maxTeamSize": 5,
        "evaluationMetric": held.metric, "submissionsDisabled": False, "isKernelsSubmissionsOnly": held.by_notebook,
    }  # fmt: skip


def list_pages(world: World, _: str, body: Body) -> Body:
    held = world.find(str(body.get("competitionName")))
    limit = held.competition.daily_limit
    pages = {
        "description": f"<p>{held.competition.title}, on the practice server.</p>",
        "evaluation": f"<p>Submissions are evaluated by: {held.metric}.</p>",
        "rules": f"<p>You may submit a maximum of {limit} entries per day. No private sharing outside of teams.</p>",
    }
    wanted = body.get("pageName")
    return {
        "pages": [
            {"name": name, "content": text, "isPublished": True}
            for name, text in pages.items()
            if wanted in (None, "", name)
        ]
    }


def list_files(world: World, member: str, body: Body) -> Body:
    held = world.joined(member, str(body.get("competitionName")))
    files = [
        {"name": name, "totalBytes": path.stat().st_size, "creationDate": stamp(world.now())}
        for name, path in held.files.items()
    ]
    rows, following = page(files, body)
    return {"files": rows, "nextPageToken": following}


def start_upload(world: World, member: str, body: Body) -> Body:
    token = world.start(member, str(body.get("competitionName")), str(body.get("fileName", "file")))
    return {"token": token, "createUrl": f"{ADDRESS}/upload/{token}"}


def create_submission(world: World, member: str, body: Body) -> Body:
    held = world.joined(member, str(body.get("competitionName")))
    if held.by_notebook:
        raise Refusal(400, "This competition only accepts Submissions from Notebooks.")
    message = str(body.get("submissionDescription", ""))
    made = world.create("kaggle", member, str(body.get("blobFileTokens")), message)
    return {"message": f"Successfully submitted to {held.competition.title}", "ref": made.ref}


def _submission(sent: Sent) -> Body:
    # While a competition runs, Kaggle shows nobody the private score.
    public = "" if sent.public is None else f"{sent.public:.5f}"
    return {
        "ref": sent.ref, "fileName": sent.file, "date": stamp(sent.time), "description": sent.message,
        "status": sent.status, "publicScore": public, "privateScore": "", "errorDescription": sent.error,
        "submittedBy": sent.member, "teamName": sent.team,
    }  # fmt: skip


def list_submissions(world: World, member: str, body: Body) -> Body:
    held = world.joined(member, str(body.get("competitionName")))
    sent = world.sent("kaggle", world.state.members[member].team, held.slug)
    rows, following = page([_submission(one) for one in sent], body)
    return {"submissions": rows, "nextPageToken": following}


def get_submission(world: World, member: str, body: Body) -> Body:
    team = world.state.members[member].team
    for slug in world.held:
        for one in world.sent("kaggle", team, slug):
            if one.ref == int(body.get("ref", 0)):
                return _submission(one)
    raise Refusal(404, "Submission not found")


def limits(world: World, member: str, body: Body) -> Body:
    held = world.joined(member, str(body.get("competitionName")))
    team = world.state.members[member].team
    left = world.left_today("kaggle", team, held.slug)
    sent = world.sent("kaggle", team, held.slug)
    return {
        "numToday": held.competition.daily_limit - left, "numAllowedNow": max(0, left), "limitedByTotal": False,
        "numTotal": sum(one.status != "ERROR" for one in sent),
    }  # fmt: skip


def leaderboard(world: World, _: str, body: Body) -> Body:
    held = world.find(str(body.get("competitionName")))
    rows, following = page(standing(world, held), body)
    return {"submissions": rows, "nextPageToken": following}


def standing(world: World, held: Held) -> list[Body]:
    """Every team's best public score, the best first."""
    metric, best = metrics.get(held.competition.metric), dict[str, Sent]()
    for one in world.sent("kaggle", None, held.slug):
        if one.public is not None and (
            one.team not in best or metric.better(one.public, float(best[one.team].public or 0))
        ):
            best[one.team] = one
    ordered = sorted(
        best.values(), key=lambda one: float(one.public or 0), reverse=metric.greater_is_better
    )
    teams = sorted({member.team for member in world.state.members.values()})
    return [
        {"teamId": 1 + teams.index(one.team), "teamName": one.team, "submissionDate": stamp(one.time),
         "score": f"{one.public:.5f}"}
        for one in ordered
    ]  # fmt: skip


def leaderboard_zip(world: World, slug: str) -> bytes:
    """The whole standing as the CSV in a zip that Kaggle gives."""
    held, content = world.find(slug), io.BytesIO()
    names = {
        "teamId": "TeamId",
        "teamName": "TeamName",
        "submissionDate": "LastSubmissionDate",
        "score": "Score",
    }
    rows = pd.DataFrame(standing(world, held), columns=list(names)).rename(columns=names)
    rows.insert(0, "Rank", range(1, len(rows) + 1))
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{slug}-publicleaderboard.csv", rows.to_csv(index=False))
    return content.getvalue()


OPERATIONS: dict[str, Callable[[World, str, Body], Body]] = {
    "ListCompetitions": list_competitions,
    "ListCompetitionPages": list_pages,
    "ListDataFiles": list_files,
    "StartSubmissionUpload": start_upload,
    "CreateSubmission": create_submission,
    "ListSubmissions": list_submissions,
    "GetSubmission": get_submission,
    "GetSubmissionLimits": limits,
    "GetLeaderboard": leaderboard,
}
