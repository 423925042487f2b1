"""What a run measured, as named series: scores, fold scores by fold, learning curves by epoch."""

import math
from pathlib import Path
from typing import NamedTuple

from pipelines.plumbing.errors import UserError
from pipelines.tracking.kernel_facts import KernelFacts
from pipelines.tracking.records import Record
from pipelines.values.tables import read_csv


class Measurement(NamedTuple):
    """One point: `fold_score` at step 3 is fold 3, `fold0/loss` at step 7 is epoch 7."""

    name: str
    value: float
    step: int


def of(record: Record, history: Path) -> list[Measurement]:
    """Everything finite that a run measured.

    Args:
        record: gives the scores; those that it does not have are left out.
        history: CSV with the columns fold and epoch, every other one a loss. It may be missing or empty:
            a model without epochs has no curves.

    Raises:
        UserError: the history is no CSV or lacks a column.
    """
    named = ("cv_mean", "cv_std", "cv_pooled", "fold0", "seconds")
    points = [(name, getattr(record, name), 0) for name in named]
    points += [("fold_score", score, fold) for fold, score in enumerate(record.fold_scores)]
    if record.kernel is not None:
        points += _of_kernel(record.kernel)
    points += _curves(history)
    return [
        Measurement(name, float(value), step)
        for name, value, step in points
        if value is not None and math.isfinite(value)
    ]


def _of_kernel(facts: KernelFacts) -> list[tuple[str, float | None, int]]:
    """Scores beside the folds', and claimed figures as ours and the original's."""
    passed = facts.check_passed
    points = [
        ("constant", facts.constant, 0),
        ("shuffled", facts.shuffled, 0),
        ("coverage", facts.coverage, 0),
        ("check_passed", None if passed is None else float(passed), 0),
    ]
    for prefix, named in (("figure", facts.figures), ("printed", facts.claims)):
        points += [(f"{prefix}/{name}", value, 0) for name, value in named.items()]
    return points


def _curves(path: Path) -> list[tuple[str, float, int]]:
    # pandas writes an empty table as one line feed
    if not path.is_file() or not path.read_bytes().strip(b'"\r\n'):
        return []
    history = read_csv(path)
    if missing := {"fold", "epoch"} - set(history.columns):
        raise UserError(
            f"{path} must have the columns fold and epoch, found {list(history.columns)} without "
            f"{sorted(missing)}: delete its folder and rerun"
        )
    losses = [str(name) for name in history.columns if name not in {"fold", "epoch"}]
    return [
        (f"fold{row['fold']}/{name}", row[name], int(row["epoch"]))
        for row in history.to_dict("records")
        for name in losses
    ]
