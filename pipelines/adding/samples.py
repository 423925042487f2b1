"""Which table is the sample submission: told by its rows and cells, never by its name.

The rule, in this order:

1. It has a column with the ids of test. Spelling counts for nothing (`ids.bare`) where no table has them as spelled; where test has no such column, its
   ids count as many rows as test has.
2. Its other columns are what is asked for. They are *not* the labels of test as far as cells can tell: they repeat one
   value, or follow from one column of test (a baseline), or hold what train's target never is (numbers with more
   decimals, other classes).
3. A table that fits by 1 and not by 2 may be either: it is refused until somebody says which. So is one that fits by 2
   and not by 1.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pandas as pd

from features.text import is_free_text
from pipelines.adding.found_files import MOST_CLASSES, Table
from pipelines.plumbing.errors import UserError
from pipelines.values.columns import first_counted, is_nameless
from pipelines.values.ids import as_in_sample, bare

_ALIKE = 0.5  # of the ids of sample and test, where they are not the same
_LARGEST_ID = 2**53  # greater floats are not exact
_FEW = 0.2  # values of a column for each row, where a baseline may follow from it
_SHOWN = 3
_ROWS = 1000  # whose decimals are counted


def keys(test: Table, sample: Table, is_loose: bool = False) -> list[tuple[str, str | None, bool]]:
    """The first column of the sample that holds test's ids, with test's own; else the first that counts its rows.

    The third says whether they are the same ids: in a column of the same name half of them are enough.

    Args:
        is_loose: whether ids count as `ids.bare` leaves them, which takes seconds for a million rows.
    """
    for key in sorted(sample.columns, key=is_nameless):  # an index without a name comes last
        asked = as_ids(sample.frame[key])
        if asked is None or 2 * asked.nunique() <= len(asked):
            continue
        for name in sorted(test.columns, key=lambda name: (is_nameless(name), name != key)):
            given = as_ids(test.frame[name])
            if given is None:
                continue
            is_exact = _are_same(given, asked, is_loose)
            if is_exact or (name == key and _alike(given, asked, is_loose) >= _ALIKE):
                return [(key, name, is_exact)]
    if len(sample.frame) == len(test.frame):
        for key in sample.columns:
            if key not in test.columns and counts(sample.frame[key]):
                return [(key, None, True)]
    return []


def twins(table: Table, key: str) -> list[str]:
    """Other columns of a table that hold the ids of one, in any order."""
    ids = as_ids(table.frame[key])
    if ids is None:
        return []
    known = set(ids)
    others = ((name, as_ids(table.frame[name])) for name in table.columns if name != key)
    return [name for name, other in others if other is not None and set(other) == known]


def as_ids(column: "pd.Series") -> "pd.Series[str] | None":
    """A column as ids, `7.0` as `7`; None where it has gaps or fractions."""
    if column.isna().any():
        return None
    if column.dtype.kind == "f":
        numbers = column.to_numpy(np.float64)
        if (np.abs(numbers) > _LARGEST_ID).any() or (numbers % 1 != 0).any():
            return None
        column = pd.Series(numbers.astype(np.int64))
    return column.astype(str)


def _are_same(given: "pd.Series[str]", asked: "pd.Series[str]", is_loose: bool) -> bool:
    if len(given) != len(asked) or given.nunique() != len(given) or asked.nunique() != len(asked):
        return False
    return set(as_in_sample(given, asked)[0] if is_loose else given) == set(asked)


def _alike(given: "pd.Series[str]", asked: "pd.Series[str]", is_loose: bool) -> float:
    """The share of ids that both have."""
    own, ids = (set(map(bare, names) if is_loose else names) for names in (given, asked))
    return len(ids & own) / max(len(ids), len(given), 1)


def counts(ids: "pd.Series") -> bool:
    """Whether they are first … first + n − 1, in any order, with a first of 0 or more."""
    first = first_counted(ids.to_numpy()) if ids.dtype.kind in "iu" else None
    return first is not None and first >= 0


def may_be_labels(cells: "pd.Series", target: "pd.Series", features: pd.DataFrame) -> bool:
    """Whether the cells that a sample asks for may be the labels of test: 2 of the rule.

    Args:
        cells: a column of the sample, in the order of test; gaps where it lacks a row.
        target: the same of train.
        features: of test.
    """
    if cells.nunique() < 2 or not _could_be_of(cells.dropna(), target.dropna()):
        return False
    few = [name for name in features if features[name].nunique() <= _FEW * len(features)]
    groups = (cells.groupby(features[name].to_numpy(), dropna=False) for name in few)
    return not any(bool((group.nunique() < 2).all()) for group in groups)


def _could_be_of(cells: "pd.Series", target: "pd.Series") -> bool:
    known = set(target.unique())
    is_number = all(pd.api.types.is_numeric_dtype(column) for column in (cells, target))
    if len(known) <= MOST_CLASSES or not is_number:
        return known.issuperset(cells.unique())
    return _decimals(cells) <= _decimals(target)


def _decimals(numbers: "pd.Series") -> int:
    ends = numbers.head(_ROWS).astype(str).str.partition(".")[2]
    return int(ends.str.rstrip("0").str.len().max())


def either(sample: Table) -> UserError:
    """For a table of which the rule cannot say whether it is the sample or the labels of test."""
    return UserError(
        f"the sample submission must not hold the labels of test, and the cells of {sample.name} may be either: if it "
        f"is the sample, say so by --sample {sample.name}; if they are labels, take it out of the folder"
    )


def refuse_as_test(test: Table, unseen: Sequence[str]) -> None:
    """Refuse a sample in the place of test: ids, and what repeats one value or stands where train has features.

    Args:
        unseen: the columns of train that it lacks.

    Raises:
        UserError: it looks so.
    """
    frame = test.frame[[name for name in test.columns if not is_nameless(name)]]
    key = next((name for name in frame if frame[name].is_unique), None)
    values = [name for name in frame if name != key]
    if key is None or not values:
        return
    is_constant = frame[values].nunique(dropna=False).max() < 2
    is_narrow = len(values) == 1 and len(unseen) > 1 and not is_free_text(frame[values[0]])
    if is_constant or is_narrow:
        raise UserError(
            f"no file could be test: {test.name} has {key!r} and {', '.join(map(repr, values[:_SHOWN]))} alone and "
            f"looks like a sample submission, which lacks {unseen[0]!r} of train: is test in another zip? (if it is "
            f"test, say so by --test {test.name})"
        )


def refuse_without_ids(train: Table, test: Table, others: Sequence[Table]) -> None:
    """Refuse a table of train's own columns that all repeat one value, and whose ids are not test's.

    Raises:
        UserError: there is one.
    """
    unseen = set(train.columns) - set(test.columns)
    for table in others:
        asked = [name for name in table.columns if name in unseen]
        ids = [name for name in table.columns if name not in unseen]
        if not asked or len(ids) > 1 or table.frame[asked].nunique(dropna=False).max() > 1:
            continue
        first = f"others, such as {str(table.frame[ids[0]].iloc[0])!r}" if ids else "none"
        raise UserError(
            f"the sample submission must have the ids of test, and {table.name}, whose {asked[0]!r} repeats one value, "
            f"looks like one and has {first}: correct its ids, or take it out, and a sample is made"
        )


def refuse_labelled_test(found: Sequence[Table], named: Sequence[str | None]) -> None:
    """Refuse a test that holds its labels and that nobody has named: it has train's columns, and a sample its ids.

    Raises:
        UserError: there is one; it says which options name it.
    """
    for train, test in permutations(found, 2):
        if any(named[:2]) or set(train.columns) != set(test.columns):
            continue
        rest = [table for table in found if table is not train and table is not test]
        for sample in rest:
            fits = [(key, is_exact) for key, _, is_exact in keys(test, sample)]
            if not fits or not fits[0][1] or any(is_exact for *_, is_exact in keys(train, sample)):
                continue
            asked = [name for name in sample.columns if name != fits[0][0] and name in test.columns]
            apart = [table for table in rest if table is not sample and keys(table, sample)]
            if len(asked) == 1 and not apart:
                raise UserError(
                    f"test must lack what is to be predicted, and {test.name} has {asked[0]!r}, which {sample.name} "
                    f"asks for: say so by --train {train.name} --test {test.name} --target {asked[0]!r}, and its labels "
                    "are hidden and graded by; or take them out of the file"
                )
