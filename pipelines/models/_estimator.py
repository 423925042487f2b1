"""What models share that are an estimator of a library with the interface of scikit-learn."""

from abc import abstractmethod
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field
from sklearn.base import TransformerMixin

import features
from pipelines.models import Model, ModelParams

# Up to so many, one thread of LightGBM is as fast as two on a machine with nothing else to do.
_MANY_CELLS = 1_000_000


class Estimator(Model):
    """A subclass sets `model_` in `learn`. Rows of one class or value are predicted as that: libraries refuse them.

    Attributes:
        only_: the class or value of all rows of the fit; None where they differ.
    """

    model_: Any

    @abstractmethod
    def learn(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> None:
        """Learn from rows as `fit` gets them, of two classes or values at least."""

    def fit(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        self.only_ = y[0] if (y == y[0]).all() else None
        if self.only_ is None:
            self.learn(X, y, validation)
        return self

    def predict(self, X: Any) -> np.ndarray:
        predicted = np.zeros((len(X), self.job.width), np.float32)
        if not self.job.is_classification:
            predicted[:, 0] = self.model_.predict(X) if self.only_ is None else self.only_
        elif self.only_ is None:
            # A small fold may lack a class; its column must be there all the same.
            predicted[:, np.asarray(self.model_.classes_, int)] = self.model_.predict_proba(X)
        else:
            predicted[:, self.only_] = 1
        return predicted


# Up to so many training rows each one is wanted for the trees, and these may grow slowly.
MANY_ROWS = 50_000
_WATCHED = 0.1


class BoosterParams(ModelParams):
    """Hyperparameters that gradient boosting shares, whatever library grows the trees.

    Attributes:
        rounds: trees at most (some grow one per class each round); early stopping may end sooner.
        learning_rate: weight of a tree.
        l2: shrinks what a leaf says.
        validation: share of the training rows whose loss decides when to stop, none of them of the fold that is
            scored; 0 grows all rounds on all rows. auto: a tenth above 50,000 training rows, else 0.
        patience: rounds without a lower validation loss before it stops.
    """

    rounds: int = Field(default=400, ge=1)
    learning_rate: float = Field(default=0.03, gt=0)
    l2: float = Field(default=1.0, ge=0)
    validation: Annotated[float, Field(ge=0, lt=0.9)] | Literal["auto"] = "auto"
    patience: int = Field(default=50, ge=1)


class Booster(Estimator):
    """Boosted trees on typed columns, which know gaps and categories themselves."""

    @classmethod
    def validation(cls, params: Any, rows: int) -> float:
        if params.validation != "auto":
            return float(params.validation)
        return _WATCHED if rows > MANY_ROWS else 0.0

    def inputs(self) -> TransformerMixin:
        return features.typed(self.job.image, self.job.seed)


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


def threads(X: Any) -> int | None:
    """How many threads OpenMP may use: one for a small table, else all cores (None).

    Threads wait for each other many times a tree. On a small table that is most of the work, and where other
    processes hold a core nearly all of it: 1,459 rows of nine numbers took 8 s instead of 0.2 s. The bytes are the same.
    """
    return 1 if np.prod(X.shape) < _MANY_CELLS else None
