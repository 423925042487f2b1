"""The desk where a submission is handed in: what the DAG built, or a file somebody brings."""

from pathlib import Path

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.submitting import grading
from pipelines.submitting.grading import Origin
from pipelines.tracking import records
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
    chosen, member = competitions.load(competition), params.load().member
    built = paths.submission(competition)
    if file is not None and not file.is_file():
        raise UserError(f"{file} must be a CSV file and is none: name another one")
    if file is not None and file.resolve() != built:
        return grading.submit(chosen, file, message, Origin(member, _UNKNOWN))
    if not built.is_file():
        raise UserError(f"{built} must exist and was not found: run `make repro`, or name a file")
    return grading.submit(chosen, built, message, _origin(chosen, built, member))


def _origin(competition: Competition, built: Path, member: str) -> Origin:
    """The run behind the file, if the file still says what that run predicted."""
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
    return (
        f"{row.competition}: {row.name}: {shown} (row {row.sha256[:8]} of submissions/ledger.csv)"
    )
