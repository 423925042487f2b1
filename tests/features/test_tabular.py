import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from features import tabular
from features.tabular import Table
from pipelines.plumbing.errors import MemberFailed

NUMBERS = st.one_of(st.none(), st.floats(), st.integers(-5, 5))
WORDS = st.one_of(
    st.none(), st.sampled_from(["a", "b", "가", "", "missing", "1"]), st.text(max_size=3)
)
SENTENCES = st.one_of(
    st.none(), st.lists(st.text(max_size=3), min_size=5, max_size=9).map(" ".join)
)
FLAGS = st.one_of(st.none(), st.booleans())


@st.composite
def tables(draw):
    """A training part and other rows: every kind of column, gaps, infinities, values never seen before."""
    sizes = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    kinds = draw(
        st.lists(
            st.sampled_from([NUMBERS, WORDS, SENTENCES, FLAGS, st.none()]), min_size=1, max_size=4
        )
    )
    return tuple(
        pd.DataFrame(
            {f"c{i}": draw(st.lists(kind, min_size=n, max_size=n)) for i, kind in enumerate(kinds)}
        )
        for n in sizes
    )


@settings(max_examples=60, deadline=None)
@given(tables())
def test_any_table_becomes_finite_numbers_or_says_why_not(parts):
    train, _ = parts
    try:
        table = Table().fit(train)
    except MemberFailed:
        # A number beyond 1e100, infinity too, counts as missing.
        known = [
            (
                train[column].abs() <= 1e100
                if train[column].dtype == float
                else train[column].notna()
            ).sum()
            for column in train
        ]
        assert not {1, 2} & set(known)  # one or two values are too few to be names
        return
    for part in parts:
        vector = table.transform(part)
        assert vector.dtype == np.float32
        assert len(vector) == len(part)
        assert np.isfinite(vector).all()
        assert np.isfinite(np.square(vector).sum())
    assert {*table.numbers_, *table.categories_, *table.texts_, *table.left_out_} == set(
        train.columns
    )


def test_numbers_get_the_median_an_indicator_and_unit_scale():
    train = pd.DataFrame({"age": [1.0, 2.0, 9.0, np.nan]})
    vector = Table().fit_transform(train)
    filled = np.array([1, 2, 9, 2.0])
    np.testing.assert_allclose(vector[:, 0], (filled - filled.mean()) / filled.std(), rtol=1e-6)
    assert vector[3, 1] > 0 > vector[0, 1]


def test_infinity_counts_as_missing():
    one = Table().fit_transform(pd.DataFrame({"x": [1.0, 2.0, 9.0, np.inf]}))
    other = Table().fit_transform(pd.DataFrame({"x": [1.0, 2.0, 9.0, np.nan]}))
    np.testing.assert_array_equal(one, other)


def test_a_value_far_off_stays_within_what_float32_can_square():
    table = Table().fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    far = table.transform(pd.DataFrame({"x": [1e60, -1e60]}))
    np.testing.assert_array_equal(far, [[1e6], [-1e6]])


def test_words_become_a_column_each_and_missing_is_one_of_them():
    vector = Table().fit_transform(pd.DataFrame({"port": ["S", "C", None, "S"]}))
    np.testing.assert_array_equal(vector, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])


def test_booleans_and_categories_are_words_not_numbers():
    train = pd.DataFrame(
        {
            "flag": [True, False, True],
            "size": pd.Categorical(["S", "L", "S"]),
            "maybe": [True, None, False],
        }
    )
    table = Table().fit(train)
    assert table.categories_ == ["flag", "size", "maybe"]
    assert set(np.unique(table.transform(train))) == {0, 1}


def test_a_word_never_seen_is_all_zeros_or_joins_the_rare_ones():
    train = pd.DataFrame({"word": ["a", "b", "a", "b"]})
    new = pd.DataFrame({"word": ["z"]})
    np.testing.assert_array_equal(Table().fit(train).transform(new), [[0, 0]])
    rare = pd.DataFrame({"word": list("aaabbbccd")})
    np.testing.assert_array_equal(Table(max_categories=3).fit(rare).transform(new), [[0, 0, 1]])


def test_the_number_of_columns_of_a_word_is_capped():
    words = [f"w{i % 60}" for i in range(240)]
    assert Table().fit_transform(pd.DataFrame({"word": words})).shape == (240, 32)


def test_a_column_that_names_rows_is_left_out_and_says_so():
    table = Table().fit(pd.DataFrame({"name": [f"m{i:02}" for i in range(20)], "x": range(20)}))
    assert table.left_out_ == {"name": "nearly every row has a value of its own"}
    assert table.numbers_ == ["x"]


def test_numbers_with_signs_are_pointed_out():
    signs = ["25,123", "1,234.5", "₩1,000", "$ 5", "12%", "-3.5%", "1,000원", "0,126"]
    columns = {f"x{place}": [sign, "7", None] for place, sign in enumerate(signs)}
    others = {
        "date": ["2021.10.03"] * 3,
        "code": ["A12"] * 3,
        "plain": [1, 2, 3],
        "flag": [True] * 3,
    }
    found = tabular.numbers_as_text(pd.DataFrame(columns | others))
    assert found == {f"x{place}": sign for place, sign in enumerate(signs)}


def test_words_among_numbers_are_pointed_out():
    numbers, codes = [str(n) for n in range(20)], [f"A{n}" for n in range(19)]
    X = pd.DataFrame({"x": [*numbers, "?"], "code": [*codes, "1", "2"], "n": range(21), "gap": [*numbers, None]})  # fmt: skip
    assert tabular.nearly_numbers(X) == {"x": "?"}


def test_sentences_become_weights_of_words_beside_the_rest():
    train = pd.DataFrame(
        {"x": [1.0, 2.0, 3.0], "text": [f"불이 났다 fire in town {i}" for i in "abc"]}
    )
    table = Table().fit(train)
    assert (table.numbers_, table.texts_, table.left_out_) == (["x"], ["text"], {})
    vector = table.transform(train)
    assert vector.shape == (3, 1 + 8)  # x; 불이, 났다, fire, in, town, a, b, c
    np.testing.assert_allclose(np.linalg.norm(vector[:, 1:], axis=1), 1, rtol=1e-6)


def test_a_missing_text_and_one_of_unknown_words_have_no_word():
    train = pd.DataFrame({"text": [f"one two three four five {i}" for i in range(6)]})
    other = pd.DataFrame({"text": [None, "말 없음", 3.5, "five"]})
    vector = Table().fit(train).transform(other)
    np.testing.assert_array_equal(vector.any(axis=1), [False, False, True, True])


def test_the_number_of_columns_of_a_text_is_capped():
    train = pd.DataFrame({"text": [f"a b c d {i} {i + 1}" for i in range(60)]})
    table = Table(max_words=7).fit(train)
    assert table.transform(train).shape == (60, 7)
    assert table.transform(train)[:, -4:].all()  # the frequent ones: a, b, c, d


def test_a_column_without_values_is_left_out_even_if_other_rows_have_some():
    table = Table().fit(pd.DataFrame({"gone": [np.nan, np.nan], "x": [1, 2]}))
    assert table.left_out_ == {"gone": "no value is known"}
    assert table.transform(pd.DataFrame({"gone": [5.0], "x": [1]})).shape == (1, 1)


def test_no_usable_column_is_refused_with_the_reasons():
    table = pd.DataFrame({"name": list("abcd"), "gone": [None] * 4})
    with pytest.raises(MemberFailed, match=r"name: nearly every row .*; gone: no value is known"):
        Table().fit(table)


def test_a_category_stored_as_numbers_in_the_other_file_is_the_same():
    train = pd.DataFrame({"code": ["1", "2", "x", "1"]})
    expected = Table().fit(train).transform(pd.DataFrame({"code": ["1", "2"]}))
    assert expected.any()
    for stored in ([1, 2], [1.0, 2.0]):
        vector = Table().fit(train).transform(pd.DataFrame({"code": stored}))
        np.testing.assert_array_equal(vector, expected)


def test_text_in_a_column_of_numbers_counts_as_missing():
    table = Table().fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    np.testing.assert_array_equal(table.transform(pd.DataFrame({"x": ["?", "2"]})), [[0], [0]])


def test_columns_may_come_in_another_order_and_with_others():
    train = pd.DataFrame({"x": [1.0, 2, 3], "word": ["a", "b", "a"]})
    table = Table().fit(train)
    mixed = train.assign(new=0)[["new", "word", "x"]]
    np.testing.assert_array_equal(table.transform(mixed), table.transform(train))


def test_an_absent_column_is_named_with_the_nearest():
    table = Table().fit(pd.DataFrame({"Age": [1.0, 2.0]}))
    with pytest.raises(MemberFailed, match=r"'Age' is absent; did you mean 'Agee'"):
        table.transform(pd.DataFrame({"Agee": [1.0]}))


def test_transform_before_fit_is_an_error():
    with pytest.raises(NotFittedError):
        Table().transform(pd.DataFrame({"x": [1.0]}))


def test_validation_rows_do_not_move_what_the_fold_learned():
    train = pd.DataFrame({"x": [1.0, 2.0, np.nan, 4.0], "word": ["a", "b", "a", None]})
    far = pd.DataFrame({"x": [1e9, np.nan], "word": ["c", "d"]})
    table = Table().fit(train)
    before = table.transform(train)
    table.transform(far)
    np.testing.assert_array_equal(table.transform(train), before)
    assert np.abs(before).max() < 10


def test_thousands_of_columns_of_numbers_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    one = tabular.as_numbers
    monkeypatch.setattr(tabular, "as_numbers", lambda column: asked.append(column) or one(column))
    X = (
        pd.DataFrame(np.arange(600.0).reshape(2, 300))
        .add_prefix("c")
        .assign(gaps=[1e300, np.inf], words=["a", "b"])
    )
    fitted = tabular.Table().fit(X)
    assert fitted.left_out_ == {"gaps": tabular.NO_VALUE}
    assert not asked
    X["c0"] = ["5", "soon"]
    fitted.transform(X)
    assert len(asked) == 1, "words in a column of numbers are turned one by one"
