"""Files as spreadsheets leave them: blank last lines, another decimal mark in one of them, ids spelled like gaps."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.adding import checking, competition_draft, found_files
from pipelines.adding.competition_draft import Draft, Wishes
from pipelines.plumbing.errors import UserError
from pipelines.values.tables import read_csv
from tests.adding.test_competition_draft import tables, written
from tests.conftest import Workshop


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def added(folder: Path) -> Draft:
    return competition_draft.add("new", folder, Wishes())


@pytest.mark.parametrize("names", ["a", "b", "c", "abc"])
def test_a_row_without_a_cell_is_left_out_and_told(tmp_path: Path, names: str) -> None:
    folder = written(tmp_path / "given", *tables())
    for name in names:
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as file:
            columns = (
                (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0].count(",")
            )
            file.write("," * columns + "\n")
    draft = added(folder)
    assert (draft.keys["id_column"], draft.keys["files"]["sample"]) == ("k", "a.csv")
    checked = checking.check("new")
    assert checked.dataset.test_ids.tolist() == [str(name) for name in range(1080, 1110)]
    for said in (draft.why, checked.notes):
        for name in names:
            assert said.count(f"1 row of {name}.csv has no cell: left out") == 1


def test_numbers_stay_as_whole_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id;x;y\n007;1;"a\nb"\n;;\n8;2;NA\n;NA;\n', encoding="utf-8")
    table = read_csv(path, ["id"])
    assert table["id"].tolist()[:2] == ["007", "8"]
    assert len(table) == 3  # a spelled gap is a cell
    assert table["y"].tolist()[0] == "a\nb"
    path.write_text("id;x\n1;5\n;\n", encoding="utf-8")
    assert read_csv(path)["x"].dtype.kind == "i"


@pytest.mark.parametrize("name", ["test", "train"])
def test_the_file_that_tells_the_decimal_mark_decides_for_the_other(
    tmp_path: Path, name: str
) -> None:
    train, test, sample = tables()
    thousandths = {key: f"1,{i % 10}6{i % 7}" for i, key in enumerate(range(1000, 1110))}
    folder = written(tmp_path / "given", train, test, sample, sep=";", decimal=",")
    given, file = (train, "c.csv") if name == "train" else (test, "b.csv")
    alike = dict.fromkeys(("q", "w", "e"), given["k"].map(thousandths))
    given.assign(**alike).to_csv(folder / file, sep=";", index=False)
    draft = added(folder)
    assert f"{name}: {file}" in "".join(said for said in draft.why if "before fractions" in said)
    dataset = checking.check("new").dataset
    for part in (dataset.X_train, dataset.X_test):
        assert isinstance(part, pd.DataFrame)
        assert all(part[column].dtype.kind == "f" for column in ("q", "w", "e"))


@pytest.mark.parametrize("spelt", ["{:.3f} kg", "1.234,5"])
def test_numbers_that_one_part_spells_otherwise_are_not_taken_for_words(
    tmp_path: Path, spelt: str
) -> None:
    train, test, sample = tables()
    test["q"] = test["q"].map(spelt.format)
    added(written(tmp_path / "given", train, test, sample))
    with pytest.raises(UserError, match="'q' must be numbers in train and test alike"):
        checking.check("new")


def test_words_in_one_part_alone_are_told(tmp_path: Path) -> None:
    train, test, sample = tables()
    test["q"] = "cold"
    added(written(tmp_path / "given", train, test, sample))
    assert any("'q' is numbers in train" in said for said in checking.check("new").notes)


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "N/A"])
def test_an_id_that_is_spelled_like_a_gap_is_an_id(tmp_path: Path, word: str) -> None:
    train, test, sample = (table.assign(k="x" + table["k"].astype(str)) for table in tables())
    test, sample = (table.replace({"k": {"x1090": word}}) for table in (test, sample))
    draft = added(written(tmp_path / "given", train, test, sample))
    assert (draft.keys["id_column"], draft.keys["files"]["sample"]) == ("k", "a.csv")
    assert not any("same ids" in said or "will refuse" in said for said in draft.why)
    assert word in checking.check("new").dataset.test_ids


def test_words_with_gaps_keep_them(tmp_path: Path) -> None:
    train, test, sample = tables()
    train.loc[3, "r"] = "NA"
    with found_files.opened(written(tmp_path / "given", train, test, sample)) as found:
        frames = {table.name: table.frame for table in found.tables}
    assert frames["c.csv"]["r"].isna().sum() == 1
