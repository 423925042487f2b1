"""A fit is a value: which model learns from which rows and predicts which others, and what came of it.

`run` needs nothing but a `FitSpec`, so any process that sees the dataset's folder can do it: the loop in this
process, another process, another machine. What it says on the way are messages; until when it may work
stands in the spec.
"""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from features import blocks
from pipelines.models import Job, Model
from pipelines.plumbing import registry
from pipelines.plumbing.atomic import content_hash, read_arrays, write_arrays
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.training import backend
from pipelines.values.dataset import Dataset, Features
from pipelines.values.streamed import Streamed

# Of the machine's memory: a fit holds its rows several times over, as pixels, as numbers and in an epoch's order.
_STREAMED_ABOVE = 1 / 32


class OutOfTime(Exception):
    """The deadline of a spec has passed in the middle of its fit."""


@dataclass(frozen=True)
class Message:
    """What a fit says while it runs: its name, and in a few words where the work is."""

    fit: str
    note: str


@dataclass(frozen=True, eq=False)
class FitSpec:
    """All that one fit needs.

    Attributes:
        name: unique within its job, such as `fold 0`, `fold 0 repeat 1` or `refit`.
        model: a file of pipelines/models/.
        competition: whose feature block changes the rows first, where there is one.
        params: its hyperparameters, all of them.
        seed: of this fit alone.
        dataset: the folder where the dataset lies; it decides nothing, `data_hash` does.
        train: positions of the training rows, int64, ascending.
        validation: those of them that nothing is learned from, for early stopping; may be empty.
        predict: sets of training rows to predict, each int64 positions.
        predicts_test: whether the test rows are predicted too, after these.
        on_log: whether the values are learned as log(1 + y).
        clip: the least and the greatest value that is predicted.
        backend: tensorflow, jax or torch; None for a model without one.
        device: cpu or gpu.
        folder: where half-finished work may be kept; None keeps none.
        deadline: when it must stop, in seconds since 1970; None never.
    """

    name: str
    model: str
    competition: str
    params: dict[str, Any]
    seed: int
    dataset: Path
    data_hash: str
    train: np.ndarray
    validation: np.ndarray
    predict: tuple[np.ndarray, ...] = ()
    predicts_test: bool = False
    on_log: bool = False
    clip: tuple[float | None, float | None] = (None, None)
    backend: str | None = None
    device: str = "cpu"
    folder: Path | None = None
    deadline: float | None = None

    def content(self) -> dict[str, Any]:
        """What decides the numbers, for a key: not where anything lies, nor until when it may run."""
        plain, rows = self._parts()
        for elsewhere in ("dataset", "folder", "deadline"):
            plain.pop(elsewhere)
        return plain | {"rows": content_hash({name: part.tolist() for name, part in rows.items()})}

    def save(self, path: Path) -> None:
        """Write it as npz, for another process."""
        plain, rows = self._parts()
        write_arrays(path, {**rows, "rest": np.array(json.dumps(plain, default=str))})

    @classmethod
    def load(cls, path: Path) -> "FitSpec":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or damaged.
        """
        stored = read_arrays(path)
        plain = json.loads(str(stored.pop("rest")))
        for name in ("dataset", "folder"):
            plain[name] = None if plain[name] is None else Path(plain[name])
        train, validation = stored.pop("train"), stored.pop("validation")
        plain["clip"] = tuple(plain["clip"])
        predict = tuple(stored[f"predict{number}"] for number in range(len(stored)))
        return cls(**plain, train=train, validation=validation, predict=predict)

    def _parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Everything but the rows, and the rows by name."""
        plain = dict(vars(self))
        rows = {"train": plain.pop("train"), "validation": plain.pop("validation")}
        rows |= {f"predict{number}": part for number, part in enumerate(plain.pop("predict"))}
        return plain, rows


@dataclass(frozen=True, eq=False)
class Fit:
    """One finished fit.

    Attributes:
        parts: predictions float32 (n, width), one per set of rows that was asked for, the test rows last.
        history: losses per epoch.
        seconds: wall-clock time of fitting and predicting.
    """

    parts: tuple[np.ndarray, ...]
    history: list[dict[str, float]]
    seconds: float


def _silent(message: Message) -> None:
    """Drop the message."""


def run(spec: FitSpec, post: Callable[[Message], None] = _silent) -> Fit:
    """Fit a fresh model and predict.

    Nothing but `spec.train` without `spec.validation` reaches `fit`: neither of the block, nor of the
    transformer, nor of the model. The same spec gives the same bytes in every process of one machine.

    Args:
        spec: what is to be done.
        post: takes the messages.

    Raises:
        MemberFailed: the model cannot learn from these rows, or predicts NaN.
        OutOfTime: the deadline has passed.
        UserError: the dataset is not the one that the spec was made for, or the backend is not there.
    """
    started = time.monotonic()
    kind = registry.load(Model, spec.model)
    if spec.backend is not None:
        backend.prepare(spec.backend, spec.device)
    data = _dataset_of(spec)

    def progress(note: str) -> None:
        if spec.deadline is not None and time.time() >= spec.deadline:
            raise OutOfTime
        post(Message(spec.name, note))

    progress("starts")
    job = Job(data.width, data.is_classification, spec.seed, spec.folder, progress, data.image)
    model = kind(kind.Params(**spec.params), job)
    known = blocks.of(spec.competition, getattr(data.X_train, "columns", ()))
    transformer = make_pipeline(*known, model.inputs())
    streamed = kind.streams and not known and _is_large(data.X_train, len(spec.train))
    y = np.log1p(data.y) if spec.on_log else data.y
    fitted = np.setdiff1d(spec.train, spec.validation, assume_unique=True)
    X = transformer.fit_transform(rows_of(data.X_train, fitted, streamed), y[fitted])
    apart = None
    if len(spec.validation):
        held = rows_of(data.X_train, spec.validation, streamed)
        apart = transformer.transform(held), y[spec.validation]
    model.fit(X, y[fitted], apart)
    del X, apart  # of a large table nothing may stay that is not needed
    asked = [(data.X_train, rows) for rows in spec.predict]
    if spec.predicts_test:
        asked.append((data.X_test, np.arange(len(data.test_ids))))
    parts = []
    for where, rows in asked:
        predicted = model.predict(transformer.transform(rows_of(where, rows, streamed)))
        parts.append(_checked(predicted, len(rows), data.width, spec))
    return Fit(tuple(parts), model.history_, time.monotonic() - started)


def _dataset_of(spec: FitSpec) -> Dataset:
    data = dataset_in(spec.dataset)
    if data.hash != spec.data_hash:
        raise UserError(
            f"{spec.dataset} must hold the data {spec.data_hash} that {spec.name} was planned for, and holds "
            f"{data.hash}: run `dvc repro`"
        )
    return data


def dataset_in(folder: Path) -> Dataset:
    """The dataset of a folder, read once per process while it stays the same.

    Raises:
        UserError: it is missing or damaged.
    """
    meta = folder / "meta.json"
    return _dataset(folder, meta.stat().st_mtime_ns if meta.is_file() else 0)


@lru_cache(maxsize=1)
def _dataset(folder: Path, version: int) -> Dataset:
    return Dataset.load(folder)


def rows_of(X: Features, rows: np.ndarray, streamed: bool = False) -> Features | Streamed:
    """Rows by their positions; pictures that are streamed stay where they lie until they are asked for."""
    if isinstance(X, pd.DataFrame):
        return X.iloc[rows]
    return Streamed(X, rows) if streamed else X[rows]


def _is_large(X: Features, n_rows: int) -> bool:
    """Whether so many pictures, as float32, take more than their share of the machine's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    size = 4 * n_rows * math.prod(X.shape[1:])
    return isinstance(X, np.ndarray) and size > _STREAMED_ABOVE * memory


def _checked(predicted: np.ndarray, n_rows: int, width: int, spec: FitSpec) -> np.ndarray:
    """Predictions as they are kept, float32: as values again, and within what can be."""
    if predicted.shape != (n_rows, width):
        raise MemberFailed(
            f"predictions must have shape {(n_rows, width)}, found {predicted.shape}"
        )
    with np.errstate(over="ignore"):
        predicted = np.expm1(predicted.astype(np.float64)) if spec.on_log else predicted
        kept = predicted.astype(np.float32)  # beyond 3e38 a number becomes infinite here
    if not np.isfinite(kept).all():
        raise MemberFailed(
            "predictions must be finite numbers, found NaN or infinity: lower the learning rate"
        )
    return kept if spec.clip == (None, None) else np.clip(kept, *spec.clip)
