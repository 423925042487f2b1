"""Is A better than B? An interval of the difference on the same rows; inside the noise it is a tie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

from pipelines.core.errors import MemberFailed
from pipelines.core.metrics import Metric

_RESAMPLES = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """A's score minus B's, turned so that positive means A is better.

    Attributes:
        gain: on all rows.
        low, high: 95 % interval by paired bootstrap of the rows (Efron & Tibshirani 1993, ch. 13).
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

    def sentence(self, a: str, b: str) -> str:
        """`a` against `b` in words, with the interval."""
        interval = f"{self.gain:+.4f}, 95 % interval {self.low:+.4f} … {self.high:+.4f} on {self.rows} rows"
        if self.is_tie:
            return f"{a} and {b} tie ({interval})"
        return f"{a} is {'better' if self.gain > 0 else 'worse'} than {b} ({interval})"


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
    """
    view_a, view_b = metric.view(a), metric.view(b)

    def gain(rows: np.ndarray) -> float:
        rows = rows.astype(np.int64)
        try:
            return metric.gain(
                metric.function(y[rows], view_a[rows], classes),
                metric.function(y[rows], view_b[rows], classes),
            )
        except MemberFailed:  # a resample without one of the classes has no AUC
            return float("nan")

    rows = np.arange(len(y))
    observed = gain(rows)
    if np.array_equal(view_a, view_b):
        return Difference(0.0, 0.0, 0.0, len(y))
    drawn = bootstrap(
        (rows,), gain, n_resamples=_RESAMPLES, vectorized=False, method="percentile",
        rng=np.random.default_rng(seed),
    ).bootstrap_distribution  # fmt: skip
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return Difference(float(observed), float(low), float(high), len(y))
