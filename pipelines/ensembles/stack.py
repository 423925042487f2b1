"""Stacking: a level-2 model learns from the members' OOF predictions (Wolpert 1992)."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.optimize import nnls
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.ensembles import Method, named
from pipelines.plumbing.errors import MemberFailed

# Surer than this is not believed: a certain and wrong member would else outweigh all others.
_FLOOR = 1e-3
# Members say nearly the same: a strong penalty keeps their weights from growing against each other.
_PENALTY_INVERSE = 0.1
_STEPS = 1000


class Stack(Method):
    """Multinomial logistic regression on log-probabilities; non-negative least squares for values.

    With few rows its many weights (members · classes²) are learned badly and its probabilities are worse
    than the plain mean's; it wins where members err in their own way per class and rows are plenty.
    A metric of labels (accuracy, F1, QWK) takes the likeliest class of the regression. Least squares
    serve every metric of values; without an intercept and without negative weights, members of 0 or more
    give a result of 0 or more, which RMSLE needs.
    """

    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        """Fit the level-2 model.

        Raises:
            MemberFailed: the rows hold one class only, or no member has the sign of the target.
        """
        if self.metric.needs == "value":
            self.coefficients_ = _non_negative(members[:, :, 0].T, y)
            return self
        seen = np.unique(y)
        if len(seen) < 2:
            raise MemberFailed(
                f"stack must learn from rows of 2 classes or more, found {len(seen)}: use mean or weighted"
            )
        # Log-probabilities lie far from 0; unscaled, the solver needs over a thousand steps.
        level_2 = LogisticRegression(C=_PENALTY_INVERSE, max_iter=_STEPS)
        self.model_ = make_pipeline(StandardScaler(), level_2)
        self.model_.fit(_log_probabilities(members), y)
        self.seen_ = seen
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        if self.metric.needs == "value":
            return (members[:, :, 0].T @ self.coefficients_)[:, np.newaxis]
        # A class that was never seen keeps what the members give it; the others share the rest.
        combined = members.mean(axis=0)
        unseen = np.delete(combined, self.seen_, axis=1).sum(axis=1, keepdims=True)
        model = self.model_.predict_proba(_log_probabilities(members))
        combined[:, self.seen_] = model * (1 - unseen)
        return combined

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        if self.metric.needs == "value":
            return {
                "level_2": "non-negative least squares",
                "coefficients": named(self.coefficients_, names),
            }
        return {"level_2": "multinomial logistic regression on log-probabilities"}


def _log_probabilities(members: np.ndarray) -> np.ndarray:
    """Level-2 features (n_rows, n_members · n_classes)."""
    return np.log(np.clip(np.concatenate(members, axis=1), _FLOOR, 1.0))


def _non_negative(features: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights of 0 or more (n_members,) with the smallest squared error."""
    coefficients, _ = nnls(features, y)
    if not coefficients.any() and y.any():
        raise MemberFailed(
            "stack must have a member that goes along with the target, found none: check the members"
        )
    return coefficients
