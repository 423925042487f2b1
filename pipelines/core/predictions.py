"""Predictions, the currency: whatever can predict ends as one such value."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipelines.core.atomic import writing
from pipelines.core.errors import MemberFailed, UserError
from pipelines.core.metrics import Kind, get

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

    def __post_init__(self) -> None:
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

    @property
    def is_pooled(self) -> bool:
        """Whether an ensemble may take it: a label says nothing where the metric needs probabilities."""
        return not (self.kind == "label" and get(self.metric).needs == "probability")

    def renamed(self, name: str) -> "Predictions":
        return replace(self, name=name)

    def save(self, path: Path) -> None:
        """Write npz without pickles: ids as fixed-width text, matrices as float32."""
        content: dict[str, Any] = {
            field.name: np.asarray(getattr(self, field.name)) for field in fields(self)
        }
        content["oof"] = content["oof"].astype(np.float32)
        content["test"] = content["test"].astype(np.float32)
        with writing(path) as temporary, temporary.open("wb") as target:
            np.savez_compressed(target, **content)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing, cut off, holds pickles, or lacks a field.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                content = {name: stored[name] for name in (field.name for field in fields(cls))}
        except FileNotFoundError:
            raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise UserError(
                f"{path} must be predictions and cannot be read ({error}): delete it and rerun"
            ) from None
        plain = {
            name: value.item() if value.ndim == 0 else value for name, value in content.items()
        }
        return cls(**plain)


def one_hot(indices: np.ndarray, n_classes: int) -> np.ndarray:
    """Class indices (n,) as a float32 matrix (n, n_classes)."""
    return np.eye(n_classes, dtype=np.float32)[indices]
