"""features.text: which columns are read word by word, and what becomes of the words."""

import numpy as np
import pandas as pd
import pytest

from features.sentences import NumberedSentences
from features.text import as_text, is_free_text, word_weights

SENTENCES = [f"a fire of {i} houses near the river" for i in range(20)]


@pytest.mark.parametrize(
    ("values", "free"),
    [
        (SENTENCES, True),
        ([f"{i}번 버스가 광화문 앞에서 또 늦는다" for i in range(20)], True),
        ([*SENTENCES, *[None] * 80], True),
        ([f"Kim, Mr. Minsu {i}" for i in range(20)], False),  # a name: four words
        ([f"{i}" for i in range(20)], False),
        (["I agree with all of it", "I agree with none of it"] * 20, False),  # two categories
        ([*SENTENCES[:2]], False),
        ([None, None], False),
        ([], False),
        (["! ? ; : , ."] * 3 + [f"{'! ' * i}" for i in range(9)], False),
    ],
    ids=["sentences", "Hangul", "gaps", "names", "words", "answers", "two", "missing", "none", "signs"],
)  # fmt: skip
@pytest.mark.parametrize("stored", ["object", "str"])
def test_free_text_is_many_words_and_mostly_different(
    values: list[str | None], free: bool, stored: str
) -> None:
    assert is_free_text(pd.Series(values, dtype=stored)) is free


def test_a_missing_value_is_text_without_a_word() -> None:
    assert as_text(pd.Series(["a", None, 2.0, np.nan], dtype=object)).tolist() == [
        "a",
        "",
        "2.0",
        "",
    ]


def test_words_of_one_letter_and_hangul_count_whole_and_signs_do_not() -> None:
    made = word_weights(99).fit(["#불 a B", "@불이 don't"])
    assert sorted(made.vocabulary_) == ["a", "b", "don", "t", "불", "불이"]


def test_rare_words_weigh_more_and_rows_have_length_one() -> None:
    made = word_weights(99).fit(["fire here", "fire there", "fire fire"])
    weights = made.transform(["fire here", "fire unknown", "unknown"]).toarray()
    assert weights.dtype == np.float32
    assert weights[0, made.vocabulary_["here"]] > weights[0, made.vocabulary_["fire"]]
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), [1, 1, 0], rtol=1e-6)


def test_a_word_has_one_number_in_all_columns_of_texts() -> None:
    """A network has one embedding: a number must not be `fire` in one column and `river` in another."""
    table = pd.DataFrame(
        {"title": SENTENCES, "body": [f"the river took {i} of our houses" for i in range(20)]}
    )
    made = NumberedSentences(length=20)
    numbered = made.fit_transform(table)
    title, body = numbered[:, :10], numbered[:, 10:]
    known = made.words_.numbers_
    assert title[0, [0, 1, 7]].tolist() == [known[word] for word in ("a", "fire", "river")]
    assert body[0, [0, 1, 6]].tolist() == [known[word] for word in ("the", "river", "houses")]
    assert len(set(known.values())) == len(known)
