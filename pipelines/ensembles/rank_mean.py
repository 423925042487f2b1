"""The average of ranks: it takes from each member the order of the rows and ignores its scale."""

from typing import Self

import numpy as np

from pipelines.ensembles import Method, average
from pipelines.plumbing.errors import MemberFailed
from pipelines.values.metrics import Metric

# Metrics of probabilities that look at the order of rows only; others would grade a rank as a chance.
_ORDER_ONLY = ("roc_auc",)


class RankMean(Method):
    """Replaces each value by its position among the values that the member gave to the fitted rows.

    The position is a fixed function per member and class, learned in `fit`: test rows go through the same
    one as OOF rows and are never ranked among themselves, so one row's result does not depend on which
    other rows stand beside it.

    Ranks make every class equally frequent. That suits ROC AUC, and label metrics of about equally
    frequent classes; a rare class is predicted too often.
    """

    kinds = ("probability",)

    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        """Remember each member's values, sorted.

        Raises:
            MemberFailed: the metric judges values, or how sure a prediction is.
        """
        _check_metric(self.metric)
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
        below, upto = (
            np.searchsorted(reference[:, column], member[:, column], side)
            for side in ("left", "right")
        )
        position[:, column] = ((below + upto) / 2 + 0.5) / (len(reference) + 1)
    return position


def _check_metric(metric: Metric) -> None:
    if metric.needs == "value":
        raise MemberFailed(
            f"rank_mean must have probabilities, and {metric.name} judges values: use mean or weighted"
        )
    if metric.needs == "probability" and metric.name not in _ORDER_ONLY:
        raise MemberFailed(
            f"rank_mean must have a metric of labels or of order, and {metric.name} grades how sure a "
            "prediction is, which a rank does not say: use mean or weighted"
        )
