"""Checks of single columns: what each tells of the target, and whether its values recur in other folds and in test."""

import re
from typing import Any

import numpy as np
import pandas as pd

from features import tabular, text
from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding
from pipelines.values.seeds import derive

_MOST_ROWS = 20_000
_MOST_CELLS = 20_000_000  # a table of 5,000 columns is looked at in 4,000 rows
_MOST_GROUP_ROWS = 200_000
_BINS = 64
_SUSPECT = 0.7  # of the variance, by bins: such columns are looked at by a tree
_LEAK = 0.95
_MOST_SUSPECTS = 10
_ORDERED = 0.1
_MORE_IN_FOLDS = 0.5
_NEW_SHARE = 0.01  # of the test rows
_DIGITS = re.compile(r"(\d{1,15})\D*$")


def draw(total: int, most: int, seed: int) -> np.ndarray:
    """Positions of at most `most` of `total` rows, ascending."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False))


def sampled(dataset: Dataset) -> dict[str, int]:
    """Check → training rows that it looks at."""
    total, X = len(dataset.y), dataset.X_train
    looked = {"id_order": min(total, _MOST_ROWS)}
    if isinstance(X, pd.DataFrame):
        looked = {"leak": min(total, _most(X)), **looked, "groups": min(total, _MOST_GROUP_ROWS)}
    return looked


def _most(X: pd.DataFrame) -> int:
    return max(1000, min(_MOST_ROWS, _MOST_CELLS // max(1, X.shape[1])))


def leaks(dataset: Dataset, seed: int) -> list[Finding]:
    """Columns of a table that alone give the target, by a tree out of sample, on at most 20,000 rows."""
    X = dataset.X_train
    if not isinstance(X, pd.DataFrame) or len(dataset.y) < 30:
        return []
    rows = draw(len(X), _most(X), derive(seed, "leaks"))
    table, y = X.iloc[rows], _target(dataset)[rows]
    shares = explained(table, y, len(dataset.classes), derive(seed, "leaks"))
    suspects = sorted(
        (name for name in shares if shares[name] > _SUSPECT), key=lambda name: -shares[name]
    )
    findings = []
    for name in suspects[:_MOST_SUSPECTS]:
        by_tree = _tree_share(_codes(table[name])[0], y, len(dataset.classes), derive(seed, "tree"))
        score = max(shares[name], by_tree)
        if score >= _LEAK:
            known = np.flatnonzero(table[name].notna())
            first = rows[known[0]]
            example = f"{X[name].iloc[first]!s:.40} with target {_shown(dataset, first)}"
            counts = {"column": str(name), "score": f"{score:.0%}"}
            findings.append(Finding("leak", "loud", counts, example))
    return findings


def id_order(dataset: Dataset, seed: int) -> list[Finding]:
    """Whether the order of the rows, or the number in their ids, gives the target away."""
    if len(dataset.y) < 100:
        return []
    rows = draw(len(dataset.y), _MOST_ROWS, derive(seed, "order"))
    numbers = [found and int(found[1]) for found in map(_DIGITS.search, dataset.row_ids[rows])]
    places = pd.DataFrame({"the row's place": rows.astype(float)})
    if all(number is not None for number in numbers):
        places["the id's number"] = np.array(numbers, float)
    y = _target(dataset)[rows]
    shares = explained(places, y, len(dataset.classes), derive(seed, "order"))
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < _ORDERED:
        return []
    example = f"{best}: {dataset.row_ids[0]} with target {_shown(dataset, 0)}, {dataset.row_ids[-1]} with {_shown(dataset, -1)}"  # fmt: skip
    severity: Any = "note" if dataset.times is not None else "loud"
    return [Finding("id_order", severity, {"score": f"{shares[best]:.0%}"}, example)]


def groups(dataset: Dataset, fold: np.ndarray | None, seed: int) -> list[Finding]:
    """Columns whose values recur across folds but not in test, so that folds are easier than test.

    Looks at no more than 200,000 training rows, where a value recurs more seldom than in all.
    """
    X, test = dataset.X_train, dataset.X_test
    if fold is None or not isinstance(X, pd.DataFrame) or not isinstance(test, pd.DataFrame):
        return []
    if dataset.times is not None or not len(test):
        return []  # folds of a time split stand as far from training as test does
    rows = draw(len(X), _MOST_GROUP_ROWS, derive(seed, "groups"))
    findings = []
    for name in X.columns:
        column = X[name].iloc[rows]
        if _is_measured(column):
            continue
        value = pd.factorize(column)[0]
        known = value >= 0
        pairs = pd.DataFrame({"value": value[known], "fold": fold[rows][known]})
        split = pairs.groupby("value")["fold"].nunique().reindex(pairs["value"]).to_numpy() > 1
        asked = test[name].dropna()
        if not len(pairs) or not len(asked):
            continue
        in_folds, in_test = float(split.mean()), float(asked.isin(column.unique()).mean())
        if in_folds - in_test >= _MORE_IN_FOLDS:
            example = f"{column[known].iloc[int(split.argmax())]!s:.40}"
            counts = {"column": str(name), "folds": f"{in_folds:.0%}", "test": f"{in_test:.0%}"}
            findings.append(Finding("groups", "loud", counts, example))
    return findings


def categories(dataset: Dataset) -> list[Finding]:
    """Columns of categories with values that only one of train and test has, where 1 % of the test rows have one."""
    X, test = dataset.X_train, dataset.X_test
    if not isinstance(X, pd.DataFrame) or not isinstance(test, pd.DataFrame):
        return []
    unused = tabular.left_out(X)
    findings = []
    for name in X.columns:
        column = X[name]
        if name in unused or pd.api.types.is_numeric_dtype(column) or text.is_free_text(column):
            continue
        here, there = set(column.dropna().astype(str).unique()), test[name].dropna().astype(str)
        new = there[~there.isin(here)]
        if len(new) and len(new) >= _NEW_SHARE * len(test):
            counts = {"column": str(name), "test_only": new.nunique(),
                      "train_only": len(here - set(there.unique())), "rows": len(new)}  # fmt: skip
            findings.append(Finding("categories", "note", counts, f"{new.iloc[0]!s:.40}"))
    return findings


def explained(table: pd.DataFrame, y: np.ndarray, classes: int, seed: int) -> dict[Any, float]:
    """The share of the target's variance that each column alone explains, by the means of its bins, out of sample.

    Half of the rows give the means and the other half is judged, both ways round.

    Args:
        table: of one row or more.
        y: class indices, or values, which are better ranks, (n,).
        classes: their number; 0 for values.
        seed: of the halves.

    Returns:
        Column → 1 where the column gives the target, about 0 (or below) where it tells nothing.
    """
    half = np.random.default_rng(seed).permutation(len(y)) % 2 == 0
    found = {}
    for name in table.columns:
        code = bins(table[name])
        left, total = 0.0, 0.0
        for fitted, judged in ((half, ~half), (~half, half)):
            errors = _errors(code[fitted], y[fitted], code[judged], y[judged], classes)
            left, total = left + errors[0], total + errors[1]
        found[name] = 1 - left / total if total > 0 else 0.0
    return found


def _errors(
    code: np.ndarray, y: np.ndarray, judged: np.ndarray, truth: np.ndarray, classes: int
) -> tuple[float, float]:
    """Squared errors of the bins' means, and of the mean of all; a bin that was not seen has the mean of all."""
    size = int(max(code.max(initial=0), judged.max(initial=0))) + 1
    rows = np.bincount(code, minlength=size)[:, None]
    targets, true = ((np.eye(classes)[part] if classes else part[:, None]) for part in (y, truth))
    mean = targets.mean(axis=0)
    sums = np.stack([np.bincount(code, column, minlength=size) for column in targets.T], axis=1)
    means = np.where(rows > 0, sums / np.maximum(rows, 1), mean)
    return float(((true - means[judged]) ** 2).sum()), float(((true - mean) ** 2).sum())


def bins(column: "pd.Series") -> np.ndarray:
    """Bins of equally many rows for numbers, a bin per category for others, int64 (n,); 0 is missing."""
    codes, is_number = _codes(column)
    if not is_number or codes.max(initial=0) <= _BINS:
        return codes
    known = codes > 0
    ranks = np.searchsorted(np.sort(codes[known]), codes[known])
    bins = np.zeros(len(codes), np.int64)
    bins[known] = 1 + ranks * _BINS // len(ranks)
    return bins


def _codes(column: "pd.Series") -> tuple[np.ndarray, bool]:
    """The place of each value among the different ones from 1 on, ascending for numbers; 0 is missing."""
    is_number = pd.api.types.is_numeric_dtype(column)
    if not is_number:
        column = column.astype(object).map(str, na_action="ignore")
    return pd.factorize(column, sort=is_number)[0].astype(np.int64) + 1, is_number


def _tree_share(code: np.ndarray, y: np.ndarray, classes: int, seed: int) -> float:
    """The same share by a tree of one column, out of fold: its cuts lie where bins' do not."""
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.tree import DecisionTreeRegressor

    targets = np.eye(classes)[y] if classes else y[:, None]
    tree = DecisionTreeRegressor(min_samples_leaf=2, max_leaf_nodes=1000, random_state=seed)
    folds = KFold(3, shuffle=True, random_state=seed)
    guess = cross_val_predict(tree, code[:, None], targets, cv=folds).reshape(targets.shape)
    total = ((targets - targets.mean(axis=0)) ** 2).sum()
    return float(1 - ((targets - guess) ** 2).sum() / total) if total > 0 else 0.0


def _is_measured(column: "pd.Series") -> bool:
    """Numbers with decimals: two equal ones are no group."""
    if not pd.api.types.is_float_dtype(column):
        return False
    values = column.to_numpy(np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    return bool((values != np.rint(values)).any())


def _target(dataset: Dataset) -> np.ndarray:
    """Class indices, or the ranks of the values in 0 … 1, so that a few large ones do not count for all."""
    if dataset.is_classification:
        return dataset.y
    ranks: np.ndarray = pd.Series(dataset.y).rank(pct=True).to_numpy()
    return ranks


def _shown(dataset: Dataset, row: int) -> str:
    return dataset.classes[dataset.y[row]] if dataset.is_classification else f"{dataset.y[row]:g}"
