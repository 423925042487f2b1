"""From files with names that say nothing to a competition file, and what is no competition."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.adding import checking, competition_draft, found_files
from pipelines.adding.draft_file import Wishes
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.download import download
from pipelines.stages.preprocess import preprocess
from pipelines.values import competition
from pipelines.values.dataset import Dataset
from tests.conftest import Workshop

ROWS, TEST_ROWS = 80, 30


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def tables(ids: bool = True) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """train, test and sample with two classes, columns named by letters."""
    generator = np.random.default_rng(0)
    whole = pd.DataFrame(generator.normal(size=(ROWS + TEST_ROWS, 3)), columns=["q", "w", "e"])
    whole["r"] = generator.choice(["red", "blue"], len(whole))
    whole.insert(0, "k", np.arange(1000, 1000 + len(whole)))
    whole["t"] = (whole["q"] > 0).astype(int)
    train, test = whole.iloc[:ROWS], whole.iloc[ROWS:].drop(columns="t")
    sample = test[["k"]].assign(t=0)
    if not ids:
        train, test = train.drop(columns="k"), test.drop(columns="k")
        sample["k"] = np.arange(1, TEST_ROWS + 1)
    return train, test, sample


def written(folder: Path, *given: pd.DataFrame, **how: Any) -> Path:
    """The tables as a.csv (the last), b.csv, c.csv …: their names say nothing of their roles."""
    folder.mkdir(exist_ok=True)
    for name, table in zip("abcdef", reversed(given), strict=False):
        table.to_csv(folder / f"{name}.csv", index=False, **how)
    return folder


def drafted(folder: Path, **wishes: str) -> dict[str, Any]:
    with found_files.opened(folder) as found:
        return competition_draft.make("new", found, Wishes(**wishes)).keys


def test_files_without_names_become_a_competition_that_is_checked(tmp_path: Path) -> None:
    draft = competition_draft.add("new", written(tmp_path / "given", *tables()), Wishes())
    found = competition.load("new")
    assert (found.files.train, found.files.test, found.files.sample) == ("c.csv", "b.csv", "a.csv")
    assert (found.id_column, found.id, found.target) == ("k", "key", "t")
    assert (found.task, found.metric, found.split.kind) == (
        "classification", "accuracy", "stratified",
    )  # fmt: skip
    assert any("GUESS" in sentence for sentence in draft.why)
    checked = checking.check("new")
    dataset, said = checked.dataset, checked.notes
    assert dataset.X_train.shape == (ROWS, 4)
    assert said[-1] == "80 training rows in 3 folds of 26 to 27, 30 test rows"


def test_an_existing_file_stays(workshop: Workshop, tmp_path: Path) -> None:
    before = paths.competition_file("tiny").read_bytes()
    with pytest.raises(UserError, match="must not be there yet"):
        competition_draft.add("tiny", written(tmp_path / "given", *tables()), Wishes())
    assert paths.competition_file("tiny").read_bytes() == before


def test_a_zip_in_a_korean_encoding(tmp_path: Path) -> None:
    train, test, sample = (table.rename(columns={"r": "색깔"}) for table in tables())
    folder = written(tmp_path / "given", train, test, sample, encoding="cp949")
    with zipfile.ZipFile(tmp_path / "open.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"open/{path.name}")
    competition_draft.add("new", tmp_path / "open.zip", Wishes())
    checked = checking.check("new")
    dataset, said = checked.dataset, checked.notes
    assert "색깔" in dataset.X_train.columns
    assert any("cp949" in sentence for sentence in said)


def test_rows_without_ids_are_counted(tmp_path: Path) -> None:
    keys = drafted(written(tmp_path / "given", *tables(ids=False)))
    assert (keys["id_column"], keys["id"], keys["files"]["train"]) == ("k", "position", "c.csv")


def test_without_a_sample_ids_are_what_tells_rows_apart(tmp_path: Path) -> None:
    train, test, _ = tables()
    keys = drafted(written(tmp_path / "given", train, test))
    assert (keys["id_column"], keys["target"], keys["files"]["sample"]) == ("k", "t", None)


def test_sentences_get_their_models_and_hear_of_the_slower_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = {"tfidf_linear", "naive_bayes", "text_cnn", "linear"}
    monkeypatch.setattr(competition_draft, "_known_models", lambda: known)
    given = [
        table.assign(y=[f"row {k} of all that is told, and no other" for k in table["k"]])
        for table in tables()[:2]
    ]
    with found_files.opened(written(tmp_path / "given", *given, tables()[2])) as found:
        draft = competition_draft.make("new", found, Wishes())
    assert draft.keys["baselines"][:2] == ["tfidf_linear", "naive_bayes"]
    assert "text_cnn" not in draft.keys["baselines"]
    assert any(sentence.startswith("text_cnn, a network") for sentence in draft.why)


def test_pixels_are_seen(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = pd.DataFrame(generator.integers(0, 256, (90, 64))).add_prefix("z")
    train = pixels[:60].assign(y=np.arange(60) % 3)
    sample = pd.DataFrame({"n": range(1, 31), "class": 0})
    keys = drafted(written(tmp_path / "given", train, pixels[60:], sample))
    assert keys["image"] == {"height": 8, "width": 8, "channels": 1, "maximum": 255}
    assert (keys["id"], keys["target"]) == ("position", "y")


def _later(table: pd.DataFrame, start: int) -> pd.DataFrame:
    days = pd.date_range("2020-01-01", periods=200, freq="D").strftime("%Y-%m-%d")
    return table.assign(r=days[start : start + len(table)])


def _days(table: pd.DataFrame, start: int) -> pd.Index:
    """Four rows a day, in train the even days and in test the odd ones."""
    places = np.arange(len(table)) // 4 * 2 + bool(start)
    return pd.date_range("2020-01-01", periods=200, freq="D").strftime("%Y-%m-%d")[places]


@pytest.mark.parametrize(
    ("change", "split"),
    [
        (_later, {"kind": "time", "time": "r"}),
        (lambda table, start: _later(table, 0), {"kind": "stratified"}),
        (
            lambda table, start: table.assign(r=(np.arange(len(table)) // 4 + start)),
            {"kind": "stratified_group", "group": "r"},
        ),
        (lambda table, start: table.assign(r=_days(table, start)), {"kind": "stratified"}),
        (
            lambda table, start: table.assign(
                r=1900 + np.arange(len(table)) // 4 + bool(start) * 50
            ),
            {"kind": "time", "time": "r"},
        ),
        (
            lambda table, start: table.assign(
                r=1960 + np.arange(len(table)) // 4 - bool(start) * 50
            ),
            {"kind": "stratified"},
        ),
    ],
)
def test_the_split_is_that_of_train_and_test(
    tmp_path: Path, change: Callable[[pd.DataFrame, int], pd.DataFrame], split: dict[str, str]
) -> None:
    train, test, sample = tables()
    keys = drafted(written(tmp_path / "given", change(train, 0), change(test, ROWS), sample))
    assert keys["split"] == split


@pytest.mark.parametrize(
    ("spelled", "first_of_test", "is_group"),
    [
        ("p{:03}_{}", 20, True),
        ("site 1/p{:03}/{}", 20, True),
        ("p{:03}_{}", 0, False),  # test has train's groups
        ("p{0:03}{1}", 20, False),  # nothing parts the group from the rest
        ("p{2:04}_{1}", 80, False),  # each row is a group of its own
        ("2020-01-{0:02}_{1}", 0, False),
    ],
)
def test_groups_are_found_in_ids_where_test_has_its_own(
    tmp_path: Path, spelled: str, first_of_test: int, is_group: bool
) -> None:
    train, test, sample = tables()
    for table, first, part in ((train, 0, 0), (test, first_of_test, 4)):
        rows = range(len(table))
        table["k"] = [spelled.format(first + row // 4, part + row % 4, first + row) for row in rows]
    sample["k"] = test["k"].to_numpy()
    add = competition_draft.add("new", written(tmp_path / "given", train, test, sample), Wishes())
    checked = checking.check("new")
    assert (checked.competition.split.kind == "stratified_group") == is_group
    if is_group:
        assert any("p000" in why and "'k'" in why for why in add.why)
        assert checked.dataset.groups is not None
        assert len(set(checked.dataset.groups)) == ROWS / 4


def test_numbers_and_probabilities(tmp_path: Path) -> None:
    train, test, sample = tables()
    amounts = train.assign(t=np.exp(train["q"]))
    keys = drafted(written(tmp_path / "amounts", amounts, test, sample))
    assert (keys["task"], keys["split"]["kind"]) == ("regression", "plain")
    pair = sample[["k"]].assign(**{"True": 0.5, "False": 0.5})
    keys = drafted(written(tmp_path / "pair", train.assign(t=train["t"] == 1), test, pair))
    assert (keys["task"], keys["metric"], keys["target"]) == ("classification", "log_loss", "t")
    keys = drafted(written(tmp_path / "half", train, test, sample.assign(t=0.5)))
    assert keys["metric"] == "roc_auc"


def test_what_is_no_competition_is_said(tmp_path: Path) -> None:
    train, test, sample = tables()
    with pytest.raises(UserError, match="no two tables are so"):
        drafted(written(tmp_path / "no_train", test, sample))
    with pytest.raises(UserError, match=r"b\.csv, c\.csv have the same columns"):
        drafted(written(tmp_path / "two", sample, train, train[:40], test))
    assert drafted(tmp_path / "two", train="b.csv")["files"]["train"] == "b.csv"
    page = tmp_path / "no_train" / "train.csv"
    page.write_text("<!DOCTYPE html><html>sign in</html>")
    with pytest.raises(UserError, match=r"train\.csv: it is a web page"):
        drafted(tmp_path / "no_train")
    (tmp_path / "page.zip").write_text("<html>sign in</html>")
    with pytest.raises(UserError, match="must be a whole zip file"):
        competition_draft.add("new", tmp_path / "page.zip", Wishes())
    with pytest.raises(UserError, match="--from must be a folder"):
        competition_draft.add("new", tmp_path / "nowhere", Wishes())
    with pytest.raises(UserError, match="target must be a column that test lacks"):
        drafted(tmp_path / "two", train="b.csv", target="q")
    assert not paths.competition_file("new").exists()


@pytest.mark.parametrize("how", [{"sep": ";", "decimal": ","}, {"sep": "\t"}, {"encoding": "utf-16"},
                                 {"encoding": "utf-8-sig"}, {"lineterminator": "\r\n"}])  # fmt: skip
def test_however_it_is_written_down(tmp_path: Path, how: dict[str, str]) -> None:
    train, test, sample = tables()
    competition_draft.add("new", written(tmp_path / "given", train, test, sample, **how), Wishes())
    dataset = checking.check("new").dataset
    assert np.allclose(dataset.X_train["q"], train["q"])


def test_the_file_keeps_its_reasons(tmp_path: Path) -> None:
    folder = written(tmp_path / "given", *tables())
    (folder / "about.md").write_text("what the columns mean")
    draft = competition_draft.add("new", folder, Wishes(page="https://example.org/data"))
    text = paths.competition_file("new").read_text(encoding="utf-8")
    assert all(f"# {sentence}" in text for sentence in draft.why)
    content = yaml.safe_load(text)
    assert content["files"]["also"] == ["about.md"]
    assert content["source"]["page"] == "https://example.org/data"


def test_only_descriptions_are_shown_beside_train_and_test(tmp_path: Path) -> None:
    train, test, sample = tables()
    folder = written(tmp_path / "given", train, test, sample)
    train.to_json(folder / "train.json", orient="records")
    train.to_pickle(folder / "train.pkl")
    train.drop(columns="t").to_csv(folder / "more.csv", index=False)
    (folder / "labels.txt").write_text("\n".join(map(str, train["t"])))
    (folder / "classes.txt").write_text("\n".join(train["r"]))
    (folder / "sparse.txt").write_text("\n".join(f"{t} 1:0.5" + " 7:2" * t for t in train["t"]))
    (folder / "about.txt").write_text("t: 1 where q is positive\nq\n\n\tmeasured, w too, e\n")
    (folder / "words.md").write_text("# What the columns mean\n")
    named = [f"case {key}: malignant" for key in train["k"]]
    (folder / "notes.md").write_text("\n".join(["# Notes", *named]))
    draft = competition_draft.add("new", folder, Wishes())
    assert draft.keys["files"]["also"] == ["about.txt", "words.md"]
    said = next(sentence for sentence in draft.why if "left out" in sentence)
    for name in (
        "train.json",
        "train.pkl",
        "more.csv",
        "labels.txt",
        "classes.txt",
        "sparse.txt",
        "notes.md",
    ):
        assert name in said
        assert name not in draft.keys["source"]["files"]


def test_check_tells_what_preprocess_will_take(workshop: Workshop, tmp_path: Path) -> None:
    train, test, sample = tables()
    train["t"] = np.arange(ROWS)
    competition_draft.add("new", written(tmp_path / "given", train, test, sample), Wishes())
    workshop.write_params(preprocess={"max_rows": 30})
    checked = checking.check("new")
    assert any("`clip: {low: 0}`" in note for note in checked.notes)
    assert checked.notes[-1] == "30 training rows in 3 folds of 10 to 10, 30 test rows"
    download("new")
    preprocess("new")
    assert Dataset.load(paths.dataset("new")).hash == checked.dataset.hash
    workshop.write_params(preprocess={"max_rows": 2})
    assert checking.check("new").refused is not None


def test_a_sample_beside_typed_tables_is_read_by_its_ending_as_it_was_drafted(
    tmp_path: Path,
) -> None:
    train, test, sample = tables()
    folder = tmp_path / "given"
    folder.mkdir()
    train.to_parquet(folder / "a.parquet")
    test.to_parquet(folder / "b.parquet")
    sample.to_csv(folder / "c.dat", index=False)
    (folder / "d.bin").write_bytes(b"no table")
    draft = competition_draft.add("new", folder, Wishes())
    assert (draft.keys["files"]["format"], draft.keys["files"]["sample"]) == ("parquet", "c.dat")
    assert checking.check("new").dataset.test_ids.tolist() == [str(key) for key in test["k"]]
    assert any(".dat" in said and ".parquet" in said for said in draft.why if "d.bin" in said)


def test_a_file_that_lists_more_than_a_draft_keeps_its_files_for_others(tmp_path: Path) -> None:
    folder = written(tmp_path / "given", *tables())
    (folder / "more.csv").write_text("r,size\nred,1\nblue,2\n")
    keys = competition_draft.add("new", folder, Wishes()).keys
    keys["files"]["also"] = ["more.csv"]
    keys["source"]["files"] |= {"more.csv": None, "a.csv": None}
    paths.competition_file("new").write_text(yaml.safe_dump(keys))
    (folder / "a.csv").write_text((folder / "a.csv").read_text().replace("\n", "\r\n"))
    assert not competition_draft.add("new", folder, Wishes()).is_new
    (folder / "b.csv").write_text((folder / "b.csv").read_text().replace("\n", "\r\n"))
    with pytest.raises(UserError, match="must not be there yet or list these files"):
        competition_draft.add("new", folder, Wishes())
