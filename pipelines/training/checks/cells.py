"""Checks of what stands in the cells of a table: columns without any value, and numbers that are none."""

import numpy as np
import pandas as pd

from features import tabular
from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding

_SHOWN = 3


def empty(dataset: Dataset) -> list[Finding]:
    """Columns without a value in train, in test or in both; loud where models learn what test never has."""
    X, test = dataset.X_train, dataset.X_test
    if not isinstance(X, pd.DataFrame) or not isinstance(test, pd.DataFrame) or not len(test):
        return []
    in_train, in_test = (_known(part) for part in (X, test))
    findings = []
    for part, found in (
        ("train and test", ~in_train & ~in_test),
        ("train", ~in_train & in_test),
        ("test", in_train & ~in_test),
    ):
        names = [str(name) for name in X.columns[found]]
        if names:
            shown = ", ".join(names[:_SHOWN])
            counts = {"columns": len(names), "part": part}
            findings.append(Finding("empty", "loud" if part == "test" else "note", counts, shown))
    return findings


def _known(part: pd.DataFrame) -> np.ndarray:
    """Which columns hold a value at all, bool (n_columns,)."""
    return part.notna().any().to_numpy()


def infinite(dataset: Dataset) -> list[Finding]:
    """Columns of numbers with cells such as inf or 1e300, which models take for missing ones."""
    findings = []
    for part, X in (("train", dataset.X_train), ("test", dataset.X_test)):
        if not isinstance(X, pd.DataFrame):
            continue
        floats = X.loc[:, [dtype.kind == "f" for dtype in X.dtypes]]
        lost = floats.notna() & tabular.all_as_numbers(floats).isna()
        for name in floats.columns[lost.any()]:
            counts = {"column": str(name), "cells": int(lost[name].sum()), "part": part}
            example = f"{floats[name][lost[name]].iloc[0]:g}"
            findings.append(Finding("infinite", "note", counts, example))
    return findings
