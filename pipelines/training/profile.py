"""What to know about a dataset before anything is trained on it: sizes, gaps, twins, and whether test is like train."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import features
from features import tabular
from pipelines.plumbing.atomic import write_bytes, write_json
from pipelines.plumbing.errors import MemberFailed
from pipelines.training import pictures
from pipelines.values.dataset import Dataset, Features
from pipelines.values.seeds import derive

_MOST_ROWS = 5000
_MOST_COLUMNS = 20
_PARTS = 3
_SAMPLES = 40
# Below this AUC a difference that is no chance is still too small to move a score by much.
_SLIGHT = 0.6


def profile(
    dataset: Dataset, seed: int, left_out: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Describe a dataset in plain numbers.

    Args:
        dataset: as the preprocess stage made it.
        seed: of the rows that are drawn and of the adversarial validation.
        left_out: columns that the dataset does not hold → why.

    Returns:
        rows, test_rows, columns: counts.
        image: [height, width, channels], or None.
        classes: name → training rows; empty for regression.
        target: minimum, median, mean, maximum and standard deviation of the values; None for classes.
        missing: train and test, cells without a value; columns, the 20 that lack most.
        duplicates: see `_duplicates`.
        adversarial: see `_adversarial`.
        left_out: column → why it is no feature, or not used by models that take encoded tables.
        numbers_as_text: column → an example.
    """
    table = dataset.X_train if isinstance(dataset.X_train, pd.DataFrame) else pd.DataFrame()
    counts = (
        np.bincount(dataset.y, minlength=len(dataset.classes)) if dataset.is_classification else ()
    )
    image = dataset.image
    return {
        "rows": len(dataset.y),
        "test_rows": len(dataset.test_ids),
        "columns": math.prod(dataset.X_train.shape[1:]),
        "image": list(image.shape) if image else None,
        "classes": {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)},
        "target": None if dataset.is_classification else _spread(dataset.y),
        "missing": _missing(dataset),
        "duplicates": _duplicates(dataset),
        "adversarial": _adversarial(dataset, seed),
        "left_out": {**(left_out or {}), **tabular.left_out(table)},
        "numbers_as_text": tabular.numbers_as_text(table),
    }


def write(
    folder: Path,
    dataset: Dataset,
    warnings: Sequence[str],
    seed: int,
    left_out: Mapping[str, str] | None = None,
) -> list[str]:
    """Write `profile.json` and `samples.png` (pictures) or `distributions.png` (tables) into `folder`.

    Args:
        folder: made where it does not exist.
        dataset: what is described.
        warnings: sentences of `raw.build`, kept beside the numbers.
        seed, left_out: as in `profile`.

    Returns:
        The warnings, and a sentence for each column that an encoded table leaves out or that holds numbers as text.

    Raises:
        UserError: the disk is full or read-only.
    """
    described = profile(dataset, seed, left_out)
    said = [*warnings, *_column_notes(described)]
    write_json(folder / "profile.json", {**described, "warnings": said})
    if isinstance(dataset.X_train, pd.DataFrame):
        assert isinstance(dataset.X_test, pd.DataFrame)
        target = _labels(dataset) if dataset.is_classification else dataset.y
        drawn = pictures.distributions(dataset.X_train, dataset.X_test, target)
        write_bytes(folder / "distributions.png", drawn)
    else:
        rows = _draw(len(dataset.y), _SAMPLES, derive(seed, "samples"))
        white = dataset.image.maximum if dataset.image else None
        drawn = pictures.sample_grid(
            dataset.X_train[rows], dataset.row_ids[rows], _labels(dataset)[rows], white=white
        )
        write_bytes(folder / "samples.png", drawn)
    return said


def _column_notes(described: dict[str, Any]) -> list[str]:
    unused = [
        f"column {name!r} is left out of encoded tables: {reason}"
        for name, reason in described["left_out"].items()
        if reason in (tabular.NO_VALUE, tabular.NAMES_ROWS)
    ]
    return unused + [
        f"column {name!r} holds numbers as text, such as {example!r}, which models take for words: turn them into "
        "numbers in a kernel"
        for name, example in described["numbers_as_text"].items()
    ]


def _labels(dataset: Dataset) -> np.ndarray:
    """Class names, or values in short, as text (n_rows,)."""
    if dataset.is_classification:
        return np.array(dataset.classes)[dataset.y]
    return np.array([f"{value:g}" for value in dataset.y])


def _spread(values: np.ndarray) -> dict[str, float]:
    spread = {"minimum": values.min(), "median": np.median(values), "mean": values.mean(),
              "maximum": values.max(), "standard_deviation": values.std()}  # fmt: skip
    return {name: float(value) for name, value in spread.items()}


def _missing(dataset: Dataset) -> dict[str, Any]:
    """Cells without a value in train and test, and the columns that lack most of them."""
    tables = [X for X in (dataset.X_train, dataset.X_test) if isinstance(X, pd.DataFrame)]
    if not tables:
        return {"train": 0, "test": 0, "columns": []}  # raw.build refuses pictures with gaps
    train, test = (table.isna().sum() for table in tables)
    both = (train + test)[train + test > 0].sort_values(ascending=False, kind="stable")
    columns = [
        {"column": str(name), "train": int(train[name]), "test": int(test[name])}
        for name in both.index[:_MOST_COLUMNS]
    ]
    return {"train": int(train.sum()), "test": int(test.sum()), "columns": columns}


def _duplicates(dataset: Dataset) -> dict[str, int]:
    """Rows whose features are equal, value by value; a missing value equals a missing value.

    Returns:
        train, test: rows that repeat an earlier row of the same part.
        across: test rows that occur in train.
        conflicting: training rows that share their features with a row of another target.
    """
    keys = _row_keys(_stacked(dataset.X_train, dataset.X_test))
    train, test = pd.Series(keys[: len(dataset.y)]), pd.Series(keys[len(dataset.y) :])
    targets = pd.Series(dataset.y).groupby(train).transform("nunique")
    return {
        "train": int(train.duplicated().sum()),
        "test": int(test.duplicated().sum()),
        "across": int(test.isin(train).sum()),
        "conflicting": int((targets > 1).sum()),
    }


def _row_keys(X: Features) -> np.ndarray:
    """A key per row; equal rows have equal keys."""
    if isinstance(X, pd.DataFrame):
        return pd.util.hash_pandas_object(X, index=False).to_numpy()
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in X])


def _stacked(train: Features, test: Features) -> Features:
    """One below the other, in one type: a column of whole numbers is float in a part that has gaps."""
    if isinstance(train, pd.DataFrame):
        return pd.concat([train, pd.DataFrame(test)], ignore_index=True)
    return np.concatenate([train, np.asarray(test)])


def _adversarial(dataset: Dataset, seed: int) -> dict[str, Any]:
    """Adversarial validation: can a model tell training rows from test rows?

    Small boosted trees on at most 5,000 rows of each part, judged out of fold.

    Returns:
        auc: ROC AUC, 0.5 alike … 1.0 different; None where it could not be computed.
        noise: rows that are alike give an AUC within 0.5 ± noise in 95 of 100 cases; None likewise.
        rows: how many of each part were looked at.
        meaning: a sentence.
    """
    parts = [
        _draw(len(part), _MOST_ROWS, derive(seed, "adversarial", name))
        for name, part in (("train", dataset.X_train), ("test", dataset.X_test))
    ]
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
        X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
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
            model, _stacked(train, test), is_test, cv=folds, method="predict_proba"
        )[:, 1]
    return float(roc_auc_score(is_test, chance))


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


def _draw(total: int, most: int, seed: int) -> np.ndarray:
    """Positions of at most `most` of `total` rows, ascending."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False))
