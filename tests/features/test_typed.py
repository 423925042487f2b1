"""Typed columns: what becomes a number, a date, a category or the topics of a text."""

import numpy as np
import pandas as pd
import pytest

from features.typed import RARE, Typed
from pipelines.plumbing.errors import MemberFailed
from pipelines.values.dates import dates_as_text


def test_numbers_keep_their_gaps_and_categories_have_none():
    X = pd.DataFrame({"n": [1.5, None, 3, 4], "c": ["a", "a", None, None]})
    made = Typed().fit_transform(X)
    assert made["n"].isna().tolist() == [False, True, False, False]
    assert made["c"].tolist() == ["a", "a", "missing", "missing"]
    assert isinstance(made["c"].dtype, pd.CategoricalDtype)


def test_what_is_rare_or_new_or_beyond_the_most_is_rare():
    X = pd.DataFrame({"c": ["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d"]})
    assert set(Typed().fit_transform(X)["c"]) == {"a", "b", "c", RARE}
    fitted = Typed(max_categories=2).fit(X)
    assert fitted.transform(pd.DataFrame({"c": ["b", "c", "new"]}))["c"].tolist() == ["b", RARE, RARE]  # fmt: skip


def test_dates_become_parts_and_what_is_none_becomes_a_gap():
    X = pd.DataFrame({"when": ["2024-01-31 13:05", "1970-01-02", None]})
    made = Typed().fit(X).transform(pd.DataFrame({"when": ["2024-01-31 13:05", "soon"]}))
    assert made.loc[0, ["when year", "when month", "when day", "when hour"]].tolist() == [2024, 1, 31, 13]  # fmt: skip
    assert made.loc[0, "when day_of_week"] == 2
    assert made.loc[1].isna().all()


@pytest.mark.parametrize(
    "spelled",
    [
        "{:%Y-%m-%d}",
        "{:%d/%m/%Y}",
        "{:%m/%d/%Y}",
        "{:%Y년 %m월 %d일}",
        "{:%y년 %m월 %d일}",
        "{:%Y.%m.%d %H:%M}",
    ],
)
def test_each_spelling_of_a_date_is_one_day_also_where_every_row_has_its_own(spelled: str):
    days = pd.Series(pd.date_range("2021-01-03", periods=30))
    made = Typed().fit_transform(pd.DataFrame({"when": days.map(spelled.format)}))
    assert made["when month"].tolist() == days.dt.month.tolist()
    assert made["when days"].diff().dropna().eq(1).all()


def test_a_day_before_the_month_is_learned_and_not_told_row_by_row():
    fitted = Typed().fit(pd.DataFrame({"when": ["13/02/2021", "01/02/2021"]}))
    made = fitted.transform(pd.DataFrame({"when": ["03/02/2021", "2021-02-03"]}))
    assert made["when month"].tolist() == [2, 2]


def test_dates_that_are_no_dates_to_a_model_are_named():
    words = ["2021-02-03", "January 3, 2021", None]
    X = pd.DataFrame({"words": words, "iso": ["2021-01-03", "2021-01-04", None], "film": ["Heat (1995)"] * 3})  # fmt: skip
    assert dates_as_text(X) == {"words": "January 3, 2021"}


@pytest.mark.parametrize("cells", [["1.2.3", "1.4.15"], ["10.4.15", "9.12.3"], ["1/2/3", "3/2/1"]])
def test_versions_and_other_numbers_with_dots_are_no_dates(cells: list[str]):
    fitted = Typed().fit(pd.DataFrame({"version": cells * 4}))
    assert (list(fitted.dates_), list(fitted.categories_)) == ([], ["version"])


def test_free_text_becomes_topics_even_where_it_has_few_words():
    X = pd.DataFrame({"t": [f"one two three four w{row}" for row in range(9)]})
    made = Typed(topics=4).fit_transform(X)
    assert made.shape == (9, 4)
    assert np.isfinite(made.to_numpy()).all()


def test_a_table_without_a_column_of_use_is_refused():
    with pytest.raises(MemberFailed, match=r"found none \(empty: no value is known\): check"):
        Typed().fit(pd.DataFrame({"empty": [None, None]}))
