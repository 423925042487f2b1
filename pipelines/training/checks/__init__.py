"""Checks of the data before anything is trained: leaks, twins, and whatever makes a score lie.

Each check is a small function that gives zero or more findings. None looks at more rows than it says, so that
a million rows take seconds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.training.checks import adversarial as parts
from pipelines.training.checks import cells, columns, pictures, rows, sampling, targets
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding, lines
from pipelines.values.raw import RawTables

__all__ = ["Finding", "findings_of", "lines"]


def findings_of(
    competition: Competition,
    dataset: Dataset,
    seed: int,
    n_splits: int,
    fold: np.ndarray | None = None,
    tables: RawTables | None = None,
    adversarial: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """All that the checks find, loud ones first. No model of the competition is trained.

    Args:
        competition: for the column of ids.
        dataset: what is checked.
        seed: of the rows that are drawn where there are many.
        n_splits: folds that are wanted.
        fold: int64 (n_rows,) of `folds.make`; None where they could not be drawn.
        tables: of `raw.read`, which are looked through for a row of totals; None leaves that out.
        adversarial: of `adversarial.validate`, where it is known already.
    """
    known = parts.validate(dataset, seed) if adversarial is None else adversarial
    found = [
        *columns.leaks(dataset, seed),
        *columns.id_order(dataset, seed),
        *rows.duplicates(dataset, fold),
        *rows.conflicts(dataset),
        *pictures.near_twins(dataset, fold, seed),
        *columns.groups(dataset, fold, seed),
        *parts.findings(dataset, known, seed),
        *columns.categories(dataset),
        *cells.empty(dataset),
        *cells.infinite(dataset),
        *([] if tables is None else rows.totals(tables, competition)),
        *targets.far(dataset),
        *targets.rare_classes(dataset, n_splits),
        *sampling.drawn(dataset),
    ]
    return sorted(found, key=lambda finding: finding.severity != "loud")
