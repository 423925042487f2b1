"""Files whose rows no column names, and samples that name them otherwise: datasets and kernels' views."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.notebooks import view_files, views
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.preprocess import preprocess
from pipelines.values import competition, raw, submission
from pipelines.values.dataset import Dataset
from tests.conftest import Workshop, tiny_tables


def without_ids(workshop: Workshop, first: int = 1, **changes: object) -> pd.DataFrame:
    """Write the tiny competition as files in which the sample alone has ids; return the sample."""
    train, test, sample, _ = tiny_tables()
    sample = sample.assign(id=range(first, first + len(sample))).rename(columns={"id": "Row"})
    workshop.write_raw(train.drop(columns="id"), test.drop(columns="id"), sample)
    workshop.write_competition(**{"id": "position", "id_column": "Row", **changes})
    return sample


@pytest.mark.parametrize("first", [0, 1, 1000])
def test_rows_are_counted_from_where_the_sample_begins(workshop: Workshop, first: int) -> None:
    sample = without_ids(workshop, first)
    preprocess("tiny")
    dataset = Dataset.load(paths.dataset("tiny"))
    assert dataset.test_ids.tolist() == [str(i) for i in sample["Row"]]
    assert dataset.row_ids[0] == str(first)
    assert dataset.X_train.shape == (60, 4, 4, 1)


@pytest.mark.parametrize("delimiter", [",", ";"])  # rows cut out of the file, and written anew
@pytest.mark.parametrize("name", ["fold1", "shuffled", "real"])
def test_a_view_has_no_ids_either_and_a_sample_that_counts(
    workshop: Workshop, tmp_path: Path, delimiter: str, name: str
) -> None:
    without_ids(workshop)
    for file in paths.raw("tiny").iterdir():
        file.write_text(file.read_text().replace(",", delimiter))
    preprocess("tiny")
    data = views.load("tiny")
    view = views.view_of(data, name)
    view_files.build(data, view, tmp_path / "view")
    train, test, sample = (
        pd.read_csv(tmp_path / "view" / "files" / f"{part}.csv", sep=delimiter)
        for part in ("train", "test", "sample_submission")
    )
    assert "Row" not in train
    assert "Row" not in test
    assert sample["Row"].tolist() == list(range(1, len(test) + 1))
    if name == "fold1":
        whole = pd.read_csv(paths.raw("tiny") / "train.csv", sep=delimiter)
        asked = whole.iloc[view.rows].drop(columns="label").reset_index(drop=True)
        pd.testing.assert_frame_equal(test, asked)
        assert len(train) + len(test) == len(whole)


def test_ids_that_are_words_count_no_rows(workshop: Workshop) -> None:
    workshop.write_competition(id="position")
    with pytest.raises(UserError, match=r"must be whole numbers, found 'r60' in the sample"):
        preprocess("tiny")


def test_a_sample_may_name_its_ids_otherwise_and_stand_in_another_order(workshop: Workshop) -> None:
    train, test, sample, _ = tiny_tables()
    turned = sample.iloc[::-1].rename(columns={"id": "ID"})
    workshop.write_raw(train, test, turned)
    workshop.write_competition(sample_id_column="ID")
    chosen = competition.load("tiny")
    tables = raw.read(chosen, paths.raw("tiny"))
    dataset, _ = raw.build(chosen, tables)
    assert dataset.test_ids.tolist() == test["id"].tolist()
    preprocess("tiny")
    view = views.view_of(views.load("tiny"), "fold0")
    assert view.sample.columns.tolist() == ["ID", "label"]
    real = views.view_of(views.load("tiny"), "real")
    assert real.rows.tolist() == list(range(len(test)))[::-1]


def test_a_sample_of_more_ids_than_test_is_said(workshop: Workshop) -> None:
    train, test, sample, _ = tiny_tables()
    more = pd.concat([sample, sample.iloc[:2].assign(id=["x1", "x2"])])
    workshop.write_raw(train, test, more)
    with pytest.raises(UserError, match=r"2 in the sample alone \(first: 'x1'\)"):
        preprocess("tiny")


def test_a_pair_of_probability_columns_needs_a_metric_of_probabilities(workshop: Workshop) -> None:
    train, test, sample, _ = tiny_tables()
    train["label"] = train["label"].map({"c0": "True", "c1": "False", "c2": "False"})
    pair = sample[["id"]].assign(**{"True": 0.5, "False": 0.5})
    workshop.write_raw(train, test, pair)
    workshop.write_competition(metric="log_loss")
    chosen = competition.load("tiny")
    dataset, _ = raw.build(chosen, raw.read(chosen, paths.raw("tiny")))
    assert dataset.classes == ("False", "True")
    frame = pair.assign(**{"True": 0.9, "False": 0.1})
    matrix, kind = submission.matrix_of(chosen, frame, dataset.classes)
    assert (kind, matrix[0].tolist()) == ("probability", [0.1, 0.9])
    workshop.write_competition(metric="accuracy")
    with pytest.raises(UserError, match="1 columns beside the id for accuracy"):
        preprocess("tiny")


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_a_comma_before_fractions_is_found(workshop: Workshop, delimiter: str) -> None:
    train, test, sample, _ = tiny_tables()
    for table in (train, test):
        table[table.columns[table.columns.str.startswith("pixel")]] += 0.25
    for name, table in (("train", train), ("test", test), ("sample_submission", sample)):
        table.to_csv(
            paths.raw("tiny") / f"{name}.csv", index=False, sep=delimiter, decimal=",",
            quoting=1 if delimiter == "," else 0,
        )  # fmt: skip
    chosen = competition.load("tiny")
    tables = raw.read(chosen, paths.raw("tiny"))
    assert tables.train["pixel3"].tolist() == train["pixel3"].tolist()


def test_thousands_are_no_fractions(tmp_path: Path) -> None:
    from pipelines.values.tables import form_of

    (tmp_path / "a.csv").write_text('a;b\n1,234;x\n"5,678";y\n')
    assert form_of(tmp_path / "a.csv").decimal == "."
    assert form_of(tmp_path / "a.csv", decimal=",").decimal == ","
