"""Free text: the weight of every frequent word, TF-IDF, learned from the training rows of each fold."""

import re

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

# A word is a run of letters and digits: hashtags and mentions lose their sign, Hangul stays whole. (The
# vectorizer's own pattern drops words of one letter, and `strip_accents` would take Hangul apart.)
_WORD = r"\b\w+\b"
# On average. Names of people (Titanic: 4.1 words) and places are shorter, tweets have 17.
_FEWEST_WORDS = 5
_DIFFERENT_SHARE = 0.5


def is_free_text(column: "pd.Series") -> bool:
    """Whether a column holds sentences to be read rather than names or categories.

    That is: most of its values are different, and they have five words or more on average. A rule without
    a setting: `drop:` in the competition file takes a column out.

    Args:
        column: anything but numbers; missing values do not count.
    """
    known = as_text(column.dropna())
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
