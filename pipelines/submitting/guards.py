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

_ENOUGH_TO_TELL = 10  # different predictions


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
    check_new(competition, str(path), checked.sha256)
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


def check_new(competition: Competition, file: str, digest: str) -> None:
    """Check that this content was not submitted before.

    Raises:
        UserError: it was, by this ledger.
    """
    before = ledger.find(digest, competition.name)
    # What the platform refused was never judged, so it may be sent again.
    if before is not None and before.status != "ERROR":
        scores = {"public": before.lb_public, "private": before.lb_private}
        told = ", ".join(f"{part} {score:g}" for part, score in scores.items() if score is not None)
        raise UserError(
            f"a submission must be new, and {file} says what {before.file} said at {before.time} "
            f"({before.name}, {told or before.status}): submit other predictions"
        )


def questions(
    competition: Competition, checked: Checked, cv_mean: float | None, folds_hash: str | None
) -> list[str]:
    """What may be meant, and is a mistake more often: a sentence each.

    Args:
        competition: names the metric and the columns.
        checked: what is to be sent.
        cv_mean: its CV score; None where there is none.
        folds_hash: of the folds of that score: it is compared with scores under the same alone.
    """
    values = checked.frame[submission.target_columns(competition, checked.frame)]
    sent = [row for row in ledger.submissions(competition.name) if row.status != "ERROR"]
    found = []
    if len(values) > 1 and len(values.drop_duplicates()) == 1:
        found.append("every row has the same prediction.")
    if twin := _same_in_another_order(competition, values):
        found.append(
            f"it has the predictions of {twin} at other ids: were the rows sorted without their predictions?"
        )
    metric = get(competition.metric)
    for row in (row for row in sent if row.folds_hash == folds_hash):
        if cv_mean is not None and row.cv_mean is not None and metric.better(row.cv_mean, cv_mean):
            found.append(
                f"its CV, {cv_mean:.4f}, is worse than that of {row.name} ({row.cv_mean:.4f}), sent at {row.time}."
            )
            break
    return found


def _same_in_another_order(competition: Competition, values: pd.DataFrame) -> str | None:
    """The upload from here whose predictions are these, but for their order; classes and the like are too few to tell."""
    if len(values.drop_duplicates()) < _ENOUGH_TO_TELL:
        return None
    wanted = _sorted(values)
    for path in sorted(paths.sent(competition.name).glob("[!.]*.csv")):
        frame = submission.read(path, competition)
        other = frame[submission.target_columns(competition, frame)]
        if len(other) == len(values) and _sorted(other).equals(wanted):
            return path.name
    return None


def _sorted(values: pd.DataFrame) -> pd.DataFrame:
    return values.sort_values(list(values.columns)).reset_index(drop=True)


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
