"""Views of competitions whose pictures are files: the same folders and tables, with a fold's rows playing test."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from pipelines.notebooks.views import CompetitionData, View
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import link_or_copy
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values import picture_files, submission
from pipelines.values.picture_files import Listing


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
    listing = picture_files.read(competition, raw, _taken_apart(data))
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
    _place(data, folder, listing, rows, learned[target].tolist(), asked)
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


def write_real(data: CompetitionData, folder: Path) -> None:
    """Write the files as downloaded, zips of pictures taken apart as in a fold's view."""
    pictures, raw = data.competition.pictures, paths.raw(data.competition.name)
    assert pictures is not None  # or there would be no such view
    names = {pictures.train, pictures.test}
    shutil.copytree(
        raw, folder, dirs_exist_ok=True,
        ignore=lambda place, found: [name for name in found if Path(place) == raw and name in names],
    )  # fmt: skip
    for name in names:
        shutil.copytree(
            picture_files.folder_of(raw, name, _taken_apart(data)), folder / name.removesuffix(".zip"),
            copy_function=link_or_copy, dirs_exist_ok=True,
        )  # fmt: skip


def _taken_apart(data: CompetitionData) -> Path:
    """Where zips lie taken apart, once for all views, whose pictures are links."""
    return paths.work(data.key) / "pictures"


def _place(
    data: CompetitionData,
    folder: Path,
    listing: Listing,
    rows: np.ndarray,
    labels: list[str],
    asked: np.ndarray,
) -> None:
    """Lay the pictures out as the real ones lie, but for folders that could tell the class of a test row."""
    pictures, train = data.competition.pictures, listing.train
    assert pictures is not None  # or there would be no such view
    by_class = pictures.labels == "folders"
    learned, tested = (
        folder / name.removesuffix(".zip") for name in (pictures.train, pictures.test)
    )
    ids = train.table[data.competition.id_column].tolist()
    spelled = train.table[pictures.column].tolist() if pictures.column and not by_class else ids
    outer = _outer(train.folder, (file.parent for file in train.files)) if by_class else Path()
    for row, label in zip(rows.tolist(), labels, strict=True):
        file = train.files[row]
        # The shuffled view's folders are its labels.
        inner = outer / label / ids[row] if by_class else file.relative_to(train.folder)
        _link(file, learned / inner)
    outer = _outer(listing.test.folder, listing.test.files)
    for row in asked.tolist():
        file = train.files[row]
        inner = file.relative_to(train.folder)
        named = Path(ids[row]) if by_class else _named(inner, spelled[row])
        is_whole = named == inner and len(named.parts) > 1
        _link(file, tested / (inner if is_whole else outer / named))


def _outer(folder: Path, inside: Iterable[Path]) -> Path:
    """The folder that holds all of them, from `folder` on: a zip often has one of its own name in it."""
    above = [path.parent for path in inside if path.exists()]
    return Path(os.path.commonpath(above)).relative_to(folder) if above else Path()


def _named(inner: Path, cell: str) -> Path:
    """The end of a picture's path that its cell spells out, at least its name."""
    spelled = PurePosixPath(cell.replace("\\", "/")).parent.parts
    folders, shared = inner.parent.parts, 0
    while shared < min(len(folders), len(spelled)) and folders[-1 - shared] == spelled[-1 - shared]:
        shared += 1
    return Path(*inner.parts[len(folders) - shared :])


def _link(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(file, to)
