"""A hidden test: training rows play it, fewer or more than the public test has, in the same form.

The files are those of a view whose held-out fold is these rows; nothing of the public test is among them. Only where
the training rows are too few for a larger test, the public test's rows stand before them.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.notebooks import view_files, views
from pipelines.notebooks.views import CompetitionData, View
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import content_hash, write_bytes
from pipelines.plumbing.errors import MemberFailed
from pipelines.plumbing.process import exclusive
from pipelines.values import submission
from pipelines.values.folds import Folds
from pipelines.values.kernel import fold_view
from pipelines.values.seeds import derive

SHRUNK, GROWN = "shrunk", "grown"
# Of the training rows at most: the rest must still teach something.
_MOST = 0.75


@dataclass(frozen=True, eq=False)
class Hidden:
    """One hidden test.

    Attributes:
        name: shrunk or grown.
        data: the competition, its folds such that fold 0 is this test.
        view: what is asked: ids and columns of the output.
        folder: of its files.
        learned: training rows that are left.
        is_joined: whether rows of the public test, whose answers nobody knows here, stand before the others.
    """

    name: str
    data: CompetitionData
    view: View
    folder: Path
    learned: int
    is_joined: bool = False

    @property
    def rows(self) -> int:
        return len(self.view.rows)


def counts(data: CompetitionData) -> dict[str, int]:
    """Name → rows of each hidden test that the training rows suffice for."""
    public, trained = len(data.sample), len(data.dataset.y)
    most = int(_MOST * trained)
    fewer, more = round(0.6 * public), max(public + max(1, public // 8), trained // 5)
    found = {SHRUNK: min(fewer, most), GROWN: min(more, most)}
    if found[GROWN] <= public and _can_be_joined(data):
        found[GROWN] = public + min(max(1, public // 8), trained // 5)
    is_other = {SHRUNK: 0 < found[SHRUNK] < public, GROWN: found[GROWN] > public}
    return {name: count for name, count in found.items() if is_other[name]}


def make(data: CompetitionData, name: str, count: int) -> Hidden:
    """Write a hidden test of so many rows, once for all kernels of the competition.

    Raises:
        MemberFailed: no training row of this competition can play a test row.
        UserError: the disk is full, or a raw file is damaged.
    """
    if data.competition.views != "yes":
        raise MemberFailed(
            f"training rows must be able to play the hidden test, and {data.competition.name} says `views: "
            f"{data.competition.views}`: it cannot be rehearsed here"
        )
    joined = has_public_rows(data, count)
    if joined:
        count -= len(data.sample)
    held_out = np.ones(len(data.dataset.y), dtype=np.int64)
    held_out[_drawn(data, count)] = 0
    key = content_hash({"hidden": data.key, "rows": np.flatnonzero(held_out == 0).tolist()})
    folds = Folds(held_out, data.folds.is_time, key)
    hidden = replace(data, folds=folds, key=key)
    view = views.view_of(hidden, fold_view(0))
    folder = view_files.kept(hidden, view) / "files"
    made = Hidden(name, hidden, view, folder, int(held_out.sum()))
    return _joined(made) if joined else made


def has_public_rows(data: CompetitionData, count: int) -> bool:
    """Whether the training rows are too few for this count, so that the public test's rows stand before them."""
    return count > int(_MOST * len(data.dataset.y))


def _can_be_joined(data: CompetitionData) -> bool:
    """Whether rows of the public test and of train can stand in one file, by ids that mean something."""
    files = data.competition.files
    names = [*files.test_files, files.sample or ""]
    is_plain = (
        files.format == "csv" and len(names) == 2 and all(name.endswith(".csv") for name in names)
    )
    return is_plain and data.competition.id == "key" and data.competition.pictures is None


def _joined(hidden: Hidden) -> Hidden:
    """The public test's rows, and behind them those of this hidden test."""
    data, folder = hidden.data, hidden.folder.parent.parent / "joined" / "files"
    test, sample = data.competition.files.test_files[0], data.competition.files.sample
    asked = views.constant(data, data.sample[data.competition.sample_id].astype(str))
    view = replace(hidden.view, sample=pd.concat([asked, hidden.view.sample], ignore_index=True))
    view = replace(view, rows=np.arange(len(view.sample)))
    with exclusive(hidden.folder.parent.parent / "joining.lock", "the hidden test"):
        if not folder.is_dir():
            making = folder.with_name("making")
            shutil.rmtree(making, ignore_errors=True)
            shutil.copytree(hidden.folder, making)
            first = (paths.raw(data.competition.name) / test).read_bytes()
            rest = (making / test).read_bytes().partition(b"\n")[2]
            write_bytes(making / test, first + b"\n" * (not first.endswith(b"\n")) + rest)
            submission.save(making / str(sample), view.sample)
            making.replace(folder)
    return replace(hidden, view=view, folder=folder, is_joined=True)


def _drawn(data: CompetitionData, count: int) -> np.ndarray:
    """Positions of the rows that are held out: the latest where time counts, else some of every class."""
    dataset = data.dataset
    if data.folds.is_time and dataset.times is not None:
        return np.argsort(dataset.times, kind="stable")[-count:]
    generator = np.random.default_rng(derive(data.seed, "hidden test"))
    drawn = generator.permutation(len(dataset.y))
    codes = pd.Series(dataset.y[drawn] if dataset.classes else np.zeros(len(drawn)))
    place = (codes.groupby(codes).cumcount() + 1) / codes.groupby(codes).transform("size")
    # The last row of each class stays: what is never seen in training cannot be predicted.
    place[place == 1] = 2
    return drawn[np.argsort(place.to_numpy(), kind="stable")[:count]]


def names_below(folder: Path) -> set[str]:
    """The files below a folder, by their paths in it."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}
