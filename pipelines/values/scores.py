"""The scores of a run: per fold, over folds, and on all out-of-fold rows together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.plumbing.errors import UserError
from pipelines.values import metrics
from pipelines.values.folds import Folds
from pipelines.values.predictions import Predictions


@dataclass(frozen=True)
class Scores:
    """In the units and direction of the metric.

    Attributes:
        cv_mean, cv_std: over folds, the latter with n − 1; None where a scored row was not predicted.
        cv_pooled: on all scored rows together; None likewise.
        fold_scores: per fold; None where a fold has no score.
    """

    cv_mean: float | None
    cv_std: float | None
    cv_pooled: float | None
    fold_scores: list[float | None]

    @property
    def fold0(self) -> float | None:
        """The mock exam."""
        return self.fold_scores[0] if self.fold_scores else None


def of_folds(fold_scores: Sequence[float], pooled: float | None) -> Scores:
    """The scores of a run whose folds and rows were scored already.

    Args:
        fold_scores: per fold; NaN where a fold has no score.
        pooled: the metric on all scored rows together; None where one was not predicted.
    """
    scores = [float(score) if np.isfinite(score) else None for score in fold_scores]
    known = [score for score in scores if score is not None]
    mean = None if pooled is None else float(np.mean(known))
    std = float(np.std(known, ddof=1)) if pooled is not None and len(known) > 1 else None
    return Scores(mean, std, pooled, scores)


def of(predictions: Predictions, y: np.ndarray, folds: Folds) -> Scores:
    """The scores of predictions.

    Args:
        predictions: `fold_scores` are taken from here.
        y: class indices int (n_rows,) or values float (n_rows,).
        folds: the fold file; rows of fold −1 are in no score.

    Raises:
        UserError: the predictions were made under other folds.
        MemberFailed: the metric is not defined for them.
    """
    if predictions.folds_hash != folds.hash:
        raise UserError(
            f"{predictions.name}: a score must be of one set of folds, found {folds.hash} in the fold file and "
            f"{predictions.folds_hash} in its predictions: run `dvc repro`"
        )
    rows, pooled = folds.scored, None
    if np.isfinite(predictions.fold_scores).all() and np.isfinite(predictions.oof[rows]).all():
        metric = metrics.get(predictions.metric)
        pooled = metric.score(y[rows], predictions.oof[rows], predictions.classes.tolist())
    return of_folds(predictions.fold_scores.tolist(), pooled)
