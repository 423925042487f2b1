"""Tables for networks: a category by its number, a number in units of its spread, and how to cut it in pieces."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from features.encoded import FARTHEST, sampled_powers, without_gaps
from features.tabular import as_category, as_numbers, is_number
from pipelines.plumbing.errors import MemberFailed


class Pieces(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One matrix: first the numbers of the categories, then the numbers.

    Each category of each column has a number of its own, 1 or greater, and 0 is any that `fit` did not see. Numbers
    get the median for a gap, a column that says where gaps were, mean 0, spread 1 and, as far as a power can, the
    form of a bell.

    Args:
        pieces: most pieces that a number is cut into, with about as many rows in each; 0 for none.
        powers: whether numbers get the form of a bell, which takes a search for each column.

    Attributes:
        categories_: column → category → number, of all columns together 1 … `count_` - 1.
        count_: numbers of categories, 0 among them.
        edges_: per column of numbers in the output, where its pieces begin and end, ascending.
    """

    def __init__(self, pieces: int = 16, powers: bool = True) -> None:
        self.pieces, self.powers = pieces, powers

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn categories, scales and edges from these rows alone.

        Raises:
            MemberFailed: the rows are no table.
        """
        if not isinstance(X, pd.DataFrame):
            raise MemberFailed(
                f"a table must be a pandas DataFrame, found {type(X).__name__}: use `Pixels`"
            )
        self.numbers_ = [name for name in X.columns if is_number(X[name])]
        self.categories_, self.count_ = {}, 1
        for name in X.columns:
            if name not in self.numbers_:
                found = sorted(as_category(X[name]).unique())
                self.categories_[name] = dict(zip(found, range(self.count_, self.count_ + len(found)), strict=True))  # fmt: skip
                self.count_ += len(found)
        powers = [sampled_powers()] if self.powers else []
        scaler = without_gaps(*powers, StandardScaler())
        self.scaler_ = scaler.fit(self._gapped(X)) if self.numbers_ else None
        shares = np.linspace(0, 1, self.pieces + 1)
        # Edges are values that there are: in between, few values would make more pieces than they need.
        self.edges_ = [
            np.unique(np.quantile(column, shares, method="nearest")) for column in self._scaled(X).T
        ]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Other rows by what was learned: float32 (n, columns of categories + columns of numbers), no NaN."""
        check_is_fitted(self, "edges_")
        numbered = [as_category(X[name]).map(known).fillna(0).to_numpy(np.float32)
                    for name, known in self.categories_.items()]  # fmt: skip
        return np.column_stack([*numbered, self._scaled(X)]).astype(np.float32)

    def _gapped(self, X: pd.DataFrame) -> np.ndarray:
        return np.column_stack([as_numbers(X[name]) for name in self.numbers_])

    def _scaled(self, X: pd.DataFrame) -> np.ndarray:
        if self.scaler_ is None:
            return np.empty((len(X), 0))
        found: np.ndarray = self.scaler_.transform(self._gapped(X))
        return np.clip(found, -FARTHEST, FARTHEST)
