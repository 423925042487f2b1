"""Competitions of real data that scikit-learn brings along: no account, no network, a solution of our own."""

from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pipelines import platforms
from pipelines.plumbing.atomic import write_bytes, write_text
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


_SIDE, _WHITE = 8, 16  # of the digits


class BundledSource(platforms.Source):
    """What is taken and how it is split.

    Attributes:
        dataset: scikit-learn's name for it.
        test_share: part of the rows whose target is hidden.
        seed: of the drawing of test rows and of the public half.
        pictures: whether the rows become PNG files, which the tables name: grey or colour; none by default. Colour ones
            have a tint and a size of their own each.
    """

    dataset: Literal["digits", "wine", "breast_cancer", "diabetes"]
    test_share: float = Field(default=0.2, ge=0.05, le=0.5)
    seed: int = Field(default=0, ge=0)
    pictures: Literal["grey", "colour"] | None = None

    @model_validator(mode="after")
    def _has_pictures(self) -> "BundledSource":
        if self.pictures and self.dataset != "digits":
            raise ValueError(f"`pictures:` needs the data set digits, found {self.dataset}")
        return self


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
        if self.source.pictures:
            for name, table in tables.items():
                folder = into / getattr(self.competition.pictures, name, name)
                tables[name] = self._as_files(table, folder)
        for name, table in (tables | {"sample_submission": sample}).items():
            write_text(into / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))

    def _as_files(self, table: pd.DataFrame, folder: Path) -> pd.DataFrame:
        """Write each row's pixels as `<id>.png`, and give the table without them."""
        pixels = [name for name in table if str(name).startswith("pixel_")]
        ids = table[self.competition.id_column]
        tints = np.random.default_rng(derive(self.source.seed, "tints", folder.name))
        for name, row in zip(ids, table[pixels].to_numpy(np.float32), strict=True):
            grey = np.rint(row.reshape(_SIDE, _SIDE) / _WHITE * 255).astype(np.uint8)
            write_bytes(folder / f"{name}.png", _png(grey, self.source.pictures or "grey", tints))
        return table.drop(columns=pixels)

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


def _png(grey: np.ndarray, kind: str, generator: np.random.Generator) -> bytes:
    """One digit (8, 8) as a PNG; in colour it is drawn larger, by 1 to 4, in a light tint."""
    from PIL import Image

    picture = Image.fromarray(grey)
    if kind == "colour":
        tint, times = generator.uniform(0.5, 1, 3), int(generator.integers(1, 5))
        colours = Image.fromarray(np.rint(grey[..., np.newaxis] * tint).astype(np.uint8))
        picture = colours.resize((_SIDE * times, _SIDE * times), Image.Resampling.BICUBIC)
    content = BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
