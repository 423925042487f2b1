"""Group aggregates: how large a row's group is, what its numbers are on average, and how far the row lies from them."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from features.tabular import as_category, as_numbers, check_columns, is_number, usable


class Groups(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns for a feature block to join: of each group that a column names, its share of the rows and its means.

    Args:
        by: columns that name groups, categories or numbers with few values; by default all columns of words with
            at most `most` different ones.
        of: columns of numbers; by default all that do not name groups.
        most: see `by`, ≥ 1.

    Attributes:
        by_, of_: the columns that are used.
        shares_: per column of groups, group → share of the fitted rows, 0 … 1.
        means_: per column of groups, a table of means, a row per group.
    """

    def __init__(
        self, by: Sequence[str] | None = None, of: Sequence[str] | None = None, most: int = 50
    ) -> None:
        self.by, self.of, self.most = by, of, most

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Self:
        """Learn from these rows alone; a gap in `by` is a group of its own, one in `of` counts nowhere.

        Raises:
            MemberFailed: X is no table, no column is of any use, or one that is asked for is absent.
        """
        _, used = usable(X)
        check_columns(X, [*(self.by or ()), *(self.of or ())])
        words = [name for name in used if not is_number(X[name]) and X[name].nunique() <= self.most]
        self.by_ = words if self.by is None else list(self.by)
        numbers = [name for name in used if is_number(X[name]) and name not in self.by_]
        self.of_ = numbers if self.of is None else list(self.of)
        known = self._numbers(X)
        named = {name: as_category(X[name]) for name in self.by_}
        self.shares_ = {name: cells.value_counts(normalize=True) for name, cells in named.items()}
        self.means_ = {name: known.groupby(cells).mean() for name, cells in named.items()}
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Rows of the same columns, by what was learned; no row influences another.

        Returns:
            float64 columns `G share` and, per number N, `N of G` (its mean) and `N beside G` (the row minus the
            mean); a group that is new has the share 0 and no means (NaN).

        Raises:
            MemberFailed: a used column is absent.
        """
        check_is_fitted(self, "means_")
        check_columns(X, [*self.by_, *self.of_])
        made, own = {}, self._numbers(X)
        for name in self.by_:
            cells = as_category(X[name])
            made[f"{name} share"] = cells.map(self.shares_[name]).fillna(0).astype(np.float64)
            means = self.means_[name].reindex(cells).set_axis(X.index)
            for number in self.of_:
                made[f"{number} of {name}"] = means[number]
                made[f"{number} beside {name}"] = own[number] - means[number]
        return pd.DataFrame(made, index=X.index, dtype=np.float64)

    def _numbers(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({name: as_numbers(X[name]) for name in self.of_}, index=X.index)
