"""What a run looks like: its learning curve as numbers, and pictures of where it is wrong."""

import numpy as np
import pandas as pd

from pipelines.core import pictures
from pipelines.training.cross_validation import Outcome
from pipelines.training.plan import Plan

_SHOWN_WRONG = 64


def curve(outcome: Outcome, plan: Plan) -> pd.DataFrame:
    """Mean losses per epoch over the fits that ran it: columns epoch, loss, watch_loss, …

    A model without epochs has one, whose loss is the mean loss of its OOF rows.
    """
    if outcome.history:
        return (
            pd.DataFrame(outcome.history).drop(columns="fold").groupby("epoch").mean().reset_index()
        )
    rows = plan.folds.scored
    losses = plan.metric.row_losses(plan.dataset.y[rows], outcome.predictions.oof[rows])
    return pd.DataFrame({"epoch": [0], "loss": [losses.mean()]})


def pictures_of(outcome: Outcome, plan: Plan) -> dict[str, bytes]:
    """PNG files by their name in the run: learning curves, confusion matrix, wrong predictions."""
    drawn = {}
    if outcome.history:
        drawn["pictures/curves.png"] = pictures.curves(outcome.history)
    if plan.dataset.is_classification:
        drawn |= _of_classes(outcome, plan)
    return drawn


def _of_classes(outcome: Outcome, plan: Plan) -> dict[str, bytes]:
    dataset, rows = plan.dataset, np.flatnonzero(plan.folds.scored)
    predicted = outcome.predictions.oof[rows].argmax(axis=1)
    names = np.array(dataset.classes)
    drawn = {
        "pictures/confusion.png": pictures.confusion_matrix(
            dataset.y[rows], predicted, dataset.classes
        )
    }
    if isinstance(dataset.X_train, np.ndarray) and dataset.image:
        drawn["pictures/wrong.png"] = pictures.wrong_gallery(
            dataset.X_train[rows], dataset.row_ids[rows], names[dataset.y[rows]], names[predicted],
            limit=_SHOWN_WRONG, white=dataset.image.maximum,
        )  # fmt: skip
    return drawn
