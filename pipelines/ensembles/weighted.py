"""The weighted average: one weight per member, 0 or more, together 1, found by an optimiser."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize

from pipelines.ensembles import Method, average, named

# A label member is sometimes certain and wrong; below this its loss no longer grows without end.
_FLOOR = 1e-6
# MAE's corner is rounded over this part of the typical error, so that the slope exists everywhere.
_ROUNDED = 0.01
_STEPS = 200
_TOLERANCE = 1e-9

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]  # weights → (loss, its gradient)


class Weighted(Method):
    """Minimises a smooth convex loss of the average over the simplex of weights by SLSQP.

    The loss is log loss for classification, absolute error (its corner rounded) for MAE and squared error
    for other values. It stands in for the metric, because accuracy, F1, AUC or QWK are steps in the
    weights: their slope is 0 almost everywhere and their many optima on a few rows are mostly noise, while
    a convex loss has one optimum and the same rows give the same weights. `hill_climb` works on the metric.
    """

    def fit(self, members: np.ndarray, y: np.ndarray) -> Self:
        loss = self._loss(members, y)
        equal = np.full(len(members), 1 / len(members))
        found = minimize(
            loss, equal, jac=True, method="SLSQP", bounds=[(0, 1)] * len(members),
            constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1,
                         "jac": np.ones_like},
            options={"maxiter": _STEPS, "ftol": _TOLERANCE},
        ).x  # fmt: skip
        # SLSQP may stop early where the loss is flat: what it found must beat the obvious weights.
        candidates = [_onto_simplex(found, equal), equal, *np.eye(len(members))]
        self.weights_ = min(candidates, key=lambda weights: loss(weights)[0])
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        return average(members, self.weights_)

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        return {"weights": named(self.weights_, names)}

    def _loss(self, members: np.ndarray, y: np.ndarray) -> Loss:
        if self.metric.needs != "value":
            return _log_loss(members[:, np.arange(len(y)), y])
        error = members[:, :, 0] - y
        typical = np.sqrt(np.square(error).mean()) or 1.0  # the tolerance must not know the unit
        return (_absolute if self.metric.name == "mae" else _squared)(error / typical)


def _onto_simplex(weights: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    weights = np.clip(weights, 0, None)
    total = weights.sum()
    return weights / total if np.isfinite(total) and total > 0 else otherwise


def _log_loss(true: np.ndarray) -> Loss:
    """Mean log loss, from the members' probabilities of the true class (n_members, n_rows)."""
    true = np.clip(true, _FLOOR, 1)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(weights @ true, _FLOOR)
        return float(-np.log(mixed).mean()), -(true / mixed).mean(axis=1)

    return loss


def _squared(error: np.ndarray) -> Loss:
    """Mean squared error. Weights sum to 1, so the error of the average is the average of the errors."""
    products = error @ error.T / error.shape[1]
    return lambda weights: (float(weights @ products @ weights), 2 * products @ weights)


def _absolute(error: np.ndarray) -> Loss:
    """Mean absolute error with a rounded corner, convex and smooth."""

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = weights @ error
        length = np.hypot(mixed, _ROUNDED)
        return float(length.mean()), (error * (mixed / length)).mean(axis=1)

    return loss
