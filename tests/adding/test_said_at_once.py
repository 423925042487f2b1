"""What would be refused later is said by `add` and `check` at once."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from pipelines import platforms
from pipelines.adding import checking, competition_draft
from pipelines.adding.draft_file import Draft, Wishes
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.download import download
from pipelines.values import competition
from tests.adding.given_tables import Change, Frame, added, same
from tests.adding.test_competition_draft import tables, written
from tests.conftest import Workshop


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def spam(table: Frame) -> Frame:
    return table.assign(t=table["t"].map({0: "not_spam", 1: "spam"}))


def asking(*columns: str) -> Change:
    return lambda table: table[["k"]].assign(**dict.fromkeys(columns, 0.5))


def test_a_column_of_probabilities_is_of_the_class_with_the_longest_ending(tmp_path: Path) -> None:
    added(tmp_path, spam, same, asking("p_spam", "p_not_spam"))
    assert checking.check("new").dataset.classes == ("not_spam", "spam")


def test_columns_that_name_no_classes_are_refused_by_the_check(tmp_path: Path) -> None:
    added(tmp_path, spam, same, asking("first", "second"), target="t", metric="log_loss")
    with pytest.raises(UserError, match="'first' of the sample must name one class"):
        checking.check("new")


def test_the_check_reads_what_the_file_names_now(workshop: Workshop, tmp_path: Path) -> None:
    added(tmp_path)
    download("new")
    paths.competition_file("new").unlink()
    added(tmp_path, train=lambda table: table[:50])
    assert "50 training rows" in checking.check("new").notes[-1]


@pytest.mark.parametrize(
    ("wishes", "says"),
    [({"metric": "log_loss"}, "--metric is"), ({"page": "https://example.org/x"}, "--page is"), ({"target": "t"}, None)],
)  # fmt: skip
def test_an_option_that_a_file_which_is_there_does_not_follow_is_told(
    tmp_path: Path, wishes: dict[str, str], says: str | None
) -> None:
    added(tmp_path)
    draft = added(tmp_path, **wishes)
    assert not draft.is_new
    assert [said.partition(" not ")[0] for said in draft.why if "not followed" in said] == [
        says
    ] * bool(says)


def test_a_page_that_is_no_address_is_refused_before_a_file_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source: page"):
        added(tmp_path, page="example.org/x")
    assert not paths.competition_file("new").exists()


def test_labels_cannot_be_cut_out_of_another_form_than_csv(tmp_path: Path) -> None:
    train, test, sample = tables()
    folder = written(tmp_path, sample)
    train.to_parquet(folder / "b.parquet")
    test.assign(t=1).to_parquet(folder / "c.parquet")
    with pytest.raises(UserError, match=r"'c\.parquet' is also under `files:`.* as CSV"):
        competition_draft.add("new", folder, Wishes("b.parquet", "c.parquet", "a.csv", target="t"))
    assert not paths.competition_file("new").exists()


def test_what_the_check_will_refuse_is_told_as_the_file_is_written(tmp_path: Path) -> None:
    draft = added(tmp_path, train=lambda table: table.assign(k=[7000, 7000, *table["k"][2:]]))
    assert "ids must be unique, found 1 repeated in train (first: '7000')" in draft.why[-1]
    assert paths.competition_file("new").exists()


def graded_by(folder: Path, test: Change, train: Change = same, sample: Change = same) -> Draft:
    """The draft of a test file with its labels, which is cut and graded by."""
    given = (train(tables()[0]), test(tables()[1].assign(t=[0, 1] * 15)), sample(tables()[2]))
    wishes = Wishes("c.csv", "b.csv", "a.csv", target="t")
    return competition_draft.add("new", written(folder / "given", *given), wishes)


def without_ids(table: Frame) -> Frame:
    return table.drop(columns="k")


def padded(table: Frame) -> Frame:
    return table.assign(k=table["k"].map("0{}".format))


def graded_ids() -> list[str]:
    solution = platforms.of(competition.load("new")).solution()
    assert solution is not None
    return [str(name) for name in solution["id"]]


@pytest.mark.parametrize("first", [0, 1])
def test_labels_of_a_test_without_ids_are_counted_as_the_sample_counts(
    tmp_path: Path, first: int
) -> None:
    numbers = range(first, first + 30)
    draft = graded_by(
        tmp_path, without_ids, without_ids, lambda table: table.assign(k=list(numbers))
    )
    assert not any("graded" in said for said in draft.why)
    assert graded_ids() == [str(number) for number in numbers]


def test_labels_whose_ids_lost_their_zeros_in_the_sample_are_those_rows(tmp_path: Path) -> None:
    draft = graded_by(tmp_path, padded, padded)
    assert not any("graded" in said for said in draft.why)
    assert graded_ids()[0] == "1080"


@pytest.mark.parametrize("bad", ["n/a", None, 7])
def test_labels_by_which_nothing_can_be_graded_are_told(tmp_path: Path, bad: object) -> None:
    draft = graded_by(tmp_path, lambda table: table.assign(t=bad))
    assert "no submission can be graded here" in draft.why[-1]
    assert draft.why[-1] in checking.check("new").notes


def test_amounts_by_which_nothing_can_be_graded_are_told(tmp_path: Path) -> None:
    def with_amounts(table: Frame) -> Frame:
        return table.assign(t=table["q"])

    draft = graded_by(tmp_path, lambda table: table.assign(t="?"), with_amounts)
    assert "must be numbers, found '?'" in draft.why[-1]


def test_names_of_pictures_that_lost_their_zeros_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    for part, numbers in (("train", range(1, 9)), ("test", range(9, 13))):
        (folder / part).mkdir(parents=True)
        for number in numbers:
            Image.new("L", (8, 8), number).save(folder / part / f"{number:04d}.png")
        table = pd.DataFrame({"id": numbers, "label": [number % 2 for number in numbers]})
        table.to_csv(folder / f"{part}.csv", index=False)
    with pytest.raises(UserError, match=r"'id' of test\.csv has '9' where test/ has '0009\.png'"):
        competition_draft.add("new", folder, Wishes())


@pytest.mark.parametrize("names", [("NA", "None"), ("1", "None")])
def test_a_class_that_is_spelled_like_a_gap_is_a_class_and_told(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    def labelled(table: Frame) -> Frame:
        return table.assign(t=table["t"].map(dict(enumerate(names))))

    draft = added(tmp_path, labelled)
    assert (draft.keys["task"], draft.keys["split"]["kind"]) == ("classification", "stratified")
    assert any("(2 values)" in said for said in draft.why)
    checked = checking.check("new")
    assert checked.dataset.classes == tuple(sorted(names))
    assert any("'None'" in note and "is a class" in note for note in checked.notes)


@pytest.mark.parametrize("gap", ["NA", ""])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_gaps_of_a_target_of_numbers_are_no_classes(tmp_path: Path, gap: str, scale: float) -> None:
    def with_gaps(table: Frame) -> Frame:
        amounts = (table["q"] * scale).round(0 if scale > 1 else 3)
        return table.assign(t=amounts.where(table["q"] < 1, gap))

    assert added(tmp_path, with_gaps).keys["task"] == "regression"


def test_a_value_is_shown_plainly(tmp_path: Path) -> None:
    draft = added(tmp_path, lambda table: table.assign(t=1), metric="rmse")
    assert "2 different values, found only 1: set" in draft.why[-1]
