"""Guards: what a submission must pass before it is spent, on any platform."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.tracking import ledger
from pipelines.values import submission, submission_file
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.metrics import get


@dataclass(frozen=True, eq=False)
class Checked:
    """A submission that may be sent.

    Attributes:
        frame: columns, ids and order of the sample; labels as text.
        sha256: 64 hex digits of the content, whatever the order of its rows in the file.
        classes: the labels that occur in training, in the order of prediction columns; empty for values.
        warnings: a sentence each.
    """

    frame: pd.DataFrame
    sha256: str
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def check(competition: Competition, path: Path, now: datetime | None = None) -> Checked:
    """Check a submission's form and that it is new; warn where the platform's day would have none left.

    Args:
        competition: the competition it is for.
        path: the CSV.
        now: the moment that counts as today, with a time zone; the present one by default.

    Raises:
        UserError: the file is no valid submission, or was submitted before.
    """
    checked = form(competition, path)
    _check_new(competition, path, checked.sha256)
    return replace(checked, warnings=_warn_of_limit(competition, now or datetime.now(UTC)))


def form(competition: Competition, path: Path) -> Checked:
    """Check a submission's form alone.

    Raises:
        UserError: the file is no valid submission.
    """
    sample = submission.read(paths.sample(competition.name), competition)
    classes = Dataset.load(paths.dataset(competition.name)).classes
    read = submission_file.read(path, competition, sample)
    try:
        frame = submission.validate(competition, read, sample, classes)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return Checked(frame, content_digest(competition, frame), classes)


def content_digest(competition: Competition, frame: pd.DataFrame) -> str:
    """SHA-256 of what a checked submission says: `1` and `1.0` are the same number, labels are text."""
    columns = submission.target_columns(competition, frame)
    kind = str if get(competition.metric).needs == "label" else "float64"
    text = frame.astype(dict.fromkeys(columns, kind)).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _check_new(competition: Competition, path: Path, digest: str) -> None:
    before = ledger.find(digest, competition.name)
    # What the platform refused was never judged, so it may be sent again.
    if before is not None and before.status != "ERROR":
        scores = {"public": before.lb_public, "private": before.lb_private}
        told = ", ".join(f"{part} {score:g}" for part, score in scores.items() if score is not None)
        raise UserError(
            f"a submission must be new, and {path} says what {before.file} said at {before.time} "
            f"({before.name}, {told or before.status}): submit other predictions"
        )


def _warn_of_limit(competition: Competition, now: datetime) -> tuple[str, ...]:
    """Grading here spends nothing, so that the limit is only told."""
    today = now.astimezone(UTC).date()
    spent = sum(
        row.moment.date() == today
        for row in ledger.submissions(competition.name)
        if row.status != "ERROR"
    )
    if spent < competition.daily_limit:
        return ()
    found = f"found {spent} of {competition.daily_limit} sent on {today} (UTC)"
    return (f"{competition.name} would have no submission left today, {found}",)
