"""Ensembles: one file per way to combine members. All take predictions and give predictions.

An ensemble's own score is nested: what it learns (weights, a level-2 model) is learned without the fold
that is scored. Its test rows are combined by what it learns on all rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from pipelines.values.metrics import Kind, Metric


class Method(ABC):
    """Learns on some rows how to combine members, and combines them on other rows.

    Matrices of members are float64 (n_members, n_rows, width), columns as in `Predictions`, no NaN.

    Args:
        metric: what is to become better, and in which direction.
        classes: class names; empty for values.
        seed: of whatever is drawn.

    Attributes:
        kinds: what members may give: a label is one-hot and has no order, for one.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("label", "probability", "value")

    def __init__(self, metric: Metric, classes: Sequence[str], seed: int) -> None:
        self.metric, self.classes, self.seed = metric, tuple(classes), seed

    @abstractmethod
    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        """Learn from rows whose truth is known.

        Args:
            members: (n_members, n_rows, width), out-of-fold.
            y: class indices int64 (n_rows,) or values float64 (n_rows,).

        Raises:
            MemberFailed: this method does not suit these members or this metric.
        """

    @abstractmethod
    def combine(self, members: np.ndarray) -> np.ndarray:
        """Combine members on any rows: float64 (n_rows, width); probabilities sum to 1 per row."""

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """What was learned, for the record: a weight per member, say.

        A method that gives `weights` (0 or more, together 1) combines by their average and nothing else,
        so one member alone comes back as it is.
        """
        return {}


def average(members: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted average of members, float64 (n_rows, width).

    Members are added one after another, not by a matrix product, whose rounding depends on how many rows
    it gets: a tie of votes must fall the same way on every set of rows.

    Args:
        members: (n_members, n_rows, width).
        weights: (n_members,).
    """
    total = np.zeros(members.shape[1:])
    for weight, member in zip(weights, members, strict=True):
        total += weight * member
    return total


def named(weights: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Weights by member, for the record."""
    return {name: float(weight) for name, weight in zip(names, weights, strict=True)}
