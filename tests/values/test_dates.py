"""Dates: told from other text, and read in one order in all folds and in test."""

import pandas as pd
import pytest

from features.typed import Typed
from pipelines.values import dates

OPEN = ["03/04/2021", "05/06/2021"]


def table(*cells: str | None) -> pd.DataFrame:
    return pd.DataFrame({"when": list(cells)})


@pytest.mark.parametrize(
    ("train", "test", "months"),
    [
        (OPEN, ["25/06/2021"], [4, 6]),  # test tells
        ([*OPEN, "06/25/2021"], OPEN, [3, 5, 6]),
        (["03/04/2021", "13/04/2021", "04/14/2021 10:05", "14/4/2021"], OPEN, [4, 4, 4, 4]),
    ],
)
def test_each_part_of_a_column_is_read_as_all_of_it_tells(
    train: list[str], test: list[str], months: list[int]
) -> None:
    settled, _, _ = dates.settled(table(*train), table(*test))
    for row, month in enumerate(months):  # each row as if it were a fold of its own
        part = settled.iloc[[row]]
        assert Typed().fit_transform(part)["when month"].tolist() == [month]


def test_a_column_that_tells_nothing_is_named_with_its_reading() -> None:
    train, test, (note,) = dates.settled(table(*OPEN, None), table(*OPEN))
    assert train["when"].tolist() == ["2021-03-04", "2021-05-06", None]
    assert "'when'" in note
    assert "month first, '03/04/2021' as 2021-03-04; set `day_first: true`" in note
    train, test, notes = dates.settled(table(*OPEN), table(*OPEN), {"when": True})
    assert (train["when"].tolist(), notes) == (["2021-04-03", "2021-06-05"], [])
    assert test.equals(train)


def test_what_holds_no_such_date_is_left_as_it_is() -> None:
    X = pd.DataFrame({"iso": ["2021-03-04"], "n": [1], "version": ["1.2.3"], "words": ["a"]})
    train, test, notes = dates.settled(X, X)
    assert train is X
    assert test is X
    assert notes == []
