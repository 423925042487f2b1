"""Is A better than B? An interval of the difference on the same rows; inside the noise it is a tie."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from pipelines.plumbing.errors import MemberFailed
from pipelines.values.metrics import Metric

_CONFIDENCE = 0.95
_RESAMPLES = 1000
# A score of a whole set costs up to 0.1 s on 60,000 rows. Many rows make its resamples normal, and 200
# of those give their standard deviation within 5 % (Efron & Tibshirani 1993, ch. 6.4).
_MANY_ROWS = 10_000
_RESAMPLES_OF_MANY = 200
# The spread of a score falls with the root of its rows, so that resamples of so many tell that of a million
# (m out of n bootstrap; Politis, Romano & Wolf 1999, ch. 2).
_MOST_DRAWN = 100_000
# Five rows that all favour A would do so by chance in 1 of 16 cases: no test can reach 95 % with fewer.
_FEWEST_ROWS = 6
_BATCH = 4  # resamples at a time: their rows stay in the processor's cache
_SMALLEST = float(np.finfo(np.float64).eps)  # where scikit-learn's log loss cuts off
_TINY = 1e-15


@dataclass(frozen=True)
class Difference:
    """A's score minus B's, turned so that positive means A is better.

    Attributes:
        gain: on all rows.
        low, high: 95 % interval by paired bootstrap of the rows (Efron & Tibshirani 1993, ch. 13), which
            takes rows as independent: rows that come in groups make the true interval wider. −∞ … ∞
            where the rows cannot say: fewer than 6, or most resamples have no score.
        rows: how many rows both were judged on.
    """

    gain: float
    low: float
    high: float
    rows: int

    @property
    def is_tie(self) -> bool:
        """Whether the interval holds 0: the difference may be noise."""
        return self.low <= 0 <= self.high

    @property
    def p_value(self) -> float:
        """The chance of such a gain where there is none, one-sided: of a normal as wide as the interval."""
        spread = (self.high - self.low) / (2 * norm.ppf((1 + _CONFIDENCE) / 2))
        return float(norm.sf(self.gain / spread)) if spread > 0 else float(self.gain <= 0)

    def sentence(self, a: str, b: str) -> str:
        """`a` against `b` in words, with the interval."""
        interval = f"{self.gain:+.4f}, 95 % interval {self.low:+.4f} … {self.high:+.4f} on {self.rows} rows"
        if not math.isfinite(self.low):
            interval = f"{self.gain:+.4f}, and {self.rows} rows are too few for an interval"
        if self.is_tie:
            return f"{a} and {b} tie ({interval})"
        return f"{a} is {'better' if self.low > 0 else 'worse'} than {b} ({interval})"

    def record(self) -> dict[str, Any]:
        """The same for a JSON record: `low` and `high` are None where there is no interval."""
        ends = {
            name: value if math.isfinite(value) else None
            for name, value in (("low", self.low), ("high", self.high))
        }
        return {"gain": self.gain, **ends, "rows": self.rows, "is_tie": self.is_tie}


def paired_difference(
    metric: Metric, y: np.ndarray, a: np.ndarray, b: np.ndarray, classes: Sequence[str], seed: int
) -> Difference:
    """Compare two prediction matrices on the same rows.

    Args:
        metric: gives the score and the direction.
        y: class indices or values (n,).
        a, b: (n, width), no NaN.
        classes: class names in column order.
        seed: of the resampling.

    Raises:
        MemberFailed: all rows together have no score: a NaN, or a class is missing for ROC AUC.
    """
    gain = metric.gain(metric.score(y, a, classes), metric.score(y, b, classes))
    view_a, view_b = metric.view(a), metric.view(b)
    if np.array_equal(view_a, view_b):
        return Difference(0.0, 0.0, 0.0, len(y))
    if len(y) < _FEWEST_ROWS:
        return Difference(gain, -math.inf, math.inf, len(y))
    loss, score = _ROW_LOSSES.get(metric.name, (None, None))
    if loss is not None and score is not None:
        statistic = _of_means(loss(y, view_a), loss(y, view_b), score)
    else:
        statistic = _of_whole(metric, y, view_a, view_b, classes)
    low, high = _interval(gain, statistic, len(y), loss is not None, seed)
    return Difference(gain, low, high, len(y))


def score_interval(
    metric: Metric, y: np.ndarray, predicted: np.ndarray, classes: Sequence[str], seed: int
) -> tuple[float, float]:
    """95 % interval of one score, by its difference to perfect predictions on the same rows.

    Args:
        metric, y, predicted, classes, seed: as for `paired_difference`.

    Returns:
        The lower and the higher end, in units of the metric; −∞ … ∞ where the rows cannot say.
    """
    perfect = y[:, None] if metric.needs == "value" else np.eye(predicted.shape[1])[y]
    best = metric.score(y, perfect, classes)
    gap = paired_difference(metric, y, predicted, perfect, classes, seed)
    if metric.greater_is_better:
        return best + gap.low, best + gap.high
    return best - gap.high, best - gap.low


def exact_losses(metric: Metric, y: np.ndarray, predicted: np.ndarray) -> np.ndarray | None:
    """A loss per row (n,) whose mean decides the metric; None where no such loss exists (F1, AUC, QWK, R²).

    Args:
        y: class indices or values (n,).
        predicted: (n, width), no NaN.
    """
    loss, _ = _ROW_LOSSES.get(metric.name, (None, None))
    return None if loss is None else loss(y, metric.view(predicted))


Statistic = Callable[[np.ndarray], np.ndarray]  # drawn rows (n_resamples, n) → gains


def _interval(
    gain: float, statistic: Statistic, count: int, is_cheap: bool, seed: int
) -> tuple[float, float]:
    """Percentiles of the resampled gains; for costly metrics of many rows a normal interval."""
    is_normal = count > _MANY_ROWS and not is_cheap
    size = min(count, _MOST_DRAWN) if is_normal else count
    # scipy.stats.bootstrap would warn of the BCa interval, which we do not use, at every missing score.
    generator = np.random.default_rng(seed)
    batches = (_RESAMPLES_OF_MANY if is_normal else _RESAMPLES) // _BATCH
    drawn = np.concatenate(
        [
            statistic(generator.integers(0, count, (_BATCH, size), dtype=np.int32))
            for _ in range(batches)
        ]
    )
    known = drawn[~np.isnan(drawn)]
    if 2 * len(known) < len(drawn):
        return -math.inf, math.inf
    tail = (1 - _CONFIDENCE) / 2
    if is_normal:
        reach = float(norm.ppf(1 - tail) * known.std(ddof=1) * math.sqrt(size / count))
        return gain - reach, gain + reach
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _of_whole(
    metric: Metric, y: np.ndarray, a: np.ndarray, b: np.ndarray, classes: Sequence[str]
) -> Statistic:
    """The gain of a resample by the metric itself; NaN where a resample lacks a class that AUC needs."""

    def gain(rows: np.ndarray) -> float:
        try:
            return metric.gain(
                metric.function(y[rows], a[rows], classes),
                metric.function(y[rows], b[rows], classes),
            )
        except MemberFailed:
            return math.nan

    return lambda drawn: np.array([gain(rows) for rows in drawn])


def _of_means(
    loss_a: np.ndarray, loss_b: np.ndarray, score: Callable[[np.ndarray], np.ndarray]
) -> Statistic:
    """The gain of a resample where the score is a function of the mean loss of its rows."""
    return lambda drawn: score(loss_b[drawn].mean(axis=1)) - score(loss_a[drawn].mean(axis=1))


def _log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The rows of what the metric log_loss averages, clipped and normalised in the same way."""
    p = np.clip(p.astype(np.float64), _TINY, 1.0)
    picked = p[np.arange(len(y)), y.astype(np.int64)] / p.sum(axis=1)
    return -np.log(np.clip(picked, _SMALLEST, 1 - _SMALLEST))


# Metrics whose score follows exactly from a mean over rows: the loss of a row, and mean loss → score (up to
# a direction and a constant). Resampling them needs no call of the metric.
_ROW_LOSSES: dict[str, tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]] = {
    "accuracy": (lambda y, p: (y != p).astype(np.float64), np.asarray),
    "log_loss": (_log_losses, np.asarray),
    "mae": (lambda y, p: np.abs(p - y), np.asarray),
    "rmse": (lambda y, p: np.square(p - y), np.sqrt),
    "rmsle": (lambda y, p: np.square(np.log1p(p) - np.log1p(y)), np.sqrt),
}
