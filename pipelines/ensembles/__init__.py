"""Ensembles: one file per way to combine members. All take predictions and give predictions.

An ensemble's own score is nested: what it learns (weights, a level-2 model) is learned without the fold
that is scored. Its test rows are combined by what it learns on all rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from pipelines.core.metrics import Metric


class Method(ABC):
    """Learns on some rows how to combine members, and combines them on other rows.

    Matrices of members are float64 (n_members, n_rows, width), columns as in `Predictions`, no NaN.

    Args:
        metric: what is to become better, and in which direction.
        classes: class names; empty for values.
        seed: of whatever is drawn.
    """

    def __init__(self, metric: Metric, classes: Sequence[str], seed: int) -> None:
        self.metric, self.classes, self.seed = metric, tuple(classes), seed

    @abstractmethod
    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        """Learn from rows whose truth is known.

        Raises:
            MemberFailed: this method does not suit these members or this metric.
        """

    @abstractmethod
    def combine(self, members: np.ndarray) -> np.ndarray:
        """Combine members on any rows: float64 (n_rows, width); probabilities sum to 1 per row."""

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """What was learned, for the record: a weight per member, say."""
        return {}
