import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ensembles.hill_climb import HillClimb
from pipelines.plumbing.errors import MemberFailed
from pipelines.values import metrics
from pipelines.values.predictions import one_hot

LABELS = ["0", "1", "2"]


def climbed(metric: str, members: np.ndarray, y: np.ndarray, seed: int = 0) -> HillClimb:
    classes = LABELS if members.shape[2] == 3 else []
    return HillClimb(metrics.get(metric), classes, seed).fit(members, y)


def noisy(generator: np.random.Generator, y: np.ndarray, count: int) -> np.ndarray:
    """Members that know something each, independently."""
    raw = one_hot(y, 3) + generator.exponential(1, (count, len(y), 3))
    return raw / raw.sum(axis=2, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 4),
    st.sampled_from(["accuracy", "f1_macro", "qwk", "log_loss", "roc_auc", "mae", "rmse", "r2"]),
    st.booleans(),
)
def test_never_worse_on_its_own_rows_than_the_best_single(
    seed: int, count: int, name: str, is_label: bool
) -> None:
    generator = np.random.default_rng(seed)
    metric, y = metrics.get(name), np.arange(30) % 3
    members = noisy(generator, y, count)
    if metric.needs == "value":
        members = members[:, :, 1:2]
    elif metric.needs == "label" and is_label:
        members = np.stack([one_hot(m.argmax(axis=1), 3) for m in members]).astype(np.float64)
    method = climbed(name, members, y)
    mine = metric.score(y, method.combine(members), LABELS)
    assert all(metric.gain(mine, metric.score(y, m, LABELS)) >= -1e-12 for m in members)


def test_one_good_member_is_not_outvoted_by_the_bags_without_it() -> None:
    """Half of the bags hold only members that are sure and wrong; their average would be wrong too."""
    y = np.arange(30) % 3
    good = 0.1 * one_hot(y, 3) + 0.3
    wrong = 0.9 * one_hot((y + 1) % 3, 3) + 0.1 / 3
    members = np.stack([good if number == 4 else wrong for number in range(24)])
    np.testing.assert_array_equal(climbed("accuracy", members, y).weights_, np.eye(24)[4])


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "log_loss", "roc_auc"])
def test_independent_members_together_beat_each_alone(name: str) -> None:
    generator, metric = np.random.default_rng(3), metrics.get(name)
    y = generator.integers(0, 3, 400)
    members = noisy(generator, y, 5)
    mine = metric.score(y, climbed(name, members, y).combine(members), LABELS)
    assert all(metric.better(mine, metric.score(y, member, LABELS)) for member in members)


def test_takes_a_member_as_often_as_it_helps() -> None:
    generator = np.random.default_rng(4)
    a, b = generator.normal(size=(2, 400))
    members = np.stack([a, b])[:, :, np.newaxis]
    weights = climbed("rmse", members, 0.75 * a + 0.25 * b).weights_
    np.testing.assert_allclose(weights, [0.75, 0.25], atol=1e-9)


def test_a_tie_of_the_metric_goes_to_the_surer_member() -> None:
    y = np.array([0, 1, 2, 0, 1, 2])
    right = one_hot(y, 3).astype(np.float64)
    unsure, sure = 0.7 * right + 0.1, 0.97 * right + 0.01
    wrong = np.roll(unsure, 1, axis=1)
    weights = climbed("accuracy", np.stack([wrong, unsure, sure]), y).weights_
    np.testing.assert_array_equal(weights, [0, 0, 1])


def test_a_whole_tie_goes_to_the_earlier_member() -> None:
    y = np.array([0, 1, 2])
    same = np.stack([0.7 * one_hot(y, 3) + 0.1] * 3)
    np.testing.assert_array_equal(climbed("accuracy", same, y).weights_, [1, 0, 0])


def test_large_pools_are_bagged_and_drawn_from_the_seed() -> None:
    generator = np.random.default_rng(5)
    y = generator.integers(0, 3, 200)
    members = noisy(generator, y, 14)
    first, again, other = (climbed("accuracy", members, y, seed) for seed in (1, 1, 2))
    assert first.describe([f"m{i}" for i in range(14)])["bags"] == 10
    assert climbed("accuracy", members[:10], y).bags_ == 1
    np.testing.assert_array_equal(first.weights_, again.weights_)
    assert not np.array_equal(first.weights_, other.weights_)
    assert first.weights_.sum() == pytest.approx(1)


def test_rows_on_which_all_agree_change_nothing() -> None:
    """They are skipped while climbing; weights must be those of a climb that looks at every row."""
    generator = np.random.default_rng(6)
    y = generator.integers(0, 3, 150)
    members = noisy(generator, y, 4)
    agreed = np.stack([0.7 * one_hot(np.zeros(50, dtype=int), 3) + 0.1] * 4)
    more = np.concatenate([members, agreed], axis=1)
    weights = climbed("accuracy", more, np.concatenate([y, generator.integers(0, 3, 50)])).weights_
    np.testing.assert_allclose(weights, climbed("accuracy", members, y).weights_)


def test_auc_without_a_class_is_a_failed_member() -> None:
    members = noisy(np.random.default_rng(7), np.zeros(9, dtype=int), 2)
    with pytest.raises(MemberFailed, match="every class"):
        climbed("roc_auc", members, np.zeros(9, dtype=int))


def test_a_draw_of_many_rows_finds_nearly_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, y = np.random.default_rng(3), np.arange(6000) % 3
    members = noisy(generator, y, 3)
    whole = climbed("log_loss", members, y).weights_
    monkeypatch.setattr("pipelines.ensembles.hill_climb._MOST_ROWS", 3000)
    drawn = climbed("log_loss", members, y).weights_
    assert drawn.tolist() != whole.tolist()
    np.testing.assert_allclose(drawn, whole, atol=0.1)
