"""What to know about a dataset before anything is trained on it: sizes, gaps, twins, and whether test is like train."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features import tabular
from pipelines.plumbing.atomic import write_bytes, write_json
from pipelines.training import pictures
from pipelines.training.checks import adversarial as validation
from pipelines.training.checks import columns, rows
from pipelines.values.dataset import Dataset
from pipelines.values.dates import dates_as_text
from pipelines.values.findings import Finding
from pipelines.values.seeds import derive

_MOST_COLUMNS = 20
_SAMPLES = 40


def profile(
    dataset: Dataset,
    seed: int,
    left_out: Mapping[str, str] | None = None,
    adversarial: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a dataset in plain numbers.

    Args:
        dataset: as the preprocess stage made it.
        seed: of the rows that are drawn and of the adversarial validation.
        left_out: columns that the dataset does not hold → why.
        adversarial: of `checks.adversarial.validate`, where it is known already.

    Returns:
        rows, test_rows, columns: counts.
        image: [height, width, channels], or None.
        classes: name → training rows; empty for regression.
        target: minimum, median, mean, maximum and standard deviation of the values; None for classes.
        missing: train and test, cells without a value; columns, the 20 that lack most.
        duplicates: see `_duplicates`.
        adversarial: see `checks.adversarial.validate`.
        left_out: column → why it is no feature, or not used by models that take encoded tables.
        numbers_as_text, nearly_numbers, dates_as_text: column → an example.
    """
    table = dataset.X_train if isinstance(dataset.X_train, pd.DataFrame) else pd.DataFrame()
    counts = (
        np.bincount(dataset.y, minlength=len(dataset.classes)) if dataset.is_classification else ()
    )
    image, odd = dataset.image, _odd_columns(table)
    return {
        "rows": len(dataset.y),
        "test_rows": len(dataset.test_ids),
        "columns": math.prod(dataset.X_train.shape[1:]),
        "image": list(image.shape) if image else None,
        "classes": {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)},
        "target": None if dataset.is_classification else _spread(dataset.y),
        "missing": _missing(dataset),
        "duplicates": _duplicates(dataset),
        "adversarial": adversarial or validation.validate(dataset, seed),
        **odd,
        "left_out": {**(left_out or {}), **odd["left_out"]},
    }


def write(
    folder: Path,
    dataset: Dataset,
    warnings: Sequence[str],
    seed: int,
    left_out: Mapping[str, str] | None = None,
    findings: Sequence[Finding] = (),
    adversarial: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write `profile.json` and `samples.png` (pictures) or `distributions.png` (tables) into `folder`.

    Args:
        folder: made where it does not exist.
        dataset: what is described.
        warnings: sentences of `raw.build`, kept beside the numbers.
        seed, left_out, adversarial: as in `profile`.
        findings: of `checks.findings_of`, kept beside the numbers.

    Returns:
        The warnings, and a sentence for each column that an encoded table leaves out or that holds numbers as text.

    Raises:
        UserError: the disk is full or read-only.
    """
    described = profile(dataset, seed, left_out, adversarial)
    said = [*warnings, *_notes(described)]
    kept = [finding.as_json() for finding in findings]
    write_json(folder / "profile.json", {**described, "warnings": said, "findings": kept})
    if isinstance(dataset.X_train, pd.DataFrame):
        assert isinstance(dataset.X_test, pd.DataFrame)
        target = _labels(dataset) if dataset.is_classification else dataset.y
        drawn = pictures.distributions(dataset.X_train, dataset.X_test, target)
        write_bytes(folder / "distributions.png", drawn)
    else:
        drawn_rows = columns.draw(len(dataset.y), _SAMPLES, derive(seed, "samples"))
        white = dataset.image.maximum if dataset.image else None
        drawn = pictures.sample_grid(
            dataset.X_train[drawn_rows],
            dataset.row_ids[drawn_rows],
            _labels(dataset)[drawn_rows],
            white=white,
        )
        write_bytes(folder / "samples.png", drawn)
    return said


def column_notes(dataset: Dataset) -> list[str]:
    """What `write` says of the columns beside the warnings."""
    table = dataset.X_train if isinstance(dataset.X_train, pd.DataFrame) else pd.DataFrame()
    return _notes(_odd_columns(table))


def _odd_columns(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    return {
        "left_out": tabular.left_out(table),
        "numbers_as_text": tabular.numbers_as_text(table),
        "nearly_numbers": tabular.nearly_numbers(table),
        "dates_as_text": dates_as_text(table),
    }


def _notes(described: dict[str, Any]) -> list[str]:
    unused = [
        f"column {name!r} is left out of encoded tables: {reason}"
        for name, reason in described["left_out"].items()
        if reason == tabular.NAMES_ROWS  # one without any value is a finding
    ]
    unused += [
        f"column {name!r} holds numbers but for a few cells, such as {example!r}, and models take all for words: take "
        "these cells for missing in a kernel or a feature block"
        for name, example in described["nearly_numbers"].items()
    ]
    unused += [
        f"column {name!r} holds dates in words or in several forms, such as {example!r}, which models take for "
        "categories: write them as 2021-01-31 in a kernel"
        for name, example in described["dates_as_text"].items()
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
    train, test = rows.both(dataset)
    targets = pd.Series(dataset.y).groupby(train).transform("nunique")
    return {
        "train": int(train.duplicated().sum()),
        "test": int(test.duplicated().sum()),
        "across": int(test.isin(train).sum()),
        "conflicting": int((targets > 1).sum()),
    }
