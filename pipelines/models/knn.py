"""k nearest neighbours: nothing is learned, all training rows are kept and the nearest ones vote.

Outliers hurt at small k, and at large k far neighbours outvote near ones. Inverted-index voting is the
answer to the second: the neighbour of rank r votes with 1/r.
"""

import hashlib
import math
from collections import OrderedDict
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field
from sklearn.neighbors import NearestNeighbors

from pipelines.models import Choice, Job, Model, ModelParams, Range
from pipelines.values.predictions import TestFrom

# Far below the smallest difference between two sums of votes that is meant, far above float32's rounding.
_TIE_BREAK = 1e-6
_QUERIES_AT_A_TIME = 2000
_SEARCHES_KEPT = 16
# Neighbours searched even for a smaller k: of rows at one distance the earlier is nearer, which only a
# search that reaches beyond the k-th can tell. It costs no time that could be measured (MNIST, 3 against 64).
_DEPTH = 64


class Params(ModelParams):
    """Hyperparameters of kNN.

    Attributes:
        k: number of neighbours, or sqrt for the rule of thumb √(training rows).
        voting: uniform (each counts the same), distance (1/distance), inverted_index (1/rank).
        test_from: refit costs nothing here and lets the test rows see every training row.
    """

    k: Annotated[int, Field(ge=1)] | Literal["sqrt"] = "sqrt"
    voting: Literal["uniform", "distance", "inverted_index"] = "uniform"
    test_from: TestFrom = "refit"


class KNearestNeighbours(Model):
    """Euclidean neighbours by brute force, which is exact.

    A tie goes to the class of the nearest neighbour; of rows at one distance the earlier is nearer, as far
    as the 64th neighbour.
    """

    Params = Params
    space = {
        "k": Range(1, 50, log=True, whole=True),
        "voting": Choice(("uniform", "distance", "inverted_index")),
    }

    def __init__(self, params: Any, job: Job) -> None:
        super().__init__(params, job)
        self.k = 0

    def fit(
        self, X: np.ndarray, y: np.ndarray, validation: tuple[np.ndarray, np.ndarray] | None
    ) -> Self:
        wanted = round(math.sqrt(len(X))) if self.params.k == "sqrt" else self.params.k
        self.k = min(wanted, len(X))
        self._rows, self._y = X, y
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        distances, neighbours = _search(self._rows, X, self.k, self.job)
        weights = vote_weights(distances, self.params.voting)
        if not self.job.is_classification:
            values = np.average(self._y[neighbours], axis=1, weights=weights)
            return values[:, None].astype(np.float32)
        return count_votes(self._y[neighbours], weights, self.job.width).astype(np.float32)


def vote_weights(distances: np.ndarray, voting: str) -> np.ndarray:
    """The weight of every neighbour's vote.

    Args:
        distances: (n, k), ascending per row.
        voting: uniform, distance or inverted_index.

    Returns:
        (n, k), not normalised. By distance, neighbours at distance 0 leave no vote to the others.
    """
    if voting == "uniform":
        return np.ones_like(distances)
    if voting == "inverted_index":
        return np.broadcast_to(1.0 / np.arange(1, distances.shape[1] + 1), distances.shape)
    equal = distances == 0
    with np.errstate(divide="ignore"):
        return np.where(equal.any(axis=1, keepdims=True), equal, 1.0 / distances)


def count_votes(labels: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
    """Votes as probabilities, a tie broken in favour of the class that is met first.

    Args:
        labels: class indices of the neighbours, nearest first (n, k).
        weights: (n, k), ≥ 0.
        n_classes: number of columns.

    Returns:
        (n, n_classes), rows sum to 1.
    """
    rows = np.arange(len(labels))
    votes = np.zeros((len(labels), n_classes))
    closeness = np.zeros_like(votes)
    for rank in reversed(range(labels.shape[1])):
        np.add.at(votes, (rows, labels[:, rank]), weights[:, rank])
        closeness[rows, labels[:, rank]] = 1.0 / (rank + 1)
    votes /= votes.sum(axis=1, keepdims=True)
    votes += _TIE_BREAK * closeness
    return votes / votes.sum(axis=1, keepdims=True)


# A tuner asks about the same rows with another k at every trial: the searches of the last row sets are kept.
# Every search has the same depth, so that an answer never depends on what was asked before.
_kept: OrderedDict[tuple[str, str, int], tuple[np.ndarray, np.ndarray]] = OrderedDict()


def _search(
    rows: np.ndarray, queries: np.ndarray, k: int, job: Job
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and positions of the k nearest `rows`, each (n_queries, k), nearest first."""
    depth = min(len(rows), max(k, _DEPTH))
    key = (_digest(rows), _digest(queries), depth)
    if key not in _kept:
        _kept[key] = _brute_force(rows, queries, depth, job)
    _kept.move_to_end(key)
    while len(_kept) > _SEARCHES_KEPT:
        _kept.popitem(last=False)
    distances, neighbours = _kept[key]
    return distances[:, :k], neighbours[:, :k]


def _digest(rows: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(rows).data, digest_size=16).hexdigest() + str(
        rows.shape
    )


def _brute_force(
    rows: np.ndarray, queries: np.ndarray, k: int, job: Job
) -> tuple[np.ndarray, np.ndarray]:
    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(rows)
    distances, neighbours = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), _QUERIES_AT_A_TIME):
        part = slice(start, start + _QUERIES_AT_A_TIME)
        job.progress(f"neighbours of row {start} of {len(queries)}")
        distances[part], neighbours[part] = index.kneighbors(queries[part])
    order = np.lexsort((neighbours, distances), axis=1)
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(
        neighbours, order, axis=1
    )
