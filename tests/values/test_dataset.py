"""Datasets come back from disk as they went, and their hash sees every part."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine

from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Image
from pipelines.values.dataset import Dataset, content_hash, subset, with_hash


def pictures(**changes: Any) -> Dataset:
    digits = load_digits()
    X = digits.images[:30, :, :, None].astype(np.uint8)
    content: dict[str, Any] = {
        "X_train": X[:20], "X_test": X[20:], "y": digits.target[:20].astype(np.int64),
        "row_ids": np.arange(1, 21).astype(np.str_), "test_ids": np.arange(1, 11).astype(np.str_),
        "classes": tuple("0123456789"), "image": Image(height=8, width=8, maximum=16),
        "groups": None, "times": None,
    }  # fmt: skip
    return with_hash(Dataset(**content | changes))


def table(**changes: Any) -> Dataset:
    frame = load_wine(as_frame=True).data.iloc[:40].copy()
    frame["색"] = ["red", None, "화이트", "rosé"] * 10
    frame["count"] = np.arange(40)
    frame["seen"] = frame["count"] % 2 == 0
    content: dict[str, Any] = {
        "X_train": frame.iloc[:30].reset_index(drop=True), "X_test": frame.iloc[30:].reset_index(drop=True),
        "y": np.linspace(0, 1, 30), "row_ids": np.array([f"행{i}" for i in range(30)]),
        "test_ids": np.array([f"t{i}" for i in range(10)]), "classes": (), "image": None,
        "groups": np.array(["a", "b", "긴 이름"] * 10), "times": np.arange(30),
    }  # fmt: skip
    return with_hash(Dataset(**content | changes))


def assert_same(a: Dataset, b: Dataset) -> None:
    for part in ("X_train", "X_test"):
        left, right = getattr(a, part), getattr(b, part)
        if isinstance(left, pd.DataFrame):
            pd.testing.assert_frame_equal(left, right)
        else:
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
    for part in ("y", "row_ids", "test_ids", "groups", "times"):
        left, right = getattr(a, part), getattr(b, part)
        assert (left is None) == (right is None)
        if left is not None:
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
    assert (a.classes, a.image, a.hash) == (b.classes, b.image, b.hash)


@pytest.mark.parametrize("made", [pictures, table])
def test_a_dataset_comes_back_as_it_went(tmp_path: Path, made: Any) -> None:
    dataset = made()
    dataset.save(tmp_path / "dataset")
    found = Dataset.load(tmp_path / "dataset")
    assert_same(found, dataset)
    assert content_hash(found) == dataset.hash, "what was read must hash as what was written"


@pytest.mark.parametrize("made", [pictures, table])
def test_the_same_dataset_is_the_same_bytes(tmp_path: Path, made: Any) -> None:
    made().save(tmp_path / "a")
    made().save(tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "arrays.npz" in files
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_nothing_on_disk_is_pickled(tmp_path: Path) -> None:
    pictures().save(tmp_path)
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as stored:
        assert {"X_train", "X_test", "y", "row_ids", "test_ids"} == set(stored.files)
    with pytest.raises(ValueError, match="pickle"):
        pictures(row_ids=np.array([object()] * 20)).save(tmp_path / "other")


def other(values: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[0] = changed[1]
    return changed


CHANGES: dict[str, Callable[[Dataset], dict[str, Any]]] = {
    "a pixel": lambda d: {"X_train": d.X_train + np.uint8(1)},
    "a test pixel": lambda d: {"X_test": d.X_test[::-1]},
    "the pixels' type": lambda d: {"X_train": d.X_train.astype(np.float32)},
    "a label": lambda d: {"y": other(d.y)},
    "an id": lambda d: {"row_ids": other(d.row_ids)},
    "a test id": lambda d: {"test_ids": other(d.test_ids)},
    "a class": lambda d: {"classes": ("zero", *d.classes[1:])},
    "groups": lambda d: {"groups": d.row_ids},
    "times": lambda d: {"times": d.y},
    "the value of white": lambda d: {"image": Image(height=8, width=8, maximum=255)},
    "no picture": lambda d: {"image": None},
    "a lower bound": lambda d: {"clip": (0.0, None)},
    "an upper bound": lambda d: {"clip": (None, 0.0)},
}


def test_the_hash_sees_every_part() -> None:
    plain = pictures()
    hashes = {
        name: content_hash(replace(plain, **change(plain))) for name, change in CHANGES.items()
    }
    assert plain.hash not in hashes.values()
    assert len(set(hashes.values())) == len(CHANGES)
    assert content_hash(replace(plain, hash="")) == plain.hash


def test_a_dataset_without_bounds_keeps_the_hash_that_fits_were_kept_under() -> None:
    assert pictures().hash == pictures(clip=(None, None)).hash == "67ab408e593ccac7"


def test_the_hash_sees_a_tables_cells_columns_and_types() -> None:
    plain = table()
    frame = plain.X_train
    assert isinstance(frame, pd.DataFrame)
    changed = [
        frame.rename(columns={"색": "color"}),
        frame.assign(alcohol=frame["alcohol"] + 1e-9),
        frame.assign(count=frame["count"] + 0.5),
        frame.iloc[::-1],
        frame[[*frame.columns[::-1]]],
        frame.assign(색=frame["색"].fillna("red")),
    ]
    hashes = {content_hash(replace(plain, X_train=new)) for new in changed}
    assert len({plain.hash, *hashes}) == len(changed) + 1


@pytest.mark.parametrize("made", [pictures, table])
def test_a_subset_keeps_rows_together_and_the_test_part_whole(made: Any) -> None:
    dataset = made()
    rows = np.array([7, 2, 11])
    part = subset(dataset, rows)
    assert part.row_ids.tolist() == dataset.row_ids[rows].tolist()
    assert part.y.tolist() == dataset.y[rows].tolist()
    if isinstance(part.X_train, pd.DataFrame):
        pd.testing.assert_frame_equal(
            part.X_train, dataset.X_train.iloc[rows].reset_index(drop=True)
        )
        np.testing.assert_array_equal(part.groups, dataset.groups[rows])
        np.testing.assert_array_equal(part.times, dataset.times[rows])
    else:
        np.testing.assert_array_equal(part.X_train, dataset.X_train[rows])
    assert part.test_ids is dataset.test_ids
    assert part.hash == content_hash(part) != dataset.hash


def test_the_width_of_a_prediction() -> None:
    assert (pictures().width, pictures().is_classification) == (10, True)
    assert (table().width, table().is_classification) == (1, False)


@pytest.mark.parametrize("made", [pictures, table])
def test_what_is_missing_or_damaged_is_named(tmp_path: Path, made: Any) -> None:
    with pytest.raises(UserError, match=r"meta\.json must exist"):
        Dataset.load(tmp_path / "none")
    made().save(tmp_path / "whole")
    for name in sorted(path.name for path in (tmp_path / "whole").iterdir()):
        for damage in ("cut", "gone"):
            folder = tmp_path / f"{damage}-{name}"
            made().save(folder)
            content = (folder / name).read_bytes()
            (folder / name).write_bytes(content[: len(content) // 2])
            if damage == "gone":
                (folder / name).unlink()
            with pytest.raises(UserError, match=r"run `dvc repro`|delete it and rerun"):
                Dataset.load(folder)


@pytest.mark.parametrize(
    "meta", ["{}", '{"classes": [], "image": {"height": 8}, "hash": ""}', "[]"]
)
def test_a_dataset_with_other_meta_is_refused(tmp_path: Path, meta: str) -> None:
    pictures().save(tmp_path)
    (tmp_path / "meta.json").write_text(meta)
    with pytest.raises(UserError, match="must hold the dataset and does not"):
        Dataset.load(tmp_path)


def test_a_subset_of_mapped_pictures_is_mapped(tmp_path: Path) -> None:
    plain = pictures()
    np.save(tmp_path / "all.npy", plain.X_train)
    mapped = replace(plain, X_train=np.load(tmp_path / "all.npy", mmap_mode="r"))
    rows = np.array([2, 7, 11])
    part = subset(mapped, rows, tmp_path / "part.npy")
    assert isinstance(part.X_train, np.memmap)
    assert part.hash == subset(plain, rows).hash
