"""An ensemble against the best single member on the same rows: is it better, and is it more than a threshold?"""

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from pipelines.training.blending import best_single
from pipelines.values.comparison import Difference, paired_difference
from pipelines.values.folds import Folds
from pipelines.values.metrics import Metric
from pipelines.values.predictions import Predictions
from pipelines.values.seeds import derive

_TINY = 1e-6
_MOVES = 100  # of a threshold; each is smaller than the one before


def compare(
    ensemble: Predictions,
    members: Sequence[Predictions],
    y: np.ndarray,
    folds: Folds,
    metric: Metric,
    seed: int,
) -> Difference:
    """The ensemble against the best single member on the scored rows; positive means the ensemble is better.

    The member was chosen on these very rows and the ensemble's weights were not: the comparison leans
    towards the member.

    Raises:
        MemberFailed: no member can be compared, or the ensemble lacks a row.
    """
    single = best_single(members, y, folds, metric)
    rows = folds.scored
    return paired_difference(
        metric, y[rows], ensemble.oof[rows], single.oof[rows], ensemble.classes.tolist(),
        derive(seed, "compare", ensemble.name),
    )  # fmt: skip


def compare_at_equal_threshold(
    ensemble: Predictions,
    member: Predictions,
    y: np.ndarray,
    folds: Folds,
    metric: Metric,
    seed: int,
) -> Difference | None:
    """The ensemble against a member whose threshold is moved until it gives each class as many rows.

    A blend spreads its probabilities otherwise than its members, and F1, QWK or accuracy of rare classes
    may gain by that alone: what is left of the gain here is not the threshold's. No truth is used to move it.

    Returns:
        None where there is no threshold: the metric takes no labels, or one of the two gives labels.
    """
    if metric.needs != "label" or "label" in (ensemble.kind, member.kind):
        return None
    rows = folds.scored
    moved = _with_shares_of(ensemble.oof[rows], member.oof[rows])
    return paired_difference(
        metric, y[rows], ensemble.oof[rows], moved, ensemble.classes.tolist(),
        derive(seed, "threshold", ensemble.name),
    )  # fmt: skip


def _with_shares_of(other: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Probabilities (n, n_classes) shifted by a constant per class until the likeliest classes are as frequent
    as those of `other`, or as nearly as ties allow.
    """
    width = matrix.shape[1]
    wanted = np.bincount(other.argmax(axis=1), minlength=width)
    logits, best, least = np.log(np.clip(matrix, _TINY, 1)).astype(np.float64), matrix, np.inf
    for step in range(_MOVES):
        counts = np.bincount(logits.argmax(axis=1), minlength=width)
        if (miss := np.abs(counts - wanted).sum()) < least:
            best, least = softmax(logits, axis=1), miss
        if miss == 0:
            break
        logits += np.log((wanted + 1) / (counts + 1)) / (1 + step / 10)
    return best
