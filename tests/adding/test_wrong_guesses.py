"""Folders of which `competition add` once took the wrong file or the wrong column, and said nothing."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.adding import checking, competition_draft
from pipelines.adding.draft_file import Draft, Wishes
from pipelines.plumbing.errors import UserError
from tests.adding.test_competition_draft import tables, written
from tests.adding.test_picture_roles import LABELS, TEST, TRAIN, drawn
from tests.conftest import Workshop


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def added(tmp_path: Path, *given: pd.DataFrame) -> Draft:
    return competition_draft.add("new", written(tmp_path / "given", *given), Wishes())


@pytest.mark.parametrize("value", [0, [0, 1] * 15])
def test_a_sample_is_no_test(tmp_path: Path, value: Any) -> None:
    train, _, sample = tables()
    with pytest.raises(UserError, match=r"no file could be test: a\.csv has .*another zip\?"):
        added(tmp_path, train, sample.assign(t=value))


@pytest.mark.parametrize("is_sampled", [True, False])
def test_an_index_without_a_name_is_no_id_before_a_named_column(
    tmp_path: Path, is_sampled: bool
) -> None:
    train, test, sample = (table.rename(columns={"k": "case_no"}) for table in tables())
    train, test = (
        table.assign(case_no=range(len(table)))
        .reset_index(drop=True)
        .reset_index(names="Unnamed: 0")
        for table in (train, test)
    )
    sample = pd.DataFrame({"id": range(len(test)), "t": 0})
    draft = added(tmp_path, train, test, *[sample] * is_sampled)
    assert draft.keys["id_column"] == "case_no"
    said = "'case_no' of b.csv is taken for the ids, and 'Unnamed: 0' holds the same"
    assert (said in draft.why) is is_sampled


@pytest.mark.parametrize(
    ("cell", "labels"), [("no", ["no", "yes"]), (0, [0, 1]), (0.5, [0, 1])]
)  # fmt: skip
def test_the_target_is_the_column_that_holds_the_cells_of_the_sample(
    tmp_path: Path, cell: Any, labels: list[Any]
) -> None:
    train, test, sample = tables()
    train = train.assign(t=[labels[value] for value in train["t"]], extra=train["q"] * 3)
    sample = sample.rename(columns={"t": "prediction"}).assign(prediction=cell)
    draft = added(tmp_path, train, test, sample)
    is_told = cell in labels
    assert draft.keys["target"] == ("t" if is_told else "extra")
    why = "of t, extra, which test lacks, it alone holds the cells of the sample, such as"
    assert any(why in said for said in draft.why) is is_told


def test_labels_of_the_sample_that_are_no_classes_are_told(tmp_path: Path) -> None:
    train, test, sample = tables()
    draft = added(tmp_path, train, test, sample.assign(t="maybe"))
    said = "the sample holds 'maybe', which is no class of 't' (0, 1)"
    assert any(said in note for note in draft.why)
    assert any(said in note for note in checking.check("new").notes)
    assert checking.foreseen("new") != []


def test_a_table_of_ids_alone_is_no_sample(tmp_path: Path) -> None:
    drawn(tmp_path / "given/n", TRAIN)
    drawn(tmp_path / "given/m", TEST)
    train = pd.DataFrame({"img": TRAIN, "label": LABELS, "w": range(40)})
    sample = pd.DataFrame({"img": TEST, "label": "red"})
    draft = added(tmp_path, train, sample, sample[["img"]])
    files = {"train": "c.csv", "test": "a.csv", "sample": "b.csv", "format": "images"}
    assert (draft.keys["files"], draft.keys["target"]) == (files, "label")


def dated(table: pd.DataFrame, start: str) -> pd.Series:
    days = pd.Series(pd.date_range(start, periods=len(table)))
    return days.dt.strftime("%Y-%m-%d").set_axis(table.index)


def test_ids_that_are_dates_split_rows_by_time(tmp_path: Path) -> None:
    train, test, sample = tables()
    days = dated(train, "2021-01-01"), dated(test, "2022-01-01")
    draft = added(
        tmp_path, train.assign(k=days[0]), test.assign(k=days[1]), sample.assign(k=days[1])
    )
    assert draft.keys["split"] == {"kind": "time", "time": "k"}
    assert checking.check("new").refused is None


def test_a_date_with_gaps_is_said_to_tell_the_split(tmp_path: Path) -> None:
    train, test, sample = tables()
    days = dated(train, "2021-01-01").where(train["k"] > 1002)
    draft = added(
        tmp_path, train.assign(day=days), test.assign(day=dated(test, "2022-01-01")), sample
    )
    assert any(said.startswith("'day' is dated and lacks 3 cells of train") for said in draft.why)
    assert not any("no column tells" in said for said in draft.why)
