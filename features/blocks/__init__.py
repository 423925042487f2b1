"""Feature blocks: what a competition knows of its own columns, one file each, for all of its models.

`features/blocks/house_prices.py` is the block of `competitions/house-prices.yaml`. A competition without one
needs no file, and of one whose tables lack a column that its block needs the block is left out.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from pipelines.plumbing import registry


class Block(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Raw columns → better columns, before the transformer of each model.

    The engine calls `fit_transform(X, y)` with the rows that a fit learns from, and `transform` with all
    others, so a column may be made of targets. A row that is learned from must then not see its own: such a
    block gives its own `fit_transform`, which differs from `fit` and `transform` after each other.

    Attributes:
        needs: the columns that it works on.
    """

    needs: ClassVar[tuple[str, ...]]

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn from the rows of one fit alone.

        Args:
            X: columns as they were read; it must not be changed.
            y: class indices, or values as they are learned (their logarithms under RMSLE).
        """
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The same rows in the same order with other columns; no row influences another."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return True


def name_of(competition: str) -> str:
    """The file name, without `.py`, that this competition's block has, or would have."""
    return competition.replace("-", "_")


def of(competition: str, columns: Iterable[str]) -> list[Block]:
    """The unfitted block of a competition, as a list of one; empty where it has none, or its columns are not there."""
    kind = _kind(competition)
    return [] if kind is None or lacking(competition, columns) else [kind()]


def lacking(competition: str, columns: Iterable[str]) -> list[str]:
    """The columns that the competition's block needs and that are not there; its files may bear other names."""
    kind, there = _kind(competition), set(columns)
    return [] if kind is None else [name for name in kind.needs if name not in there]


def _kind(competition: str) -> type[Block] | None:
    name = name_of(competition)
    return registry.load(Block, name) if name in registry.names(__name__) else None
