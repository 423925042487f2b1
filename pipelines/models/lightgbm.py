"""LightGBM: gradient boosting that grows a tree leaf by leaf; fast, and categories split as sets."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from pydantic import Field

from pipelines.models import Range
from pipelines.models._estimator import Booster, BoosterParams, threads, watched


class Params(BoosterParams):
    """Hyperparameters of LightGBM.

    Attributes:
        leaves, least_rows: of a tree, and fewest rows in a leaf.
        rows, columns: shares drawn anew for every tree.
        category_l2: the same for splits by category: higher trusts rare ones less.
    """

    leaves: int = Field(default=15, ge=2)
    least_rows: int = Field(default=10, ge=1)
    rows: float = Field(default=0.7, gt=0, le=1)
    columns: float = Field(default=0.5, gt=0, le=1)
    category_l2: float = Field(default=10.0, ge=0)


class LightGBM(Booster):
    """Boosted trees on typed columns."""

    Params = Params
    space = {
        "learning_rate": Range(0.01, 0.1, log=True),
        "leaves": Range(4, 63, log=True, whole=True),
        "least_rows": Range(3, 50, log=True, whole=True),
        "rows": Range(0.4, 1),
        "columns": Range(0.2, 1),
        "l2": Range(0.01, 30, log=True),
    }

    def learn(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> None:
        asked, how = self.params, {}
        held = watched(y, validation, self.job.is_classification)
        if held is not None:
            how = {"eval_X": _renamed(held[0]), "eval_y": held[1],
                   "callbacks": [lightgbm.early_stopping(asked.patience, verbose=False)]}  # fmt: skip
        kind = lightgbm.LGBMClassifier if self.job.is_classification else lightgbm.LGBMRegressor
        model = kind(
            n_estimators=asked.rounds, learning_rate=asked.learning_rate, num_leaves=asked.leaves,
            min_child_samples=asked.least_rows, subsample=asked.rows, subsample_freq=1,
            colsample_bytree=asked.columns, reg_lambda=asked.l2, cat_l2=asked.category_l2,
            random_state=self.job.seed, n_jobs=threads(X), deterministic=True, force_row_wise=True, verbose=-1,
        )  # fmt: skip
        self.model_ = model.fit(_renamed(X), y, **how)

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(_renamed(X))


def _renamed(X: Any) -> Any:
    """Columns by number: LightGBM refuses brackets, quotes and colons in names."""
    return X.set_axis(range(X.shape[1]), axis=1) if isinstance(X, pd.DataFrame) else X
