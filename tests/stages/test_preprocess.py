"""preprocess: dataset, sample, folds and profile, all of them or none."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.preprocess import preprocess
from pipelines.values import folds
from pipelines.values.competition import Split
from pipelines.values.dataset import Dataset
from tests.conftest import ROWS, TEST_ROWS, Workshop, tiny_tables

OUTPUTS = (paths.dataset, paths.sample, paths.folds, paths.profile)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_it_writes_what_the_other_stages_read(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    preprocess("tiny")
    dataset = Dataset.load(paths.dataset("tiny"))
    assert dataset.X_train.shape == (ROWS, 4, 4, 1)
    assert dataset.classes == ("c0", "c1", "c2")
    drawn = folds.load(paths.folds("tiny"), dataset.row_ids, Split(kind="stratified"))
    assert np.bincount(drawn.fold).tolist() == [20, 20, 20]
    assert pd.read_csv(paths.sample("tiny"))["id"].tolist() == [
        f"r{i}" for i in range(ROWS, ROWS + TEST_ROWS)
    ]
    profile = json.loads((paths.profile("tiny") / "profile.json").read_text(encoding="utf-8"))
    assert (profile["rows"], profile["test_rows"]) == (ROWS, TEST_ROWS)
    assert list(paths.profile("tiny").glob("*.png"))
    assert "60 training rows in 3 folds, 20 test rows" in capsys.readouterr().out


def test_the_same_files_give_the_same_bytes(workshop: Workshop) -> None:
    preprocess("tiny")
    first = everything_in(paths.data("tiny"))
    preprocess("tiny")
    assert everything_in(paths.data("tiny")) == first


def test_another_seed_draws_other_folds_of_the_same_data(workshop: Workshop) -> None:
    preprocess("tiny")
    first, data = paths.folds("tiny").read_bytes(), Dataset.load(paths.dataset("tiny")).hash
    workshop.write_params(seed=8)
    preprocess("tiny")
    assert paths.folds("tiny").read_bytes() != first
    assert Dataset.load(paths.dataset("tiny")).hash == data


def test_a_subset_keeps_classes_in_their_shares_and_rows_in_order(workshop: Workshop) -> None:
    workshop.write_params(preprocess={"max_rows": 30})
    preprocess("tiny")
    dataset = Dataset.load(paths.dataset("tiny"))
    assert np.bincount(dataset.y).tolist() == [10, 10, 10]
    positions = [int(row[1:]) for row in dataset.row_ids]
    assert positions == sorted(positions)
    assert len(dataset.test_ids) == TEST_ROWS


@pytest.mark.parametrize("max_rows", [0, ROWS, ROWS + 1])
def test_a_subset_as_large_as_the_data_is_the_data(workshop: Workshop, max_rows: int) -> None:
    workshop.write_params(preprocess={"max_rows": max_rows})
    preprocess("tiny")
    assert len(Dataset.load(paths.dataset("tiny")).y) == ROWS


def test_what_is_dropped_is_said(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    train, test, sample, _ = tiny_tables()
    workshop.write_raw(train.assign(hint=1), test, sample)
    preprocess("tiny")
    assert "note: columns only in train are dropped: hint" in capsys.readouterr().out


def test_columns_that_are_left_out_are_said_with_the_reason(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test, sample, _ = tiny_tables()
    for table in (train, test):
        table["inc"] = [f"{20 + row},{row:03}" for row in range(len(table))]
        table["row"] = range(len(table))
    workshop.write_raw(train.assign(hint=1), test, sample)
    workshop.write_competition(image=None)
    preprocess("tiny")
    profile = json.loads((paths.profile("tiny") / "profile.json").read_text(encoding="utf-8"))
    assert set(profile["left_out"]) == {"hint", "row", "inc"}
    assert profile["numbers_as_text"] == {"inc": "20,000"}
    said = capsys.readouterr().out
    for name, reason in profile["left_out"].items():
        assert any(name in line and reason in line for line in said.splitlines())
    assert "such as '20,000'" in said
    assert [line for line in said.splitlines() if line.startswith("note: ")] == [
        f"note: {sentence}" for sentence in profile["warnings"]
    ]


def test_wrong_data_stops_before_anything_is_written(workshop: Workshop) -> None:
    train, test, sample, _ = tiny_tables()
    workshop.write_raw(train.assign(label="c0"), test, sample)
    with pytest.raises(UserError, match="at least 2 different values"):
        preprocess("tiny")
    assert not any(of("tiny").exists() for of in OUTPUTS)


def test_a_failure_at_the_end_takes_back_what_was_written(workshop: Workshop) -> None:
    paths.profile("tiny").write_text("a file where a folder must be", encoding="utf-8")
    with pytest.raises(UserError, match="a file lies where a folder must be"):
        preprocess("tiny")
    assert not any(of("tiny").exists() for of in OUTPUTS)
    assert paths.raw("tiny").is_dir()


def test_labels_that_differ_by_a_blank_are_told_before_the_folds_fail(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test, sample, _ = tiny_tables()
    train.loc[0, "label"] = "c0 "
    workshop.write_raw(train, test, sample)
    with pytest.raises(UserError, match="fold"):
        preprocess("tiny")
    assert "differ only by blanks or case" in capsys.readouterr().out


def test_values_that_are_never_negative_are_offered_a_bound(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test, sample, _ = tiny_tables()
    tables = (train.assign(label=range(ROWS)), test, sample.assign(label=0))
    workshop.write_raw(*tables)
    task = {"task": "regression", "metric": "rmse", "split": {"kind": "plain"}}
    for changes, is_offered in (({}, True), ({"clip": {"low": 0}}, False)):
        workshop.write_competition(**task, **changes)
        preprocess("tiny")
        assert ("`clip: {low: 0}`" in capsys.readouterr().out) is is_offered


def test_other_bounds_are_another_dataset_to_dvc(workshop: Workshop) -> None:
    """DVC trains again by what the dataset's folder holds, and bounds decide what a model predicts."""
    train, test, sample, _ = tiny_tables()
    workshop.write_raw(train.assign(label=range(ROWS)), test, sample.assign(label=0))
    task = {"task": "regression", "metric": "rmse", "split": {"kind": "plain"}}
    found = []
    for changes in ({}, {"clip": {"low": 0}}, {"clip": {"low": 1}}, {}):
        workshop.write_competition(**task, **changes)
        preprocess("tiny")
        folder = paths.dataset("tiny")
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    unbounded, least_0, least_1, again = found
    assert unbounded != least_0 != least_1 != unbounded
    assert unbounded == again
