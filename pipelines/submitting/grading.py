"""Grading here, where a platform's solution is known: the same scores that its leaderboard would show."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.plumbing.process import exclusive
from pipelines.submitting import guards
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import submission
from pipelines.values.competition import Competition
from pipelines.values.metrics import get


@dataclass(frozen=True)
class Grade:
    """The scores of one submission; the metric says whether greater is better.

    Attributes:
        public, private: on the solution's Public and Private rows; None where it has none.
    """

    public: float | None
    private: float | None


def grade(
    competition: Competition,
    frame: pd.DataFrame,
    solution: pd.DataFrame,
    classes: tuple[str, ...] = (),
) -> Grade:
    """Judge a checked submission.

    Args:
        competition: names the metric and the columns.
        frame: as `submission.validate` returns it.
        solution: `id`, `target` (text as in train.csv, or numbers) and `usage` (Public or Private).
        classes: the labels that occur in training, in the order of prediction columns; empty for values.

    Raises:
        UserError: the solution lacks an id of the submission, or holds a label that training does not.
        MemberFailed: the metric is not defined for these values.
    """
    truth, y = submission.truth_of(competition, frame, solution, classes)
    predicted, _ = submission.matrix_of(competition, frame, classes)
    metric = get(competition.metric)

    def score(rows: np.ndarray) -> float | None:
        return metric.score(y[rows], predicted[rows], classes) if rows.any() else None

    public, private = ((truth["usage"] == part).to_numpy() for part in ("Public", "Private"))
    return Grade(score(public), score(private))


@dataclass(frozen=True)
class Origin:
    """Where a submission comes from.

    Attributes:
        member: whose it is.
        name: what predicted it: `ensembles/mean`, `models/knn`, `kernels/m01/first-cnn`.
        cv_mean: its cross-validation score, to be set beside the LB score; None where there is none.
        run_id: of the run that predicted it; None where nobody knows.
        folds_hash: of the folds of cv_mean.
    """

    member: str
    name: str
    cv_mean: float | None = None
    run_id: str | None = None
    folds_hash: str | None = None


def submit(competition: Competition, path: Path, message: str, origin: Origin) -> LedgerRow:
    """Check a submission, grade it, and write it into the ledger; warnings go to standard error.

    The ledger's row is written last and at once: killed before it, nothing was submitted.

    Args:
        competition: one whose platform knows the solution.
        path: the CSV.
        message: a few words about it, in any script.
        origin: what it comes from.

    Raises:
        UserError: a guard refuses it, or only the platform's server knows the solution.
    """
    with exclusive(paths.cache() / "locks" / f"submit-{competition.name}", f"submitting {path}"):
        checked = guards.check(competition, path)
        solution = platforms.of(competition).solution()
        if solution is None:
            raise UserError(
                f"grading here is only for competitions whose solution is known, and that of {competition.name} is "
                f"with its platform; {path} has the right form, and pilsa cannot send it there: upload it on "
                f"{competition.url or 'its page'}, then `pilsa ledger set-score {path} --public SCORE`"
            )
        for warning in checked.warnings:
            say(f"warning: {warning}", is_error=True)
        found = grade(competition, checked.frame, solution, checked.classes)
        row = LedgerRow(
            **asdict(origin), time=ledger.now(), competition=competition.name, file=place(path),
            sha256=checked.sha256, message=message, status="COMPLETE", lb_public=found.public, lb_private=found.private,
        )  # fmt: skip
        ledger.append(row)
    return row


def place(path: Path) -> str:
    """The path below the repository; outside it the name alone, since the rest is of one machine."""
    place, root = path.resolve(), paths.root()
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else place.name
