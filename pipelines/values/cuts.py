"""Where a class begins: the cut of metrics such as F1, for which the likeliest class is not the best answer.

A cut is a weight per class, by which probabilities are multiplied before the largest decides. Of two
classes it is the same as a threshold t: the weights t and 1 − t. Like all that is learned it must be fitted
without the rows that it is judged on; whoever fits one says which rows those are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipelines.values.folds import Folds
from pipelines.values.metrics import Metric
from pipelines.values.predictions import Predictions

# A weight is tried where its class wins these shares of the rows, the more finely the fewer there are.
_STEPS_OF_TWO, _STEPS = 99, 25
_SWEEPS = 2
_MOST_CLASSES = 20  # above, the search costs more than it has ever given
_FEWEST_ROWS = 50  # of fewer rows the best cut is chance
_TINY = 1e-6


def fit(metric: Metric, y: np.ndarray, chances: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The weights under which the metric is best on these rows.

    Args:
        metric: any; where it needs no cut all weights are equal.
        y: class indices (n,).
        chances: probabilities (n, n_classes), no NaN.
        classes: class names in the order of the columns.

    Returns:
        float64 (n_classes,), positive, of sum 1. Of two classes to one in a hundred rows; of more, one weight
        after the other, twice.
    """
    width = chances.shape[1]
    equal = np.full(width, 1 / width)
    if not metric.has_cut or len(y) < _FEWEST_ROWS or width > _MOST_CLASSES:
        return equal
    chances = np.clip(chances.astype(np.float64), _TINY, 1)
    weights, best = equal, metric.score(y, applied(chances, equal), classes)
    for _ in range(_SWEEPS if width > 2 else 1):
        for place in range(1 if width == 2 else 0, width):
            for value in _candidates(chances, weights, place):
                tried = weights.copy()
                tried[place] = value
                score = metric.score(y, applied(chances, tried), classes)
                if metric.better(score, best):
                    weights, best = tried, score
    return weights / weights.sum()


def _candidates(chances: np.ndarray, weights: np.ndarray, place: int) -> np.ndarray:
    """Values of one weight at which chosen shares of the rows become its class."""
    others = np.delete(chances * weights, place, axis=1).max(axis=1)
    steps = _STEPS_OF_TWO if len(weights) == 2 else _STEPS
    return np.unique(np.quantile(others / chances[:, place], np.linspace(0, 1, steps + 2)[1:-1]))


def applied(chances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Probabilities (n, n_classes) under the weights, rows of sum 1; NaN rows stay NaN."""
    moved = np.clip(chances.astype(np.float64), _TINY, 1) * weights
    return moved / moved.sum(axis=1, keepdims=True)


def with_cut(plain: Predictions, metric: Metric, y: np.ndarray, folds: Folds) -> Predictions:
    """Predictions with a cut that is nested: that of a fold is fitted on the OOF rows of the others.

    Of a time split the others are the earlier ones. The test rows get the cut of all scored rows.

    Args:
        plain: without a cut; labels and values are given back as they are.
        metric: what is to become better.
        y: class indices (n_rows,).
        folds: that the OOF was made under.
    """
    if not metric.has_cut or plain.kind != "probability":
        return plain
    classes, scored = plain.classes.tolist(), np.flatnonzero(folds.scored)
    others = [rows[folds.scored[rows]] for rows in map(folds.train_rows, range(folds.n_splits))]
    found = [fit(metric, y[rows], plain.oof[rows], classes) for rows in (*others, scored)]
    return moved(plain, folds, np.array(found))


def under_others(
    metric: Metric,
    classes: Sequence[str],
    y: np.ndarray,
    folds: Folds,
    parts: Mapping[int, np.ndarray],
) -> dict[int, np.ndarray]:
    """The probabilities of some folds, each under the cut of the others among them; of a time split, of the earlier ones.

    Args:
        metric: one that has a cut.
        classes: class names in the order of the columns.
        y: class indices (n_rows,).
        folds: that the rows were predicted under.
        parts: fold → probabilities of its rows, no NaN.
    """
    found = {}
    for fold, chances in parts.items():
        others = [other for other in parts if other != fold and (not folds.is_time or other > fold)]
        found[fold] = chances
        if others:
            truth = np.concatenate([y[folds.valid_rows(other)] for other in others])
            cut = fit(metric, truth, np.concatenate([parts[other] for other in others]), classes)
            found[fold] = applied(chances, cut)
    return found


def moved(plain: Predictions, folds: Folds, cut: np.ndarray) -> Predictions:
    """Predictions under a cut that was fitted already, (n_folds + 1, n_classes), the last for the test rows."""
    return replace(_weighted(plain, folds, cut), cut=cut)


def without_cut(predictions: Predictions, folds: Folds) -> Predictions:
    """The predictions as they were before their cut."""
    if predictions.cut is None:
        return predictions
    return replace(_weighted(predictions, folds, 1 / predictions.cut), cut=None)


def _weighted(predictions: Predictions, folds: Folds, weights: np.ndarray) -> Predictions:
    oof = predictions.oof.copy()
    for fold in range(folds.n_splits):
        rows = folds.valid_rows(fold)
        oof[rows] = applied(oof[rows], weights[fold])
    return replace(predictions, oof=oof, test=applied(predictions.test, weights[-1]))
