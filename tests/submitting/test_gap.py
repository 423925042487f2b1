"""The interval of a gap holds nine of ten, on bundled tables that are split again and again."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.submitting import gap
from pipelines.values import metrics
from pipelines.values.predictions import one_hot

TABLES: dict[str, tuple[Any, str, Any]] = {
    "wine": (datasets.load_wine, "log_loss", LogisticRegression(max_iter=50)),
    "diabetes": (datasets.load_diabetes, "rmse", Ridge(1e-3)),
    "digits": (datasets.load_digits, "accuracy", KNeighborsClassifier()),
}


def replay(name: str, seed: int) -> gap.Gap:
    """One drawing of training rows and public rows; the model's OOF, and the mean of its folds for the LB."""
    load, metric_name, model = TABLES[name]
    X, y = load(return_X_y=True)
    metric = metrics.get(metric_name)
    width = 1 if metric.needs == "value" else int(y.max()) + 1
    classes = tuple(map(str, range(width))) if width > 1 else ()
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.2, random_state=seed, stratify=y if classes else None
    )
    public = np.random.default_rng(seed).permutation(test)[: len(test) // 2]
    oof, lb = np.zeros((len(train), width)), np.zeros((len(public), width))
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=seed)
    for learnt, left_out in folds.split(train, y[train]):
        fitted = make_pipeline(StandardScaler(), model).fit(X[train[learnt]], y[train[learnt]])
        for rows, into, share in (
            (train[left_out], (oof, left_out), 1),
            (public, (lb, slice(None)), 5),
        ):
            said = fitted.predict_proba(X[rows]) if classes else fitted.predict(X[rows])[:, None]
            into[0][into[1]] += said / share
    score = metric.score(y[public], lb, classes)
    return gap.between(metric, y[train], oof, classes, score, len(public), seed)


@pytest.mark.slow
def test_nine_of_ten_gaps_of_noise_lie_within() -> None:
    held = [replay(name, seed).is_noise for name in TABLES for seed in range(200)]
    assert 0.87 <= np.mean(held) <= 0.93


def test_a_gap_that_chance_does_not_give_is_told_from_noise() -> None:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 1000)
    right = generator.random(1000) < 0.8
    oof = one_hot(np.where(right, y, 1 - y), 2)
    metric = metrics.get("accuracy")
    for lb, is_noise in ((0.8, True), (0.83, True), (0.9, False), (0.7, False)):
        found = gap.between(metric, y, oof, ("0", "1"), lb, 500, 0)
        assert (found.is_noise, found.gain > 0) == (is_noise, lb > right.mean())
    # two samples of 1000 and 500 rows: 1.645 standard deviations to each side
    reach = 1.645 * math.sqrt(0.8 * 0.2 * (1 / 1000 + 1 / 500))
    assert (found.low, found.high) == (
        pytest.approx(-reach, rel=0.1),
        pytest.approx(reach, rel=0.1),
    )
    assert gap.between(metric, y, oof, ("0", "1"), 0.9, 20, 0).is_noise


def test_lower_may_be_better_and_a_metric_may_be_of_the_whole() -> None:
    generator = np.random.default_rng(1)
    y = generator.normal(size=400)
    oof = (y + generator.normal(scale=0.5, size=400))[:, None]
    worse = gap.between(metrics.get("rmse"), y, oof, (), 0.7, 200, 0)
    assert (worse.is_noise, worse.gain < 0) == (False, True)
    same = gap.between(metrics.get("r2"), y, oof, (), metrics.get("r2").score(y, oof), 200, 0)
    assert (same.gain, same.is_noise) == (0, True)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_few_rows_say_nothing(rows: int) -> None:
    y = np.arange(100) % 2
    found = gap.between(metrics.get("accuracy"), y, one_hot(y, 2), ("0", "1"), 0.1, rows, 0)
    assert (found.low, found.high, found.is_noise) == (-math.inf, math.inf, True)
