"""Extra trees: hundreds of trees, each split at random, and their mean."""

from typing import Any, Self

import numpy as np
from pydantic import Field
from sklearn.base import TransformerMixin
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

import features
from pipelines.models import ModelParams, Range
from pipelines.models._estimator import Estimator


class Params(ModelParams):
    """Hyperparameters of the forest.

    Attributes:
        trees: more are steadier and slower.
        least_rows: fewest rows in a leaf; more are smoother.
        columns: share of the columns that a split may choose from.
    """

    trees: int = Field(default=400, ge=1)
    least_rows: int = Field(default=2, ge=1)
    columns: float = Field(default=0.5, gt=0, le=1)


class Forest(Estimator):
    """Trees of random cuts on encoded columns."""

    Params = Params
    space = {
        "least_rows": Range(1, 20, log=True, whole=True),
        "columns": Range(0.1, 1),
    }

    def inputs(self) -> TransformerMixin:
        return features.encoded(self.job.image, self.job.seed)

    def fit(self, X: np.ndarray, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        kind = ExtraTreesClassifier if self.job.is_classification else ExtraTreesRegressor
        trees = kind(
            self.params.trees, min_samples_leaf=self.params.least_rows, max_features=self.params.columns,
            random_state=self.job.seed, n_jobs=-1,
        )  # fmt: skip
        self.model_ = trees.fit(X, y)
        # Threads add up their trees in the order they end in, and that would show in the last digit.
        self.model_.n_jobs = 1
        return self
