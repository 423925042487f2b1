"""Models: one file each, with its defaults and its search space beside it.

A model knows no path, no run name and no logger. It gets arrays and gives arrays; the engine in
`pipelines/training` makes a fresh one for every fold, saves what it made, and scores it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from sklearn.base import TransformerMixin

import features
from pipelines.plumbing.schema import Strict
from pipelines.values.competition import Image
from pipelines.values.predictions import TestFrom


class ModelParams(Strict):
    """Hyperparameters that every model has; a model adds its own and may change the defaults.

    Attributes:
        test_from: folds predicts the test rows by the mean of the fold models; refit by one more model
            fitted on all rows.
        repeats: models with seeds of their own per fold (and refit), whose mean predicts.
        target: what values are learned as: log for log(1 + y), plain as they are, auto for what the metric
            asks for (log under RMSLE). Predictions are always values. Classes have no such choice.
    """

    target: Literal["auto", "plain", "log"] = "auto"
    test_from: TestFrom = "folds"
    repeats: int = Field(default=1, ge=1)


@dataclass(frozen=True)
class Range:
    """A numeric part of a search space: `low` … `high`, both possible."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Choice:
    """A part of a search space with a few named values."""

    options: tuple[Any, ...]


Space = Mapping[str, Range | Choice]


@dataclass(frozen=True)
class Job:
    """What a model must know beside its arrays.

    Attributes:
        width: columns to predict: a probability per class, or 1 value.
        is_classification: whether `y` holds class indices.
        seed: this fit's own seed, derived from the run's seed and the fold.
        folder: where half-finished work may be kept; what lies there came from this very job.
        progress: called often during `fit` and `predict` with a few words on where the work is. It may
            raise, to stop a fit whose time is up.
        image: the dataset's `image`; None for tables.
    """

    width: int
    is_classification: bool
    seed: int
    folder: Path | None = None
    progress: Callable[[str], None] = lambda note: None
    image: Image | None = None


class Model(ABC):
    """Fits what its transformer gives, predicts arrays. Learned state ends in `_`.

    Attributes:
        Params: the schema of its hyperparameters, defaults included.
        space: what tuning may try; a value fixed in params.yaml leaves it.
        backend: keras, where it computes with Keras: the engine then sets `backend:` of params.yaml and
            `device:` of local.yaml before `fit`, and makes the backend as deterministic as it can be.
        streams: whether `fit` and `predict` take `Streamed` rows too, as pictures come that would fill the memory.
        history_: after `fit`, a mapping per epoch (loss, val_loss, …); empty without epochs.
    """

    Params: ClassVar[type[ModelParams]] = ModelParams
    space: ClassVar[Space] = {}
    backend: ClassVar[Literal["keras"] | None] = None
    streams: ClassVar[bool] = False

    def __init__(self, params: Any, job: Job) -> None:
        self.params, self.job = params, job
        self.history_: list[dict[str, float]] = []

    @classmethod
    def validation(cls, params: Any, rows: int) -> float:
        """Share of the training rows, of which there are `rows`, that `fit` gets apart to stop early by; 0 for none."""
        return 0.0

    def inputs(self) -> TransformerMixin:
        """An unfitted transformer from the dataset's raw rows to what `fit` and `predict` take.

        The engine calls `fit_transform(X, y)` with the rows that `fit` will learn from, never with others, so it
        may look at targets (fold-safe target encoding), and `transform` with all others. Raw rows are a DataFrame
        with the columns as they were read (numbers, text, gaps), changed by the competition's feature block where
        it has one, or uint8 or float32 pictures (n, height, width, channels) where `self.job.image` is set.

        Returns:
            By default one that gives float32 (n, n_features) without NaN for any dataset. scikit-learn's
            `FunctionTransformer()` gives the raw rows as they are.

        Raises:
            MemberFailed: the model cannot learn from such a dataset.
        """
        return features.vectors(self.job.image)

    @abstractmethod
    def fit(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        """Learn from rows.

        Args:
            X: what the transformer of `inputs` gives.
            y: class indices int64 (n,) or values float64 (n,).
            validation: (X, y) of rows that are never fitted on; None where the share `validation` is 0.

        Raises:
            MemberFailed: this model cannot learn from this data.
        """

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:
        """Probabilities (n, n_classes) or values (n, 1), float32, no NaN."""
