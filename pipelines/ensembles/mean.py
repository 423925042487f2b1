"""The plain average: every member counts the same. Members that give labels thus vote."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from pipelines.ensembles import Method, average, named


class Mean(Method):
    """Averages members with equal weights and learns nothing but their number.

    Labels are one-hot, so their average is the share of votes; of equal shares the first class wins.
    """

    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        self.weights_ = np.full(len(members), 1 / len(members))
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        return average(members, self.weights_)

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        return {"weights": named(self.weights_, names)}
