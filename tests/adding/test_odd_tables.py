"""Files that nearly are a competition: what `competition add` and `competition check` make of them, or say."""

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest

from pipelines.adding import checking, competition_draft
from pipelines.adding.competition_draft import Wishes
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import ids
from tests.adding.given_tables import Change, Frame, added, same
from tests.adding.test_competition_draft import tables, written
from tests.conftest import Workshop


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def with_amounts(table: Frame) -> Frame:
    return table.assign(t=table["q"], u=-table["q"])


def asking_for_two(table: Frame) -> Frame:
    return table.assign(t=0.0, u=0.0)


def numbered(table: Frame) -> Frame:
    """With the index of the table that it was written from."""
    return table.reset_index(names="Unnamed: 0")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"test": lambda table: table.rename(columns={"q": "Q"})}, r"'Q', which c\.csv lacks; did you mean 'q'"),
        ({"train": lambda table: table.rename(columns=lambda name: f" {name}")}, "'k', which .* did you mean ' k'"),
        ({"train": lambda table: table.drop(columns="w")}, r"b\.csv, which looks like test, has 'w'"),
        ({"train": lambda table: table[["k", "t"]], "test": lambda table: table[["k"]]}, "share their ids alone"),
        ({"train": with_amounts, "sample": asking_for_two}, "predicts one column, and the sample asks for t, u"),
    ],
)  # fmt: skip
def test_what_is_nearly_a_competition_is_told(
    tmp_path: Path, changes: dict[str, Change], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        added(tmp_path, **changes)
    assert not paths.competition_file("new").exists()


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"sample": lambda table: table[:-4]}, "30: 4 in test alone"),
        ({"test": lambda table: pd.concat([table, table[-1:].assign(k="Total")])}, "1 in test alone"),
        ({"test": lambda table: pd.concat([table[1:], table[-1:]])}, "ids must be unique, found 1 repeated in test"),
        ({"train": numbered, "test": numbered, "sample": numbered}, r"found 2 \(Unnamed: 0, t\).* take out the index"),
        ({"train": lambda table: table.assign(t=[*table["q"][1:].astype(str), "?"])}, r"finite numbers .* found '\?'"),
        ({"train": lambda table: table.assign(t=table["t"].where(table["k"] < 1079))}, "first: row 80 of 80"),
    ],
)  # fmt: skip
def test_what_is_added_with_faults_is_refused_by_the_check(
    tmp_path: Path, changes: dict[str, Change], refused: str
) -> None:
    """And not by `add`, which would take another file for the sample, or another column for the ids."""
    keys = added(tmp_path, **changes).keys
    assert (keys["id_column"], keys["target"]) == ("k", "t")
    assert keys["files"] == {"train": "c.csv", "test": "b.csv", "sample": "a.csv"}
    with pytest.raises(UserError, match=refused):
        checking.check("new")


@pytest.mark.parametrize("form", ["{:.1f}", "{:07.0f}"])
def test_ids_are_spelled_as_in_the_sample(tmp_path: Path, form: str) -> None:
    added(tmp_path, test=lambda table: table.assign(k=table["k"].map(form.format)))
    checked = checking.check("new")
    assert checked.dataset.test_ids[0] == "1080"
    assert any("as the sample submission spells it" in said for said in checked.notes)


def test_one_of_several_targets(tmp_path: Path) -> None:
    draft = added(tmp_path, with_amounts, same, asking_for_two, target="u")
    assert (draft.keys["target"], draft.keys["files"]["sample"]) == ("u", None)
    assert list(checking.check("new").tables.sample.columns) == ["k", "u"]


def test_a_second_training_file_is_kept_and_shown_to_no_kernel(tmp_path: Path) -> None:
    train, test, sample = tables()
    folder = written(tmp_path / "given", train, test, sample, train[:40])
    draft = competition_draft.add("new", folder, Wishes(train="d.csv"))
    assert "also" not in draft.keys["files"]
    assert "a.csv" not in draft.keys["source"]["files"]
    assert any("a.csv has 't' too" in said for said in draft.why)
    assert (paths.added("new") / "a.csv").is_file()


def test_a_header_that_stands_twice_is_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "given", *tables())
    for name in ("b", "c"):
        path = folder / f"{name}.csv"
        path.write_text(path.read_text().replace("w", "q", 1))
    competition_draft.add("new", folder, Wishes())
    said = "c.csv has 'q' above several columns: the second is called 'q.1' here, and so on"
    assert said in checking.check("new").notes


def test_a_test_file_with_its_labels_is_named_and_keeps_them_for_grading(tmp_path: Path) -> None:
    train, test, _ = tables()
    folder = written(tmp_path / "given", train, test.assign(t=1))
    with pytest.raises(UserError, match="a test that holds its labels these by --target"):
        competition_draft.add("new", folder, Wishes(train="b.csv", test="a.csv"))
    wishes = Wishes(train="b.csv", test="a.csv", target="t")
    assert competition_draft.add("new", folder, wishes).keys["source"]["solution"] == "a.csv"
    assert "t" not in checking.check("new").tables.test


@pytest.mark.parametrize(
    ("spelled", "meant", "quotes"),
    [('"open', '"open', "none"), ('"it\\"s, so"', 'it"s, so', "backslash"), ('"it, so"', "it, so", None)],
)  # fmt: skip
def test_what_quotes_mean_is_found_out(
    tmp_path: Path, spelled: str, meant: str, quotes: str | None
) -> None:
    folder = written(tmp_path / "given", *tables())
    for path in (folder / "b.csv", folder / "c.csv"):
        path.write_text(path.read_text().replace("red", spelled))
    keys = competition_draft.add("new", folder, Wishes()).keys
    assert keys.get("quotes") == quotes
    assert set(checking.check("new").dataset.X_train["r"]) == {meant, "blue"}


def test_a_file_with_a_name_that_no_path_should_have_is_left_aside_and_said(tmp_path: Path) -> None:
    folder = written(tmp_path / "given", *tables())
    (folder / "read;me.md").write_text("hello")
    draft = competition_draft.add("new", folder, Wishes())
    assert "also" not in draft.keys["files"]
    assert any("read;me.md" in said and "rename it" in said for said in draft.why)
    (folder / "c.csv").rename(folder / "c'.csv")
    with pytest.raises(UserError, match=r"(?s)no two tables.*c'\.csv: its name must be"):
        competition_draft.add("other", folder, Wishes())


def test_a_name_that_a_mac_took_apart_is_one_name(tmp_path: Path) -> None:
    folder = written(tmp_path / "given", *tables())
    (folder / "c.csv").rename(folder / normalize("NFD", "학습.csv"))
    assert competition_draft.add("new", folder, Wishes()).keys["files"]["train"] == "학습.csv"
    assert len(checking.check("new").dataset.y) == 80


def test_models_that_grow_a_tree_per_class_are_left_out_where_there_are_many(
    workshop: Workshop, tmp_path: Path
) -> None:
    sections: dict[str, object] = {"knn": {}, "lightgbm": {}, "forest": {}}
    workshop.write_params(tune=sections, train=sections)
    names = [f"n{place % 101}" for place in range(303)]
    train = pd.DataFrame({"k": range(303), "q": range(303), "t": names})
    test = pd.DataFrame({"k": range(303, 330), "q": range(27)})
    folder = written(tmp_path / "given", train, test, test[["k"]].assign(t="n0"))
    draft = competition_draft.add("new", folder, Wishes())
    assert draft.keys["baselines"] == ["forest", "knn"]
    assert any("lightgbm: left out" in said and "101 classes" in said for said in draft.why)


def test_text_is_what_models_take_for_text(tmp_path: Path) -> None:
    """Long cells alone are none: each of these is one word."""

    def with_words(table: Frame) -> Frame:
        keys = table["k"].astype(str)
        return table.assign(code=keys + "x" * 40, said="we saw that " + keys + " of them came")

    draft = added(tmp_path, with_words, with_words)
    assert [said for said in draft.why if said.startswith("text: ")] == ["text: 'said'"]


@pytest.mark.parametrize(
    ("test", "sample"), [("A{}", "A{} "), ("A{}", "a{}"), ("A{}", "Ａ{}"), ("{}.0", "00{}")]
)
def test_a_sample_is_one_however_its_ids_are_spelled(
    tmp_path: Path, test: str, sample: str
) -> None:
    draft = added(
        tmp_path,
        test=lambda table: table.assign(k=table["k"].map(test.format)),
        sample=lambda table: table.assign(k=table["k"].map(sample.format)),
    )
    assert draft.keys["files"]["sample"] == "a.csv"
    checked = checking.check("new")
    assert checked.dataset.test_ids[0] == sample.format(1080)
    said = f"id {test.format(1080)!r} of test is {sample.format(1080)!r} here"
    assert any(note.startswith(said) for note in checked.notes)


def test_powers_of_ten_are_ids_where_a_spreadsheet_wrote_them() -> None:
    assert [ids.bare(name) for name in ("2e3", "2.5E+03", "2.5e0", "007.0")] == [
        "2000", "2500", "2.5e0", "7",
    ]  # fmt: skip


def labels(table: Frame) -> Frame:
    return table.assign(t=np.random.default_rng(1).integers(0, 2, len(table)))


@pytest.mark.parametrize(
    ("test", "sample", "says"),
    [
        (same, lambda table: table[["t"]], r"a\.csv, whose 't' repeats one value, looks like one and has none"),
        (same, lambda table: table.assign(k=table["k"] + 7000), "has others, such as '8080'"),
        (same, labels, r"cells of a\.csv may be either: .* by --sample a\.csv"),
        (labels, same, r"b\.csv has 't', which a\.csv asks for: say so by --train c\.csv --test b\.csv --target 't'"),
    ],
)  # fmt: skip
def test_what_may_be_the_sample_or_labels_is_asked(
    tmp_path: Path, test: Change, sample: Change, says: str
) -> None:
    with pytest.raises(UserError, match=says):
        added(tmp_path, test=test, sample=sample)


@pytest.mark.parametrize(
    "sample",
    [
        lambda table: table.assign(t=(tables()[1]["r"] == "red").astype(int)),  # a baseline
        lambda table: table.assign(t=np.linspace(0.1, 0.9, len(table))),
    ],
)
def test_cells_that_no_label_has_are_of_a_sample_and_labels_beside_it_of_none(
    tmp_path: Path, sample: Change
) -> None:
    train, test, given = tables()
    folder = written(tmp_path / "given", train, test, sample(given), labels(given))
    assert competition_draft.add("new", folder, Wishes()).keys["files"]["sample"] == "b.csv"
