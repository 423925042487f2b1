"""Views: one folder in Kaggle's form per fold, so that a notebook is cross-validated without touching it.

View `fold<i>`: train = the rows of the other folds as given (time split: only earlier rows), test = the rows
of fold i with exactly the columns of the real test file, sample = these ids with one constant value. Names of
pictures often spell the class, so those of fold i are counted anew, in a drawn order. View
`shuffled` is fold 0 with permuted training targets. View `real` = the files as downloaded. Nothing in a
view's folder tells the target of a row that is scored.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pipelines.notebooks import csv_rows
from pipelines.notebooks.csv_rows import CannotCutError, Rows
from pipelines.plumbing import paths, sources
from pipelines.plumbing.atomic import content_hash, file_hash
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values import competition as competitions
from pipelines.values import folds as fold_files
from pipelines.values import ids as row_names
from pipelines.values import params as settings_file
from pipelines.values import picture_files, raw, submission
from pipelines.values.competition import Competition, Pictures
from pipelines.values.dataset import Dataset
from pipelines.values.folds import Folds
from pipelines.values.kernel import REAL, SHUFFLED, fold_view
from pipelines.values.metrics import Metric, get
from pipelines.values.seeds import derive

# Keys of a competition file that decide no byte of a view.
_SHOWN_NOWHERE = {"title", "baselines", "tune", "pool", "daily_limit", "live", "team", "code"}


@dataclass(frozen=True, eq=False)
class CompetitionData:
    """A competition as its kernels are examined on it.

    Attributes:
        dataset: without its features, which no kernel is given.
        sample: the real sample submission, ids and labels as text.
        seed: of the permutation in the shuffled view, and of resampling.
        key: of all that decides the bytes of its views.
    """

    competition: Competition
    metric: Metric
    dataset: Dataset
    folds: Folds
    sample: pd.DataFrame
    seed: int
    key: str

    @property
    def names(self) -> list[str]:
        """The fold views, the mock exam first; none where the competition has no views."""
        if self.competition.views != "yes":
            return []
        return [fold_view(fold) for fold in range(self.folds.n_splits)]

    @property
    def pictures(self) -> Pictures:
        """Where its pictures lie, which are files."""
        assert self.competition.pictures is not None  # the competition's schema asks for it
        return self.competition.pictures

    @cached_property
    def rows(self) -> Rows:
        """The training file's rows, in the order of the dataset.

        Raises:
            CannotCutError: they cannot be cut out of the file, or are not all in one.
        """
        chosen, files = self.competition, self.competition.files
        name = files.train_files[0]
        if files.format != "csv" or len(files.train_files) > 1 or name.endswith(".gz"):
            raise CannotCutError("its rows are made anew")
        path = paths.raw(chosen.name) / name
        form = raw.form_of(chosen, path)
        lacks_ids = chosen.id_column not in csv_rows.header(path, form).names
        if chosen.id == "position" and not lacks_ids:
            raise CannotCutError("its rows are numbered anew")
        found = csv_rows.index(path, None if chosen.id == "position" else chosen.id_column, form)
        if lacks_ids:
            start = row_names.first(chosen, self.sample)
            found = replace(found, keys=row_names.numbered(start, len(found.spans)))
        place = {key: position for position, key in enumerate(found.keys)}
        positions = [place.get(name, -1) for name in self.dataset.row_ids.tolist()]
        if len(place) < len(found.keys) or min(positions) < 0:
            raise CannotCutError("the rows of the dataset are not found by their ids")
        return replace(found, keys=[], spans=found.spans[positions])


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
    dataset = Dataset.load(paths.dataset(competition_name), with_features=False)
    folds = fold_files.load(paths.folds(competition_name), dataset.row_ids, competition.split)
    sample = submission.read(paths.sample(competition_name), competition)
    seed = settings_file.load().seed
    folder = paths.raw(competition_name)
    key = {
        "raw": sorted(
            (path.relative_to(folder).as_posix(), file_hash(path))
            for path in folder.rglob("*")
            if path.is_file()
        ),
        "data": [dataset.hash, folds.hash, seed],
        "competition": competition.model_dump(mode="json", exclude=_SHOWN_NOWHERE),
        "code": sources.fingerprint(sources.closure("pipelines.notebooks.view_files")),
    }
    metric = get(competition.metric)
    return CompetitionData(
        competition, metric, dataset, folds, sample, seed, content_hash({"views": key})
    )


def fold_of(name: str) -> int:
    """The fold whose rows a view asks for."""
    return 0 if name == SHUFFLED else int(name.removeprefix("fold"))


def view_of(data: CompetitionData, name: str) -> View:
    """What is asked of a kernel in front of a view.

    Raises:
        MemberFailed: the competition has no such view.
    """
    key, dataset = data.competition.sample_id, data.dataset
    if name == REAL:
        rows = pd.Index(dataset.test_ids).get_indexer(pd.Index(data.sample[key]))
        return View(REAL, rows, data.sample)
    if data.competition.views != "yes":
        raise MemberFailed(f"{data.competition.name} has no views: {data.competition.views}")
    rows = data.folds.valid_rows(fold_of(name))
    is_numbered = data.competition.id == "position"
    if is_numbered:
        ids = row_names.numbered(dataset.test_ids[0], len(rows))
    elif data.competition.pictures is not None:
        rows = np.random.default_rng(derive(data.seed, "names", name)).permutation(rows)
        ids = picture_files.neutral(str(dataset.test_ids[0]), len(rows), dataset.row_ids.tolist())
    else:
        ids = dataset.row_ids[rows].tolist()
    return View(name, rows, constant(data, pd.Series(ids, dtype=str)))


def constant(data: CompetitionData, ids: "pd.Series[str]") -> pd.DataFrame:
    """The sample submission of these ids: in every column the first value that the real one has."""
    key = data.competition.sample_id
    sample = pd.DataFrame({key: ids})
    for column in data.sample.columns.drop(key):
        value = data.sample[column].iloc[0]
        empty = pd.isna(value)
        sample[column] = (
            data.dataset.classes[0] if empty and data.dataset.classes else 0 if empty else value
        )
    return sample[list(data.sample.columns)]
