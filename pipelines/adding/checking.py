"""What `preprocess` will say of a competition, without training: its files read, checked and split."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.values import competition as competitions
from pipelines.values import folds, params, raw
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.raw import RawTables


@dataclass(frozen=True, eq=False)
class Checked:
    """A competition's files as `preprocess` would take them.

    Attributes:
        fold: int64 (n_rows,) of `folds.make`.
        notes: what there is to say of them, a sentence each.
    """

    competition: Competition
    tables: RawTables
    dataset: Dataset
    fold: np.ndarray
    notes: list[str]


def check(name: str) -> Checked:
    """Read a competition's files as `preprocess` does; nothing is written.

    Raises:
        UserError: what `preprocess` would refuse.
    """
    chosen, settings = competitions.load(name), params.load()
    tables = _read(chosen)
    dataset, notes = raw.build(chosen, tables)
    fold = folds.make(
        chosen.split, settings.folds.n_splits, dataset.y, settings.seed,
        dataset.groups, dataset.times, dataset.classes,
    )  # fmt: skip
    sizes = [int((fold == number).sum()) for number in range(settings.folds.n_splits)]
    said = f"{len(dataset.y):,} training rows in {len(sizes)} folds of {min(sizes):,} to {max(sizes):,}"
    notes = [*notes, f"{said}, {len(dataset.test_ids):,} test rows"]
    return Checked(chosen, tables, dataset, fold, notes)


def _read(chosen: Competition) -> RawTables:
    there = paths.raw(chosen.name)
    if there.is_dir():
        return raw.read(chosen, there)
    with tempfile.TemporaryDirectory() as folder:
        platforms.of(chosen).download(Path(folder))
        return raw.read(chosen, Path(folder))
