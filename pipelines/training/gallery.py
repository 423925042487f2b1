"""Pictures of where a run is wrong, and how it learned."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.training import pictures
from pipelines.values.dataset import Dataset
from pipelines.values.folds import Folds
from pipelines.values.predictions import Predictions
from pipelines.values.streamed import Streamed

_SHOWN_WRONG = 64


def pictures_of(
    predictions: Predictions,
    dataset: Dataset,
    folds: Folds,
    history: Sequence[Mapping[str, float]] = (),
) -> dict[str, bytes]:
    """PNG files by their name in the run: learning curves, confusion matrix, wrong predictions."""
    drawn = {}
    if history:
        drawn["pictures/curves.png"] = pictures.curves(history)
    if not dataset.is_classification:
        return drawn
    rows = np.flatnonzero(folds.scored)
    predicted, names = predictions.oof[rows].argmax(axis=1), np.array(dataset.classes)
    drawn["pictures/confusion.png"] = pictures.confusion_matrix(
        dataset.y[rows], predicted, dataset.classes
    )
    if isinstance(dataset.X_train, np.ndarray) and dataset.image:
        drawn["pictures/wrong.png"] = pictures.wrong_gallery(
            Streamed(dataset.X_train, rows), dataset.row_ids[rows], names[dataset.y[rows]], names[predicted],
            limit=_SHOWN_WRONG, white=dataset.image.maximum,
        )  # fmt: skip
    return drawn
