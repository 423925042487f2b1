"""scikit-learn's gradient boosting on histograms: always there, takes gaps and categories as they are."""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipelines.models import Range
from pipelines.models._estimator import Booster, BoosterParams, threads, watched


class Params(BoosterParams):
    """Hyperparameters of the booster.

    Attributes:
        leaves, least_rows: of a tree, and fewest rows in a leaf.
        columns: share of the columns that a split may choose from.
    """

    rounds: int = Field(default=200, ge=1)
    learning_rate: float = Field(default=0.05, gt=0)
    leaves: int = Field(default=15, ge=2)
    least_rows: int = Field(default=20, ge=1)
    columns: float = Field(default=0.5, gt=0, le=1)
    patience: int = Field(default=30, ge=1)


class HistGradientBoosting(Booster):
    """Trees by second-order boosting; the same bytes whatever the number of threads."""

    Params = Params
    space = {
        "learning_rate": Range(0.02, 0.2, log=True),
        "leaves": Range(4, 63, log=True, whole=True),
        "least_rows": Range(3, 50, log=True, whole=True),
        "l2": Range(0.01, 30, log=True),
        "columns": Range(0.2, 1),
    }

    def learn(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> None:
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
        with threadpool_limits(threads(X), user_api="openmp"):
            self.model_ = model.fit(X, y, **apart)
