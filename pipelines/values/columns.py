"""Which columns are features: all that train and test share, but ids, the target, and what only counts the rows."""

import re

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values.competition import Competition

# Why a column is no feature.
ONLY_TRAIN = "only in train"
UNNAMED = "an index without a name"
COPIES_ID = "a copy of the ids"
COUNTS_ROWS = "a row counter"

# pandas names a column so whose header is empty: mostly the index of a table that was saved with it.
_NAMELESS = re.compile(r"Unnamed: \d+(\.\d+)?")
_FEWEST = 10  # in fewer rows a feature may count by chance


def is_nameless(name: object) -> bool:
    """Whether a column's header is empty, as pandas calls it."""
    return _NAMELESS.fullmatch(str(name)) is not None


def choose(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame
) -> tuple[list[str], dict[str, str]]:
    """Tell features from the rest.

    Returns:
        The features in the order of train; and column → why it is none, without the id, the target and what
        the competition file lists under `drop:`.

    Raises:
        UserError: `drop:` or `keep:` lists no column, test has a column that train lacks, or no feature is left.
    """
    for key, names in (("drop", competition.drop), ("keep", competition.keep)):
        for name in names:
            if name not in train.columns and name not in test.columns:
                raise UserError(
                    f"`{key}:` must list columns of train or test, found {name!r}{did_you_mean(name, train.columns)}"
                )
    apart = {competition.id_column, competition.target, *competition.drop}
    in_train = [column for column in train.columns if column not in apart]
    extra = [column for column in test.columns if column not in {*apart, *in_train}]
    if extra:
        raise UserError(
            f"every test column must be in train too, found {extra[:5]} only in test"
            f"{did_you_mean(extra[0], in_train)} (list it under `drop:` if it is no feature)"
        )
    left_out = {}
    meant = {*competition.keep, competition.split.time, competition.split.group}
    for column in in_train:
        if column not in test.columns:
            left_out[str(column)] = ONLY_TRAIN
        elif column not in meant and (reason := _index(competition, train, test, column)):
            left_out[str(column)] = reason
    columns = [column for column in in_train if column not in left_out]
    if not columns:
        raise UserError(
            "train and test must share at least one feature column, found none: check `drop:`"
        )
    return columns, left_out


def notes(left_out: dict[str, str]) -> list[str]:
    """Sentences about the columns that are no features."""
    said = []
    only_train = [name for name, reason in left_out.items() if reason == ONLY_TRAIN]
    if only_train:
        said.append(f"columns only in train are dropped: {', '.join(only_train)}")
    return said + [
        f"column {name!r} is no feature, since it is {reason}: `keep: [{name!r}]` in the competition file makes it one"
        for name, reason in left_out.items()
        if reason != ONLY_TRAIN
    ]


def _index(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame, column: str
) -> str | None:
    """Why a column only tells rows apart; None where it may say more."""
    if is_nameless(column):
        return UNNAMED
    parts = [table[column] for table in (train, test)]
    ids = [table[competition.id_column] for table in (train, test)]
    if all(map(_spells, parts, ids)):
        return COPIES_ID
    if len(train) < _FEWEST or not all(map(pd.api.types.is_integer_dtype, parts)):
        return None
    values = [part.to_numpy(np.int64) for part in parts]
    if all(map(_counts, values)) or _counts(np.concatenate(values)):
        return COUNTS_ROWS
    return None


def _spells(part: pd.Series, names: pd.Series) -> bool:
    """Whether a column holds what `names` spell. Text of a million numbers is slow: the first rows tell most apart."""
    return all(
        cells.astype(str).tolist() == spelt.tolist()
        for cells, spelt in ((part.head(_FEWEST), names.head(_FEWEST)), (part, names))
    )


def _counts(values: np.ndarray) -> bool:
    """Whether they are 0 … n − 1 or 1 … n, in any order."""
    return first_counted(values) in (0, 1)


def first_counted(values: np.ndarray) -> int | None:
    """The least of whole numbers that are first … first + n − 1 in any order; None where they are not."""
    if not len(values):
        return None
    first = int(values.min())
    if int(values.max()) - first != len(values) - 1:
        return None
    is_all = bool((np.sort(values) == np.arange(first, first + len(values))).all())
    return first if is_all else None
