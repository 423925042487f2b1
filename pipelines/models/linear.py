"""Lines: logistic regression for classes, an elastic net for values, on scaled columns."""

from typing import Any

import numpy as np
from pydantic import Field
from sklearn.base import TransformerMixin
from sklearn.linear_model import ElasticNet, LogisticRegression

import features
from pipelines.models import ModelParams, Range
from pipelines.models._estimator import Estimator

_STEPS = 2000


class Params(ModelParams):
    """Hyperparameters of the lines.

    Attributes:
        penalty: on large weights, 1 a usual one; more is smoother.
        l1: its share that drives weights to 0, for values: 0 ridge … 1 lasso.
    """

    penalty: float = Field(default=1.0, gt=0)
    l1: float = Field(default=0.5, ge=0, le=1)


class Linear(Estimator):
    """A weight per column. Values are learned in units of their spread, so that one penalty suits all."""

    Params = Params
    space = {"penalty": Range(0.01, 100, log=True), "l1": Range(0, 1)}

    _shift, _scale = 0.0, 1.0

    def inputs(self) -> TransformerMixin:
        return features.encoded(self.job.image, self.job.seed, scaled=True)

    def learn(
        self, X: np.ndarray, y: np.ndarray, validation: tuple[Any, np.ndarray] | None
    ) -> None:
        asked = self.params
        if self.job.is_classification:
            model = LogisticRegression(C=0.1 / asked.penalty, max_iter=_STEPS)
        else:
            self._shift, self._scale = float(y.mean()), float(y.std()) or 1.0
            y = (y - self._shift) / self._scale
            model = ElasticNet(
                alpha=0.01 * asked.penalty, l1_ratio=asked.l1, max_iter=_STEPS,
                random_state=self.job.seed,
            )  # fmt: skip
        self.model_ = model.fit(X.astype(np.float64), y)

    def predict(self, X: np.ndarray) -> np.ndarray:
        predicted = super().predict(X.astype(np.float64))
        return (predicted * self._scale + self._shift).astype(np.float32)
