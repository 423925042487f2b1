"""Tables with texts: what is to be read becomes sparse weights or numbered words, all else stands beside it."""

from itertools import chain
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from features import tabular, text
from features.morphemes import in_morphemes
from features.ngrams import CharacterWeights
from pipelines.plumbing.errors import MemberFailed

_WORD = r"\b\w+\b"


class _Beside(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Splits a table into texts and the rest; a subclass says how one text becomes columns and joins them.

    Attributes:
        texts_: columns that are read: free text, and words of which nearly every row has its own.
        rest_: the other columns that are of use.
    """

    categories = False  # whether columns of few different words are read too

    def fit(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Self:
        """Learn words and scales from these rows alone.

        Raises:
            MemberFailed: no column is of any use.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: pd.DataFrame, y: np.ndarray | None = None) -> Any:
        """The rows that are learned from; each text is read once."""
        if not isinstance(X, pd.DataFrame):
            raise MemberFailed(
                f"texts must lie in a table, found {type(X).__name__}: choose a model of pictures such as cnn"
            )
        useless = tabular.left_out(X)
        worded = [column for column in X.columns if useless.get(column) != tabular.NO_VALUE]
        worded = [column for column in worded if pd.api.types.is_string_dtype(X[column].dropna())]
        self.texts_ = [
            column
            for column in worded
            if self.categories or column in useless or text.is_free_text(X[column])
        ]
        self.rest_ = [c for c in X.columns if c not in self.texts_ and c not in useless]
        self.readers_, parts = [], []
        texts = [_normal(X[column]) for column in self.texts_]
        self.skim(texts)
        for column, rows in zip(self.texts_, texts, strict=True):
            is_text = column in useless or text.is_free_text(X[column])
            reader = self.reader(rows) if is_text else _categories()
            try:
                parts.append(reader.fit_transform(rows))
            except ValueError:  # scikit-learn: not a single word
                parts.append(np.zeros((len(X), 0), np.float32))
                reader = FunctionTransformer(_nothing)
            self.readers_.append(reader)
        self.table_ = None
        if self.rest_ or not self.texts_:
            self.table_ = tabular.Table().fit(X[self.rest_] if self.texts_ else X)
            parts.append(self.table_.transform(X))
        return self.joined(parts)

    def transform(self, X: pd.DataFrame) -> Any:
        """Other rows, by what `fit` learned; no row influences another."""
        check_is_fitted(self, "readers_")
        parts = [
            reader.transform(_normal(X[column]))
            for column, reader in zip(self.texts_, self.readers_, strict=True)
        ]
        return self.joined([*parts, *([] if self.table_ is None else [self.table_.transform(X)])])

    def skim(self, texts: list[list[str]]) -> None:
        """Learn what all columns share, of the texts of each, before one of them gets its reader."""

    def reader(self, rows: list[str]) -> Any:
        """A transformer of one column's texts, still to be fitted."""
        raise NotImplementedError

    def joined(self, parts: list[Any]) -> Any:
        """The parts side by side: of the texts in their order, then of the rest."""
        raise NotImplementedError


class WeightedSentences(_Beside):
    """Sparse TF-IDF of words and of runs of letters; numbers and categories beside it as of `Table`.

    Of Korean the runs cross words, and are counted once more without any space; its words, which have endings of
    all kinds, count as morphemes or, beside letters, not at all.

    Args:
        words: longest run of words that counts as one; 0 takes letters alone.
        letters: longest run of letters; 0 takes words alone.
        morphemes: whether the words of Korean are its morphemes, runs of one more; kiwipiepy must be installed.
    """

    categories = True

    def __init__(self, words: int = 2, letters: int = 5, morphemes: bool = False) -> None:
        self.words, self.letters, self.morphemes = words, letters, morphemes

    def reader(self, rows: list[str]) -> Any:
        is_korean = text.is_korean(rows)
        parts: list[Any] = []
        if self.words and self.morphemes and is_korean:
            # Signs count, too: in reviews `...` and `!` say much.
            of_morphemes = _word_weights(self.words + 1, pattern=r"\S+", rows=2)
            parts.append(make_pipeline(FunctionTransformer(in_morphemes), of_morphemes))
        elif self.words and not (self.letters and is_korean):
            parts.append(_word_weights(self.words))
        if self.letters and is_korean:
            runs = CharacterWeights(1, self.letters + 1, across=True)
            parts += [runs, make_pipeline(FunctionTransformer(_without_spaces), clone(runs))]
        elif self.letters:
            parts.append(CharacterWeights(min(2, self.letters), self.letters))
        return make_union(*parts)

    def joined(self, parts: list[Any]) -> sparse.csr_matrix:
        """float32 csr (n, n_features)."""
        return sparse.csr_matrix(sparse.hstack(parts, format="csr", dtype=np.float32))


class NumberedSentences(_Beside):
    """Numbered words for a network: `length` columns in all texts together, then the rest as of `Table`.

    Args:
        length: words of a row, shared between its texts.
        most: words that have a number of their own.
        morphemes: whether the words of Korean are its morphemes, for which kiwipiepy must be installed.

    Attributes:
        words_: numbers of the words of all texts: what reads them knows a word by its number, whatever the column.
    """

    def __init__(self, length: int = 64, most: int = 20_000, morphemes: bool = False) -> None:
        self.length, self.most, self.morphemes = length, most, morphemes

    def fit_transform(self, X: pd.DataFrame, y: np.ndarray | None = None) -> np.ndarray:
        """float32 (n, length + columns of the rest); a table without texts is refused."""
        made: np.ndarray = super().fit_transform(X, y)
        if not self.texts_:
            raise MemberFailed(
                "this model must have a column of texts, and the table has none: choose a model of tables such as knn"
            )
        return made

    def skim(self, texts: list[list[str]]) -> None:
        spelled = [self._spelling(rows).transform(rows) for rows in texts]
        words = text.WordNumbers(max(1, self.length // max(1, len(texts))), self.most)
        self.words_ = words.fit(list(chain.from_iterable(spelled)))

    def reader(self, rows: list[str]) -> Any:
        return make_pipeline(self._spelling(rows), FrozenEstimator(self.words_))

    def _spelling(self, rows: list[str]) -> FunctionTransformer:
        is_taken_apart = self.morphemes and text.is_korean(rows)
        return FunctionTransformer(in_morphemes if is_taken_apart else None)

    def joined(self, parts: list[Any]) -> np.ndarray:
        # Where the texts do not share `length` evenly, the last place stays empty.
        lacking = self.length - sum(part.shape[1] for part in parts[: len(self.texts_)])
        parts.insert(len(self.texts_), np.zeros((len(parts[0]), max(0, lacking)), np.float32))
        return np.concatenate(parts, axis=1, dtype=np.float32)


def _word_weights(longest: int, pattern: str = _WORD, rows: int = 1) -> TfidfVectorizer:
    return TfidfVectorizer(
        ngram_range=(1, longest), sublinear_tf=True, token_pattern=pattern, lowercase=False,
        min_df=rows, dtype=np.float32,
    )  # fmt: skip


def _categories() -> TfidfVectorizer:
    """A column of 1 and 0 per value that two rows have."""
    return TfidfVectorizer(analyzer=_whole, min_df=2, dtype=np.float32)


def _whole(value: str) -> list[str]:
    return [value]


def _normal(column: "pd.Series") -> list[str]:
    return [text.normalised(value) for value in text.as_text(column)]


def _without_spaces(rows: list[str]) -> list[str]:
    return [row.replace(" ", "") for row in rows]


def _nothing(rows: list[str]) -> np.ndarray:
    return np.zeros((len(rows), 0), np.float32)
