import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ensembles.weighted import Weighted
from pipelines.values import metrics
from pipelines.values.predictions import one_hot


def fitted(metric: str, members: np.ndarray, y: np.ndarray) -> np.ndarray:
    classes = [str(i) for i in range(members.shape[2])]
    return Weighted(metrics.get(metric), classes, 0).fit(members, y).weights_


def values(*columns: np.ndarray) -> np.ndarray:
    return np.stack(columns)[:, :, np.newaxis]


def test_finds_the_weights_that_made_the_target() -> None:
    generator = np.random.default_rng(0)
    a, b, c = generator.normal(size=(3, 500))
    weights = fitted("rmse", values(a, b, c), 0.7 * a + 0.3 * b)
    np.testing.assert_allclose(weights, [0.7, 0.3, 0], atol=1e-3)


@pytest.mark.parametrize("unit", [1e-6, 1, 1e6])
def test_the_unit_of_the_values_does_not_matter(unit: float) -> None:
    generator = np.random.default_rng(1)
    y = generator.normal(size=300)
    members = values(*(y + generator.normal(0, noise, 300) for noise in (0.5, 1, 2)))
    weights = fitted("mae", members * unit, y * unit)
    np.testing.assert_allclose(weights, fitted("mae", members, y), atol=1e-3)
    assert weights[0] > weights[1] > weights[2]


def test_mae_is_not_ruled_by_one_wild_row() -> None:
    generator = np.random.default_rng(2)
    y = generator.normal(size=200)
    near, far = y + generator.normal(0, 0.1, 200), y + generator.normal(0, 1, 200)
    near[0] += 50
    assert fitted("mae", values(near, far), y)[0] > 0.8
    assert fitted("rmse", values(near, far), y)[0] < 0.2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_never_worse_than_the_best_single_nor_the_plain_mean(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    members = generator.dirichlet(np.ones(3), (count, 40))
    y = generator.integers(0, 3, 40)
    weights = fitted("log_loss", members, y)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    metric = metrics.get("log_loss")
    losses = [metric.score(y, m) for m in (*members, members.mean(axis=0))]
    assert metric.score(y, np.tensordot(weights, members, axes=1)) <= min(losses) + 1e-3


def test_a_certain_and_wrong_label_member_is_survived() -> None:
    y = np.array([0, 1] * 20)
    wrong = one_hot(1 - y, 2)
    good = np.where(one_hot(y, 2) > 0, 0.9, 0.1)
    np.testing.assert_allclose(fitted("accuracy", np.stack([wrong, good]), y), [0, 1], atol=1e-6)


def test_members_that_are_right_everywhere_get_weights_too() -> None:
    y = np.ones(10)
    np.testing.assert_allclose(fitted("rmse", values(y, y), y), 0.5)
