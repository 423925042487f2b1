"""Tables: numbers are filled and scaled, categories become columns of 0 and 1, sentences weights of words."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from features import text
from pipelines.plumbing.errors import MemberFailed, did_you_mean

# Why a column is left out.
NO_VALUE = "no value is known"
NAMES_ROWS = "nearly every row has a value of its own"
_NUMBER_TEXT = r"[-+(]?[₩￦$€£¥]?[-+]?(\d+|\d{1,3}(,\d{3})+)([.,]\d+)?\)?(%|원|만원|천원|억원)?"
# What a category says of a row that has no value; a column that spells it so means the same.
MISSING = "missing"
# Above this share of different values a column of words names its rows.
_NAMING_SHARE = 0.9
_FEW_WORDS = 0.1  # of the cells that are known
# In standard deviations: farther values would overflow a squared distance in float32.
_FARTHEST = 1e6
_LARGEST = 1e100  # a greater number counts as missing: its square is no float64 any more


class Table(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Any table as numbers without gaps.

    Numbers: the median for a missing value, a column that says where it was missing, standard scaling.
    Free text (see `features.text.is_free_text`): TF-IDF of its most frequent words.
    Everything else (words, booleans, categories): one-hot, with "missing" as a category of its own. What
    is rare beyond `max_categories`, or was never seen in `fit`, shares one column where `fit` saw rare ones.

    Args:
        max_categories: most columns that a column of categories becomes, ≥ 2.
        max_words: most columns that a column of free text becomes, ≥ 1.

    Attributes:
        numbers_, categories_, texts_: names of the columns that are used.
        left_out_: column → why it is not used: `NO_VALUE` or `NAMES_ROWS`.
        encoder_: the fitted ColumnTransformer.
    """

    def __init__(self, max_categories: int = 32, max_words: int = 1000) -> None:
        self.max_categories, self.max_words = max_categories, max_words

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Self:
        """Learn medians, scales and categories from these rows alone.

        Raises:
            MemberFailed: no column is of any use.
        """
        self.left_out_, used = usable(X)
        self.numbers_ = [column for column in used if is_number(X[column])]
        others = [column for column in used if column not in self.numbers_]
        self.texts_ = [column for column in others if text.is_free_text(X[column])]
        self.categories_ = [column for column in others if column not in self.texts_]
        self.encoder_ = self._encoder().fit(self._prepared(X))
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Turn rows into numbers by what `fit` learned; no row influences another.

        Args:
            X: a table with at least the columns that are used, in any order.

        Returns:
            float32 (n, n_features), no NaN.

        Raises:
            MemberFailed: a used column is absent.
        """
        check_is_fitted(self, "encoder_")
        dense = self.encoder_.transform(self._prepared(X))
        return np.clip(dense, -_FARTHEST, _FARTHEST).astype(np.float32)

    def _encoder(self) -> ColumnTransformer:
        numbers = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
        )
        categories = OneHotEncoder(
            sparse_output=False, dtype=np.float32, max_categories=self.max_categories,
            handle_unknown="infrequent_if_exist",
        )  # fmt: skip
        texts = [
            (f"text {place}", text.word_weights(self.max_words), column)
            for place, column in enumerate(self.texts_)
        ]
        return ColumnTransformer(
            [("numbers", numbers, self.numbers_), ("categories", categories, self.categories_), *texts],
            sparse_threshold=0,
        )  # fmt: skip

    def _prepared(self, X: pd.DataFrame) -> pd.DataFrame:
        """The used columns: float64 with NaN for gaps, or plain text, in categories with "missing" for gaps."""
        check_columns(X, (*self.numbers_, *self.categories_, *self.texts_))
        categories = {column: as_category(X[column]) for column in self.categories_}
        texts = {column: text.as_text(X[column]) for column in self.texts_}
        others = pd.DataFrame(categories | texts, index=X.index)
        return pd.concat([all_as_numbers(X[self.numbers_]), others], axis=1)


def usable(
    X: pd.DataFrame, is_kept: Callable[["pd.Series"], bool] | None = None
) -> tuple[dict[str, str], list[str]]:
    """The columns that are left out, and why; and those that are used.

    Args:
        X: a table.
        is_kept: tells a column that is used although every row has a value of its own, such as dates.

    Raises:
        MemberFailed: X is no table, or no column is of any use.
    """
    if not isinstance(X, pd.DataFrame):
        raise MemberFailed(
            f"a table must be a pandas DataFrame, found {type(X).__name__}: take out `image:` or use `Pixels`"
        )
    without = {
        name: reason
        for name, reason in left_out(X).items()
        if is_kept is None or not is_kept(X[name])
    }
    used = [column for column in X.columns if column not in without]
    if not used:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in without.items())
        raise MemberFailed(
            f"a table must have a column to learn from, found none ({reasons or 'no columns'}): check "
            "`drop:` in the competition file"
        )
    return without, used


def check_columns(X: pd.DataFrame, asked: Iterable[str]) -> None:
    """Raise MemberFailed where a column that is needed is absent."""
    for column in asked:
        if column not in X.columns:
            raise MemberFailed(
                f"rows must have the columns that were fitted, and {column!r} is absent"
                f"{did_you_mean(str(column), map(str, X.columns))}"
            )


def left_out(X: pd.DataFrame) -> dict[str, str]:
    """Columns that are not used → `NO_VALUE` or `NAMES_ROWS`."""
    reasons = {}
    numbers = names_of_numbers(X)
    has_value = all_as_numbers(X[numbers]).notna().any()
    for column in X.columns:
        if column in has_value.index:
            if not has_value[column]:
                reasons[column] = NO_VALUE
            continue
        known = X[column].dropna()
        if known.empty:
            reasons[column] = NO_VALUE
        else:
            different = known.astype(str).nunique()
            if different > max(2, _NAMING_SHARE * len(known)) and not text.is_free_text(known):
                reasons[column] = NAMES_ROWS
    return reasons


def numbers_as_text(X: pd.DataFrame) -> dict[str, str]:
    """Columns of numbers that are text to a computer, such as `1,234`, `12%` or `₩1,000` → an example."""
    found = {}
    for column in X.columns.difference(names_of_numbers(X), sort=False):
        known = X[column].dropna()
        if known.empty or pd.api.types.is_bool_dtype(known):
            continue
        cells = known.astype(str)
        if cells.str.replace(" ", "").str.fullmatch(_NUMBER_TEXT).all():
            found[str(column)] = next((cell for cell in cells if not cell.isdigit()), cells.iloc[0])
    return found


def nearly_numbers(X: pd.DataFrame) -> dict[str, str]:
    """Columns of words of which all but a few are numbers, such as those with `?` for a gap → an example of these."""
    found = {}
    for column in X.columns.difference(names_of_numbers(X), sort=False):
        known = X[column].dropna()
        if pd.api.types.is_bool_dtype(known):
            continue
        odd = known[pd.to_numeric(known, errors="coerce").isna()]
        if 0 < len(odd) <= _FEW_WORDS * len(known):
            found[str(column)] = str(odd.iloc[0])
    return found


def is_number(column: Any) -> bool:
    """Whether a column, or one of this dtype, holds numbers; True and False are none."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def as_numbers(column: "pd.Series") -> "pd.Series":
    """float64; what is no finite number counts as missing."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    # Scaling sums squares, and the sum must stay a float64.
    return pd.Series(np.where(np.abs(values) <= _LARGEST, values, np.nan), index=column.index)


def names_of_numbers(X: pd.DataFrame) -> list[str]:
    """The columns that hold numbers: of thousands, to ask each by itself takes seconds."""
    return [str(name) for name, dtype in X.dtypes.items() if is_number(dtype)]


def all_as_numbers(X: pd.DataFrame) -> pd.DataFrame:
    """`as_numbers` of every column."""
    words = X.columns.difference(names_of_numbers(X), sort=False)
    X = X.assign(**{name: as_numbers(X[name]) for name in words})
    # Column after column in memory, as pandas keeps a table: sums are then the same to the last bit.
    values = np.asfortranarray(X.to_numpy(np.float64, na_value=np.nan, copy=True))
    values[~(np.abs(values) <= _LARGEST)] = np.nan
    return pd.DataFrame(values, X.index, X.columns, copy=False)


def as_category(column: "pd.Series") -> "pd.Series":
    """Plain text, the same for 1 and 1.0: one file may store a category as numbers, the other not."""
    codes, names = coded(column)
    return pd.Series(np.array(names, object)[codes], column.index, object, column.name)


def coded(column: "pd.Series") -> tuple[np.ndarray, list[str]]:
    """The same as places in a list, int64 (n,), and the list: of a million rows each name is spelled once."""
    if column.dtype == object and pd.api.types.infer_dtype(column) not in ("string", "empty"):
        column = column.map(str, na_action="ignore")  # 1 and True are equal, and two names
    codes, values = pd.factorize(column)
    spell = _spelled if is_number(column) else str
    return codes.astype(np.int64), [*map(spell, values), MISSING]  # a gap is −1, which is the last


def _spelled(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)
