"""The dataset: what a competition gives, stored without anything that could run code."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.plumbing.atomic import read_arrays, read_json, write_arrays, write_json, writing
from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Image

_ROWS = 1024

Features = pd.DataFrame | np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a competition gives, in the order of its files.

    Attributes:
        X_train, X_test: images (n, height, width, channels), uint8 where the pixels are whole numbers
            up to 255, else float32; or tables with the same columns.
        y: class indices int64 (n_rows,), or values float64 (n_rows,).
        row_ids, test_ids: fixed-width text.
        classes: class names in ascending order (numbers by value); empty for regression.
        image: the shape of the pictures; None for tables.
        groups: text (n_rows,), or None.
        times: sortable (n_rows,), or None.
        hash: 16 hex digits of all else.
        clip: the least and the greatest value that is predicted; None for no bound.
    """

    X_train: Features
    X_test: Features
    y: np.ndarray
    row_ids: np.ndarray
    test_ids: np.ndarray
    classes: tuple[str, ...]
    image: Image | None
    groups: np.ndarray | None
    times: np.ndarray | None
    hash: str = ""
    clip: tuple[float | None, float | None] = (None, None)

    @property
    def is_classification(self) -> bool:
        return bool(self.classes)

    @property
    def width(self) -> int:
        """Columns of a prediction matrix: a probability per class, or one value."""
        return len(self.classes) or 1

    def save(self, folder: Path) -> None:
        """Write `arrays.npz`, `meta.json` and, for tables, two parquet files into `folder`.

        Memory-mapped pictures become two .npy files, which `load` maps again.
        """
        arrays = {"y": self.y, "row_ids": self.row_ids, "test_ids": self.test_ids}
        arrays |= {
            name: value
            for name, value in (("groups", self.groups), ("times", self.times))
            if value is not None
        }
        for name, part in (("X_train", self.X_train), ("X_test", self.X_test)):
            if isinstance(part, pd.DataFrame):
                with writing(folder / f"{name}.parquet") as temporary:
                    part.to_parquet(temporary, index=False)
            elif isinstance(part, np.memmap):
                with writing(folder / f"{name}.npy") as temporary:
                    np.save(temporary, part, allow_pickle=False)
            else:
                arrays[name] = part
        write_arrays(folder / "arrays.npz", arrays)
        image = self.image.model_dump() if self.image else None
        meta = {"classes": self.classes, "image": image, "hash": self.hash, "clip": self.clip}
        write_json(folder / "meta.json", meta)

    @classmethod
    def load(cls, folder: Path, with_features: bool = True) -> "Dataset":
        """Read what `save` wrote.

        Args:
            folder: where it lies.
            with_features: False leaves the tables of features empty, for whoever needs rows and targets alone.

        Raises:
            UserError: it is missing or damaged.
        """
        meta = read_json(folder / "meta.json")
        arrays: dict[str, Any] = dict(read_arrays(folder / "arrays.npz"))
        try:
            for name in ("X_train", "X_test"):
                pixels = folder / f"{name}.npy"
                if pixels.is_file():
                    arrays[name] = np.load(pixels, mmap_mode="r", allow_pickle=False)
                elif name not in arrays:
                    columns: list[str] | None = None if with_features else []
                    arrays[name] = pd.read_parquet(folder / f"{name}.parquet", columns=columns)
            image = Image(**meta["image"]) if meta["image"] else None
            optional = {"groups": arrays.pop("groups", None), "times": arrays.pop("times", None)}
            return cls(
                **arrays, **optional, classes=tuple(meta["classes"]), image=image, hash=meta["hash"],
                clip=tuple(meta["clip"]),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{folder} must hold the dataset and does not ({error}): run `dvc repro`"
            ) from None


def content_hash(dataset: Dataset) -> str:
    """16 hex digits of a dataset's content, the same on every machine."""
    digest = hashlib.sha256()
    for part in (dataset.X_train, dataset.X_test):
        if isinstance(part, pd.DataFrame):
            digest.update("\t".join(map(str, part.columns)).encode())
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        else:
            digest.update(f"{part.shape} {part.dtype}".encode())
            for start in range(0, len(part), _ROWS):  # a mapped file is never copied whole
                digest.update(part[start : start + _ROWS].tobytes())
    for values in (dataset.y, dataset.row_ids, dataset.test_ids, dataset.groups, dataset.times):
        digest.update(b"none" if values is None else _labelled(values))
    digest.update("\t".join(dataset.classes).encode())
    digest.update(dataset.image.model_dump_json().encode() if dataset.image else b"none")
    if dataset.clip != (None, None):  # bounds decide scores, tuning and ensembles
        digest.update(f"clip {dataset.clip}".encode())
    return digest.hexdigest()[:16]


def _labelled(values: np.ndarray) -> bytes:
    return f"{values.shape} {values.dtype}".encode() + values.tobytes()


def with_hash(dataset: Dataset) -> Dataset:
    """The same dataset with the hash of its content filled in."""
    return replace(dataset, hash=content_hash(dataset))


def subset(dataset: Dataset, rows: np.ndarray, into: Path | None = None) -> Dataset:
    """The dataset with only these training rows; the test rows stay whole.

    Args:
        rows: positions.
        into: an .npy file that is made where the pictures are a mapped file, and mapped again; None puts them into
            memory.
    """
    X = dataset.X_train
    if isinstance(X, pd.DataFrame):
        X = X.iloc[rows].reset_index(drop=True)
    elif isinstance(X, np.memmap) and into is not None:
        kept = np.lib.format.open_memmap(into, "w+", X.dtype, (len(rows), *X.shape[1:]))
        for start in range(0, len(rows), _ROWS):
            kept[start : start + _ROWS] = X[rows[start : start + _ROWS]]
        X = kept
    else:
        X = X[rows]
    chosen = replace(
        dataset, X_train=X, y=dataset.y[rows], row_ids=dataset.row_ids[rows],
        groups=None if dataset.groups is None else dataset.groups[rows],
        times=None if dataset.times is None else dataset.times[rows],
    )  # fmt: skip
    return with_hash(chosen)
