"""What a submission said, as far as this machine knows: predictions of its run, or the copy of what was sent."""

import numpy as np

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.submitting import sending
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import submission
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.predictions import Predictions


def run_of(row: LedgerRow) -> Predictions | None:
    """The predictions of the run behind a submission, from the history of this machine."""
    if row.run_id is None:
        return None
    path = paths.history() / row.run_id / "predictions.npz"
    try:
        return Predictions.load(path) if path.is_file() else None
    except UserError:  # an old one, which the history keeps as it is
        return None


def judged(row: LedgerRow, dataset: Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Targets (n,) and OOF predictions (n, width) of the rows that the CV score is of; None where they are not here."""
    found = run_of(row)
    if found is None or found.data_hash != dataset.hash:
        return None
    scored = ~np.isnan(found.oof).any(axis=1)
    return (dataset.y[scored], found.oof[scored]) if scored.any() else None


def test_matrix(
    competition: Competition, row: LedgerRow, ids: list[str], classes: tuple[str, ...]
) -> np.ndarray | None:
    """What was predicted for the test rows (n, width), in the order of `ids`; None where it is not here."""
    copy = sending.copy_of(row)
    if copy is not None:
        frame = submission.read(copy, competition)
        return submission.matrix_of(competition, frame, classes)[0]
    found = run_of(row)
    if found is None:
        return None
    position = {name: number for number, name in enumerate(found.test_ids.tolist())}
    if any(name not in position for name in ids):
        return None
    return found.test[[position[name] for name in ids]].astype(np.float64)


def likeness(a: np.ndarray, b: np.ndarray) -> float | None:
    """Correlation of two predictions of the same rows, -1 … 1; None where one of them is constant."""
    if a.shape != b.shape or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
