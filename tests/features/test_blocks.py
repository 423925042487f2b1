"""The feature blocks of competitions: what they make, and that no row sees its own target."""

import numpy as np
import pandas as pd
import pytest

from features import blocks
from features.blocks.house_prices import _OF, HousePrices
from features.encoded import Encoded
from pipelines.plumbing.errors import MemberFailed


def titanic() -> blocks.Block:
    return blocks.of("titanic", passengers())[0]


def house_prices() -> blocks.Block:
    return blocks.of("house-prices", houses())[0]


def passengers() -> pd.DataFrame:
    """A mother with two children on one ticket, her husband on another, and a stranger of their name."""
    return pd.DataFrame(
        {
            "Pclass": [3, 3, 3, 3, 1],
            "Name": ["Berg, Mrs. Ann", "Berg, Master. Bo", "Berg, Miss. Cy", "Berg, Mr. Di", "Berg, Miss. Eva"],
            "Sex": ["female", "male", "female", "male", "female"],
            "Age": [30.0, 4, 6, 33, np.nan],
            "SibSp": [1, 1, 1, 1, 0],
            "Parch": [2, 2, 2, 2, 0],
            "Ticket": ["1", "1", "1", "2", "3"],
            "Fare": [30.0, 30, 30, 8, 80],
            "Cabin": [None, None, None, None, "C85"],
            "Embarked": ["S", "S", "S", "S", None],
        }
    )  # fmt: skip


@pytest.mark.parametrize("row", range(5))
def test_a_row_of_titanic_does_not_see_its_own_target(row):
    X, y = passengers(), np.array([1, 0, 0, 1, 1])
    other = np.where(np.arange(5) == row, 1 - y, y)
    one, two = (titanic().fit_transform(X, truth).iloc[row] for truth in (y, other))
    pd.testing.assert_series_equal(one, two)


def test_a_row_of_titanic_sees_how_the_others_of_its_party_fared():
    X = passengers()
    lost, saved = (titanic().fit_transform(X, np.array([0, fate, fate, 0, 0])) for fate in (0, 1))
    assert saved.loc[0, "TicketFared"] == pytest.approx(2.5 / 3)
    assert lost.loc[0, "TicketFared"] == pytest.approx(0.5 / 3)
    assert saved.loc[3, "SurnameFared"] > lost.loc[3, "SurnameFared"]  # by name, on another ticket
    assert saved.loc[4, "SurnameFared"] == 0.5  # a stranger: another class


def test_rows_that_were_not_learned_from_count_the_whole_party():
    X, y = passengers(), np.array([0, 1, 1, 0, 0])
    new = titanic().fit(X, y).transform(X[:1])
    assert new.loc[0, "TicketFared"] == pytest.approx(2.5 / 4)
    assert new.loc[0, "TicketKnown"] == 3


def test_qualities_of_houses_are_ordered_and_neighbours_compared():
    X = houses()
    X["LotArea"] = [10.0, 30.0, 50.0]
    X["KitchenQual"] = ["Ex", "Po", None]
    made = house_prices().fit_transform(X, np.array([1.0, 2.0, 3.0]))
    assert made["KitchenQual"].tolist() == [5, 1, 0]
    assert made["Area"].tolist() == [3.0] * 3
    assert made["LotArea beside Neighborhood"].tolist() == [-10, 10, 0]
    again = house_prices().fit_transform(X, np.array([9.0, 9.0, 9.0]))
    pd.testing.assert_frame_equal(made, again)  # no target in any column


def houses() -> pd.DataFrame:
    """Three of ones, two of them neighbours."""
    rated = {name for names in _OF.values() for name in names.split()}
    house = {name: "None" if name in rated else 1.0 for name in HousePrices.needs}
    return pd.DataFrame([house] * 3).assign(Neighborhood=["NAmes", "NAmes", "Timber"])


@pytest.mark.parametrize(("name", "rows"), [("titanic", passengers()), ("house-prices", houses())])
def test_a_block_needs_what_it_says_and_is_left_out_without_it(name, rows):
    (block,) = blocks.of(name, rows)
    assert len(block.fit_transform(rows[list(block.needs)], np.ones(len(rows)))) == len(rows)
    for column in block.needs:
        others = rows.drop(columns=column)
        assert (blocks.of(name, others), blocks.lacking(name, others)) == ([], [column])
        with pytest.raises((KeyError, MemberFailed)):
            block.fit_transform(others, np.ones(len(rows)))


def test_a_category_of_its_own_row_alone_tells_an_encoded_row_nothing():
    """Fifty categories of two rows each: without the row itself, noise; with it, the target."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 100)
    X = pd.DataFrame({"word": [f"c{row % 50}" for row in range(100)]})
    seen = Encoded().fit_transform(X, y)[:, -1]
    assert abs(np.corrcoef(seen, y)[0, 1]) < 0.3
    assert np.corrcoef(Encoded().fit(X, y).transform(X)[:, -1], y)[0, 1] > 0.5  # which would leak
