"""Tables as typed columns: for boosters, which know gaps and categories themselves, and to be encoded by others."""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from features import text
from features.tabular import as_numbers, check_columns, coded, is_number, usable
from pipelines.values import dates

# What a category says that was rare where it was learned, or was not there at all.
RARE = "rare"
_SHORT_YEAR = r"^(\d\d)년"
_YEAR_FIRST = r"^(\d{4})(?:[-./]|년 ?)(\d{1,2})(?:[-./]|월 ?)(\d{1,2})일?"
_DATE_PARTS = ("year", "month", "day", "day_of_week", "hour")
_WORDS = 2000


class Typed(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Any table as numbers with gaps and pandas categories.

    Numbers stay, NaN for a gap. Dates become year, month, day, weekday, hour and days since 1970. Free text
    becomes its position along the main directions of its TF-IDF (latent semantic analysis). Everything else is
    a category, "missing" one of them; what is rarer than `least_rows`, beyond `max_categories` or new is "rare".

    Args:
        max_categories: most categories of a column, ≥ 3; scikit-learn's booster takes 255 at most.
        least_rows: rows that a category must have to count as one, ≥ 1.
        topics: numbers that a column of free text becomes, ≥ 1.
        seed: of the search for these directions.

    Attributes:
        numbers_, texts_, categories_: names of the columns that are used.
        dates_: name → whether the day comes before the month, as in 31/12/2021.
        left_out_: column → why it is not used.
    """

    def __init__(
        self, max_categories: int = 200, least_rows: int = 2, topics: int = 16, seed: int = 0
    ) -> None:
        self.max_categories, self.least_rows = max_categories, least_rows
        self.topics, self.seed = topics, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Self:
        """Learn types, categories and words from these rows alone.

        Raises:
            MemberFailed: no column is of any use.
        """
        self.left_out_, used = usable(X, dates.is_date)
        self.numbers_ = [column for column in used if is_number(X[column])]
        others = [column for column in used if column not in self.numbers_]
        # Of a competition's own columns all folds share one order: `preprocess` has put the year first.
        self.dates_ = {
            column: dates.order_of(X[column]).day_first
            for column in others
            if dates.is_date(X[column])
        }
        others = [column for column in others if column not in self.dates_]
        self.texts_ = {
            column: _topics(self.topics, self.seed, text.as_text(X[column]))
            for column in others
            if text.is_free_text(X[column])
        }
        self.categories_ = {
            column: self._known(X[column]) for column in others if column not in self.texts_
        }
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Type rows by what `fit` learned; no row influences another.

        Returns:
            float64 columns with NaN for gaps and unordered categories, never missing, in the order numbers,
            dates, texts, categories.

        Raises:
            MemberFailed: a used column is absent.
        """
        check_is_fitted(self, "left_out_")
        check_columns(X, (*self.numbers_, *self.dates_, *self.texts_, *self.categories_))
        columns: dict[str, pd.Series] = {name: as_numbers(X[name]) for name in self.numbers_}
        for name, day_first in self.dates_.items():
            columns |= date_parts(X[name], day_first)
        for name, topics in self.texts_.items():
            found = topics.transform(text.as_text(X[name])).astype(np.float64)
            columns |= {
                f"{name} {place}": pd.Series(part, X.index) for place, part in enumerate(found.T)
            }
        for name, known in self.categories_.items():
            codes, names = coded(X[name])
            place = {category: number for number, category in enumerate(known)}
            places = np.array([place.get(category, len(known)) for category in names])
            cells = pd.Categorical.from_codes(places[codes], pd.Index([*known, RARE]))
            columns[name] = pd.Series(cells, X.index)
        return pd.DataFrame(columns, index=X.index)

    def _known(self, column: pd.Series) -> list[str]:
        """The categories that are kept, the most frequent first."""
        codes, names = coded(column)
        rows = pd.Series(np.bincount(codes % len(names), minlength=len(names)), names)
        counts = rows.groupby(level=0).sum()  # "missing" may be a name too
        kept = counts[counts >= self.least_rows].drop(RARE, errors="ignore")
        # Equal counts by name: their order must not depend on that of the rows.
        ranked = sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))
        return [str(name) for name, _ in ranked[: self.max_categories]]


def date_parts(column: pd.Series, day_first: bool = False) -> dict[str, pd.Series]:
    """A column of dates as numbers by name: its parts, and days since 1970; NaN where it is no date.

    Args:
        column: text or typed dates.
        day_first: how a date is read that ends with its year.
    """
    when = column
    if not pd.api.types.is_datetime64_any_dtype(column):
        cells = column.astype(object).map(str, na_action="ignore").astype(object)
        cells = cells.str.replace(_SHORT_YEAR, r"20\1년", regex=True)
        cells = cells.str.replace(_YEAR_FIRST, r"\1-\2-\3", regex=True)
        cells = dates.year_first(cells, day_first)
        when = pd.to_datetime(cells, errors="coerce", format="mixed", utc=True)
    parts = {
        f"{column.name} {part}": getattr(when.dt, part).astype(np.float64) for part in _DATE_PARTS
    }
    start = pd.Timestamp(0, tz=when.dt.tz)
    return parts | {f"{column.name} days": (when - start) / pd.Timedelta(days=1)}


def _topics(most: int, seed: int, cells: pd.Series) -> Pipeline:
    words = text.word_weights(_WORDS).fit(cells)
    count = min(most, len(words.vocabulary_))
    return make_pipeline(words, TruncatedSVD(count, random_state=seed)).fit(cells)
