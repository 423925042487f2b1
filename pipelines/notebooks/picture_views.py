"""Views of competitions whose pictures are files: the same folders and tables, with a fold's rows playing test."""

import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.notebooks.views import CompetitionData, View
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import link_or_copy
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values import picture_files, submission
from pipelines.values.picture_files import Listing, Part


def write(
    data: CompetitionData, view: View, shown: np.ndarray, order: np.ndarray, folder: Path
) -> np.ndarray:
    """Write a fold's view: folders of pictures (zips are shown taken apart), tables, and the sample.

    Args:
        shown: positions in the dataset of the rows that train in this view.
        order: row i of `shown` gets the target and the names of row `order[i]`.
        folder: takes the files.

    Returns:
        The ids of all rows of the dataset as the kernel sees them.

    Raises:
        MemberFailed: the competition's ids only count rows.
        UserError: the raw files are not those that the dataset was made of.
    """
    competition = data.competition
    if competition.id == "position":
        raise MemberFailed(
            f"pictures must be named by ids of their own for a view, and those of {competition.name} only count rows: "
            "set `id: key`, or `views: no, because …` in the competition file"
        )
    key, target = competition.id_column, competition.target
    listing = picture_files.read(competition, paths.raw(competition.name), _taken_apart(data))
    train, columns = listing.train, listing.test.table.columns
    places = pd.Index(train.table[key]).get_indexer(pd.Index(data.dataset.row_ids))
    if (places < 0).any():
        raise UserError(
            f"every row of the dataset must be among the pictures, found {int((places < 0).sum())} that are not: "
            "run `dvc repro`"
        )
    lacking = [name for name in columns if name not in train.table.columns or name == target]
    if lacking:
        raise MemberFailed(
            f"every test column but the target must be in train for a view, found {lacking[:5]}: set "
            "`views: no, because …` in the competition file"
        )
    rows, asked, naming = places[shown], places[view.rows], _naming(data, train, places)
    learned = train.table.iloc[rows].reset_index(drop=True)
    # Names may spell the class, so they go with the targets, and other pictures get both.
    learned[[*naming, target]] = learned[[*naming, target]].iloc[order].to_numpy()
    test = _counted(listing, asked, naming)
    test[key] = view.sample[competition.sample_id]
    _write_tables(data, folder, learned, test[columns], view.sample)
    _lay_train(_shown_as(folder, data.pictures.train), train, rows, rows[order])
    _lay_test(data, folder, listing, asked, test)
    ids = data.dataset.row_ids.copy()
    ids[shown] = ids[shown][order]
    return ids


def _naming(data: CompetitionData, train: Part, places: np.ndarray) -> list[str]:
    """The id, and every column whose cells all name the picture of their own row."""
    known = picture_files.by_name(train.folder, train.files)
    key, rows = data.competition.id_column, places.tolist()
    others = train.table.columns.drop([key, data.competition.target])
    return [key, *(name for name in others if _names_own(train, known, name, rows))]


def _names_own(part: Part, known: dict[str, list[Path]], column: str, rows: list[int]) -> bool:
    cells = part.table[column].fillna("").astype(str).tolist()
    return all(part.files[row] in picture_files.meant(known, cells[row]) for row in rows)


def _counted(listing: Listing, asked: np.ndarray, naming: list[str]) -> pd.DataFrame:
    """The rows that play test, whose pictures have names that only count, spelled as the real test's."""
    test = listing.train.table.iloc[asked].reset_index(drop=True)
    for column in naming:
        taken = listing.train.table[column].astype(str)
        real = listing.test.table.get(column, taken)
        test[column] = picture_files.neutral(str(real.iloc[0]), len(asked), taken.tolist())
    return test


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
    """Write the files as downloaded, zips of pictures taken apart, and no folder that tells a class of test."""
    pictures, raw, classes = data.pictures, paths.raw(data.competition.name), data.dataset.classes
    names = {pictures.train, pictures.test}
    shutil.copytree(
        raw, folder, dirs_exist_ok=True,
        ignore=lambda place, found: [name for name in found if (Path(place) / name).relative_to(raw).as_posix() in names],
    )  # fmt: skip
    for name in names:
        place = picture_files.folder_of(raw, name, _taken_apart(data))
        files = picture_files.pictures_in(place)
        shown = [file.relative_to(place).as_posix() for file in files]
        if name != pictures.train:
            ids = data.dataset.test_ids.tolist()
            shown = picture_files.names_of_test(place, files, classes, ids)
        for file, inner in zip(files, shown, strict=True):
            _lay(file, _shown_as(folder, name) / inner, link_or_copy)


def _taken_apart(data: CompetitionData) -> Path:
    """Where zips lie taken apart, once for all views, whose pictures are links."""
    return paths.work(data.key) / "pictures"


def _lay_train(into: Path, train: Part, rows: np.ndarray, named_as: np.ndarray) -> None:
    """Lay each row's picture out as the real one of the row that it is named as."""
    for row, other in zip(rows.tolist(), named_as.tolist(), strict=True):
        inner = train.files[other].relative_to(train.folder)
        _lay(train.files[row], into / inner, link_or_copy)


def _lay_test(
    data: CompetitionData, folder: Path, listing: Listing, asked: np.ndarray, test: pd.DataFrame
) -> None:
    """Lay out the pictures that play test where the real ones lie, in the order of their new names."""
    column = data.pictures.column
    named = test[column if column in test.columns else data.competition.id_column].tolist()
    real, train, raw = listing.test, listing.train, paths.raw(data.competition.name)
    there = [file for file in real.files if file.is_file()]
    outer, suffix = _outer(real.folder, there), (there or train.files)[0].suffix
    if there and re.search(r"[/\\]", named[0]):  # they spell the folder of the first
        outer = there[0].parent.relative_to(real.folder)
    for row, cell in zip(asked.tolist(), named, strict=True):
        name = picture_files.with_suffix(re.split(r"[/\\]", cell)[-1], suffix)
        to = _shown_as(folder, data.pictures.test) / outer / name
        # A link keeps the file's time, which may tell its class; those of a zip taken apart have all one.
        is_given = train.files[row].is_relative_to(raw)
        _lay(train.files[row], to, shutil.copyfile if is_given else link_or_copy)


def _shown_as(folder: Path, name: str) -> Path:
    """Zips of pictures are shown taken apart."""
    return folder / name.removesuffix(".zip")


def _outer(folder: Path, inside: Iterable[Path]) -> Path:
    """The folder that holds all of them, from `folder` on: a zip often has one of its own name in it."""
    above = [path.parent for path in inside]
    return Path(os.path.commonpath(above)).relative_to(folder) if above else Path()


def _lay(file: Path, to: Path, by: Callable[[Path, Path], object]) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    by(file, to)
