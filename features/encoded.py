"""Tables as numbers for trees and lines: a category also says how its rows fared, without the row itself."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler, TargetEncoder
from sklearn.utils.validation import check_is_fitted

from features.typed import Typed
from pipelines.plumbing.errors import MemberFailed

# Each class adds a column to every encoded one.
_MOST_CLASSES = 10
_SPLITS = 5
# In units of the spread: a value farther out says no more than one that far.
FARTHEST = 5.0
_LARGEST = 1e30
_ROWS_FOR_POWERS = 50_000


class Encoded(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Any table as numbers without gaps.

    Numbers: the median for a gap, and a column that says where it was. Categories up to `one_hot` different
    ones: a column each. Columns of more: what share of the rows has the category and, where targets are given,
    their mean (`TargetEncoder`). `fit_transform` counts that mean without a fifth of the rows, for that fifth,
    so that no row sees its own target; `fit` and then `transform` is for other rows.

    Args:
        one_hot: most categories that become a column each, ≥ 2.
        scaled: whether numbers get mean 0, spread 1 and, as far as a power can, the form of a bell.
        seed: of these fifths.
    """

    def __init__(self, one_hot: int = 12, scaled: bool = False, seed: int = 0) -> None:
        self.one_hot, self.scaled, self.seed = one_hot, scaled, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Self:
        """Learn from these rows alone.

        Raises:
            MemberFailed: no column is of any use.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: np.ndarray | None = None) -> np.ndarray:
        """Learn from rows and give them, each without its own target: float32 (n, n_features), no NaN."""
        self.typed_ = Typed(seed=self.seed).fit(X)
        frame = self.typed_.transform(X)
        self.encoder_ = self._encoder(frame, y)
        return self._clipped(self.encoder_.fit_transform(frame, y))

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Other rows by what was learned: float32 (n, n_features), no NaN; no row influences another.

        Raises:
            MemberFailed: a used column is absent.
        """
        check_is_fitted(self, "encoder_")
        return self._clipped(self.encoder_.transform(self.typed_.transform(X)))

    def _clipped(self, dense: np.ndarray) -> np.ndarray:
        most = FARTHEST if self.scaled else _LARGEST
        return np.clip(dense, -most, most, out=dense).astype(np.float32)

    def _encoder(self, frame: pd.DataFrame, y: np.ndarray | None) -> ColumnTransformer:
        known = self.typed_.categories_
        few = [name for name, found in known.items() if len(found) <= self.one_hot]
        many = [name for name in known if name not in few]
        scale = [StandardScaler()] if self.scaled else []
        numbers = without_gaps(sampled_powers(), *scale) if self.scaled else without_gaps()
        counts = make_pipeline(Shares(), *scale)
        steps: list[tuple[str, Any, Any]] = [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("few", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), few),
            ("counts", counts, many),
        ]
        how = self._target(y)
        if how is not None:
            steps.append(("means", make_pipeline(how, *scale), many))
        return ColumnTransformer(steps, sparse_threshold=0)

    def _target(self, y: np.ndarray | None) -> TargetEncoder | None:
        if y is None:
            return None
        if np.issubdtype(y.dtype, np.floating):
            parts = KFold(_SPLITS, shuffle=True, random_state=self.seed)
            return TargetEncoder(target_type="continuous", cv=parts)
        classes, counts = np.unique(y, return_counts=True)
        if not 2 <= len(classes) <= _MOST_CLASSES or counts.min() < _SPLITS:
            return None
        kind = "binary" if len(classes) == 2 else "multiclass"
        parts = StratifiedKFold(_SPLITS, shuffle=True, random_state=self.seed)
        return TargetEncoder(target_type=kind, cv=parts)


def without_gaps(*steps: Any) -> Pipeline:
    """Unfitted: numbers with the median for a gap, beside them columns that say where gaps were; then `steps`."""
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True), *steps)


def sampled_powers() -> PowerTransformer:
    """Powers that give columns the form of a bell, learned on a sample of many rows."""
    return _SampledPowers()


class _SampledPowers(PowerTransformer):  # type: ignore[misc]
    """Powers that give columns the form of a bell, learned on every n-th row so that there are 50,000 to 100,000."""

    def fit_transform(self, X: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """Learn from rows (n, n_columns), and give them."""
        every = len(X) // _ROWS_FOR_POWERS
        return super().fit_transform(X) if every < 2 else self.fit(X[::every]).transform(X)


class Shares(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Categories as the share of the fitted rows that have them; 0 for one that none had.

    Attributes:
        shares_: per column, category → share.
    """

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Self:
        """Count these rows alone.

        Raises:
            MemberFailed: the rows are no table.
        """
        if not isinstance(X, pd.DataFrame):
            raise MemberFailed(
                f"a table must be a pandas DataFrame, found {type(X).__name__}: use `Pixels`"
            )
        self.shares_ = [X[name].value_counts(normalize=True).to_dict() for name in X.columns]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Rows of the same columns: float32 (n, n_columns), 0 … 1."""
        check_is_fitted(self, "shares_")
        found = np.empty((len(X), len(X.columns)), np.float32)
        for place, (name, known) in enumerate(zip(X.columns, self.shares_, strict=True)):
            column = X[name].astype("category")
            shares = [*(known.get(category, 0) for category in column.cat.categories), 0]
            found[:, place] = np.array(shares)[column.cat.codes]  # a gap is −1, which is the last
        return found
