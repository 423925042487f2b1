"""Pictures: pixel values brought to 0 … 1. Nothing is learned, so nothing can leak between folds."""

from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from pipelines.plumbing.errors import MemberFailed
from pipelines.values.streamed import Streamed


class Pixels(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divide pictures by the value of white.

    Args:
        maximum: the value of white, > 0; 255 for most files, 16 for scikit-learn's digits.
        layout: image keeps (n, height, width, channels); vector makes it (n, height * width * channels).
    """

    def __init__(self, maximum: float = 255, layout: Literal["image", "vector"] = "image") -> None:
        self.maximum, self.layout = maximum, layout

    def fit(self, X: np.ndarray | Streamed, y: np.ndarray | None = None) -> Self:
        """Check the shape; there is nothing to learn."""
        _check_pictures(X)
        return self

    def transform(self, X: np.ndarray | Streamed) -> np.ndarray | Streamed:
        """Scale pictures.

        Args:
            X: (n, height, width, channels), uint8 or float32, 0 … maximum.

        Returns:
            float32, 0 … 1, in the shape that `layout` says; streamed pictures stay so, and are scaled batch by batch.

        Raises:
            MemberFailed: X is no stack of pictures.
        """
        _check_pictures(X)
        if isinstance(X, Streamed):
            if self.layout == "image":
                return X.scaled(self.maximum)
            X = X[:]
        scaled = X.astype(np.float32)
        scaled /= np.float32(self.maximum)
        return (
            scaled if self.layout == "image" else scaled.reshape(len(X), int(np.prod(X.shape[1:])))
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _check_pictures(X: np.ndarray | Streamed) -> None:
    shape = getattr(X, "shape", ())
    if not isinstance(X, np.ndarray | Streamed) or len(shape) != 4:
        raise MemberFailed(
            f"pictures must have shape (n, height, width, channels), found {type(X).__name__} of {shape}: "
            "correct `image:` in the competition file"
        )
