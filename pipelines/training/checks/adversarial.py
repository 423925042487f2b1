"""Adversarial validation: whether train and test can be told apart, and by which columns."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import features
from pipelines.plumbing.errors import MemberFailed
from pipelines.training.checks import columns
from pipelines.training.checks import rows as whole
from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding
from pipelines.values.seeds import derive

_MOST_ROWS = 5000
_MOST_CELLS = 5_000_000  # of 5,000 columns 1,000 rows are looked at
_MOST_PIXELS = 1024  # of a picture, each channel counted
_CHUNK = 256
_PARTS = 3
# Below this AUC a difference that is no chance is still too small to move a score by much.
_SLIGHT = 0.6
_LOUD = 0.7
_MOST_COLUMNS = 3
_MOST_SUSPECTS = 20  # columns that bins find telling: their order is rough where rows are few


def findings(dataset: Dataset, known: Mapping[str, Any], seed: int) -> list[Finding]:
    """Says which columns tell test from train, where `validate` found that they differ.

    Args:
        known: what `validate` gave.
    """
    auc, noise = known["auc"], known["noise"]
    if auc is None or auc < max(_SLIGHT, 0.5 + noise):
        return []
    names = []
    if isinstance(dataset.X_train, pd.DataFrame) and isinstance(dataset.X_test, pd.DataFrame):
        drawn = _drawn(dataset, seed)
        both = (
            X.iloc[rows] for X, rows in zip((dataset.X_train, dataset.X_test), drawn, strict=True)
        )
        table = pd.concat(both, ignore_index=True)
        is_test = np.repeat([0, 1], [len(rows) for rows in drawn])
        shares = columns.explained(table, is_test, 2, derive(seed, "telling"))
        suspects = sorted(shares, key=lambda name: -shares[name])[:_MOST_SUSPECTS]
        alone = {name: _alone(table[name], is_test, seed) for name in suspects}
        best = sorted(suspects, key=lambda name: -alone[name])[:_MOST_COLUMNS]
        names = [f"{name} (AUC {alone[name]:.2f} alone)" for name in best if alone[name] >= _SLIGHT]
    counts = {"auc": f"{auc:.3f}", "columns": ", ".join(names) or "many, none of them alone"}
    return [Finding("adversarial", "loud" if auc >= _LOUD else "note", counts, "")]


def _alone(column: "pd.Series", is_test: np.ndarray, seed: int) -> float:
    """ROC AUC of a column alone, 0.5 … 1: by the share of test rows in bins, out of sample, or by order for numbers."""
    from sklearn.metrics import roc_auc_score

    code = columns.bins(column)
    half = np.random.default_rng(derive(seed, "alone")).permutation(len(code)) % 2 == 0
    chance = np.zeros(len(code))
    for fitted, judged in ((half, ~half), (~half, half)):
        rows = np.bincount(code[fitted], minlength=code.max() + 1)
        tests = np.bincount(code[fitted], is_test[fitted], minlength=len(rows))
        chance[judged] = ((tests + is_test.mean()) / (rows + 1))[code[judged]]
    found = [float(roc_auc_score(is_test, chance)), 0.5]
    if pd.api.types.is_numeric_dtype(column):
        ordered = float(roc_auc_score(is_test, column.rank(na_option="top")))
        found += [ordered, 1 - ordered]
    return max(found)


def sampled(dataset: Dataset) -> tuple[int, int]:
    """How many rows of train and of test are looked at."""
    most = _most(dataset)
    return min(len(dataset.X_train), most), min(len(dataset.X_test), most)


def _most(dataset: Dataset) -> int:
    width = math.prod(dataset.X_train.shape[1:])
    if isinstance(dataset.X_train, np.ndarray):
        width = min(width, _MOST_PIXELS)
    return max(_PARTS, min(_MOST_ROWS, _MOST_CELLS // max(1, width)))


def _drawn(dataset: Dataset, seed: int) -> list[np.ndarray]:
    """Positions of at most 5,000 rows of train and of test, fewer of a very wide table."""
    return [
        columns.draw(len(part), _most(dataset), derive(seed, "adversarial", name))
        for name, part in (("train", dataset.X_train), ("test", dataset.X_test))
    ]


def validate(dataset: Dataset, seed: int) -> dict[str, Any]:
    """Adversarial validation: can a model tell training rows from test rows?

    Small boosted trees on at most 5,000 rows of each part, judged out of fold.

    Returns:
        auc: ROC AUC, 0.5 alike … 1.0 different; None where it could not be computed.
        noise: rows that are alike give an AUC within 0.5 ± noise in 95 of 100 cases; None likewise.
        rows: how many of each part were looked at.
        meaning: a sentence.
    """
    parts = _drawn(dataset, seed)
    sizes = [len(rows) for rows in parts]
    if min(sizes) < _PARTS:
        return _unknown(
            sizes, f"it needs {_PARTS} rows of each part, found {sizes[0]} and {sizes[1]}"
        )
    try:
        auc = _separation(dataset, parts, derive(seed, "adversarial"))
    except MemberFailed as error:
        return _unknown(sizes, str(error))
    # Standard error of the Mann-Whitney statistic where both parts come from one distribution.
    noise = 1.96 * math.sqrt((sum(sizes) + 1) / (12 * sizes[0] * sizes[1]))
    return {
        "auc": round(auc, 4),
        "noise": round(noise, 4),
        "rows": sizes,
        "meaning": _meaning(auc, noise),
    }


def _unknown(sizes: list[int], reason: str) -> dict[str, Any]:
    meaning = f"Whether test is like train is not known: {reason}"
    return {"auc": None, "noise": None, "rows": sizes, "meaning": meaning}


def _separation(dataset: Dataset, parts: list[np.ndarray], seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    train, test = (
        X.iloc[rows] if isinstance(X, pd.DataFrame) else _thinned(X, rows)
        for X, rows in zip((dataset.X_train, dataset.X_test), parts, strict=True)
    )
    is_test = np.repeat([0, 1], [len(train), len(test)])
    trees = HistGradientBoostingClassifier(
        max_iter=30,
        max_leaf_nodes=15,
        max_bins=64,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    model = make_pipeline(features.vectors(dataset.image), trees)
    folds = StratifiedKFold(_PARTS, shuffle=True, random_state=seed)
    # Such small trees wait for their threads longer than they work: one is 3 to 9 times as fast on a busy machine.
    with threadpool_limits(1):
        chance = cross_val_predict(
            model, whole.stacked(train, test), is_test, cv=folds, method="predict_proba"
        )[:, 1]
    return float(roc_auc_score(is_test, chance))


def _thinned(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """These pictures with every k-th pixel of both sides, a few pictures in memory at a time."""
    step = math.ceil(math.sqrt(math.prod(X.shape[1:]) / _MOST_PIXELS))
    parts = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
    return np.concatenate([X[part][:, ::step, ::step].copy() for part in parts])


def _meaning(auc: float, noise: float) -> str:
    found = f"AUC {auc:.3f}; rows that are alike give {0.5 - noise:.3f} … {0.5 + noise:.3f}"
    if auc <= 0.5 + noise:
        return f"Test is like train ({found}): a score in cross-validation should carry over"
    if auc < _SLIGHT:
        return f"Test differs slightly from train ({found}): expect a small gap between CV and LB"
    return (
        f"Test differs from train ({found}): a score in cross-validation may not carry over; "
        "look for columns that tell the parts apart (`drop:`), or split by time or group"
    )
