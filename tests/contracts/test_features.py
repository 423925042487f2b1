"""What every transformer of features/ must do, found by itself."""

import importlib
import inspect
import pkgutil

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import TransformerMixin, clone

import features
from pipelines.plumbing.errors import MemberFailed


def dense(rows):
    """What a transformer gave, sparse or not, as an array."""
    return rows.toarray() if sparse.issparse(rows) else rows


def transformers() -> list[type]:
    modules = [
        importlib.import_module(f"features.{m.name}")
        for m in pkgutil.iter_modules(features.__path__)
        if not m.ispkg  # the blocks of competitions
    ]
    return [
        found
        for module in modules
        for found in vars(module).values()
        if inspect.isclass(found)
        and issubclass(found, TransformerMixin)
        and found.__module__ == module.__name__
        and not found.__name__.startswith("_")  # a shared part
    ]


def examples() -> list[np.ndarray | pd.DataFrame]:
    """Every kind of X that there is: 30 rows of grey pictures, of RGB, of a table, of a column's texts."""
    generator = np.random.default_rng(0)
    words = np.array(["짧은 글", "a longer text", None], dtype=object)
    table = pd.DataFrame(
        {
            "number": np.where(np.arange(30) % 4, generator.normal(50, 9, 30), np.nan),
            "count": generator.integers(0, 5, 30),
            "word": words[np.arange(30) % 3],
            "flag": np.arange(30) % 2 == 0,
            "empty": [None] * 30,
            "name": [f"word{i} word{i % 7}" for i in range(30)],
            "text": [f"{i}번째 문장: word{i % 7} stands in it, word{i % 3} too" for i in range(30)],
        }
    )
    grey = generator.integers(0, 256, (30, 5, 4, 1)).astype(np.uint8)
    return [grey, generator.random((30, 4, 4, 3), dtype=np.float32), table, table["text"].tolist()]


def test_the_known_transformers_are_found():
    assert {"Pixels", "Table"} <= {found.__name__ for found in transformers()}


@pytest.mark.parametrize("transformer", transformers(), ids=lambda found: found.__name__)
class TestTransformer:
    @pytest.fixture
    def suited(self, transformer):
        """(fitting rows, other rows) of each example that the transformer takes; at least one."""
        found = []
        for X in examples():
            try:
                transformer().fit(X)
            except MemberFailed:
                continue
            found.append((X[:20], X[20:]))
        assert found
        return found

    def test_fit_returns_self_and_both_parts_become_float32_without_nan_or_typed_columns(
        self, transformer, suited
    ):
        for train, valid in suited:
            made = transformer()
            assert made.fit(train) is made
            one, other = dense(made.transform(train)), dense(made.transform(valid))
            for part, rows in ((one, train), (other, valid)):
                assert part.shape[0] == len(rows)
                if isinstance(part, pd.DataFrame):  # typed: gaps of numbers stay
                    assert set(part.select_dtypes(exclude="category").dtypes) <= {np.dtype(float)}
                    assert not part.select_dtypes("category").isna().any(axis=None)
                else:
                    assert part.dtype == np.float32
                    assert np.isfinite(part).all()
            assert one.shape[1:] == other.shape[1:]

    def test_refit_gives_equal_bytes(self, transformer, suited):
        for train, valid in suited:
            made = transformer().fit(train)
            first = joblib.hash(dense(made.transform(valid)))
            assert joblib.hash(dense(made.fit(valid).fit(train).transform(valid))) == first
            assert joblib.hash(dense(transformer().fit(train).transform(valid))) == first

    def test_clone_has_the_same_parameters_and_nothing_learned(self, transformer, suited):
        made = transformer().fit(suited[0][0])
        copy = clone(made)
        assert copy.get_params() == made.get_params()
        assert not [name for name in vars(copy) if name.endswith("_")]

    def test_transform_learns_nothing_from_other_rows(self, transformer, suited):
        for train, valid in suited:
            made = transformer().fit(train)
            state = joblib.hash(made)
            made.transform(valid)
            assert joblib.hash(made) == state

    def test_a_row_comes_out_the_same_alone_and_among_others(self, transformer, suited):
        for train, valid in suited:
            made = transformer().fit(train)
            together = dense(made.transform(valid))
            for i in range(len(valid)):
                alone = dense(made.transform(valid[i : i + 1]))
                if isinstance(alone, pd.DataFrame):
                    pd.testing.assert_frame_equal(alone, together[i : i + 1], check_exact=True)
                else:
                    np.testing.assert_array_equal(alone[0], together[i])

    def test_the_given_rows_stay_as_they_were(self, transformer, suited):
        for train, valid in suited:
            before = joblib.hash((train, valid))
            transformer().fit(train).transform(valid)
            assert joblib.hash((train, valid)) == before
