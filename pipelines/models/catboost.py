"""CatBoost: gradient boosting of symmetric trees; a category counts by the targets of rows before its own."""

from typing import Annotated, Any, Literal

import catboost
import numpy as np
import pandas as pd
from pydantic import Field

from pipelines.models import Range
from pipelines.models._estimator import MANY_ROWS, Booster, BoosterParams, watched

_FEW_COLUMNS = 20


class Params(BoosterParams):
    """Hyperparameters of CatBoost.

    Attributes:
        depth: of a tree, which has 2^depth leaves; auto: 8 for a few numbers alone (1,459 rows of 9: RMSE 35.2
            against 36.4, and 35.2 against 35.8, 36.1 against 37.1 on two other draws of folds), 6 for all else,
            where 8 takes several times as long.
        columns: share of the columns that a level of a tree may choose from.
        rounds, learning_rate: auto: 800 of 0.04, above 50,000 training rows 300 of 0.1, which take two fifths of the
            time (100,000 made rows of 50 columns: AUC 0.8483 against 0.8488).
    """

    rounds: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"  # type: ignore[assignment]
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"  # type: ignore[assignment]
    depth: Annotated[int, Field(ge=1, le=12)] | Literal["auto"] = "auto"
    l2: float = Field(default=3.0, ge=0)
    columns: float = Field(default=0.5, gt=0, le=1)


class CatBoost(Booster):
    """Boosted trees on typed columns."""

    Params = Params
    space = {
        "learning_rate": Range(0.02, 0.15, log=True),
        "depth": Range(3, 8, whole=True),
        "l2": Range(0.5, 30, log=True),
        "columns": Range(0.2, 1),
    }

    def learn(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> None:
        asked = self.params
        held = watched(y, validation, self.job.is_classification)
        kind = (
            catboost.CatBoostClassifier
            if self.job.is_classification
            else catboost.CatBoostRegressor
        )
        is_large = len(X) > MANY_ROWS
        rounds = (300 if is_large else 800) if asked.rounds == "auto" else asked.rounds
        rate = (0.1 if is_large else 0.04) if asked.learning_rate == "auto" else asked.learning_rate
        self.model_ = kind(
            iterations=rounds, learning_rate=rate, depth=_depth(asked.depth, X), l2_leaf_reg=asked.l2,
            rsm=asked.columns, random_seed=self.job.seed % 2**31, verbose=False,
            allow_writing_files=False,  # else it makes a folder wherever the work is started
            cat_features=_categories(X), early_stopping_rounds=asked.patience if held else None,
        )  # fmt: skip
        self.model_.fit(_as_text(X), y, eval_set=(_as_text(held[0]), held[1]) if held else None)

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(_as_text(X))


def _depth(asked: int | str, X: Any) -> int:
    if isinstance(asked, int):
        return asked
    return 8 if X.shape[1] <= _FEW_COLUMNS and not _categories(X) else 6


def _categories(X: Any) -> list[str]:
    if not isinstance(X, pd.DataFrame):
        return []
    return [str(name) for name in X.columns if isinstance(X[name].dtype, pd.CategoricalDtype)]


def _as_text(X: Any) -> Any:
    """Categories as Python's text: of pandas' own kinds CatBoost refuses some."""
    named = _categories(X)
    return X.astype(dict.fromkeys(named, object)) if named else X
