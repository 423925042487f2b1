"""scikit-learn's gradient boosting on histograms: always there, takes gaps and categories as they are."""

from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.base import TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import features
from pipelines.models import ModelParams, Range
from pipelines.models._estimator import Estimator, watched


class Params(ModelParams):
    """Hyperparameters of the booster.

    Attributes:
        rounds: trees at most (a tree per class each round); early stopping may end sooner.
        learning_rate: weight of a tree.
        leaves, least_rows: of a tree, and fewest rows in a leaf.
        l2: shrinks what a leaf says.
        columns: share of the columns that a split may choose from.
        validation: share of the training rows that early stopping watches; 0 grows all rounds on all rows.
        patience: rounds without a lower validation loss before it stops.
    """

    rounds: int = Field(default=200, ge=1)
    learning_rate: float = Field(default=0.05, gt=0)
    leaves: int = Field(default=15, ge=2)
    least_rows: int = Field(default=20, ge=1)
    l2: float = Field(default=1.0, ge=0)
    columns: float = Field(default=0.5, gt=0, le=1)
    validation: float = Field(default=0.0, ge=0, lt=0.9)
    patience: int = Field(default=30, ge=1)


class HistGradientBoosting(Estimator):
    """Trees by second-order boosting; the same bytes whatever the number of threads."""

    Params = Params
    space = {
        "learning_rate": Range(0.02, 0.2, log=True),
        "leaves": Range(4, 63, log=True, whole=True),
        "least_rows": Range(3, 50, log=True, whole=True),
        "l2": Range(0.01, 30, log=True),
        "columns": Range(0.2, 1),
    }

    @classmethod
    def validation(cls, params: Any) -> float:
        return float(params.validation)

    def inputs(self) -> TransformerMixin:
        return features.typed(self.job.image, self.job.seed)

    def fit(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        asked = self.params
        held = watched(y, validation, self.job.is_classification)
        kind = (
            HistGradientBoostingClassifier
            if self.job.is_classification
            else HistGradientBoostingRegressor
        )
        model = kind(
            learning_rate=asked.learning_rate, max_iter=asked.rounds, max_leaf_nodes=asked.leaves,
            min_samples_leaf=asked.least_rows, l2_regularization=asked.l2, max_features=asked.columns,
            early_stopping=held is not None, n_iter_no_change=asked.patience, random_state=self.job.seed,
            categorical_features="from_dtype" if isinstance(X, pd.DataFrame) else None,
        )  # fmt: skip
        apart = {} if held is None else {"X_val": held[0], "y_val": held[1]}
        self.model_ = model.fit(X, y, **apart)
        return self
