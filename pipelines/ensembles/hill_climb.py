"""Hill climbing: members are added one at a time, again and again, as long as the metric gets better.

Caruana, Niculescu-Mizil, Crew & Ksikes 2004, "Ensemble selection from libraries of models", ICML.
"""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from pipelines.ensembles import Method, average, named
from pipelines.values.metrics import Metric

# Of the averages of the best 1, 2, … 5 members the best is the start: a good start overfits less.
_START = 5
# With 50 additions a weight is known to about 0.02, finer than the rows can tell.
_STEPS = 50
# A step may look useless until the next one; ten in a row have not helped in practice.
_PATIENCE = 10
# Bagging: climbs from random halves of the pool are averaged, so that one lucky member is not in all.
_BAGS = 10
_SHARE = 0.5
# Up to this many members none can be spared for half of the climbs: the pool is climbed once, whole.
_SMALL_POOL = 10
# A step costs a score per member, and a few weights do not get better by more rows.
_MOST_ROWS = 100_000


class HillClimb(Method):
    """Greedy forward selection with replacement, on the metric itself, averaged over bags of members.

    A tie of the metric goes to the smaller row loss (log loss or squared error), so that accuracy, which
    many members share to the digit, still prefers the surer one; then to the earlier member. If the
    averaged bags are worse on the fitted rows than the best single member, that member takes it all.
    Of more than 100,000 rows so many are drawn to climb on.
    """

    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        """Find weights.

        Raises:
            MemberFailed: the metric is not defined on these rows (ROC AUC without one of the classes).
        """
        generator = np.random.default_rng(self.seed)
        if len(y) > _MOST_ROWS:
            rows = generator.choice(len(y), _MOST_ROWS, replace=False)
            members, y = members[:, rows], y[rows]
        hill = _Hill(self.metric, self.classes, members, y)
        bags = _bags(len(members), generator)
        weights = np.mean([hill.climb(bag) for bag in bags], axis=0)
        alone = np.eye(len(members))[hill.best_single()]
        gain, gain_alone = (
            hill.height(average(hill.members, candidate), 1)[0] for candidate in (weights, alone)
        )
        self.weights_ = alone if gain_alone > gain else weights
        self.bags_ = len(bags)
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        return average(members, self.weights_)

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        return {"weights": named(self.weights_, names), "bags": self.bags_}


def _bags(count: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Positions of the members of each bag, ascending."""
    if count <= _SMALL_POOL:
        return [np.arange(count)]
    size = max(_SMALL_POOL, math.ceil(_SHARE * count))
    return [np.sort(generator.choice(count, size, replace=False)) for _ in range(_BAGS)]


class _Hill:
    """The metric as a landscape over sums of members.

    Where the metric needs labels, a row on which all members name one class keeps it in every average:
    only the other rows are added up, often a twentieth of all.

    Attributes:
        members: float64 (n_members, n_open, width), the rows that can change.
    """

    def __init__(
        self, metric: Metric, classes: Sequence[str], members: np.ndarray, y: np.ndarray
    ) -> None:
        self.metric, self.classes, self.y = metric, classes, y
        self.open = np.arange(len(y))
        if metric.needs == "label":
            labels = members.argmax(axis=2)
            self.label, self.open = labels[0], np.flatnonzero((labels != labels[0]).any(axis=0))
        self.members = members[:, self.open]

    def height(self, total: np.ndarray, count: int) -> tuple[float, float]:
        """(score turned so that more is better, minus the row losses) of the average `total / count`."""
        mean = total / count
        loss = float(self.metric.row_losses(self.y[self.open], mean).sum())
        if self.metric.name == "log_loss":
            return -loss, -loss
        score = self._score(mean)
        return (score if self.metric.greater_is_better else -score), -loss

    def _score(self, mean: np.ndarray) -> float:
        if self.metric.needs != "label":
            return self.metric.function(self.y, self.metric.view(mean), self.classes)
        label = self.label.copy()
        label[self.open] = mean.argmax(axis=1)
        if self.metric.name == "accuracy":  # a hundred times faster than the checks of scikit-learn
            return float((label == self.y).mean())
        return self.metric.function(self.y, label, self.classes)

    def best_single(self) -> int:
        heights = [self.height(member, 1) for member in self.members]
        return heights.index(max(heights))

    def climb(self, bag: np.ndarray) -> np.ndarray:
        """Weights (n_members,) of the highest point on the way up, 0 outside the bag."""
        counts, height = self._start(bag)
        best, patience = counts, _PATIENCE
        best_height, total = height, average(self.members, counts)
        for _ in range(_STEPS):
            size = int(counts.sum()) + 1
            heights = [self.height(total + self.members[member], size) for member in bag]
            height = max(heights)
            added = bag[heights.index(height)]
            total += self.members[added]
            counts = counts + np.eye(len(counts))[added]
            patience -= 1
            if height > best_height:
                best, best_height, patience = counts, height, _PATIENCE
            if patience == 0:
                break
        return best / best.sum()

    def _start(self, bag: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
        """How often each member is taken at first: once each of the best few whose average is best."""
        ranked = sorted(bag, key=lambda member: self.height(self.members[member], 1), reverse=True)
        starts = [
            np.isin(np.arange(len(self.members)), ranked[:size]).astype(np.float64)
            for size in range(1, min(_START, len(ranked)) + 1)
        ]
        heights = [self.height(average(self.members, s), int(s.sum())) for s in starts]
        return starts[heights.index(max(heights))], max(heights)
