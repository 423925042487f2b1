"""The ledger: what was submitted, and what it scored; the only home of LB scores.

Below `submissions/ledger/<competition>/` lies a file per row, and a row is never changed: a submission that is sent,
listed and scored has three. A file's name says its content, so that two members' ledgers merge in any git: the same
row is the same file, and another row is another file. `submissions` puts the rows of a submission together.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError, refuse_conflict
from pipelines.plumbing.process import exclusive
from pipelines.plumbing.schema import Name, Strict, validate
from pipelines.tracking import old_ledger

SubmissionStatus = Literal["PENDING", "SENT", "COMPLETE", "ERROR"]
_REMEDY = "restore it from git (`git restore {path}`), or delete it: `pilsa ledger rebuild` asks the platform again"
_ORDER: tuple[SubmissionStatus, ...] = ("PENDING", "SENT", "ERROR", "COMPLETE")  # within a moment
_STATE = ("status", "lb_public", "lb_private", "ref", "error")
_BOTH = "keep the file of one side: every row has a file of its own"


class Submitted(Strict):
    """What is submitted, or is to be.

    Attributes:
        time: when this was written, UTC, ISO 8601.
        file: the submission's path below the repository.
        sha256: 64 hex digits of its content, whatever the order of its rows; only the first 8, or none, where the
            row comes from the platform's list.
        name: what was submitted: `ensembles/mean`, `models/knn`, `kernels/m01/first-cnn`.
        cv_mean: as it was known then; None where there is no CV.
        folds_hash: of the folds of cv_mean; scores under others do not compare.
    """

    time: str
    competition: Name
    file: str
    sha256: str
    name: str
    member: str
    message: str
    cv_mean: float | None = None
    folds_hash: str | None = None


class LedgerRow(Submitted):
    """One state of a submission.

    Attributes:
        status: PENDING (about to be uploaded; whether it arrived nobody knows yet), SENT (the platform has it),
            COMPLETE, or ERROR (not taken or not scored).
        lb_public, lb_private: leaderboard scores; None while unknown.
        run_id: of the run that predicted it: a later run of the same name has not earned its LB score.
        upload: the name under which it was uploaded, unique per attempt; None where nothing was uploaded.
        ref: its id on the platform.
        error: why it is ERROR.
    """

    status: SubmissionStatus
    lb_public: float | None = None
    lb_private: float | None = None
    run_id: str | None = None
    upload: str | None = None
    ref: str | None = None
    error: str | None = None

    @field_validator("file", "name", "message", "error")
    @classmethod
    def _is_text(cls, text: str | None) -> str | None:
        """Halves of surrogate pairs, as of a file's name that is not UTF-8, can be written nowhere."""
        return text and text.encode("utf-8", "replace").decode("utf-8")

    @field_validator("time")
    @classmethod
    def _is_utc(cls, time: str) -> str:
        offset = datetime.fromisoformat(time).utcoffset()
        if offset is None or offset.total_seconds() != 0:
            raise ValueError("must be UTC, such as 2025-03-01T05:00:00+00:00")
        return time

    @field_validator("sha256")
    @classmethod
    def _is_digest(cls, digest: str) -> str:
        if not re.fullmatch("([0-9a-f]{64}|[0-9a-f]{8})?", digest):
            raise ValueError("must be 64 hex digits")
        return digest

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.time)

    @property
    def key(self) -> str:
        """What the rows of one submission have in common: the attempt, or the content where nothing was uploaded."""
        return self.upload or self.sha256 or f"ref {self.ref}"

    def is_content(self, sha256: str) -> bool:
        """Whether this submission says the same."""
        return bool(self.sha256) and sha256.startswith(self.sha256)


def now() -> str:
    """This moment as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def append(row: LedgerRow) -> None:
    """Add a row; those before it stay. What an old `ledger.csv` holds becomes files too.

    Raises:
        UserError: the ledger is damaged or cannot be written; it stays as it is.
    """
    with exclusive(paths.cache() / "locks" / "ledger", "writing the ledger"):
        known = rows()
        for one in [*known, row]:
            path = _file(one)
            if not path.exists():
                content = {name: value for name, value in one if value is not None}
                atomic.write_json(path, content)


def _file(row: LedgerRow) -> Path:
    """Where a row lies: begins with its time, so that a folder's list is the history."""
    stamp = f"{row.moment:%Y%m%dT%H%M%SZ}"
    member = re.sub("[^0-9A-Za-z가-힣_-]", "_", row.member)[:64]
    name = f"{stamp}-{row.sha256[:8] or 'unknown'}-{member}-{atomic.content_hash(row.model_dump())[:8]}.json"
    return paths.ledger(row.competition) / name


def rows(competition: str | None = None) -> list[LedgerRow]:
    """Every row of a competition, or of all: oldest first.

    Raises:
        UserError: the ledger is damaged; the message names the file, and what to do.
    """
    old = [
        validate(LedgerRow, values, where)
        for where, values in old_ledger.read(paths.old_ledger())
        if competition in (None, values["competition"])
    ]
    # Nobody lists another's half-written file: what is being written begins with a dot.
    new = sorted(paths.ledger().glob(f"{competition or '*'}/[!.]*.json"))
    found = dict.fromkeys([*old, *(_read(path) for path in new)])
    return sorted(found, key=lambda row: (row.moment, _ORDER.index(row.status), bool(row.ref)))


def submissions(competition: str) -> list[LedgerRow]:
    """The newest state of each submission, with the time when it was first sent; oldest first."""
    groups: dict[str, list[LedgerRow]] = {}
    for row in rows(competition):
        groups.setdefault(row.key, []).append(row)
    return sorted(map(_joined, groups.values()), key=lambda row: row.moment)


def find(sha256: str, competition: str) -> LedgerRow | None:
    """The newest state of the submission with this content, or None where it was never sent.

    Of several attempts one that was not refused counts before those that were.
    """
    same = [row for row in submissions(competition) if row.is_content(sha256)]
    return max(same, key=lambda row: (row.status != "ERROR", row.moment), default=None)


def _joined(states: list[LedgerRow]) -> LedgerRow:
    """One submission from its rows. Another member's clock may be wrong, so PENDING is the first, whatever its time."""
    ordered = sorted(states, key=lambda row: bool(row.upload) and row.status != "PENDING")
    joined = ordered[0]
    for row in ordered[1:]:
        known = {name: value for name, value in row if value is not None}
        if joined.status != "ERROR":
            # What was refused and handed in again was sent when it was handed in again; all else stays as it began.
            # A row of the platform's list knows less than one of who sent it.
            is_poorer = len(row.sha256) <= len(joined.sha256)
            known = {name: known[name] for name in known if name in _STATE or not is_poorer}
            known["time"] = joined.time
        joined = joined.model_copy(update=known)
    return joined if joined.status == "ERROR" else joined.model_copy(update={"error": None})


def _read(path: Path) -> LedgerRow:
    remedy = _REMEDY.format(path=path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        refuse_conflict(path, text, _BOTH)
        content = json.loads(text)
    except ValueError as error:  # of the encoding, or of JSON
        raise UserError(f"{path} must be a row of the ledger in JSON ({error}): {remedy}") from None
    if not isinstance(content, dict) or content.get("competition") != path.parent.name:
        raise UserError(f"{path} must be a row of {path.parent.name} and is none: {remedy}")
    return validate(LedgerRow, content, f"{path} ({remedy})")


def waiting(competition: str) -> list[LedgerRow]:
    """The submissions whose end is not known: not known to have arrived, or without a score."""
    return [row for row in submissions(competition) if row.status in ("PENDING", "SENT")]
