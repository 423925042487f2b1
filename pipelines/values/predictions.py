"""Predictions, the currency: whatever can predict ends as one such value."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipelines.plumbing.atomic import read_arrays, write_arrays
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values.metrics import Kind, get

TestFrom = Literal["folds", "refit"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one model, kernel or ensemble says about the training rows and the test rows.

    Attributes:
        name: unique within its kind: `models/knn`, `kernels/m01/first-cnn`, `ensembles/mean`.
        kind: label (one-hot), probability (rows sum to 1) or value.
        oof: float32 (n_rows, n_classes), or (n_rows, 1) for values; each row predicted by a model that
            did not see it. NaN where a row was not predicted (fold −1, or a failure), never 0.
        test: float32 (n_test, same width), no NaN.
        test_from: folds (mean over the fold models) or refit (one model on all rows).
        row_ids, test_ids: fixed-width text (n_rows,), (n_test,).
        classes: text (n_classes,); empty for values.
        metric: the name of the metric behind `fold_scores`.
        fold_scores: float64 (n_folds,), the metric on each fold's rows.
        folds_hash, data_hash: what it was made of; other hashes are not comparable.
        cut: float64 (n_folds + 1, n_classes), the weights (see `cuts`) that `oof` has on each fold's rows, and
            last those of `test`; None where the metric has no cut.

    Raises:
        MemberFailed: a shape does not fit, a test row is NaN, or a prediction is infinite.
    """

    name: str
    kind: Kind
    oof: np.ndarray
    test: np.ndarray
    test_from: TestFrom
    row_ids: np.ndarray
    test_ids: np.ndarray
    classes: np.ndarray
    metric: str
    fold_scores: np.ndarray
    folds_hash: str
    data_hash: str
    cut: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._bring_into_form()
        width = len(self.classes) or 1
        for part, ids in (("oof", self.row_ids), ("test", self.test_ids)):
            shape = getattr(self, part).shape
            if shape != (len(ids), width):
                raise MemberFailed(
                    f"{self.name}: {part} must have shape {(len(ids), width)}, found {shape}"
                )
        if not np.isfinite(self.test).all():
            raise MemberFailed(
                f"{self.name}: every test row must be predicted, found NaN or infinity"
            )
        if np.isinf(self.oof).any():
            raise MemberFailed(
                f"{self.name}: predictions must be finite numbers, found infinity in the OOF"
            )

    def _bring_into_form(self) -> None:
        """Give every array its type, order and width, so that equal values are equal bytes on disk."""
        for name in ("oof", "test"):
            with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
                matrix = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            object.__setattr__(self, name, matrix)
        for name in ("row_ids", "test_ids", "classes"):
            text = np.asarray(np.asarray(getattr(self, name)).tolist(), dtype=np.str_)
            object.__setattr__(self, name, text)
        scores = np.ascontiguousarray(self.fold_scores, dtype=np.float64)
        object.__setattr__(self, "fold_scores", scores)

    @property
    def is_pooled(self) -> bool:
        """Whether an ensemble may take it: a label says nothing where the metric needs probabilities."""
        return not (self.kind == "label" and get(self.metric).needs == "probability")

    def save(self, path: Path) -> None:
        """Write npz without pickles: ids as fixed-width text, matrices as float32."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        known = {name: np.asarray(value) for name, value in content.items() if value is not None}
        write_arrays(path, known)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing, cut off, holds pickles, or lacks a field.
        """
        stored = read_arrays(path)
        try:
            stored.setdefault("cut", np.array(None))
            content: dict[str, Any] = {field.name: stored[field.name] for field in fields(cls)}
            for name, value in content.items():
                content[name] = value.item() if value.ndim == 0 else value
            return cls(**content)
        except (KeyError, ValueError, TypeError, AttributeError, MemberFailed) as error:
            raise UserError(
                f"{path} must be predictions and is something else ({error}): delete it and rerun"
            ) from None


def one_hot(indices: np.ndarray, n_classes: int) -> np.ndarray:
    """Class indices (n,) as a float32 matrix (n, n_classes)."""
    return np.eye(n_classes, dtype=np.float32)[indices]
