"""What names the rows: a column that is kept, or, where ids only count rows, their places."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Competition
from pipelines.values.spelling import plain

_WHOLE = re.compile(r"0*(\d+)(\.0*)?", re.ASCII)
_POWER = re.compile(
    r"\d(\.\d+)?e\+?\d{1,2}", re.ASCII
)  # of ten, as a spreadsheet writes long numbers


def numbered(first: str, rows: int) -> list[str]:
    """Ids that only count rows, counted anew from where the real file begins."""
    return [str(int(first) + row) for row in range(rows)]


def counted(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give train and test the column of ids where `id: position` lets their files lack it, counted from `first`.

    Raises:
        UserError: an id of the sample or of test is no whole number.
    """
    if competition.id != "position":
        return train, test
    key, start = competition.id_column, first(competition, sample)
    if key in test.columns:
        _whole(test[key], "test")
    made = []
    for table in (train, test):
        if key not in table.columns:
            count = pd.Series(numbered(start, len(table)), name=key, index=table.index, dtype=str)
            table = pd.concat([count, table], axis=1)
        made.append(table)
    return made[0], made[1]


def first(competition: Competition, sample: pd.DataFrame | None) -> str:
    """Where ids that only count rows begin: at the smallest of the sample, or at 1 where there is none.

    Raises:
        UserError: an id of the sample is no whole number.
    """
    asked = competition.sample_id
    if sample is None or asked not in sample.columns or not len(sample):
        return "1"
    return str(min(map(int, _whole(sample[asked], "the sample"))))


def as_in_sample(
    names: "pd.Series[str]", asked: "pd.Series[str]"
) -> tuple["pd.Series[str]", list[str]]:
    """Test's ids in the sample's spelling, where `bare` leaves no difference: `7.0`, `007` and `7 ` are one.

    Returns:
        Text (n,), and a note where some were respelled. Ids that are not the sample's even so stay as they are.
    """
    if set(names) == set(asked):
        return names, []
    by_bare = {bare(name): name for name in asked.dropna()}
    respelled = names.map({name: by_bare.get(bare(name), name) for name in names.dropna()})
    if set(respelled) != set(asked) or respelled.nunique() < names.nunique():
        return names, []
    row = int((respelled != names).to_numpy().argmax())
    note = f"id {names.iloc[row]!r} of test is {respelled.iloc[row]!r} here, as the sample submission spells it"
    return respelled, [note]


def bare(name: str) -> str:
    """An id without what a spreadsheet changes: blanks, case, the zeros before and behind a number, `2e2` for 200."""
    text = plain(name)
    if _POWER.fullmatch(text):
        number = Decimal(text)
        return f"{number:.0f}" if number == number.to_integral_value() else text
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text


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


def part(texts: "pd.Series[str] | None", pattern: str | None) -> "pd.Series[str] | None":
    """What the brackets of `split.group_part` find in each text; without a pattern the texts themselves.

    Raises:
        UserError: a text has no such part.
    """
    if texts is None or pattern is None:
        return texts
    found = texts.str.extract(pattern, expand=False)
    if found.isna().any():
        raise UserError(
            f"split.group_part must find a group in every value, and {pattern!r} finds none in "
            f"{texts[found.isna()].iloc[0]!r} ({int(found.isna().sum())} such values): correct it in the competition file"
        )
    return found
