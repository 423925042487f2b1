"""What models for tables do where there are many rows: a watched tenth, trees of a sample, the powers of a sample."""

import sys
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import PowerTransformer

from features.encoded import sampled_powers
from pipelines.models import Job, Model, _estimator, forest
from pipelines.plumbing import registry

BOOSTERS = ("lightgbm", "catboost", "hist_gbdt")


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_tenth_is_watched_above_a_number_of_rows_and_none_below(name: str) -> None:
    kind = registry.load(Model, name)
    auto, asked, none = kind.Params(), kind.Params(validation=0.2), kind.Params(validation=0)
    most = _estimator.MANY_ROWS
    assert [kind.validation(auto, rows) for rows in (most, most + 1)] == [0.0, 0.1]
    assert [kind.validation(asked, rows) for rows in (most, most + 1)] == [0.2, 0.2]
    assert kind.validation(none, most + 1) == 0.0


@pytest.mark.parametrize("name", BOOSTERS)
def test_watched_rows_end_the_growth_of_trees_that_only_learn_noise(name: str) -> None:
    """Silent, too: a deprecated way to hand over the watched rows would be said at every fit."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(200, 3)), generator.integers(0, 2, 200)
    kind = registry.load(Model, name)
    made = kind(kind.Params(rounds=200, learning_rate=0.3, patience=2), Job(2, True, 0))
    grown: Any = made.fit(X[:150], y[:150], (X[150:], y[150:])).model_
    rounds = {
        "lightgbm": lambda: grown.best_iteration_,
        "catboost": lambda: grown.tree_count_,
        "hist_gbdt": lambda: grown.n_iter_,
    }[name]()
    assert rounds < 100


def test_trees_draw_rows_where_there_are_more_than_asked() -> None:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(300, 3)), generator.integers(0, 2, 300)

    def sizes(most: int) -> list[int]:
        made = forest.Forest(forest.Params(trees=3, most_rows=most), Job(2, True, 0))
        trees = made.fit(X, y, None).model_.estimators_
        return [round(tree.tree_.weighted_n_node_samples[0]) for tree in trees]

    assert sizes(300) == [300, 300, 300]
    assert sizes(100) == [100, 100, 100]


def test_powers_of_a_sample_are_nearly_those_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).exponential(size=(8000, 2)) ** 2
    whole = PowerTransformer().fit_transform(X)
    assert sampled_powers().fit_transform(X).tobytes() == whole.tobytes()
    monkeypatch.setattr(sys.modules["features.encoded"], "_ROWS_FOR_POWERS", 2000)
    sampled = sampled_powers().fit_transform(X)
    assert sampled.tobytes() != whole.tobytes()
    assert np.abs(sampled - whole).max() < 0.3
