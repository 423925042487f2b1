import numpy as np

from pipelines.ensembles.mean import Mean
from pipelines.values import metrics
from pipelines.values.predictions import one_hot


def test_probabilities_are_averaged() -> None:
    members = np.array([[[0.8, 0.2]], [[0.4, 0.6]]])
    method = Mean(metrics.get("log_loss"), ["a", "b"], 0).fit(members, np.array([0]))
    np.testing.assert_allclose(method.combine(members), [[0.6, 0.4]])
    assert method.describe(["x", "y"]) == {"weights": {"x": 0.5, "y": 0.5}}


def test_labels_vote_and_the_first_class_wins_a_draw() -> None:
    votes = np.array([[2, 1], [2, 0], [0, 2], [1, 2], [1, 0], [0, 1]])  # 6 members, 2 rows
    members = np.stack([one_hot(vote, 3) for vote in votes]).astype(np.float64)
    combined = Mean(metrics.get("accuracy"), "abc", 0).fit(members, np.zeros(2)).combine(members)
    np.testing.assert_allclose(combined, 1 / 3)
    assert combined.argmax(axis=1).tolist() == [0, 0]
