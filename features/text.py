"""Free text: normalised, as weights of words, or as numbered words for networks; learned inside each fold."""

import html
import re
from collections import Counter
from collections.abc import Sequence
from typing import Self
from unicodedata import normalize

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.validation import check_is_fitted

from pipelines.plumbing.errors import MemberFailed

# A word is a run of letters and digits: hashtags and mentions lose their sign, Hangul stays whole. (The
# vectorizer's own pattern drops words of one letter, and `strip_accents` would take Hangul apart.)
_WORD = r"\b\w+\b"
# On average. Names of people with their titles have four words, places fewer, short messages 17.
_FEWEST_WORDS = 5
_DIFFERENT_SHARE = 0.5
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_REPEATED = re.compile(r"(\S)\1{3,}")
# Of one text; beyond it a pasted book would outweigh all others in time and memory.
_MOST_LETTERS = 20_000
UNKNOWN = 1  # the number of a word that `fit` did not see often enough; 0 fills up short rows


def is_free_text(column: "pd.Series") -> bool:
    """Whether a column holds sentences to be read rather than names or categories.

    That is: most of its values are different, and they have five words or more on average. A rule without
    a setting: `drop:` in the competition file takes a column out.

    Args:
        column: anything but numbers; missing values do not count.
    """
    known = column.dropna().astype(str)
    if len(known) == 0 or known.nunique() <= max(2, _DIFFERENT_SHARE * len(known)):
        return False
    # Python's own pattern: where pandas counts with Arrow, \w is a letter of ASCII, and Hangul has no words.
    return float(np.mean([len(re.findall(_WORD, value)) for value in known])) >= _FEWEST_WORDS


def as_text(column: "pd.Series") -> "pd.Series":
    """Plain text; a missing value is text without a word."""
    return column.astype(object).where(column.notna(), "").map(str)


def word_weights(most: int) -> TfidfVectorizer:
    """A transformer of one column of plain text, which gives sparse float32 (n, ≤ most).

    Each row has length 1, so that the distance of two rows is that of their directions; 0 where none of the
    words is known. A word counts with the logarithm of how often it stands in the row.

    Args:
        most: the words that are kept, the most frequent ones, ≥ 1.
    """
    return TfidfVectorizer(
        max_features=most, sublinear_tf=True, token_pattern=_WORD, dtype=np.float32
    )


def normalised(text: str) -> str:
    """One spelling of what reads the same: letters put together (NFC), small, at most three alike in a row.

    Character references of HTML become their characters, an address the word `url`, any white space one
    space. Of a text longer than 20,000 letters only the beginning counts.
    """
    text = normalize("NFC", html.unescape(text[:_MOST_LETTERS])).lower()
    text = _REPEATED.sub(r"\1\1\1", _ADDRESS.sub("url", text))
    return " ".join(text.split())


def check_texts(X: Sequence[str]) -> None:
    """Refuse what is no column of texts.

    Raises:
        MemberFailed: it is a table, a stack of pictures, or holds something else than text.
    """
    if getattr(X, "ndim", 1) != 1 or not all(isinstance(text, str) for text in X):
        raise MemberFailed(
            f"texts must be a list of them, found {type(X).__name__}: give `as_text` of one column"
        )


def is_korean(texts: Sequence[str]) -> bool:
    """Whether most letters are Hangul, of which writers leave out spaces at will."""
    letters = re.sub(r"[\W\d_]+", "", "".join(texts[:10_000]))
    return 2 * len(re.findall("[가-힣ㄱ-ㅣ]", letters)) > len(letters)


def words_of(text: str) -> list[str]:
    """The words of a text, signs such as ! and emoji among them, each of its own."""
    return re.findall(r"\w+|[^\w\s]", text)


class WordNumbers(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The words of texts by their numbers: 2 is the most frequent one, `UNKNOWN` any other, 0 none.

    Args:
        length: words of a row; of a longer text the first ones, ≥ 1.
        most: words that have a number of their own, ≥ 1.
        rows: how often such a word must stand in the training rows.

    Attributes:
        numbers_: word → number, 2 … most + 1.
    """

    def __init__(self, length: int = 64, most: int = 20_000, rows: int = 2) -> None:
        self.length, self.most, self.rows = length, most, rows

    def fit(self, X: Sequence[str], y: np.ndarray | None = None) -> Self:
        """Learn the words of these rows alone."""
        check_texts(X)
        found = Counter(word for text in X for word in words_of(text))
        known = [word for word, times in found.most_common(self.most) if times >= self.rows]
        self.numbers_ = {word: number for number, word in enumerate(known, start=UNKNOWN + 1)}
        return self

    def transform(self, X: Sequence[str]) -> np.ndarray:
        """float32 (n, length): whole numbers, 0 after a text's end."""
        check_is_fitted(self, "numbers_")
        numbered = np.zeros((len(X), self.length), np.float32)
        for row, text in zip(numbered, X, strict=True):
            words = words_of(text)[: self.length]
            row[: len(words)] = [self.numbers_.get(word, UNKNOWN) for word in words]
        return numbered
