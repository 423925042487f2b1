"""Competitions of real data that scikit-learn brings along: no account, no network, a solution of our own."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pipelines import platforms
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.values.raw import constant_sample
from pipelines.values.seeds import derive

# The diabetes table in its own units: the scaled one was centred on the test rows too.
_LOADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "digits": ("load_digits", {}),
    "wine": ("load_wine", {}),
    "breast_cancer": ("load_breast_cancer", {}),
    "diabetes": ("load_diabetes", {"scaled": False}),
}


class BundledSource(platforms.Source):
    """What is taken and how it is split.

    Attributes:
        dataset: scikit-learn's name for it.
        test_share: part of the rows whose target is hidden.
        seed: of the drawing of test rows and of the public half.
    """

    dataset: Literal["digits", "wine", "breast_cancer", "diabetes"]
    test_share: float = Field(default=0.2, ge=0.05, le=0.5)
    seed: int = Field(default=0, ge=0)


class Bundled(platforms.Platform):
    """Splits a table that comes with scikit-learn into Kaggle's three files.

    Rows are shuffled, since the original order tells about the classes. Where ids are keys, those of the
    test rows follow those of the training rows; where they are positions, both files count from 1.
    """

    Source = BundledSource
    given_away = ("sklearn/datasets/data",)

    def download(self, into: Path) -> None:
        train, test = self._parts
        sample = constant_sample(self.competition, train, test)
        tables = {"train": train, "test": test.drop(columns=self.competition.target)}
        for name, table in (tables | {"sample_submission": sample}).items():
            write_text(into / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))

    def solution(self) -> pd.DataFrame:
        _, test = self._parts
        target = test[self.competition.target].to_numpy()
        return pd.DataFrame(
            {
                "id": test[self.competition.id_column].astype(str),
                "target": target,
                "usage": platforms.draw_usage(target, self.source.seed),
            }
        )

    @cached_property
    def _parts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The training rows and the test rows, both with ids and target."""
        from sklearn.model_selection import train_test_split

        table, is_classes = _table(self.source.dataset)
        target = table.pop("target")
        self._check_names(table)
        table.insert(0, self.competition.target, target)
        parts = train_test_split(
            table, test_size=self.source.test_share, stratify=target if is_classes else None,
            random_state=derive(self.source.seed, "test rows"),
        )  # fmt: skip
        train, test = (part.reset_index(drop=True) for part in parts)
        first = len(train) if self.competition.id == "key" else 0
        for part, start in ((train, 0), (test, first)):
            ids = np.arange(start + 1, start + 1 + len(part)).astype(str)
            part.insert(0, self.competition.id_column, ids)
        return train, test

    def _check_names(self, features: pd.DataFrame) -> None:
        for key in ("id_column", "target"):
            name = getattr(self.competition, key)
            if name in features.columns:
                raise UserError(
                    f"{key} must differ from the feature columns of {self.source.dataset}, found {name!r}: "
                    f"choose another name in competitions/{self.competition.name}.yaml"
                )


def _table(dataset: str) -> tuple[pd.DataFrame, bool]:
    """Features and `target` of one data set, and whether the target is classes (as text)."""
    from sklearn import datasets

    loader, options = _LOADERS[dataset]
    bunch = getattr(datasets, loader)(as_frame=True, **options)
    features = bunch.data.rename(columns=lambda name: name.replace(" ", "_"))
    table = features.assign(target=bunch.target)
    whole = {column: np.int64 for column in table if (table[column] % 1 == 0).all()}
    table = table.astype(whole)
    if "target_names" not in bunch:
        return table, False
    names = np.asarray(bunch.target_names).astype(str)
    return table.assign(target=names[bunch.target.to_numpy()]), True
