"""Hand a submission in: what the DAG built, or a file somebody brings."""

import math
import re
from dataclasses import asdict
from pathlib import Path

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.submitting import grading, guards
from pipelines.submitting.grading import Origin
from pipelines.tracking import ledger, records
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import competition as competitions
from pipelines.values import params, submission
from pipelines.values.competition import Competition
from pipelines.values.predictions import Predictions

# What predicted a file that somebody brings: nobody can tell.
_UNKNOWN = "file"


def hand_in(competition: str, file: Path | None, message: str) -> LedgerRow:
    """Check and grade a submission, and write its row into the ledger.

    Args:
        competition: the competition's name.
        file: a CSV; None for the one that the DAG built, which is then set beside its CV score.
        message: what is new in it.

    Raises:
        UserError: there is no such file, a guard refuses it, or it cannot be graded here.
    """
    chosen, built = competitions.load(competition), paths.submission(competition)
    if file is None and not built.is_file():
        raise UserError(f"{built} must exist and was not found: run `make repro`, or name a file")
    file = file or built
    return grading.submit(chosen, file, message, _origin(chosen, file))


def set_score(competition: str, submitted: str, public: float, private: float | None) -> LedgerRow:
    """Write down what a platform said of a submission that was uploaded by hand: one more row of the ledger.

    Args:
        competition: the competition's name.
        submitted: the CSV, or the first 8 or more hex digits of a row's `sha256`.
        public, private: the leaderboard's scores; without a private one the known one stays.

    Raises:
        UserError: a score is no finite number, the digits stand for several rows, or the file is no
            submission of this competition.
    """
    if not all(math.isfinite(score) for score in (public, private or 0)):
        raise UserError(
            f"a score must be a finite number, found {public} and {private}: write what the platform shows"
        )
    before = _row_of(competition, submitted) or _new_row(
        competitions.load(competition), Path(submitted)
    )
    scores = {"lb_public": public, "lb_private": before.lb_private if private is None else private}
    row = before.model_copy(update={"time": ledger.now(), "status": "COMPLETE", **scores})
    ledger.append(row)
    return row


def _row_of(competition: str, digits: str) -> LedgerRow | None:
    """The submission with this beginning of a `sha256`; None where it is none."""
    if not re.fullmatch("[0-9a-f]{8,64}", digits):
        return None
    found = [row for row in ledger.submissions(competition) if row.sha256.startswith(digits)]
    if len(found) > 1:
        names = ", ".join(row.sha256[:16] for row in found)
        raise UserError(f"{digits} must stand for one submission, found {names}: write more digits")
    return found[0] if found else None


def _new_row(competition: Competition, file: Path) -> LedgerRow:
    """A row for a file that has the right form; its newest one where the ledger has it already."""
    digest = guards.form(competition, file).sha256
    return ledger.find(digest, competition.name) or LedgerRow(
        **asdict(_origin(competition, file)), time=ledger.now(), competition=competition.name,
        file=grading.place(file), sha256=digest, message="", status="PENDING",
    )  # fmt: skip


def _origin(competition: Competition, file: Path) -> Origin:
    """The run behind the file: of what the DAG built, if it still says what that run predicted."""
    member, built = params.load().member, paths.submission(competition.name)
    if file.resolve() != built:
        return Origin(member, _UNKNOWN)
    predictions = Predictions.load(paths.ensembles(competition.name) / "chosen.npz")
    sample = submission.read(paths.sample(competition.name), competition)
    frame = submission.build(competition, sample, predictions)
    if submission.text_of(frame).encode() != built.read_bytes():
        say(
            f"{built.name} is not what the DAG predicts now: it counts as a file of yours (`dvc repro` builds it anew)",
            is_error=True,
        )
        return Origin(member, _UNKNOWN)
    record = records.read(paths.record(competition.name, predictions.name))
    return Origin(member, predictions.name, record.cv_mean, record.run_id)


def sentence(row: LedgerRow) -> str:
    """What became of a submission, in words."""
    scores = [("CV", row.cv_mean), ("LB public", row.lb_public), ("LB private", row.lb_private)]
    shown = ", ".join(f"{name} {value:.4f}" for name, value in scores if value is not None)
    return f"{row.competition}: {row.name}: {shown} (row {row.sha256[:8]} of the ledger)"
