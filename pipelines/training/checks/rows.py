"""Checks of whole rows: copies, conflicts, and a row that sums up the others."""

import hashlib
import re
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset, Features
from pipelines.values.findings import Finding, Severity
from pipelines.values.raw import RawTables

_MANY = 0.05  # of the rows
# Where fewer rows than this share are different, a few coarse columns make rows equal by chance.
_DIFFERENT_SHARE = 0.5
# Forgotten with the dataset.
_known: WeakKeyDictionary[Dataset, tuple["pd.Series", "pd.Series"]] = WeakKeyDictionary()
_TOTAL = re.compile(r"(grand )?(total|sum|average|mean)s?:?|합계|총계|총합|소계|평균", re.I)


def keys(X: Features) -> np.ndarray:
    """A key per row; equal rows have equal keys, and a missing value equals a missing value."""
    if isinstance(X, pd.DataFrame):
        return pd.util.hash_pandas_object(X, index=False).to_numpy()
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in X])


def stacked(train: Features, test: Features) -> Features:
    """One below the other, in one type: a column of whole numbers is float in a part that has gaps."""
    if isinstance(train, pd.DataFrame):
        return pd.concat([train, pd.DataFrame(test)], ignore_index=True)
    return np.concatenate([train, np.asarray(test)])


def both(dataset: Dataset) -> tuple["pd.Series", "pd.Series"]:
    """The keys of train and of test, made once for all who ask about a dataset."""
    if dataset not in _known:
        _known[dataset] = _both(dataset)
    return _known[dataset]


def _both(dataset: Dataset) -> tuple["pd.Series", "pd.Series"]:
    # Pictures of one type are not put together, since they may be large.
    train, test = dataset.X_train, dataset.X_test
    if isinstance(train, np.ndarray) and isinstance(test, np.ndarray) and train.dtype == test.dtype:
        return pd.Series(keys(train)), pd.Series(keys(test))
    of_rows = keys(stacked(train, test))
    return pd.Series(of_rows[: len(dataset.y)]), pd.Series(of_rows[len(dataset.y) :])


def duplicates(dataset: Dataset, fold: np.ndarray | None) -> list[Finding]:
    """Rows with equal features within train, and test rows that stand in train.

    Loud where they are many, fall into different folds, and are no coarse table's chance.
    """
    train, test = both(dataset)
    findings = []
    is_coarse = train.nunique() < _DIFFERENT_SHARE * len(train)
    if (repeated := train.duplicated()).any():
        second = int(np.flatnonzero(repeated)[0])
        first = int(np.flatnonzero(train == train[second])[0])
        split = (
            repeated if fold is None else pd.Series(fold).groupby(train).transform("nunique") > 1
        )
        example = f"{dataset.row_ids[first]} and {dataset.row_ids[second]}"
        counts = {"rows": int(repeated.sum())}
        severity = _severity(int((repeated & split).sum()), len(train), is_coarse)
        findings.append(Finding("duplicates", severity, counts, example))
    if (across := test.isin(train)).any():
        in_test = int(np.flatnonzero(across)[0])
        in_train = int(np.flatnonzero(train == test[in_test])[0])
        example = f"{dataset.test_ids[in_test]}, which is {dataset.row_ids[in_train]} of train"
        severity = _severity(int(across.sum()), len(test), is_coarse)
        findings.append(Finding("twins", severity, {"rows": int(across.sum())}, example))
    return findings


def conflicts(dataset: Dataset) -> list[Finding]:
    """Equal rows of different targets; loud where they are many."""
    train, _ = both(dataset)
    differ = pd.Series(dataset.y).groupby(train).transform("nunique") > 1
    if not differ.any():
        return []
    first = int(np.flatnonzero(differ)[0])
    second = int(np.flatnonzero((train == train[first]) & (dataset.y != dataset.y[first]))[0])
    example = f"{dataset.row_ids[first]} and {dataset.row_ids[second]}"
    is_coarse = train.nunique() < _DIFFERENT_SHARE * len(train)
    severity = _severity(int(differ.sum()), len(train), is_coarse)
    return [Finding("conflicts", severity, {"rows": int(differ.sum())}, example)]


def _severity(count: int, total: int, is_coarse: bool) -> Severity:
    return "loud" if count >= _MANY * total and not is_coarse else "note"


def totals(tables: RawTables, competition: Competition) -> list[Finding]:
    """A last row of train or test whose cells are called a total, or are the sums of their columns."""
    findings = []
    for part, table in (("train", tables.train), ("test", tables.test)):
        if competition.image is None and len(table) > 2 and (shown := _total(table)):
            findings.append(Finding("totals", "loud", {"part": part}, shown))
    return findings


def _total(table: pd.DataFrame) -> str | None:
    last = table.iloc[-1]
    for name, cell in last.items():
        is_called = isinstance(cell, str) and _TOTAL.fullmatch(cell.strip())
        if is_called and not table[name].iloc[:-1].eq(cell).any():  # a category may be called so
            return f"{name} is {cell!r}"
    numbers = table.select_dtypes("number")
    rows = numbers.iloc[:-1]
    above = rows.sum()
    meant = above[(above != 0) & (rows.min() < rows.max())].index
    summed = [name for name in meant if np.isclose(last[name], above[name], rtol=1e-9)]
    if len(summed) < max(2, len(meant) / 2) and not (summed and len(meant) == 1):
        return None
    return f"{summed[0]} is {last[summed[0]]:g}, the sum of the rows above"
