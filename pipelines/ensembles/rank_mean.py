"""The average of ranks: it takes from each member the order of the rows and ignores its scale."""

from typing import Self

import numpy as np

from pipelines.ensembles import Method, average
from pipelines.plumbing.errors import MemberFailed
from pipelines.values.metrics import Metric

# Metrics that look at nothing but the order of the rows; others would grade a rank as a chance.
_ORDER_ONLY = ("roc_auc",)


class RankMean(Method):
    """Replaces each value by its position among the values that the member gave to the fitted rows.

    The position is a fixed function per member and class, learned in `fit`: test rows go through the same
    one as OOF rows and are never ranked among themselves, so one row's result does not depend on which
    other rows stand beside it.

    Ranks make every class equally frequent, so nothing but the order of the rows within a class is left.
    That is all that ROC AUC of two classes looks at. The likeliest class cannot be read off ranks (wine by
    accuracy: 0.66 alone, 0.46 by ranks), and of several classes they do not sum to 1 without losing the order.
    """

    kinds = ("probability",)

    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        """Remember each member's values, sorted.

        Raises:
            MemberFailed: the metric judges more than the order of the rows, or there are several classes.
        """
        _check_order(self.metric, members.shape[2])
        self.reference_ = np.sort(members, axis=1)
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        ranks = np.stack([_positions(*pair) for pair in zip(self.reference_, members, strict=True)])
        mean = average(ranks, np.full(len(ranks), 1 / len(ranks)))
        return mean / mean.sum(axis=1, keepdims=True)


def _positions(reference: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Positions in 0 … 1, both ends left out, so that no row can sum to 0.

    A value that occurs several times in the reference gets the middle of its places.

    Args:
        reference: sorted per column (n_reference, width).
        member: (n_rows, width).
    """
    position = np.empty_like(member)
    for column in range(member.shape[1]):
        # Sorted: a search that jumps about a million values waits for memory at each (five members: 122 s of
        # processors, so 7 s).
        order = np.argsort(member[:, column])
        known, asked = np.ascontiguousarray(reference[:, column]), member[order, column]
        below, upto = (np.searchsorted(known, asked, side) for side in ("left", "right"))
        position[order, column] = ((below + upto) / 2 + 0.5) / (len(reference) + 1)
    return position


def _check_order(metric: Metric, width: int) -> None:
    if metric.name in _ORDER_ONLY and width == 2:
        return
    found = f"{metric.name} of {width} classes" if metric.needs != "value" else metric.name
    raise MemberFailed(
        f"rank_mean must have a metric of the order of rows alone ({', '.join(_ORDER_ONLY)} of 2 classes), "
        f"found {found}, which a rank does not serve: use mean or weighted"
    )
