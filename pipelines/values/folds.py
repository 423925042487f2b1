"""One fold file per competition: row id → fold. Everybody reads it and records its hash.

Folds are numbered from 0. Fold −1 only trains: the first block of a time split, in nobody's score. Time
folds count backwards, so that fold 0, the mock exam, is the latest.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from pipelines.plumbing.atomic import content_hash, write_text
from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Split
from pipelines.values.seeds import derive
from pipelines.values.tables import read_csv

ONLY_TRAINS = -1


@dataclass(frozen=True, eq=False)
class Folds:
    """The fold of every training row.

    Attributes:
        fold: int64 (n_rows,), −1 … n_splits − 1.
        is_time: whether fold i is trained on earlier rows only.
        hash: 16 hex digits of ids and folds.
    """

    fold: np.ndarray
    is_time: bool
    hash: str

    @property
    def n_splits(self) -> int:
        return int(self.fold.max()) + 1

    @property
    def scored(self) -> np.ndarray:
        """Boolean (n_rows,): rows that belong to a fold and so to every score."""
        return self.fold != ONLY_TRAINS

    def valid_rows(self, fold: int) -> np.ndarray:
        """Positions of the rows that are scored in `fold`."""
        return np.flatnonzero(self.fold == fold)

    def train_rows(self, fold: int, without: int | None = None) -> np.ndarray:
        """Positions of the rows that may train for `fold`: the other folds, or only earlier rows.

        Args:
            fold: the fold to be scored.
            without: another fold to keep out, which tuning must not see.
        """
        allowed = (
            (self.fold > fold) | (self.fold == ONLY_TRAINS) if self.is_time else self.fold != fold
        )
        if without is not None:
            allowed &= self.fold != without
        return np.flatnonzero(allowed)


def make(
    split: Split,
    n_splits: int,
    y: np.ndarray,
    seed: int,
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
    classes: tuple[str, ...] = (),
) -> np.ndarray:
    """Draw folds.

    Args:
        split: the competition's kind of split.
        n_splits: number of folds.
        y: class indices (n,) or values (n,).
        seed: of the shuffling.
        groups, times: (n,), for the splits that need them; times must be sortable.
        classes: class names, for messages and for the check of sizes.

    Returns:
        int64 (n,), −1 … n_splits − 1.

    Raises:
        UserError: a class, the groups, the moments or the rows are too few for `n_splits`.
    """
    if split.kind == "time":
        assert times is not None, "a time split needs times"
        fold = _time_folds(times, n_splits)
        _check_folds(Folds(fold, is_time=True, hash=""), n_splits, y, classes)
        return fold
    random_state = derive(seed, "folds")
    splitter = {
        "plain": KFold(n_splits, shuffle=True, random_state=random_state),
        "stratified": StratifiedKFold(n_splits, shuffle=True, random_state=random_state),
        "group": GroupKFold(n_splits, shuffle=True, random_state=random_state),
        "stratified_group": StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state),
    }[split.kind]
    _check_sizes(split, n_splits, y, groups, classes)
    fold = np.full(len(y), ONLY_TRAINS, dtype=np.int64)
    for number, (_, rows) in enumerate(splitter.split(np.zeros(len(y)), y, groups)):
        fold[rows] = number
    _check_folds(Folds(fold, is_time=False, hash=""), n_splits, y, classes)
    return fold


def _check_sizes(
    split: Split, n_splits: int, y: np.ndarray, groups: np.ndarray | None, classes: tuple[str, ...]
) -> None:
    if len(y) < 2 * n_splits:
        raise UserError(
            f"{n_splits} folds must have at least 2 rows each, found {len(y)} rows: lower folds.n_splits in params.yaml"
        )
    if groups is not None and len(np.unique(groups)) < n_splits:
        raise UserError(
            f"{n_splits} folds must have a group of {split.group!r} each, found {len(np.unique(groups))} groups: "
            "lower folds.n_splits in params.yaml"
        )
    if classes:
        counts = np.bincount(y, minlength=len(classes))
        rarest = int(counts.argmin())
        if counts[rarest] < n_splits:
            raise UserError(
                f"every class must have a row in each of {n_splits} folds, and class {classes[rarest]!r} has "
                f"{counts[rarest]} rows: {_remedy(int(counts[rarest]))}"
            )


def _remedy(rows: int) -> str:
    if rows < 2:
        return (
            "no number of folds helps; take the class out of train where the file comes from (and mend its `md5:`), "
            "or merge it with another there"
        )
    return f"lower folds.n_splits to {rows} or less in params.yaml"


def _check_folds(folds: Folds, n_splits: int, y: np.ndarray, classes: tuple[str, ...]) -> None:
    """Every training part must hold every class, or a fold's model could never predict it."""
    for number in range(n_splits):
        if not len(folds.valid_rows(number)):
            raise UserError(
                f"every fold must have rows, and fold {number} has none, since the groups are too few or too "
                "uneven: lower folds.n_splits in params.yaml"
            )
        missing = sorted(set(range(len(classes))) - set(y[folds.train_rows(number)].tolist()))
        if missing:
            raise UserError(
                f"every class must be among the training rows of each fold, and those of fold {number} have no "
                f"{classes[missing[0]]!r}: lower folds.n_splits in params.yaml, or change `split:`"
            )


def _time_folds(times: np.ndarray, n_splits: int) -> np.ndarray:
    """n_splits + 1 blocks of about equal size; rows of one moment stay in one block."""
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) < n_splits + 1:
        raise UserError(
            f"a time split of {n_splits} folds must have at least {n_splits + 1} different moments, found "
            f"{len(moments)}: lower folds.n_splits in params.yaml"
        )
    end = np.cumsum(counts)
    block = np.minimum((end - 1) * (n_splits + 1) // len(times), n_splits)
    used = np.unique(block)
    if len(used) < n_splits + 1:
        raise UserError(
            f"a time split of {n_splits} folds must fill every block, and one moment holds too many rows: "
            "lower folds.n_splits in params.yaml"
        )
    row_block = block[np.searchsorted(moments, times)]
    return np.where(row_block == 0, ONLY_TRAINS, n_splits - row_block).astype(np.int64)


def inner_validation(
    folds: Folds,
    rows: np.ndarray,
    share: float,
    y: np.ndarray,
    seed: int,
    groups: np.ndarray | None,
    times: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Split the training rows of a fold: most are fitted on, the rest validate for early stopping.

    Of a time split the latest rows validate, equal moments together; rows of one group stay together;
    else classes are drawn evenly, and values at random.

    Args:
        folds: the fold file, for the kind of split.
        rows: positions of the training rows.
        share: part that validates, 0 < share < 1; nearly so where rows must stay together.
        y: class indices or values of *all* rows.
        seed: of the drawing.
        groups: (n_rows,) or None.
        times: sortable (n_rows,); without them a time split is only as fine as its folds.

    Returns:
        (fitted, validation): positions in ascending order, disjoint, together `rows`, neither empty.

    Raises:
        UserError: one group or one moment holds all rows.
    """
    generator = np.random.default_rng(seed)
    if folds.is_time:
        moment = _block(folds) if times is None else times
        order = np.argsort(moment[rows], kind="stable")
        together = np.arange(len(rows)) if times is None else moment[rows][order]
    elif groups is not None:
        names, member = np.unique(groups[rows], return_inverse=True)
        order = np.argsort(generator.permutation(len(names))[member], kind="stable")
        together = groups[rows][order]
    else:
        order = _stratified_order(y[rows], generator)
        together = np.arange(len(rows))
    boundaries = np.flatnonzero(together[1:] != together[:-1]) + 1
    if not len(boundaries):
        raise UserError(
            "early stopping must leave rows to fit on and rows for validation, and one group or moment holds all "
            f"{len(rows)}: set validation: 0 under train.<model> in params.yaml"
        )
    wanted = len(rows) - max(1, round(share * len(rows)))
    cut = boundaries[np.abs(boundaries - wanted).argmin()]
    return np.sort(rows[order[:cut]]), np.sort(rows[order[cut:]])


def _block(folds: Folds) -> np.ndarray:
    """The age of each row's fold, as a number that grows with time."""
    return np.where(folds.fold == ONLY_TRAINS, -folds.n_splits, -folds.fold)


def _stratified_order(y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An order whose every tail holds the classes in about their shares; different values are shuffled."""
    order = generator.permutation(len(y))
    ranked = order[np.argsort(y[order], kind="stable")]
    position = np.empty(len(y))
    _, first, counts = np.unique(y[ranked], return_index=True, return_counts=True)
    for start, count in zip(first, counts, strict=True):
        position[ranked[start : start + count]] = (np.arange(count) + 0.5) / count
    return np.lexsort((generator.permutation(len(y)), position))


def hash_of(row_ids: np.ndarray, fold: np.ndarray) -> str:
    return content_hash([row_ids.tolist(), fold.tolist()])


def save(path: Path, row_ids: np.ndarray, fold: np.ndarray) -> None:
    table = pd.DataFrame({"id": row_ids, "fold": fold})
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def load(path: Path, row_ids: np.ndarray, split: Split) -> Folds:
    """Read the fold file in the order of `row_ids`.

    Raises:
        UserError: the file is missing, names other rows, or holds what is no fold.
    """
    table = read_csv(path, text_columns=["id"])
    if list(table.columns) != ["id", "fold"] or table["id"].tolist() != row_ids.tolist():
        raise UserError(
            f"{path} must list exactly the training rows in order: delete it and run `dvc repro`"
        )
    used = table["fold"].unique().tolist()
    if not pd.api.types.is_integer_dtype(table["fold"]) or (
        sorted({*used, ONLY_TRAINS}) != list(range(ONLY_TRAINS, max(used) + 1)) or max(used) < 0
    ):
        raise UserError(
            f"{path} must number its folds 0, 1, 2 … (or {ONLY_TRAINS} for rows that only train), found "
            f"{used[:8]}: delete it and run `dvc repro`"
        )
    fold = table["fold"].to_numpy(np.int64)
    return Folds(fold, split.kind == "time", hash_of(row_ids, fold))
