"""Candidates for a team's submissions: who may spend today's, and in which order. Nothing is sent from here.

A candidate is a file of its own below `submissions/queue/`, which is committed, as rows of the ledger are. It leaves the
queue when its content was sent.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import platforms
from pipelines.platforms._remote import Allowance
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_json
from pipelines.plumbing.errors import UserError, refuse_conflict
from pipelines.plumbing.schema import validate
from pipelines.submitting import guards, quota, said
from pipelines.submitting.clock import Clock
from pipelines.submitting.grading import Origin, place
from pipelines.submitting.quota import Left
from pipelines.tracking import ledger
from pipelines.tracking.ledger import Submitted
from pipelines.values import metrics, submission
from pipelines.values.competition import Competition

_NEARLY_THE_SAME = 0.995


class Candidate(Submitted):
    """A submission that a member would like to send.

    Attributes:
        run_id: as in the ledger.
        likeness: the greatest correlation with what was sent before and is known on the member's machine.
        like: what it is most like.
    """

    run_id: str | None = None
    likeness: float | None = None
    like: str | None = None


@dataclass(frozen=True)
class Place:
    """A candidate in its turn, and why it has it; `is_today` where a submission is left for it."""

    candidate: Candidate
    why: str
    is_today: bool


def add(competition: Competition, file: Path, message: str, origin: Origin) -> Candidate:
    """Put a file into the queue.

    Raises:
        UserError: it is no valid submission, was sent before, or waits already.
    """
    checked = guards.form(competition, file)
    guards.check_new(competition, str(file), checked.sha256)
    for known in read(competition.name):
        if known.sha256 == checked.sha256:
            raise UserError(
                f"a candidate must be new, and {file} waits already, from {known.member} at {known.time}"
            )
    likeness, like = _most_alike(competition, checked)
    found = Candidate(
        time=ledger.now(), competition=competition.name, file=place(file), sha256=checked.sha256, name=origin.name,
        member=origin.member, message=message, cv_mean=origin.cv_mean, folds_hash=origin.folds_hash,
        run_id=origin.run_id, likeness=likeness, like=like,
    )  # fmt: skip
    stamp = found.time[:19].replace("-", "").replace(":", "")
    name = f"{stamp}Z-{found.sha256[:8]}-{found.member}.json"
    content = {key: value for key, value in found if value is not None}
    write_json(paths.queue(competition.name) / name, content)
    return found


def _most_alike(
    competition: Competition, checked: guards.Checked
) -> tuple[float | None, str | None]:
    own, _ = submission.matrix_of(competition, checked.frame, checked.classes)
    ids = checked.frame[competition.sample_id].tolist()
    found: list[tuple[float, str]] = []
    for row in ledger.submissions(competition.name):
        other = said.test_matrix(competition, row, ids, checked.classes)
        likeness = None if other is None else said.likeness(own, other)
        if likeness is not None and row.status != "ERROR":
            found.append((round(likeness, 6), f"{row.name} ({row.sha256[:8]})"))
    return max(found, default=(None, None))


def read(competition: str) -> list[Candidate]:
    """Those that wait, oldest first.

    Raises:
        UserError: a candidate's file is damaged.
    """
    found = [_read(path) for path in sorted(paths.queue(competition).glob("[!.]*.json"))]
    sent = [row for row in ledger.submissions(competition) if row.status != "ERROR"]
    return [one for one in found if not any(row.is_content(one.sha256) for row in sent)]


def _read(path: Path) -> Candidate:
    advice = "delete it, and put its file into the queue again"
    try:
        text = path.read_text(encoding="utf-8")
        refuse_conflict(path, text, advice)
        content: Any = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} must be a candidate in JSON ({error}): {advice}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} must be a candidate and is none: {advice}")
    return validate(Candidate, content, f"{path} ({advice})")


def order(competition: Competition, clock: Clock) -> tuple[Left, list[Place]]:
    """What is left of today, and the queue in the order in which it should be spent.

    First what has a CV and says something new, the best CV first; of equals the member who spent less today.

    Raises:
        UserError: the platform cannot be reached, or a file is damaged.
    """
    remote = platforms.of(competition).remote()
    allowance = Allowance(None, None) if remote is None else remote.allowance()
    left = quota.left(competition, allowance, clock.now())
    spent = quota.spent_by_member(competition.name, left.resets)
    sign = -1 if metrics.get(competition.metric).greater_is_better else 1

    def rank(one: Candidate) -> tuple[bool, bool, float, int, str]:
        score = 0.0 if one.cv_mean is None else sign * one.cv_mean
        return (_is_twin(one), one.cv_mean is None, score, spent.get(one.member, 0), one.time)

    ranked = sorted(read(competition.name), key=rank)
    return left, [
        Place(one, _why(one, spent.get(one.member, 0)), number < left.left)
        for number, one in enumerate(ranked)
    ]


def _is_twin(one: Candidate) -> bool:
    return one.likeness is not None and one.likeness >= _NEARLY_THE_SAME


def _why(one: Candidate, spent: int) -> str:
    cv = "no CV: nothing says that it is better" if one.cv_mean is None else f"CV {one.cv_mean:.4f}"
    if _is_twin(one):
        said_before = (
            f"says nearly what {one.like} said (correlation {one.likeness:.3f}): little to learn"
        )
    elif one.likeness is None:
        said_before = "how like it is to what was sent is not known"
    else:
        said_before = f"correlation with {one.like} {one.likeness:.3f}"
    return f"{cv}; {said_before}; {one.member} spent {spent} today"
