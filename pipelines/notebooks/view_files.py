"""The files of a view: cut out of the raw files where that goes, kept for every kernel of the competition."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd

from pipelines import readers
from pipelines.notebooks import csv_rows, picture_views, views
from pipelines.notebooks.csv_rows import CannotCutError
from pipelines.notebooks.views import CompetitionData, View
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.process import exclusive
from pipelines.values import ids as row_names
from pipelines.values import raw, typed_files
from pipelines.values.competition import Competition
from pipelines.values.kernel import REAL, SHUFFLED
from pipelines.values.seeds import derive
from pipelines.values.tables import Form, read_cells

SAMPLE_NAME = "sample_submission.csv"
_PLAIN = Form()
_ONE_THREAD = Lock()  # within this process, which would wait for itself without a word


def kept(data: CompetitionData, view: View) -> Path:
    """A folder that holds one view, made once for all kernels: `files/` and `folds.csv`.

    Raises:
        MemberFailed: train and test do not let a row of train play test.
        UserError: the disk is full, or a raw file is damaged.
    """
    place = paths.work(data.key)
    folder, unfinished = place / "shown" / view.name, place / "unfinished"
    with _ONE_THREAD, exclusive(place / "lock", f"the views of {data.competition.name}"):
        if not folder.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
            with disk_errors(unfinished):
                build(data, view, unfinished)
                folder.parent.mkdir(exist_ok=True)
                unfinished.rename(folder)
    return folder


def build(data: CompetitionData, view: View, into: Path) -> None:
    """Write one view: the competition's files into `files/`, the group's folds into `folds.csv`.

    Raises:
        MemberFailed, UserError: see `kept`.
    """
    folder = into / "files"
    folder.mkdir(parents=True)
    given = data.competition.files
    for name in [*given.train_files, *given.test_files, given.sample or SAMPLE_NAME, *given.also]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)  # some lie in folders
    ids = data.dataset.row_ids
    if view.name == REAL:
        _build_real(data, folder)
        shown = np.arange(len(ids))
    else:
        shown = data.folds.train_rows(views.fold_of(view.name))
        if data.competition.pictures is not None:
            order = _order(data, shown) if view.name == SHUFFLED else np.arange(len(shown))
            ids = picture_views.write(data, view, shown, order, folder)
        else:
            ids = _write_rows(data, view, shown, folder)
        for extra in data.competition.files.also:
            shutil.copyfile(paths.raw(data.competition.name) / extra, folder / extra)
    # The group's folds of the rows that train here, for kernels that validate on them.
    _write(into / "folds.csv", pd.DataFrame({"id": ids[shown], "fold": data.folds.fold[shown]}))


def _build_real(data: CompetitionData, folder: Path) -> None:
    competition = data.competition
    if competition.files.format == "idx":
        tables = readers.of(competition).read(paths.raw(competition.name), folder)
        _write_tables(folder, competition, tables.train, tables.test, tables.sample)
        return
    if competition.pictures is not None:
        picture_views.write_real(data, folder)
    else:
        shutil.copytree(paths.raw(competition.name), folder, dirs_exist_ok=True)
    if competition.files.sample is None:
        _write(folder / SAMPLE_NAME, data.sample)


def _write_rows(data: CompetitionData, view: View, shown: np.ndarray, folder: Path) -> np.ndarray:
    """Write a fold's view of tables; return the ids of all rows as the kernel sees them.

    Args:
        shown: positions of the rows that the kernel may learn from.
    """
    try:
        _cut(data, view, folder)
    except CannotCutError:
        return _write_anew(data, view, folder)
    ids = data.dataset.row_ids
    if data.competition.id == "position":
        ids = ids.astype(object)
        ids[shown] = row_names.numbered(data.dataset.test_ids[0], len(shown))
    return ids


def _cut(data: CompetitionData, view: View, folder: Path) -> None:
    """Write a fold's view from the training file's own lines.

    Raises:
        CannotCutError: its quotes, its ids or its encoding do not let them be cut out.
    """
    files, rows = data.competition.files, data.rows
    place, shown = paths.raw(data.competition.name), data.folds.train_rows(views.fold_of(view.name))
    tests = [
        csv_rows.header(place / name, raw.form_of(data.competition, place / name))
        for name in files.test_files
    ]
    keep = [rows.names.index(name) for name in _test_columns(data, rows.names, tests[0].names)]
    train: Iterable[bytes] = rows.lines(shown)
    if view.name == SHUFFLED:
        target = rows.names.index(data.competition.target)
        targets = [cells[target] for cells in rows.cells(shown)]
        order = _order(data, shown)
        train = rows.joined(
            [*cells[:target], targets[source], *cells[target + 1 :]]
            for cells, source in zip(rows.cells(shown), order.tolist(), strict=True)
        )
    test = rows.joined([cells[i] for i in keep] for cells in rows.cells(view.rows))
    _write_lines(folder / files.train_files[0], rows.head, train)
    for number, (name, header) in enumerate(zip(files.test_files, tests, strict=True)):
        _write_lines(folder / name, header.head, test if number == 0 else ())
    form = raw.form_of(data.competition, place / files.sample) if files.sample else rows.form
    _write(folder / (files.sample or SAMPLE_NAME), view.sample, form)


def _write_anew(data: CompetitionData, view: View, folder: Path) -> np.ndarray:
    """Write a fold's view cell by cell; return the ids of all rows as the kernel sees them."""
    given, test, form = _cells(data)
    train, _ = row_names.counted(data.competition, given, test, data.sample)
    key, target, ids = data.competition.id_column, data.competition.target, data.dataset.row_ids
    positions = pd.Index(typed_files.as_text(train[key])).get_indexer(pd.Index(ids))
    if (positions < 0).any():
        raise UserError(
            f"every row of the dataset must be in the training file, found {int((positions < 0).sum())} that are not: "
            "run `dvc repro`"
        )
    train_rows = data.folds.train_rows(views.fold_of(view.name))
    shown = train.iloc[positions[train_rows]].reset_index(drop=True)
    columns = _test_columns(data, list(map(str, train.columns)), list(map(str, test.columns)))
    asked = train.iloc[positions[view.rows]].reset_index(drop=True)[columns]
    if view.name == SHUFFLED:
        shown[target] = shown[target].to_numpy()[_order(data, train_rows)]
    if data.competition.id == "position":
        kind, counts = train[key].dtype, row_names.numbered(train[key].iloc[0], len(shown))
        shown[key] = pd.Series(counts).astype(kind)
        if key in columns:
            asked[key] = view.sample[data.competition.sample_id].astype(kind)
        ids = ids.astype(object)
        ids[train_rows] = counts
    _write_tables(folder, data.competition, shown[list(given.columns)], asked, view.sample, form)
    return ids


def _order(data: CompetitionData, rows: np.ndarray) -> np.ndarray:
    generator = np.random.default_rng(derive(data.seed, "shuffled view"))
    return uninformative(data.dataset.y[rows], generator)


def uninformative(y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A permutation of targets after which the new ones say nothing about the old.

    A plain permutation of few rows often leaves a chance association (of two balanced classes, in every other
    draw one that helps), which an honest kernel would learn. So the rows of each class, or of each twentieth of
    the values, get all classes in proportion: the table of old against new is that of independence, up to
    two rows a cell.

    Args:
        y: class indices or values (n,).
        generator: draws which rows.

    Returns:
        int64 (n,): row i gets the target of row `order[i]`.
    """
    codes = y if y.dtype.kind in "iu" else y.argsort(kind="stable").argsort() * 20 // len(y)
    drawn = generator.permutation(len(y))
    by_class = drawn[np.argsort(codes[drawn], kind="stable")]
    # Each class's rows spread evenly over 0 … 1: any stretch of them holds all classes in proportion.
    sizes, starts = np.bincount(codes), generator.random(int(codes.max()) + 1)
    place_in_class = np.arange(len(y)) - np.searchsorted(codes[by_class], codes[by_class])
    spread = (place_in_class + starts[codes[by_class]]) / sizes[codes[by_class]]
    order = np.empty(len(y), dtype=np.int64)
    order[by_class] = by_class[np.argsort(spread, kind="stable")]
    return order


def _cells(data: CompetitionData) -> tuple[pd.DataFrame, pd.DataFrame, Form]:
    """Train and test with every cell as spelled, and the form of their files."""
    competition, folder = data.competition, paths.raw(data.competition.name)
    if competition.files.format == "idx":
        tables = readers.of(competition).read(folder, folder)
        return tables.train.astype(str), tables.test.astype(str), Form()
    parts = [
        [_cells_of(competition, folder / name) for name in names]
        for names in (competition.files.train_files, competition.files.test_files)
    ]
    train, test = (pd.concat([table for table, _ in part], ignore_index=True) for part in parts)
    return train, test, parts[0][0][1]


def _cells_of(competition: Competition, path: Path) -> tuple[pd.DataFrame, Form]:
    """A file with its own types where it has some, else with every cell as spelled."""
    reader = readers.of(competition)
    if isinstance(reader, readers.TableReader) and not typed_files.is_csv(path):
        return typed_files.read(reader.table, path).rename(columns=str), _PLAIN
    return read_cells(path, raw.form_of(competition, path))


def _test_columns(data: CompetitionData, train: list[str], test: list[str]) -> list[str]:
    """Exactly the columns of the real test file; each must be in train, or no row of train can play test."""
    if data.competition.target in test:
        raise MemberFailed(
            f"a test file must not hold the target, found {data.competition.target!r} in it: set "
            "`views: no, because …` in the competition file"
        )
    lacking = [name for name in test if name not in train]
    if lacking:
        raise MemberFailed(
            f"every test column must be in train for a view, found {lacking[:5]} only in test: set "
            "`views: no, because …` in the competition file"
        )
    return test


def _write_tables(
    folder: Path,
    competition: Competition,
    train: pd.DataFrame,
    test: pd.DataFrame,
    sample: pd.DataFrame,
    form: Form = _PLAIN,
) -> None:
    reader = readers.of(competition)
    is_own = competition.files.format == "csv" or isinstance(reader, readers.TableReader)
    trains = competition.files.train_files if is_own else ["train.csv"]
    tests = competition.files.test_files if is_own else ["test.csv"]
    given = [(trains, train), (tests, test), ([competition.files.sample or SAMPLE_NAME], sample)]
    for names, table in given:
        for number, name in enumerate(names):  # of several files the first takes the rows
            rows = table if number == 0 else table.iloc[:0]
            if isinstance(reader, readers.TableReader) and not typed_files.is_csv(folder / name):
                reader.write(rows, folder / name)
            else:
                _write(folder / name, rows, form)


def _write_lines(path: Path, head: bytes, lines: Iterable[bytes]) -> None:
    with path.open("wb") as target:
        target.write(head)
        target.writelines(lines)


def _write(path: Path, table: pd.DataFrame, form: Form = _PLAIN) -> None:
    table.to_csv(
        path, index=False, encoding=form.encoding, sep=form.delimiter, lineterminator="\n", **form.quoting
    )  # fmt: skip
