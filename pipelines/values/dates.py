"""Columns of dates: which ones they are, and whether a date such as 03/04/2021 begins with its day or its month."""

from typing import NamedTuple

import numpy as np
import pandas as pd

# Day, month and a year of four digits, first or last, with -, . or / between, or 2021년 1월 3일; and a time behind it
# or not. Two digits could be any number: 10.4.15 is as likely a version.
_DATE = (
    r"(?:(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d"
    r"|(?:19|20)?\d\d년 ?\d{1,2}월 ?\d{1,2}일?)(?:[ T]\d{1,2}:\d{2}(?::\d{2})?\S*(?: ?[AaPp][Mm])?)?"
)
_MAYBE = r"\s*\d{1,4}\s*[-/.년]\s*\d{1,2}\s*[-/.월]\s*\d{1,4}.*"
_YEAR = r"\b(?:19|20)\d\d\b"
_YEAR_LAST = r"^(\d{1,2})[-./](\d{1,2})[-./](\d{4})"
_MONTHS = 12
_FIRST = 100  # most columns hold no dates, and the first cells say so
_LOOKED_AT = 200


class Order(NamedTuple):
    """How the dates of a column are read that end with their year.

    Attributes:
        day_first: 03/04/2021 is in April.
        is_told: some date has a number above 12 where no month can be, and none has it in both places.
        example: a date that the two orders read differently; None where there is none.
    """

    day_first: bool
    is_told: bool
    example: str | None


def is_date(column: "pd.Series") -> bool:
    """Whether a column holds dates: typed ones, or text of which every cell is spelled as one."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return bool(column.notna().any())
    return _are_all(column, _DATE)


def may_be_date(column: "pd.Series") -> bool:
    """The same for wider spellings, such as 03.04.21 or 2021-03-04 오후 1:05: `values.times` tells whether they are."""
    return is_date(column) or _are_all(column, _MAYBE)


def _are_all(column: "pd.Series", spelling: str) -> bool:
    if pd.api.types.is_numeric_dtype(column):
        return False
    known = column.dropna()
    first = known[:_FIRST].astype(str)
    if first.empty or not first.str.fullmatch(spelling).all():
        return False
    return bool(known.astype(str).drop_duplicates().str.fullmatch(spelling).all())


def dates_as_text(X: pd.DataFrame) -> dict[str, str]:
    """Columns whose every cell is a date to a reader, and not so spelled that `is_date` takes it → an example."""
    found = {}
    for name in _words(X):
        column = X[name]
        if is_date(column):
            continue
        cells = pd.Series(column.dropna().astype(str).unique()[:_LOOKED_AT], dtype=object)
        if len(cells) < 2 or not cells.str.contains(_YEAR).all():
            continue
        if pd.to_datetime(cells, errors="coerce", format="mixed", utc=True).notna().all():
            odd = cells[~cells.str.fullmatch(_DATE)]
            found[str(name)] = odd.iloc[0]
    return found


def _words(X: pd.DataFrame) -> list[str]:
    """The columns that hold neither numbers nor typed dates; there may be thousands of these."""
    typed = (pd.api.types.is_numeric_dtype, pd.api.types.is_datetime64_any_dtype)
    return [
        str(name) for name, dtype in X.dtypes.items() if not any(is_of(dtype) for is_of in typed)
    ]


def order_of(column: "pd.Series") -> Order:
    """The order that most dates tell of those that can be read in one way only; the month first where none does."""
    cells = pd.Series(column.dropna().astype(str).unique(), dtype=object)
    first, second = _first_two(cells)
    days, months = int((first > _MONTHS).sum()), int((second > _MONTHS).sum())
    open_to_both = cells[(first <= _MONTHS) & (second <= _MONTHS) & (first != second)]
    example = None if open_to_both.empty else str(open_to_both.iloc[0])
    return Order(days > months, (days > 0) != (months > 0), example)


def year_first(column: "pd.Series", day_first: bool) -> "pd.Series":
    """The same dates with the year first, as text; what does not end with a year stays.

    Args:
        column: text; gaps stay gaps.
        day_first: how a date is read that is one in both orders.
    """
    codes, values = pd.factorize(column.astype(object))
    cells = pd.Series(values, dtype=object).astype(str)
    first, second = _first_two(cells)
    is_day_first = np.where(first > _MONTHS, True, np.where(second > _MONTHS, False, day_first))
    with_day_first, with_month_first = (
        cells.str.replace(_YEAR_LAST, form, regex=True) for form in (r"\3-\2-\1", r"\3-\1-\2")
    )
    turned = with_day_first.where(is_day_first, with_month_first)
    turned = turned.str.replace(r"^(\d{4})-(\d)-", r"\1-0\2-", regex=True)
    turned = turned.str.replace(r"^(\d{4}-\d\d)-(\d)(?!\d)", r"\1-0\2", regex=True)
    spelled = np.array([*turned, None], object)  # a gap is −1, which is the last
    return pd.Series(spelled[codes], column.index, object, column.name)


def settled(
    train: pd.DataFrame, test: pd.DataFrame, known: dict[str, bool] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Write dates that end with their year with the year first, each column in one order for all folds and test.

    Args:
        train, test: tables of the same columns.
        known: column → whether the day comes first, for where its cells do not tell.

    Returns:
        Both tables, the same objects where there is nothing to change, and a note for each column whose cells do
        not tell the order.
    """
    changed: dict[str, tuple[pd.Series, pd.Series]] = {}
    notes = []
    for name in _words(train):
        if not is_date(train[name]):
            continue
        both = pd.concat([train[name], test[name]], ignore_index=True)
        if not both.astype(str).str.match(_YEAR_LAST).any():
            continue
        order = order_of(both)
        said = None if known is None or order.is_told else known.get(str(name))
        day_first = order.day_first if said is None else said
        parts = [year_first(part, day_first) for part in (train[name], test[name])]
        changed[name] = (parts[0], parts[1])
        if order.example is not None and not order.is_told and said is None:
            notes.append(_note(str(name), order.example, day_first))
    if not changed:
        return train, test, []
    return (
        train.assign(**{name: pair[0] for name, pair in changed.items()}),
        test.assign(**{name: pair[1] for name, pair in changed.items()}),
        notes,
    )


def _note(name: str, example: str, day_first: bool) -> str:
    read = year_first(pd.Series([example]), day_first).iloc[0]
    first, other = ("day", "month") if day_first else ("month", "day")
    return (
        f"column {name!r} holds dates that can begin with the day or the month, and its cells do not tell which: they "
        f"are read with the {first} first, {example!r} as {read}; set `day_first: {str(not day_first).lower()}` in the "
        f"competition file if the {other} comes first"
    )


def _first_two(cells: "pd.Series") -> tuple["pd.Series", "pd.Series"]:
    """The first two numbers of dates that end with their year; NaN for other cells."""
    found = cells.str.extract(_YEAR_LAST)
    return pd.to_numeric(found[0]), pd.to_numeric(found[1])
