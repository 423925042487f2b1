"""What names the rows: a column that is kept, or, where ids only count rows, their places."""

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Competition


def numbered(first: str, rows: int) -> list[str]:
    """Ids that only count rows, counted anew from where the real file begins."""
    return [str(int(first) + row) for row in range(rows)]


def counted(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give train and test the column of ids where `id: position` lets their files lack it.

    They are counted from the smallest id of the sample, or from 1 where there is none.

    Raises:
        UserError: an id of the sample or of test is no whole number.
    """
    if competition.id != "position":
        return train, test
    key, asked = competition.id_column, competition.sample_id
    first = "1"
    if sample is not None and asked in sample.columns and len(sample):
        first = str(min(map(int, _whole(sample[asked], "the sample"))))
    if key in test.columns:
        _whole(test[key], "test")
    made = []
    for table in (train, test):
        if key not in table.columns:
            count = pd.Series(numbered(first, len(table)), name=key, index=table.index, dtype=str)
            table = pd.concat([count, table], axis=1)
        made.append(table)
    return made[0], made[1]


def checked(table: pd.DataFrame, column: str, part: str) -> np.ndarray:
    """The ids of a table, text (n,).

    Raises:
        UserError: one is missing, or stands twice.
    """
    ids = table[column]
    if ids.isna().any():
        raise UserError(
            f"every {part} row must have an id, found {int(ids.isna().sum())} without {column!r}: "
            "set id_column to the column that names rows"
        )
    twins = ids[ids.duplicated()]
    if len(twins):
        raise UserError(
            f"ids must be unique, found {len(twins)} repeated in {part} (first: {twins.iloc[0]!r}): "
            "set id_column to the column that names rows, or mend the file where it comes from and its `md5:`"
        )
    return ids.to_numpy(dtype=np.str_)


def _whole(ids: "pd.Series[str]", part: str) -> list[str]:
    texts = ids.astype(str)
    wrong = texts[~texts.str.fullmatch(r"\d+")]
    if len(wrong):
        raise UserError(
            f"ids that count rows must be whole numbers, found {wrong.iloc[0]!r} in {part}: "
            "set `id: key` in the competition file"
        )
    return texts.tolist()
