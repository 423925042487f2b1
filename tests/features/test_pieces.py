"""Pieces: numbers for categories, scales and edges for numbers."""

import sys

import numpy as np
import pandas as pd
import pytest

from features.pieces import Pieces

TABLE = pd.DataFrame(
    {"n": np.arange(40.0), "c": ["a", "b"] * 20, "d": ["b", None] * 20, "two": [0, 1] * 20}
)


def test_categories_come_first_and_no_two_columns_share_a_number():
    made = Pieces().fit(TABLE)
    rows = made.transform(TABLE)
    assert rows.shape == (40, 4)
    assert rows[:2, :2].tolist() == [[1, 3], [2, 4]]
    assert made.count_ == 5


def test_a_category_that_was_not_seen_is_0():
    other = TABLE[:1].assign(c="new", d="newer")
    assert Pieces().fit(TABLE).transform(other)[0, :2].tolist() == [0, 0]


def test_edges_hold_about_as_many_rows_each_and_few_values_give_few_pieces():
    made = Pieces(4).fit(TABLE)
    numbers = made.transform(TABLE)[:, 2]
    edges = made.edges_[0].astype(np.float32)
    np.testing.assert_allclose(np.histogram(numbers, edges)[0], [10, 10, 10, 10], atol=1)
    assert len(made.edges_[1]) == 2
    assert [len(edges) for edges in Pieces(0).fit(TABLE).edges_] == [1, 1]


def test_a_gap_is_the_median_and_said_in_a_column_of_its_own():
    train = pd.DataFrame({"n": [1.0, 2, 3, None]})
    rows = Pieces().fit(train).transform(pd.DataFrame({"n": [2.0, None]}))
    assert rows.shape == (2, 2)
    assert rows[0, 0] == rows[1, 0]
    assert rows[0, 1] < 0 < rows[1, 1]


def test_a_table_without_numbers_and_one_of_a_single_value_pass():
    assert Pieces().fit(TABLE[["c"]]).transform(TABLE[["c"]]).shape == (40, 1)
    same = pd.DataFrame({"n": [3.0] * 5})
    assert np.isfinite(Pieces().fit(same).transform(same)).all()


def test_powers_are_of_many_rows_a_sample_and_of_pixels_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = pd.DataFrame({"n": np.random.default_rng(0).exponential(size=4000) ** 2})
    powers, linear = (Pieces(0, each).fit(X).transform(X)[:, 0] for each in (True, False))
    n = X["n"].to_numpy()
    np.testing.assert_allclose(linear, np.clip((n - n.mean()) / n.std(), -5, 5), atol=1e-5)
    monkeypatch.setattr(sys.modules["features.encoded"], "_ROWS_FOR_POWERS", 1000)
    sampled = Pieces(0).fit(X).transform(X)[:, 0]
    assert sampled.tobytes() != powers.tobytes()
    assert np.abs(sampled - powers).max() < 0.3
