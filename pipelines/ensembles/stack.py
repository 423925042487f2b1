"""Stacking: a level-2 model learns from the members' OOF predictions (Wolpert 1992)."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax

from pipelines.ensembles import Method, named
from pipelines.plumbing.errors import MemberFailed

# Surer than this is not believed: a certain and wrong member would else outweigh all others.
_FLOOR = 1e-3
# The weights are pulled towards the geometric mean as strongly as ten rows would.
_PENALTY = 10.0
_STEPS = 200
# The few parameters do not get better by more rows; the confusion matrices are counted on all.
_MOST_ROWS = 20_000


class Stack(Method):
    """A logistic regression on log-probabilities; non-negative least squares for values.

    A member enters twice: as it is, and read through its confusion matrix, which says what is true how
    often where the member says 3. All classes share a member's two weights, and each class has a constant:
    2 · members + classes parameters, for which 20,000 rows are enough. A weight per member and pair of
    classes needs all rows, and overfits (benchmarks/stack.py).
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
        self.seen_ = np.unique(y)
        if len(self.seen_) < 2:
            raise MemberFailed(
                f"stack must learn from rows of 2 classes or more, found {len(self.seen_)}: "
                "use mean or weighted"
            )
        truth = (y[:, np.newaxis] == self.seen_).astype(np.float64)
        self.confusions_ = [_confusion(member, truth, self.seen_) for member in members]
        if len(y) > _MOST_ROWS:
            rows = np.random.default_rng(self.seed).choice(len(y), _MOST_ROWS, replace=False)
            members, truth = members[:, rows], truth[rows]
        features = np.stack(list(self._features(members)))
        self.coefficients_, self.constants_ = _regression(features, truth)
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        if self.metric.needs == "value":
            return (members[:, :, 0].T @ self.coefficients_)[:, np.newaxis]
        # A class that was never seen keeps what the members give it; the others share the rest.
        combined = members.mean(axis=0)
        unseen = np.delete(combined, self.seen_, axis=1).sum(axis=1, keepdims=True)
        logits = np.tile(self.constants_, (len(combined), 1))
        for weight, feature in zip(self.coefficients_, self._features(members), strict=True):
            logits += weight * feature
        combined[:, self.seen_] = softmax(logits, axis=1) * (1 - unseen)
        return combined

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        if self.metric.needs == "value":
            return {
                "level_2": "non-negative least squares",
                "coefficients": named(self.coefficients_, names),
            }
        as_it_is, confused = np.split(self.coefficients_, 2)
        return {
            "level_2": "logistic regression on log-probabilities",
            "coefficients": named(as_it_is, names),
            "coefficients_confused": named(confused, names),
        }

    def _features(self, members: np.ndarray) -> Iterator[np.ndarray]:
        """Log-probabilities of the seen classes (n_rows, n_seen), per member: as given, then confused."""
        for member in members:
            yield np.log(np.clip(member[:, self.seen_], _FLOOR, 1.0))
        for member, confusion in zip(members, self.confusions_, strict=True):
            yield np.log(np.clip(member @ confusion, _FLOOR, 1.0))


def _confusion(member: np.ndarray, truth: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How often each seen class is true where the member says a class: (n_classes, n_seen), rows sum to 1.

    One row in which the member is right is added per class: what it never says it is believed.
    """
    counts = member.T @ truth + np.eye(member.shape[1])[:, seen]
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), _FLOOR)


def _regression(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n_features,) and constants (n_seen,) with the smallest log loss of softmax(w · x + c)."""
    count = len(features)
    start = np.append(np.full(count, 1 / count), np.zeros(truth.shape[1]))

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        log_p = log_softmax(np.tensordot(found[:count], features, 1) + found[count:], axis=1)
        wrong, pulled = np.exp(log_p) - truth, found - start
        slope = np.append(np.tensordot(features, wrong, 2), wrong.sum(axis=0))
        height = _PENALTY / 2 * pulled @ pulled - (truth * log_p).sum()
        return height / len(truth), (slope + _PENALTY * pulled) / len(truth)

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    return found[:count], found[count:]


def _non_negative(features: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights of 0 or more (n_members,) with the smallest squared error."""
    coefficients, _ = nnls(features, y)
    if not coefficients.any() and y.any():
        raise MemberFailed(
            "stack must have a member that goes along with the target, found none: check the members"
        )
    return coefficients
