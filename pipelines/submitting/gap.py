"""CV against LB: is a gap between them more than the noise of two samples of rows?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.plumbing.errors import MemberFailed
from pipelines.values.comparison import exact_losses
from pipelines.values.metrics import Metric
from pipelines.values.seeds import derive

CONFIDENCE = 0.9
_RESAMPLES = 1000
# A metric of a whole set of rows is computed anew for each resample, and takes a millisecond.
_RESAMPLES_OF_WHOLE = 300
_BATCH = 50
_FEWEST_ROWS = 6
_ROOTS = ("rmse", "rmsle")  # whose score is the root of the mean loss


@dataclass(frozen=True)
class Gap:
    """LB minus CV, turned so that positive means the LB is better.

    Attributes:
        gain: against the score of all OOF rows together, since the LB is one score too.
        low, high: where 90 % of the gaps lie when the LB's rows are as the OOF's, and nothing else differs. −∞ … ∞
            where the rows cannot say.
        public_rows: how many rows the LB was taken to be of.
    """

    gain: float
    low: float
    high: float
    public_rows: int

    @property
    def is_noise(self) -> bool:
        """Whether chance alone gives such a gap."""
        return self.low <= self.gain <= self.high


def between(
    metric: Metric,
    y: np.ndarray,
    oof: np.ndarray,
    classes: Sequence[str],
    lb: float,
    rows: int,
    seed: int,
) -> Gap:
    """The gap between a public score and the OOF predictions of the same model, with its interval.

    Both are scores of samples, so both are drawn anew (bootstrap of rows, Efron & Tibshirani 1993, ch. 8): the OOF
    rows as many as they are, and as many as the LB has. Near the best score there is, the interval holds more than
    90 %. Rows that come in groups make the true interval wider, and test rows of another time or place are what the
    interval is there to notice.

    Args:
        metric: gives score and direction.
        y: class indices or values (n,), of the scored rows.
        oof: (n, width), no NaN.
        classes: class names in column order.
        lb: the public score.
        rows: how many rows it is of.
        seed: of the resampling.

    Raises:
        MemberFailed: the OOF rows have no score.
    """
    gain = metric.gain(lb, metric.score(y, oof, classes))
    if min(rows, len(y)) < _FEWEST_ROWS:
        return Gap(gain, -math.inf, math.inf, rows)
    of_lb, of_cv = (
        _resampled(metric, y, oof, classes, size, derive(seed, name))
        for size, name in ((rows, "lb"), (len(y), "cv"))
    )
    gains = of_lb - of_cv
    known = gains[~np.isnan(gains)]
    if 2 * len(known) < len(gains):
        return Gap(gain, -math.inf, math.inf, rows)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Gap(gain, float(low), float(high), rows)


def _resampled(
    metric: Metric, y: np.ndarray, oof: np.ndarray, classes: Sequence[str], size: int, seed: int
) -> np.ndarray:
    """Scores of drawn rows, turned so that greater is better, up to a constant; NaN where a draw has none."""
    generator, losses = np.random.default_rng(seed), exact_losses(metric, y, oof)
    if losses is not None:
        means = [
            losses[generator.integers(0, len(y), (_BATCH, size))].mean(axis=1)
            for _ in range(_RESAMPLES // _BATCH)
        ]
        found = np.concatenate(means)
        return -np.sqrt(found) if metric.name in _ROOTS else -found
    view, sign = metric.view(oof), 1 if metric.greater_is_better else -1

    def score(rows: np.ndarray) -> float:
        try:
            return sign * float(metric.function(y[rows], view[rows], classes))
        except MemberFailed:  # a class is missing, which AUC needs
            return math.nan

    drawn = (generator.integers(0, len(y), size) for _ in range(_RESAMPLES_OF_WHOLE))
    return np.array([score(rows) for rows in drawn])
