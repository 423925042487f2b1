"""Views of competitions whose pictures are files: the same folders and tables, with a fold's rows playing test."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from pipelines.notebooks.views import CompetitionData, View
from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.readers import _listing
from pipelines.readers._listing import Part
from pipelines.values import submission


def write(
    data: CompetitionData, view: View, shown: np.ndarray, order: np.ndarray, folder: Path
) -> np.ndarray:
    """Write a fold's view: folders of pictures (zips are shown taken apart), tables, and the sample.

    Args:
        shown: positions in the dataset of the rows that train in this view.
        order: row i of `shown` gets the target of row `order[i]`.
        folder: takes the files.

    Returns:
        The ids of all rows of the dataset as the kernel sees them.

    Raises:
        MemberFailed: the competition's ids only count rows.
        UserError: the raw files are not those that the dataset was made of.
    """
    competition, raw = data.competition, paths.raw(data.competition.name)
    if competition.id == "position":
        raise MemberFailed(
            f"pictures must be named by ids of their own for a view, and those of {competition.name} only count rows: "
            "set `id: key`, or `views: no, because …` in the competition file"
        )
    key, target = competition.id_column, competition.target
    with TemporaryDirectory(dir=folder.parent) as scratch:
        listing = _listing.read(competition, raw, Path(scratch))
        train, columns = listing.train, listing.test.table.columns
        places = pd.Index(train.table[key]).get_indexer(pd.Index(data.dataset.row_ids))
        if (places < 0).any():
            raise UserError(
                f"every row of the dataset must be among the pictures, found {int((places < 0).sum())} that are not: "
                "run `dvc repro`"
            )
        rows, asked = places[shown], places[view.rows]
        learned = train.table.iloc[rows].reset_index(drop=True)
        learned[target] = learned[target].to_numpy()[order]
        lacking = [name for name in columns if name not in learned.columns or name == target]
        if lacking:
            raise MemberFailed(
                f"every test column but the target must be in train for a view, found {lacking[:5]}: set "
                "`views: no, because …` in the competition file"
            )
        _write_tables(data, folder, learned, train.table.iloc[asked][columns], view.sample)
        _place(data, folder, train, rows, learned[target].tolist(), asked)
    return data.dataset.row_ids


def _write_tables(
    data: CompetitionData,
    folder: Path,
    train: pd.DataFrame,
    test: pd.DataFrame,
    sample: pd.DataFrame,
) -> None:
    files, pictures = data.competition.files, data.competition.pictures
    if pictures is not None and pictures.labels == "column":
        for names, table in ((files.train_files, train), (files.test_files, test)):
            for number, name in enumerate(names):  # of several files the first takes the rows
                (table if number == 0 else table.iloc[:0]).to_csv(folder / name, index=False)
    submission.save(folder / (files.sample or "sample_submission.csv"), sample)


def _place(
    data: CompetitionData,
    folder: Path,
    train: Part,
    rows: np.ndarray,
    labels: list[str],
    asked: np.ndarray,
) -> None:
    """Lay the pictures out; where folders are classes, those of the test rows bear their ids alone."""
    pictures = data.competition.pictures
    assert pictures is not None  # or there would be no such view
    learned, tested = (
        folder / name.removesuffix(".zip") for name in (pictures.train, pictures.test)
    )
    for row, label in zip(rows.tolist(), labels, strict=True):
        file = train.files[row]
        inner = file.relative_to(train.folder)
        if pictures.labels == "folders":  # the shuffled view's folders are its labels
            inner = Path(label, train.table[data.competition.id_column].iloc[row])
        _link(file, learned / inner)
    for row in asked.tolist():
        file = train.files[row]
        inner = file.relative_to(train.folder)
        if pictures.labels == "folders":
            inner = Path(train.table[data.competition.id_column].iloc[row])
        _link(file, tested / inner)


def _link(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, to)
    except OSError:  # another disk, or one without links
        shutil.copyfile(file, to)
