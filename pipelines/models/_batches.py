"""Streamed pictures as Keras takes them: one batch after the other, in a given order."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pipelines.values.streamed import Streamed


def batches(
    X: Streamed,
    y: np.ndarray | None,
    size: int,
    order: np.ndarray | None = None,
    changed: Callable[[np.ndarray, int], np.ndarray] | None = None,
) -> Any:
    """A `keras.utils.PyDataset` that gives the batches of one pass.

    Args:
        X: the pictures.
        y: a target for each; None where they are to be predicted.
        size: rows a batch.
        order: places in X, int64 (n,); as they stand by default.
        changed: from the pictures of a batch and the number of rows before it to what is seen of them.
    """
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        """Reads in one thread, so that the same batches come in the same order."""

        def __len__(self) -> int:
            return math.ceil(len(X) / size)

        def __getitem__(self, number: int) -> Any:
            first = number * size
            places = np.arange(len(X))[first : first + size] if order is None else order[first : first + size]  # fmt: skip
            pictures = X[places] if changed is None else changed(X[places], first)
            return pictures if y is None else (pictures, y[places])

    return Batches()
