"""What `preprocess` will say of a competition, without training: its files read, checked and split."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features import blocks
from pipelines import platforms, readers
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.values import competition as competitions
from pipelines.values import params, preparation, submission
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.params import Params
from pipelines.values.raw import RawTables
from pipelines.values.spelling import as_classes

_SHOWN = 5
_MOST_BYTES = 200 << 20  # read again within seconds


@dataclass(frozen=True, eq=False)
class Checked:
    """A competition's files as `preprocess` would take them.

    Attributes:
        dataset: the rows that `preprocess.max_rows` leaves; all of them where it is refused.
        fold: int64 (n_rows,) of `folds.make`; None where they cannot be drawn.
        refused: why; None where they could be.
        notes: what there is to say of them, a sentence each.
    """

    competition: Competition
    settings: Params
    tables: RawTables
    dataset: Dataset
    fold: np.ndarray | None
    refused: str | None
    notes: list[str]


def check(name: str) -> Checked:
    """Read a competition's files as `preprocess` does; nothing is written.

    Raises:
        UserError: what `preprocess` would refuse before it draws folds.
    """
    chosen, settings = competitions.load(name), params.load()
    with tempfile.TemporaryDirectory() as folder:
        tables = _read(chosen, Path(folder))
        dataset, notes = preparation.build(chosen, tables)
        fold, refused = None, None
        try:
            dataset, fold = preparation.split(chosen, settings, dataset, Path(folder))
        except UserError as error:
            refused = str(error)
    n_splits, count = settings.folds.n_splits, len(dataset.y)
    sizes = [] if fold is None else [int((fold == number).sum()) for number in range(n_splits)]
    drawn = f" in {n_splits} folds of {min(sizes):,} to {max(sizes):,}" if sizes else ""
    notes = [
        *notes,
        *_on_block(name, dataset),
        *_on_sample(chosen, tables, dataset),
        *_on_solution(chosen, tables, dataset),
        f"{count:,} training rows{drawn}, {len(dataset.test_ids):,} test rows",
    ]
    return Checked(chosen, settings, tables, dataset, fold, refused, notes)


def foreseen(name: str) -> list[str]:
    """What `check` will refuse of a competition that was just added, as a sentence; none where it takes long to see."""
    chosen = competitions.load(name)
    size = sum(path.stat().st_size for path in paths.added(name).rglob("*") if path.is_file())
    if chosen.pictures is not None or size > _MOST_BYTES:
        return []
    try:
        with tempfile.TemporaryDirectory() as folder:
            tables = _read(chosen, Path(folder))
            dataset, _ = preparation.build(chosen, tables)
    except UserError as error:
        return [f"`pilsa competition check {name}` will refuse it as it is: {error}"]
    return [*_on_sample(chosen, tables, dataset), *_on_solution(chosen, tables, dataset)]


def _on_sample(chosen: Competition, tables: RawTables, dataset: Dataset) -> list[str]:
    """A label of the sample that no row of train has: the target may be another column, or the metric another one."""
    labels = pd.Series(submission.labels_of(chosen, tables.sample), dtype=str)
    known = dataset.classes if chosen.files.sample else ()
    odd = [name for name in as_classes(labels, known) if known and name not in known]
    if not odd:
        return []
    classes = ", ".join(known[:_SHOWN]) + ", …" * (len(known) > _SHOWN)
    return [
        f"the sample holds {odd[0]!r}, which is no class of {chosen.target!r} ({classes}): if it is more than a "
        "placeholder, correct `target:` or `metric:`"
    ]


def _on_solution(chosen: Competition, tables: RawTables, dataset: Dataset) -> list[str]:
    """Why the labels of test that came with the files are none to grade by."""
    if not chosen.source.get("solution"):
        return []
    try:
        solution = platforms.of(chosen).solution()
        if solution is not None:
            submission.truth_of(chosen, tables.sample, solution, dataset.classes)
    except UserError as error:
        return [f"no submission can be graded here: {error}"]
    return []


def _on_block(name: str, dataset: Dataset) -> list[str]:
    lacking = blocks.lacking(name, getattr(dataset.X_train, "columns", ()))
    if not lacking:
        return []
    return [
        f"the feature block of {name} is left out: it needs columns that are not there, such as {lacking[0]!r} "
        f"({len(lacking)} in all): name them as features/blocks/{blocks.name_of(name)}.py does"
    ]


def _read(chosen: Competition, scratch: Path) -> RawTables:
    """The files of `raw/`, or of the platform where `raw/` does not hold what the competition file names."""
    there, pixels = paths.raw(chosen.name), scratch / "pixels"
    pixels.mkdir()
    if not _holds(there, chosen):
        there = scratch / "raw"
        there.mkdir()
        platforms.of(chosen).download(there)
    return readers.of(chosen).read(there, pixels)


def _holds(folder: Path, chosen: Competition) -> bool:
    """Whether every file that is named is there with its hash; a solution is kept elsewhere, or cut out of test."""
    named = dict(chosen.source.get("files") or {})
    named.pop(chosen.source.get("solution"), None)
    return folder.is_dir() and all(_is(folder / name, file or {}) for name, file in named.items())


def _is(path: Path, wanted: dict[str, str]) -> bool:
    hashes = [kind for kind in ("md5", "sha256") if wanted.get(kind)]
    return path.is_file() and all(file_hash(path, kind) == wanted[kind] for kind in hashes)
