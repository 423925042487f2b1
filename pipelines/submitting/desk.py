"""The desk where a submission is handed in: what the DAG built, or a file somebody brings."""

from pathlib import Path

from pipelines.core import competition as competitions
from pipelines.core import params, paths
from pipelines.core.atomic import read_json
from pipelines.core.errors import UserError
from pipelines.submitting import grading
from pipelines.submitting.grading import Origin
from pipelines.tracking import records
from pipelines.tracking.ledger import LedgerRow

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
    if file is not None and file.resolve() != built:
        return grading.submit(chosen, file, message, Origin(member, _UNKNOWN))
    if not built.is_file():
        raise UserError(f"{built} must exist and was not found: run `make repro`, or name a file")
    name = read_json(paths.ensemble_score(competition))["chosen"]
    record = records.read(paths.record(competition, name))
    return grading.submit(
        chosen, built, message, Origin(member, name, record.cv_mean, record.run_id)
    )


def sentence(row: LedgerRow) -> str:
    """What became of a submission, in words."""
    scores = [("CV", row.cv_mean), ("LB public", row.lb_public), ("LB private", row.lb_private)]
    shown = ", ".join(f"{name} {value:.4f}" for name, value in scores if value is not None)
    return (
        f"{row.competition}: {row.name}: {shown} (row {row.sha256[:8]} of submissions/ledger.csv)"
    )
