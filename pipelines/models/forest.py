"""Extra trees: hundreds of trees, each split at random, and their mean."""

from typing import Annotated, Any, Literal

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
        least_rows: fewest rows in a leaf; more are smoother. auto: 1 for values, 2 for classes.
        columns: share of the columns that a split may choose from. auto: 0.8 for values (1,459 rows of 9
            numbers: RMSE with both 36.4 against 38.4 and 37.0 against 38.8 on two draws of folds), 0.5 for classes.
        most_rows: where there are more, each tree draws so many with replacement. A tree of every row has as many
            leaves: 400 of a million rows would take 10 GB.
    """

    trees: int = Field(default=400, ge=1)
    least_rows: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    columns: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"
    most_rows: int = Field(default=50_000, ge=1)


class Forest(Estimator):
    """Trees of random cuts on encoded columns."""

    Params = Params
    space = {
        "least_rows": Range(1, 20, log=True, whole=True),
        "columns": Range(0.1, 1),
    }

    def inputs(self) -> TransformerMixin:
        return features.encoded(self.job.image, self.job.seed)

    def learn(
        self, X: np.ndarray, y: np.ndarray, validation: tuple[Any, np.ndarray] | None
    ) -> None:
        of_classes, asked = self.job.is_classification, self.params
        least = asked.least_rows if asked.least_rows != "auto" else (2 if of_classes else 1)
        share = asked.columns if asked.columns != "auto" else (0.5 if of_classes else 0.8)
        is_large = len(X) > asked.most_rows
        kind = ExtraTreesClassifier if of_classes else ExtraTreesRegressor
        trees = kind(
            asked.trees, min_samples_leaf=least, max_features=share, random_state=self.job.seed, n_jobs=-1,
            bootstrap=is_large, max_samples=asked.most_rows if is_large else None,
        )  # fmt: skip
        self.model_ = trees.fit(X, y)
        # Threads add up their trees in the order they end in, and that would show in the last digit.
        self.model_.n_jobs = 1
