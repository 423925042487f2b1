"""Checks of the target."""

import numpy as np

from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding

# In spans between the 5th and the 95th percentile, from the median: no distribution of a real target goes there.
_FAR = 1e4


def far(dataset: Dataset) -> list[Finding]:
    """Values such as 1e30 or −999999999 that stand for no value. (inf is refused before.)"""
    if dataset.is_classification:
        return []
    low, middle, high = np.percentile(dataset.y, [5, 50, 95])
    apart = np.flatnonzero(np.abs(dataset.y - middle) > _FAR * (high - low))
    if not len(apart) or high == low:
        return []
    example = f"{dataset.y[apart[0]]:g} in row {dataset.row_ids[apart[0]]}"
    return [Finding("far_target", "loud", {"rows": len(apart)}, example)]


def rare_classes(dataset: Dataset, n_splits: int) -> list[Finding]:
    """Classes that cannot stand in every fold."""
    if not dataset.is_classification:
        return []
    counts = np.bincount(dataset.y, minlength=len(dataset.classes))
    rare = np.flatnonzero(counts < n_splits)
    if not len(rare):
        return []
    fewest = int(rare[counts[rare].argmin()])
    example = f"{dataset.classes[fewest]!r} with {counts[fewest]}"
    return [Finding("rare_classes", "loud", {"classes": len(rare), "folds": n_splits}, example)]
