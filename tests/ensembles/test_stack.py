import numpy as np
import pytest

from pipelines.ensembles.stack import Stack
from pipelines.plumbing.errors import MemberFailed
from pipelines.values import metrics
from pipelines.values.predictions import one_hot

LABELS = ["0", "1", "2"]


def stack(metric: str) -> Stack:
    return Stack(metrics.get(metric), LABELS, 0)


def smooth(labels: np.ndarray) -> np.ndarray:
    return 0.7 * one_hot(labels, 3) + 0.1


def test_learns_that_a_member_mixes_up_two_classes() -> None:
    """No weights could repair it: the member must be read differently per class."""
    y = np.arange(300) % 3
    members = smooth(np.array([1, 0, 2])[y])[np.newaxis]
    combined = stack("accuracy").fit(members, y).combine(members)
    assert metrics.get("accuracy").score(y, combined) == 1.0


def test_calibrates_a_member_that_is_too_sure() -> None:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 600)
    said = np.where(generator.random(600) < 0.6, y, generator.integers(0, 3, 600))
    members = (0.997 * one_hot(said, 3) + 0.001)[np.newaxis]
    log_loss = metrics.get("log_loss")
    combined = stack("log_loss").fit(members, y).combine(members)
    assert log_loss.score(y, combined) < log_loss.score(y, members[0]) - 0.5


def test_a_class_without_fitted_rows_keeps_what_the_members_say() -> None:
    y = np.arange(60) % 2
    members = np.stack([smooth(y), smooth(y)])
    combined = stack("accuracy").fit(members, y).combine(np.stack([smooth(np.array([2, 0]))] * 2))
    assert combined.argmax(axis=1).tolist() == [2, 0]
    np.testing.assert_allclose(combined[:, 2], [0.8, 0.1])
    np.testing.assert_allclose(combined.sum(axis=1), 1)


def test_one_class_only_is_refused() -> None:
    with pytest.raises(MemberFailed, match="2 classes or more, found 1"):
        stack("accuracy").fit(smooth(np.zeros(5, dtype=int))[np.newaxis], np.zeros(5, dtype=int))


def test_values_get_weights_of_their_own_scale() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.uniform(1, 2, (2, 200, 1))
    fitted = stack("rmse").fit(np.stack([a, b]), (2 * a + 0.5 * b)[:, 0])
    coefficients = fitted.describe(["x", "y"])["coefficients"]
    assert coefficients == pytest.approx({"x": 2, "y": 0.5})


def test_values_of_0_or_more_stay_so() -> None:
    generator = np.random.default_rng(2)
    members = generator.exponential(1, (4, 100, 1))
    y = np.maximum(members[0, :, 0] - members[1, :, 0], 0)
    assert stack("rmsle").fit(members, y).combine(members).min() >= 0


def test_values_that_go_against_the_target_are_refused() -> None:
    with pytest.raises(MemberFailed, match="goes along with the target"):
        stack("rmse").fit(-np.ones((2, 5, 1)), np.ones(5))
