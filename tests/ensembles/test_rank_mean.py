import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipelines.ensembles.rank_mean import RankMean
from pipelines.plumbing.errors import MemberFailed
from pipelines.values import metrics


def binary(positive: np.ndarray) -> np.ndarray:
    """Members' probabilities of the second class (members, rows) as matrices."""
    return np.stack([1 - positive, positive], axis=2)


def method(metric: str = "roc_auc") -> RankMean:
    return RankMean(metrics.get(metric), ["a", "b"], 0)


def test_a_test_row_is_placed_among_the_fitted_rows() -> None:
    fitted = method().fit(binary(np.array([[0.1, 0.2, 0.3, 0.4]])), np.zeros(4))
    new = fitted.combine(binary(np.array([[0.05, 0.25, 0.9]])))
    np.testing.assert_allclose(new[:, 1], [0.1, 0.5, 0.9])  # 0, 2 and 4 of 4 lie below


def test_equal_values_share_the_middle_of_their_places() -> None:
    fitted = method().fit(binary(np.array([[0.1, 0.5, 0.5, 0.5]])), np.zeros(4))
    # one of four lies below and four up to it: place 2.5, and 1.5 for the other class
    assert fitted.combine(binary(np.array([[0.5]])))[0, 1] == pytest.approx(0.6)


@given(st.integers(0, 2**31), st.floats(0.2, 5))
def test_the_scale_of_a_member_does_not_matter(seed: int, power: float) -> None:
    generator = np.random.default_rng(seed)
    members = generator.uniform(0.01, 0.99, (2, 30, 2))
    other = members**power
    expected = method().fit(members, np.zeros(30)).combine(members)
    np.testing.assert_allclose(method().fit(other, np.zeros(30)).combine(other), expected)


def test_a_flattened_member_counts_as_much_as_the_other() -> None:
    """Where the plain mean is ruled by the member with the wider scale, ranks let both speak."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 400)
    wide = np.clip(0.5 + 0.25 * generator.normal(0.5 * y, 1), 0, 1)
    flat = 0.5 + 1e-3 * generator.normal(2 * y, 1)
    members = binary(np.stack([wide, flat]))
    ranked = method().fit(members, y).combine(members)[:, 1]
    assert roc_auc_score(y, ranked) > roc_auc_score(y, members.mean(axis=0)[:, 1]) + 0.1


@pytest.mark.parametrize(
    ("metric", "width"),
    [("rmse", 1), ("log_loss", 2), ("accuracy", 2), ("f1_macro", 3), ("roc_auc", 3)],
)
def test_refuses_what_looks_at_more_than_the_order_of_rows(metric: str, width: int) -> None:
    members = np.full((2, 4, width), 1 / width)
    with pytest.raises(MemberFailed, match=rf"roc_auc of 2 classes\), found {metric}.*: use mean"):
        method(metric).fit(members, np.zeros(4))
    assert "label" not in RankMean.kinds
