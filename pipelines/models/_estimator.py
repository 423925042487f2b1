"""What models share that are an estimator of a library with the interface of scikit-learn."""

from typing import Any

import numpy as np

from pipelines.models import Model


class Estimator(Model):
    """A subclass sets `model_` in `fit`."""

    model_: Any

    def predict(self, X: Any) -> np.ndarray:
        if not self.job.is_classification:
            values = np.asarray(self.model_.predict(X), np.float32)
            return values.reshape(-1, 1)
        # A small fold may lack a class; its column must be there all the same.
        predicted = np.zeros((len(X), self.job.width), np.float32)
        predicted[:, np.asarray(self.model_.classes_, int)] = self.model_.predict_proba(X)
        return predicted


def watched(
    y: np.ndarray, validation: tuple[Any, np.ndarray] | None, is_classification: bool
) -> tuple[Any, np.ndarray] | None:
    """The rows that early stopping watches, without those of a class that `y` lacks; None where none is left."""
    if validation is None:
        return None
    X, truth = validation
    if is_classification:
        known = np.isin(truth, y)
        X, truth = X[known], truth[known]
    return (X, truth) if len(truth) else None
