"""One fold file per competition: row id → fold. Everybody reads it and records its hash.

Folds are numbered from 0. Fold −1 only trains: the first block of a time split, in nobody's score. Time
folds count backwards, so that fold 0, the mock exam, is the latest.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from pipelines.core.atomic import content_hash, write_text
from pipelines.core.competition import Split
from pipelines.core.errors import UserError
from pipelines.core.seeds import derive
from pipelines.core.tables import read_csv

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
        UserError: a class, the groups or the rows are too few for `n_splits`.
    """
    if split.kind == "time":
        assert times is not None
        return _time_folds(times, n_splits)
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
    _check_classes(fold, n_splits, y, classes)
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
                f"{counts[rarest]} rows: lower folds.n_splits to {max(int(counts[rarest]), 2)} or less in params.yaml"
            )


def _check_classes(
    fold: np.ndarray, n_splits: int, y: np.ndarray, classes: tuple[str, ...]
) -> None:
    """Every training part must hold every class, or a fold's model could never predict it."""
    for number in range(n_splits):
        missing = sorted(set(range(len(classes))) - set(y[fold != number].tolist()))
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


def inner_watch(
    folds: Folds,
    rows: np.ndarray,
    share: float,
    y: np.ndarray,
    seed: int,
    groups: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Split the training rows of a fold: most are fitted on, the rest are watched for early stopping.

    Rows of one group stay together; of a time split the latest are watched; else classes are drawn evenly.

    Args:
        folds: the fold file, for the kind of split.
        rows: positions of the training rows.
        share: part to watch, 0 < share < 1.
        y: class indices or values of *all* rows.
        seed: of the drawing.
        groups: (n_rows,) or None.

    Returns:
        (fitted, watched): positions, disjoint, together `rows`.
    """
    generator = np.random.default_rng(seed)
    if folds.is_time:
        age = np.where(folds.fold == ONLY_TRAINS, folds.fold.max() + 1, folds.fold)[rows]
        order = np.lexsort((np.arange(len(rows)), -age))
    elif groups is not None:
        names, member = np.unique(groups[rows], return_inverse=True)
        order = np.argsort(generator.permutation(len(names))[member], kind="stable")
    else:
        order = _stratified_order(y[rows], generator)
    count = max(1, round(share * len(rows)))
    cut = len(rows) - count
    if groups is not None and not folds.is_time:
        boundary = groups[rows][order]
        while 0 < cut < len(rows) and boundary[cut] == boundary[cut - 1]:
            cut -= 1
    fitted, watched = rows[order[:cut]], rows[order[cut:]]
    if not len(fitted):
        raise UserError(
            "early stopping must leave rows to fit on, and one group holds them all: set watch: 0"
        )
    return np.sort(fitted), np.sort(watched)


def _stratified_order(y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An order whose every tail holds the classes (or the ranks of the values) in about their shares."""
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
        UserError: the file is missing or names other rows.
    """
    table = read_csv(path, text_columns=["id"])
    if list(table.columns) != ["id", "fold"] or table["id"].tolist() != row_ids.tolist():
        raise UserError(
            f"{path} must list exactly the training rows in order: delete it and run `dvc repro`"
        )
    fold = table["fold"].to_numpy(np.int64)
    return Folds(fold, split.kind == "time", hash_of(row_ids, fold))
