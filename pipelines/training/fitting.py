"""One fit: inputs made from the training rows alone, an inner split for validation, a fresh model."""

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

import features
from pipelines.models import Job, Model, ModelParams
from pipelines.plumbing.errors import MemberFailed
from pipelines.training.checkpoints import Fit
from pipelines.training.plan import Plan
from pipelines.values.dataset import Features
from pipelines.values.folds import inner_validation
from pipelines.values.seeds import derive


def rows_of(X: Features, rows: np.ndarray) -> Features:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def fit_and_predict(
    plan: Plan, params: ModelParams, job: Job, train_rows: np.ndarray, targets: Sequence[Features]
) -> Fit:
    """Fit a fresh model and predict.

    Nothing but `train_rows` reaches `fit`: neither of the transformer nor of the model. A part of these
    rows only validates, for early stopping, where the model asks for it.

    Args:
        plan: model, data and folds.
        params: hyperparameters.
        job: this fit's seed, folder and progress, as `plan.job` makes it.
        train_rows: positions to learn from.
        targets: raw features of each set of rows to predict.

    Raises:
        MemberFailed: the model cannot learn from these rows, or predicts NaN.
    """
    started = time.monotonic()
    dataset = plan.dataset
    transformer = features.inputs(dataset.image, plan.model.inputs)
    transformer.fit(rows_of(dataset.X_train, train_rows))
    model = plan.model(params, job)
    fitted, held = _split(plan, model, train_rows)

    def inputs(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return transformer.transform(rows_of(dataset.X_train, rows)), dataset.y[rows]

    model.fit(*inputs(fitted), inputs(held) if len(held) else None)
    parts = tuple(
        _checked(model.predict(transformer.transform(X)), len(X), dataset.width) for X in targets
    )
    return Fit(parts, model.history_, time.monotonic() - started)


def _split(plan: Plan, model: Model, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and rows for validation; of the latter none where the model does not ask for them."""
    if not model.validation:
        return rows, rows[:0]
    dataset, seed = plan.dataset, derive(model.job.seed, "watch")  # the word is part of the seed
    return inner_validation(
        plan.folds, rows, model.validation, dataset.y, seed, dataset.groups, dataset.times
    )


def _checked(predicted: np.ndarray, n_rows: int, width: int) -> np.ndarray:
    if predicted.shape != (n_rows, width):
        raise MemberFailed(
            f"predictions must have shape {(n_rows, width)}, found {predicted.shape}"
        )
    if not np.isfinite(predicted).all():
        raise MemberFailed(
            "predictions must be finite numbers, found NaN or infinity: lower the learning rate"
        )
    return predicted.astype(np.float32)
