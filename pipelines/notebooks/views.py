"""Views: one folder in Kaggle's form per fold, so that a notebook is cross-validated without touching it.

View `fold<i>`: train = the rows of the other folds as given (time split: only earlier rows), test = the rows
of fold i with exactly the columns of the real test file, sample = these ids with one constant value. View
`shuffled` is fold 0 with permuted training targets. View `real` = the files as downloaded. Nothing in a
view's folder tells the target of a row that is scored.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values import competition as competitions
from pipelines.values import folds as fold_files
from pipelines.values import params as settings_file
from pipelines.values import raw
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.folds import Folds
from pipelines.values.kernel import REAL, SHUFFLED, fold_view
from pipelines.values.metrics import Metric, get
from pipelines.values.seeds import derive
from pipelines.values.tables import Form, read_cells

SAMPLE_NAME = "sample_submission.csv"


@dataclass(frozen=True, eq=False)
class CompetitionData:
    """A competition as its kernels are examined on it.

    Attributes:
        sample: the real sample submission, ids and labels as text.
        seed: of the permutation in the shuffled view, and of resampling.
    """

    competition: Competition
    metric: Metric
    dataset: Dataset
    folds: Folds
    sample: pd.DataFrame
    seed: int

    @property
    def names(self) -> list[str]:
        """The fold views, the mock exam first; none where the competition has no views."""
        if self.competition.views != "yes":
            return []
        return [fold_view(fold) for fold in range(self.folds.n_splits)]


@dataclass(frozen=True, eq=False)
class View:
    """One folder that a kernel is shown, and what is asked of it.

    Attributes:
        name: fold0 …, shuffled or real.
        rows: positions in the dataset that the test rows stand for, in the order of `sample`; for `real`
            positions in the dataset's test rows.
        sample: what the submission must fit: ids as the kernel sees them.
    """

    name: str
    rows: np.ndarray
    sample: pd.DataFrame


def load(competition_name: str) -> CompetitionData:
    """Read what the stages made of a competition.

    Raises:
        UserError: it was not downloaded and preprocessed yet, or a file is damaged.
    """
    competition = competitions.load(competition_name)
    if not paths.folds(competition_name).is_file():
        raise UserError(
            f"a kernel needs the folds of {competition_name}, and {paths.folds(competition_name)} is not there: "
            f"run `pilsa use {competition_name}`, then `make repro`"
        )
    dataset = Dataset.load(paths.dataset(competition_name))
    folds = fold_files.load(paths.folds(competition_name), dataset.row_ids, competition.split)
    sample = raw.read(competition, paths.raw(competition_name)).sample
    seed = settings_file.load().seed
    return CompetitionData(competition, get(competition.metric), dataset, folds, sample, seed)


def build(data: CompetitionData, name: str, into: Path, aliases: Sequence[str] = ()) -> View:
    """Write one view.

    Args:
        data: the competition.
        name: fold0 …, shuffled or real.
        into: the folder `input/` of a run; it becomes `<into>/<competition>/…`, with the same files flat in
            `<into>` itself, as kernels of before 2019 read them.
        aliases: further names of the competition's folder.

    Raises:
        MemberFailed: the competition has no such view.
        UserError: the disk is full, or a raw file is damaged.
    """
    folder = into / data.competition.name
    with disk_errors(folder):
        folder.mkdir(parents=True)
        view = _build_real(data, folder) if name == REAL else _build_fold(data, name, folder)
        taken = {path.name for path in folder.iterdir()} | {"pilsa"}
        for other in aliases:
            if other in taken:
                raise UserError(
                    f"`inputs:` of kernel.yaml must not bear the name of a file of the competition, found {other!r}: "
                    "correct it"
                )
            shutil.copytree(folder, into / other, copy_function=os.link)
        for path in filter(Path.is_file, folder.iterdir()):
            os.link(path, into / path.name)
    return view


def _build_real(data: CompetitionData, folder: Path) -> View:
    competition = data.competition
    if competition.files.format == "idx":
        tables = raw.read(competition, paths.raw(competition.name))
        _write_tables(folder, competition, tables.train, tables.test, tables.sample)
    else:
        shutil.copytree(paths.raw(competition.name), folder, dirs_exist_ok=True)
        if competition.files.sample is None:
            _write(folder / SAMPLE_NAME, data.sample)
    offered = pd.DataFrame({"id": data.dataset.row_ids, "fold": data.folds.fold})
    _write(folder.parent / "pilsa" / "folds.csv", offered)
    position = {name: row for row, name in enumerate(data.dataset.test_ids.tolist())}
    rows = [position[name] for name in data.sample[competition.id_column]]
    return View(REAL, np.array(rows), data.sample)


def _build_fold(data: CompetitionData, name: str, folder: Path) -> View:
    if data.competition.views != "yes":
        raise MemberFailed(f"{data.competition.name} has no views: {data.competition.views}")
    fold = 0 if name == SHUFFLED else int(name.removeprefix("fold"))
    train_rows, test_rows = data.folds.train_rows(fold), data.folds.valid_rows(fold)
    train, test, form = _cells(data)
    key, target = data.competition.id_column, data.competition.target
    positions = pd.Index(train[key]).get_indexer(pd.Index(data.dataset.row_ids))
    if (positions < 0).any():
        raise UserError(
            f"every row of the dataset must be in the training file, found {int((positions < 0).sum())} that are not: "
            "run `dvc repro`"
        )
    shown = train.iloc[positions[train_rows]].reset_index(drop=True)
    asked = train.iloc[positions[test_rows]].reset_index(drop=True)[
        _test_columns(data, train, test)
    ]
    if name == SHUFFLED:
        generator = np.random.default_rng(derive(data.seed, "shuffled view"))
        order = uninformative(data.dataset.y[train_rows], generator)
        shown[target] = shown[target].to_numpy()[order]
    if data.competition.id == "position":
        shown[key], asked[key] = _renumbered(train[key], shown), _renumbered(test[key], asked)
    sample = constant(data, asked[key])
    _write_tables(folder, data.competition, shown, asked, sample, form)
    for extra in data.competition.files.also:
        shutil.copyfile(paths.raw(data.competition.name) / extra, folder / extra)
    # The group's folds of the rows that train here, for kernels that validate on them.
    offered = pd.DataFrame({"id": shown[key], "fold": data.folds.fold[train_rows]})
    _write(folder.parent / "pilsa" / "folds.csv", offered)
    return View(name, test_rows, sample)


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
        tables = raw.read(competition, folder)
        return tables.train.astype(str), tables.test.astype(str), Form()
    parts = [
        [read_cells(folder / name, raw.form_of(competition, folder / name)) for name in names]
        for names in (competition.files.train_files, competition.files.test_files)
    ]
    train, test = (pd.concat([table for table, _ in part], ignore_index=True) for part in parts)
    return train, test, parts[0][0][1]


def _test_columns(data: CompetitionData, train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """Exactly the columns of the real test file; each must be in train, or no row of train can play test."""
    columns = [str(column) for column in test.columns]
    if data.competition.target in columns:
        raise MemberFailed(
            f"a test file must not hold the target, found {data.competition.target!r} in it: set "
            "`views: no, because …` in the competition file"
        )
    lacking = [name for name in columns if name not in train.columns]
    if lacking:
        raise MemberFailed(
            f"every test column must be in train for a view, found {lacking[:5]} only in test: set "
            "`views: no, because …` in the competition file"
        )
    return columns


def _renumbered(real: "pd.Series[str]", rows: pd.DataFrame) -> list[str]:
    """Ids that only count rows, counted anew from where the real file begins."""
    first = int(real.iloc[0])
    return [str(number) for number in range(first, first + len(rows))]


def constant(data: CompetitionData, ids: "pd.Series[str]") -> pd.DataFrame:
    """The sample submission of these ids: in every column the first value that the real one has."""
    key = data.competition.id_column
    sample = pd.DataFrame({key: ids})
    for column in data.sample.columns.drop(key):
        value = data.sample[column].iloc[0]
        empty = pd.isna(value)
        sample[column] = (
            data.dataset.classes[0] if empty and data.dataset.classes else 0 if empty else value
        )
    return sample[list(data.sample.columns)]


def _write_tables(
    folder: Path,
    competition: Competition,
    train: pd.DataFrame,
    test: pd.DataFrame,
    sample: pd.DataFrame,
    form: Form = Form(),  # noqa: B008 (it is frozen)
) -> None:
    is_csv = competition.files.format == "csv"
    trains = competition.files.train_files if is_csv else ["train.csv"]
    tests = competition.files.test_files if is_csv else ["test.csv"]
    for names, table in ((trains, train), (tests, test)):
        for number, name in enumerate(names):  # of several files the first takes the rows
            _write(folder / name, table if number == 0 else table.iloc[:0], form)
    _write(folder / (competition.files.sample or SAMPLE_NAME), sample, form)


def _write(path: Path, table: pd.DataFrame, form: Form = Form()) -> None:  # noqa: B008 (it is frozen)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(
        path,
        index=False,
        encoding=form.encoding,
        sep=form.delimiter,
        lineterminator="\n",
        **form.quoting,
    )
