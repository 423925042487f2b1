"""From raw tables to a dataset and its folds: what `preprocess` stores, and `pilsa competition check` tells beforehand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from pipelines.plumbing.errors import UserError
from pipelines.values import dataset as datasets
from pipelines.values import dates, folds, raw
from pipelines.values.competition import Clip, Competition
from pipelines.values.dataset import Dataset
from pipelines.values.params import Params
from pipelines.values.raw import RawTables
from pipelines.values.seeds import derive


def build(competition: Competition, tables: RawTables) -> tuple[Dataset, list[str]]:
    """The dataset of all rows, and what there is to say of it, a sentence each.

    Raises:
        UserError: as of `raw.build`.
    """
    dataset, notes = raw.build(competition, tables)
    dataset, on_dates = _with_dates(competition, dataset)
    return dataset, [*notes, *on_dates, *_on_clip(competition, dataset)]


def split(
    competition: Competition, settings: Params, dataset: Dataset, scratch: Path
) -> tuple[Dataset, np.ndarray]:
    """The rows that `preprocess.max_rows` leaves, and their folds.

    Args:
        scratch: a folder for pictures that are a mapped file.

    Returns:
        The dataset of these rows, and int64 (n_rows,) of `folds.make`.

    Raises:
        UserError: too few rows are left, or the folds cannot be drawn.
    """
    left = _subset(dataset, settings.preprocess.max_rows, settings.seed, scratch)
    fold = folds.make(
        competition.split, settings.folds.n_splits, left.y, settings.seed, left.groups, left.times,
        left.classes,
    )  # fmt: skip
    return left, fold


def _with_dates(competition: Competition, dataset: Dataset) -> tuple[Dataset, list[str]]:
    """The dataset with the order of day and month of each column decided, before folds could decide it differently."""
    X, test = dataset.X_train, dataset.X_test
    if not isinstance(X, pd.DataFrame) or not isinstance(test, pd.DataFrame):
        return dataset, []
    train, test, notes = dates.settled(X, test, _said(competition, list(X.columns)))
    if train is X:
        return dataset, []
    return datasets.with_hash(replace(dataset, X_train=train, X_test=test)), notes


def _said(competition: Competition, columns: list[str]) -> dict[str, bool]:
    """Column → whether its day comes first, where the competition file says so."""
    said = {} if competition.day_first is None else dict.fromkeys(columns, competition.day_first)
    time, form = competition.split.time, competition.split.time_format
    if time and form and "%d" in form and "%m" in form:
        said[time] = form.index("%d") < form.index("%m")
    return said


def _on_clip(competition: Competition, dataset: Dataset) -> list[str]:
    """Offer to cut predictions where no target is negative; RMSLE does it by itself."""
    is_offered = competition.clip == Clip() and competition.metric != "rmsle"
    if dataset.is_classification or not is_offered or dataset.y.min() < 0:
        return []
    return [
        f"no {competition.target} is negative: `clip: {{low: 0}}` in the competition file keeps predictions at 0 or more"
    ]


def _subset(dataset: Dataset, max_rows: int, seed: int, scratch: Path) -> Dataset:
    """At most `max_rows` training rows, classes in their shares; the order of the file is kept."""
    if not 0 < max_rows < len(dataset.y):
        return dataset
    classes = dataset.y if dataset.is_classification else None
    everything, random_state = np.arange(len(dataset.y)), derive(seed, "subset")
    try:
        rows, _ = train_test_split(
            everything, train_size=max_rows, stratify=classes, random_state=random_state
        )
    except ValueError as error:
        raise UserError(
            f"preprocess.max_rows must leave every class its share, found {max_rows} ({error}): "
            "raise it in params.yaml, or set it to 0"
        ) from None
    return datasets.subset(dataset, np.sort(rows), scratch / "subset.npy")
