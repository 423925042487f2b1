"""Group aggregates: means of the fitted rows alone, a new group without any."""

import numpy as np
import pandas as pd
import pytest

from features.groups import Groups
from pipelines.plumbing.errors import MemberFailed

ROWS = pd.DataFrame(
    {
        "town": ["a", "a", "b", None],
        "rooms": [1, 1, 2, 2],
        "area": [10.0, 30, 50, np.nan],
        "price": [1.0, 3, 5, 7],
    }
)


def test_a_row_is_set_beside_the_mean_of_its_group():
    made = Groups(by=["town"], of=["area"]).fit(ROWS).transform(ROWS)
    assert list(made) == ["town share", "area of town", "area beside town"]
    np.testing.assert_allclose(made["town share"], [0.5, 0.5, 0.25, 0.25])
    np.testing.assert_allclose(made["area of town"], [20, 20, 50, np.nan])  # no area is known
    np.testing.assert_allclose(made["area beside town"], [-10, 10, 0, np.nan])


def test_other_rows_get_what_was_learned_and_teach_nothing():
    fitted = Groups(by=["town"], of=["area"]).fit(ROWS)
    new = pd.DataFrame({"town": ["b", "c"], "area": [80.0, 80]}, index=[7, 3])
    made = fitted.transform(new)
    assert list(made.index) == [7, 3]
    np.testing.assert_allclose(made["town share"], [0.25, 0])
    np.testing.assert_allclose(made["area of town"], [50, np.nan])
    np.testing.assert_allclose(made["area beside town"], [30, np.nan])


def test_numbers_may_name_groups_and_are_the_same_as_text():
    fitted = Groups(by=["rooms"]).fit(ROWS)
    assert fitted.of_ == ["area", "price"]
    as_floats = ROWS.assign(rooms=ROWS["rooms"].astype(float))
    pd.testing.assert_frame_equal(fitted.transform(ROWS), fitted.transform(as_floats))


def test_by_default_few_words_name_groups_and_numbers_are_described():
    assert Groups().fit(ROWS).by_ == ["town"]
    assert Groups(most=1).fit(ROWS).by_ == []
    assert Groups(most=1).fit(ROWS).transform(ROWS).shape == (4, 0)


def test_an_absent_column_is_named():
    with pytest.raises(MemberFailed, match="'towm' is absent; did you mean 'town'"):
        Groups(by=["towm"]).fit(ROWS)
