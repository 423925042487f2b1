"""Raw files → dataset: what is right arrives unchanged, what is wrong is said with the way out."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines import readers
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import competition, positive, preparation, raw
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from tests.conftest import Workshop, tiny_tables


class Bench:
    """The tables of the tiny competition, to be changed before they are written and read."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.train, self.test, self.sample, _ = tiny_tables()

    def read(self, **changes: Any) -> tuple[Competition, raw.RawTables]:
        self.workshop.write_competition(**changes)
        self.workshop.write_raw(self.train, self.test, self.sample)
        found = competition.load("tiny")
        return found, readers.of(found).read(paths.raw("tiny"), paths.raw("tiny"))

    def build(self, **changes: Any) -> tuple[Dataset, list[str]]:
        return raw.build(*self.read(**changes))

    def refuses(self, says: str, **changes: Any) -> None:
        with pytest.raises(UserError, match=says):
            self.build(**changes)


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return Bench(workshop)


TABLE: dict[str, Any] = {"image": None}
REGRESSION: dict[str, Any] = {
    "task": "regression",
    "metric": "rmse",
    "image": None,
    "split": {"kind": "plain"},
}


def test_pictures_arrive_as_they_were_written(bench: Bench) -> None:
    dataset, warnings = bench.build()
    assert dataset.X_train.shape == (60, 4, 4, 1)
    assert dataset.X_train.dtype == np.uint8
    pixels = [f"pixel{i}" for i in range(16)]
    np.testing.assert_array_equal(
        np.asarray(dataset.X_train).reshape(60, 16), bench.train[pixels].to_numpy()
    )
    assert dataset.classes == ("c0", "c1", "c2")
    assert [dataset.classes[i] for i in dataset.y] == bench.train["label"].tolist()
    assert dataset.test_ids.tolist() == bench.test["id"].tolist()
    assert warnings == []


def test_fractions_stay_fractions(bench: Bench) -> None:
    bench.train["pixel0"] = bench.train["pixel0"] + 0.5
    dataset, _ = bench.build()
    assert dataset.X_train.dtype == np.float32
    assert np.asarray(dataset.X_train)[0, 0, 0, 0] == bench.train["pixel0"].iloc[0]


def test_the_hash_notices_one_pixel(bench: Bench) -> None:
    before, same = bench.build()[0].hash, bench.build()[0].hash
    bench.test.loc[3, "pixel7"] += 1
    assert before == same != bench.build()[0].hash


def test_classes_are_sorted_as_numbers(bench: Bench) -> None:
    bench.train["label"] = np.resize(["10", "9", "2", "none"], 60)
    assert bench.build()[0].classes == ("2", "9", "10", "none")


def test_the_positive_class_comes_last(bench: Bench) -> None:
    bench.train["label"] = np.resize(["no", "yes"], 60)
    dataset, _ = bench.build(positive="no")
    assert dataset.classes == ("yes", "no")
    assert dataset.y[:2].tolist() == [1, 0]


def test_values_and_a_mixed_table(bench: Bench) -> None:
    bench.train["label"] = np.arange(60) / 4
    for table in (bench.train, bench.test):
        table["city"] = np.resize(["서울", "부산", None], len(table))
    dataset, _ = bench.build(**REGRESSION)
    assert dataset.classes == ()
    assert dataset.y.tolist() == bench.train["label"].tolist()
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert dataset.X_train["city"].head(2).tolist() == ["서울", "부산"]
    assert not {"id", "label"} & set(dataset.X_train.columns)


def test_several_files_are_joined_in_order(bench: Bench) -> None:
    bench.read()
    folder = paths.raw("tiny")
    bench.train.iloc[:10].to_csv(folder / "a.csv", index=False)
    bench.train.iloc[10:].to_csv(folder / "b.csv", index=False)
    dataset, _ = bench.build(files={"train": ["a.csv", "b.csv"]})
    assert dataset.row_ids.tolist() == bench.train["id"].tolist()


@pytest.mark.parametrize("encoding", ["cp949", "utf-8-sig"])
def test_korean_files_arrive_whole(bench: Bench, encoding: str) -> None:
    for table in (bench.train, bench.test):
        table["도시"] = "똠방각하 시청역"
    bench.train["label"] = np.resize(["긍정", "부정"], 60)
    bench.workshop.write_competition(**TABLE)
    for name, table in (("train", bench.train), ("test", bench.test)):
        table.to_csv(paths.raw("tiny") / f"{name}.csv", index=False, encoding=encoding)
    found = competition.load("tiny")
    dataset, _ = raw.build(found, readers.of(found).read(paths.raw("tiny"), paths.raw("tiny")))
    assert dataset.classes == ("긍정", "부정")
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert dataset.X_train["도시"].unique().tolist() == ["똠방각하 시청역"]
    assert dataset.row_ids[0] == "r0"


def test_groups_and_times_come_along(bench: Bench) -> None:
    bench.train["when"] = pd.date_range("2024-01-01", periods=60).astype(str)
    bench.train["who"] = np.resize(["a", "b"], 60)
    by_time, warnings = bench.build(split={"kind": "time", "time": "when"})
    assert by_time.times is not None
    assert (np.diff(by_time.times) > 0).all()
    assert warnings == ["columns only in train are dropped: when, who"]
    by_group, _ = bench.build(split={"kind": "group", "group": "who"})
    assert by_group.groups is not None
    assert by_group.groups[:3].tolist() == ["a", "b", "a"]


def test_a_row_without_its_group(bench: Bench) -> None:
    bench.train["who"] = ["a", None] * 30
    bench.refuses(
        "split.group must be known for every row, found 30 missing: set split.group to a column",
        split={"kind": "group", "group": "who"},
    )


def test_na_may_be_a_country(bench: Bench) -> None:
    for table in (bench.train, bench.test):
        table["country"] = np.resize(["NA", "KR", "None"], len(table))
    dataset, _ = bench.build(split={"kind": "group", "group": "country"}, **TABLE)
    assert dataset.groups is not None
    assert dataset.groups[:3].tolist() == ["NA", "KR", "None"]
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert dataset.X_train["country"].head(3).tolist() == ["NA", "KR", "None"]


def test_a_group_of_numbers_stays_a_feature_of_numbers(bench: Bench) -> None:
    for table in (bench.train, bench.test):
        table["subject"] = np.arange(len(table)) // 4
    dataset, _ = bench.build(split={"kind": "group", "group": "subject"}, **TABLE)
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert dataset.X_train["subject"].dtype == np.int64
    assert dataset.groups is not None
    assert dataset.groups[4] == "1"


def test_labels_are_spelled_as_in_the_sample_and_positive_too(bench: Bench) -> None:
    bench.train["label"] = np.resize(["1.0", "0.0", "0"], 60)
    bench.sample["label"] = "0"
    dataset, notes = bench.build(metric="f1_binary", positive=0)
    assert dataset.classes == ("1", "0")
    assert [note[:30] for note in notes] == [
        "label '1.0' of train is '1' he",
        "label '0.0' of train is '0' he",
    ]


def test_one_number_in_two_spellings_is_one_class(bench: Bench) -> None:
    bench.train["label"] = np.resize(["1.0", "1"], 60)
    bench.refuses("at least 2 different values, found only '1'")


def test_a_file_that_is_not_utf_8_is_said_with_a_cell(bench: Bench) -> None:
    for table in (bench.train, bench.test):
        table["say"] = "don’t"
    found, _ = bench.read(**TABLE)
    bench.train.to_csv(paths.raw("tiny") / "train.csv", index=False, encoding="cp1252")
    _, (note,) = raw.build(found, readers.of(found).read(paths.raw("tiny"), paths.raw("tiny")))
    assert "train.csv" in note
    assert "cp1252" in note
    assert "'don’t'" in note
    assert "`encoding:`" in note


INDEXES: dict[str, Any] = {
    "Unnamed: 0": lambda rows: rows[::-1] * 3,
    "copy": lambda rows: [f"r{i}" for i in rows],
    "from 0": lambda rows: rows - rows[0],
    "from 1": lambda rows: rows - rows[0] + 1,
    "shuffled": lambda rows: np.random.default_rng(0).permutation(rows - rows[0]),
    "goes on in test": lambda rows: rows,
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_of_the_rows_is_no_feature_unless_it_is_kept(bench: Bench, name: str) -> None:
    for table, rows in ((bench.train, np.arange(60)), (bench.test, np.arange(60, 80))):
        table[name] = INDEXES[name](rows)
    dataset, (note,) = bench.build(**TABLE)
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert name not in dataset.X_train.columns
    assert f"`keep: [{name!r}]`" in note
    kept, notes = bench.build(keep=[name], **TABLE)
    assert isinstance(kept.X_train, pd.DataFrame)
    assert name in kept.X_train.columns
    assert notes == []


def test_whole_numbers_that_do_not_count_rows_are_features(bench: Bench) -> None:
    for table in (bench.train, bench.test):
        table["age"] = np.arange(len(table)) + 7
        table["room"] = np.arange(len(table)) // 2
        table["same"] = 1
    dataset, notes = bench.build(**TABLE)
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert {"age", "room", "same"} <= set(dataset.X_train.columns)
    assert notes == []


def test_what_is_kept_must_be_there(bench: Bench) -> None:
    bench.refuses(
        "`keep:` must list columns .*found 'pixle1'; did you mean 'pixel1'", keep=["pixle1"]
    )


def test_columns_only_in_train_are_dropped_with_a_warning(bench: Bench) -> None:
    bench.train["spare"] = 1
    dataset, warnings = bench.build(**TABLE)
    assert isinstance(dataset.X_train, pd.DataFrame)
    assert "spare" not in dataset.X_train.columns
    assert warnings == ["columns only in train are dropped: spare"]


def test_columns_only_in_test_are_refused(bench: Bench) -> None:
    bench.test = bench.test.rename(columns={"pixel3": "pixel_3"})
    bench.refuses(r"found \['pixel_3'\] only in test; did you mean 'pixel3'.*`drop:`", **TABLE)


def test_dropped_columns_are_no_features(bench: Bench) -> None:
    bench.test["noise"] = 1
    dataset, warnings = bench.build(drop=["noise"])
    assert np.asarray(dataset.X_test).shape == (20, 4, 4, 1)
    assert warnings == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": "lable"}, r"train.csv must have a column 'lable'.*mean 'label'.*set id_column and target"),
        ({"id_column": "key"}, "train.csv must have a column 'key'"),
        ({"metric": "f1_binary"}, "must have 2 classes, found 3: use metric: f1_macro"),
        ({"metric": "qwk"}, "qwk must have classes that are whole numbers, found"),
        ({"positive": "c0"}, "one of two classes, found 'c0' of .*: correct or remove `positive:`"),
        ({"image": {"height": 3, "width": 5}},
         r"= 15 columns, found 16 \(a picture of 4 × 4\): correct `image:`"),
        ({"drop": [f"pixel{i}" for i in range(16)]}, "share at least one feature column.*`drop:`"),
        ({"split": {"kind": "group", "group": "pixle0"}},
         "split.group must be a column of train, found 'pixle0'; did you mean 'pixel0'"),
        ({"split": {"kind": "time", "time": "label"}}, "must be numbers or dates of one form, found 'c0' .*set `time_format:`"),
        (REGRESSION, r"finite numbers for regression, found 'c0' \(60 such rows\).*task: classification"),
    ],
)  # fmt: skip
def test_a_competition_file_that_does_not_fit(
    bench: Bench, changes: dict[str, Any], says: str
) -> None:
    bench.refuses(says, **changes)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("label", None, r"'label' must be known for every training row, found 1 missing \(first: row 4 of 60\)"),
        ("id", "r7", r"ids must be unique, found 1 repeated in train \(first: 'r7'\): set id_column"),
        ("id", None, "every train row must have an id, found 1 without 'id': set id_column"),
        ("pixel5", "bright", "pixels must be numbers, and a column holds text: correct `image:`"),
        ("pixel5", None, "pixels must be known, found 1 missing: download"),
    ],
)  # fmt: skip
def test_one_bad_cell(bench: Bench, column: str, value: str | None, says: str) -> None:
    bench.train[column] = bench.train[column].astype(object)
    bench.train.loc[3, column] = value
    bench.refuses(says)


def test_a_repeated_test_id(bench: Bench) -> None:
    bench.test.loc[1, "id"] = bench.test.loc[0, "id"]
    bench.refuses("found 1 repeated in test .*or mend the file")


def test_a_constant_target(bench: Bench) -> None:
    bench.train["label"] = "c1"
    bench.refuses("at least 2 different values, found only 'c1': set `target:`")


def test_an_endless_value_is_no_target(bench: Bench) -> None:
    bench.train["label"] = np.arange(60.0)
    bench.train.loc[4, "label"] = np.inf
    bench.refuses(
        r"must be finite numbers for regression, found 'inf' \(1 such rows\)", **REGRESSION
    )


def test_pixels_that_are_no_picture(bench: Bench) -> None:
    for table in (bench.train, bench.test):
        table["shadow"] = 0
    bench.refuses(r"= 16 columns, found 17 \(no square picture\): correct `image:` or `drop:`")


@pytest.mark.parametrize("name", ["train", "test", "sample_submission"])
def test_files_without_rows(bench: Bench, name: str) -> None:
    found, _ = bench.read()
    path = paths.raw("tiny") / f"{name}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    for content, says in (
        (f"{header}\n", "has only a header: download"),
        ("", "is empty: download"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=rf"{name}\.csv must hold .*{says} it again"):
            readers.of(found).read(paths.raw("tiny"), paths.raw("tiny"))
    path.unlink()
    with pytest.raises(UserError, match=rf"{name}\.csv must exist .* run `dvc repro`"):
        readers.of(found).read(paths.raw("tiny"), paths.raw("tiny"))


def test_a_sample_without_ids(bench: Bench) -> None:
    bench.sample = bench.sample.rename(columns={"id": "Id"})
    bench.refuses("sample_submission.csv must have a column 'id'")


def test_labels_of_the_sample_keep_their_spelling(bench: Bench) -> None:
    bench.sample["label"] = "00"
    assert bench.read()[1].sample["label"].unique().tolist() == ["00"]
    bench.sample["label"] = "0.5"
    assert bench.read(metric="log_loss")[1].sample["label"].unique().tolist() == [0.5]


def test_a_sample_is_made_where_the_platform_has_none(bench: Bench) -> None:
    none = {"files": {"sample": None}}
    made = bench.read(**none)[1].sample
    assert made.columns.tolist() == ["id", "label"]
    assert made["id"].tolist() == bench.test["id"].tolist()
    assert made["label"].unique().tolist() == ["c0"]
    made = bench.read(metric="log_loss", **none)[1].sample
    assert made.columns.tolist() == ["id", "c0", "c1", "c2"]
    assert np.unique(made[["c0", "c1", "c2"]]).tolist() == [1 / 3]
    bench.train["label"] = np.resize(["no", "yes"], 60)
    made = bench.read(metric="roc_auc", **none)[1].sample
    assert made["label"].unique().tolist() == [0.5]
    bench.train["label"] = np.arange(60)
    assert bench.read(**REGRESSION, **none)[1].sample["label"].unique().tolist() == [0]


def test_a_target_missing_everywhere_is_said_even_without_a_sample(bench: Bench) -> None:
    bench.train["label"] = None
    bench.refuses("found 60 missing: set `target:`", files={"sample": None})


IDX: dict[str, Any] = {
    "id": "position",
    "files": {"format": "idx", "train": ["x.gz", "y.gz"], "test": "t.gz", "sample": None},
}


def write_idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


@pytest.fixture
def idx_bench(bench: Bench) -> Bench:
    folder = paths.raw("tiny")
    write_idx(folder / "x.gz", np.arange(6 * 16).reshape(6, 4, 4))
    write_idx(folder / "y.gz", np.array([0, 1, 10, 9, 1, 0]))
    write_idx(folder / "t.gz", np.arange(2 * 16).reshape(2, 4, 4))
    return bench


def test_idx_files_become_kaggles_tables(idx_bench: Bench) -> None:
    dataset, _ = idx_bench.build(**IDX)
    np.testing.assert_array_equal(
        np.asarray(dataset.X_train).ravel(), np.arange(96, dtype=np.uint8)
    )
    assert dataset.classes == ("0", "1", "9", "10")
    assert dataset.y.tolist() == [0, 1, 3, 2, 1, 0]
    assert dataset.row_ids.tolist() == list("123456")
    assert dataset.test_ids.tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("train", "says"),
    [
        (["y.gz", "x.gz"], r"found \(1, 3, 3\) axes: check the order in `files:`"),
        (["t.gz", "y.gz"], "must be as many, found 2 and 6: check `files:`"),
        (["x.gz"], r"must be `train: \[images, labels\]` and `test: \[images\]`"),
    ],
)
def test_idx_files_in_the_wrong_place(idx_bench: Bench, train: list[str], says: str) -> None:
    idx_bench.refuses(says, **(IDX | {"files": IDX["files"] | {"train": train}}))


def test_dates_are_read_in_the_order_that_the_competition_file_says(bench: Bench) -> None:
    bench.train["when"], bench.test["when"] = "03/04/2021", "05/06/2021"
    for said, month in ((None, "2021-03-04"), (True, "2021-04-03")):
        dataset, notes = preparation.build(*bench.read(day_first=said, **TABLE))
        assert isinstance(dataset.X_train, pd.DataFrame)
        assert set(dataset.X_train["when"]) == {month}
        assert any("'when'" in note for note in notes) == (said is None)


@pytest.mark.parametrize(
    ("column", "keys", "classes", "said"),
    [
        ("broken", {}, ("works", "broken"), "asks for the probability of 'broken'"),
        ("prob_broken", {}, ("works", "broken"), "asks for the probability of 'broken'"),
        ("works", {}, ("broken", "works"), "asks for the probability of 'works'"),
        ("target", {}, ("broken", "works"), "takes 'works', the last in order"),
        ("target", {"positive": "broken"}, ("works", "broken"), ""),
        (
            "works",
            {"positive": "broken"},
            None,
            "asks for the probability of 'works'.*remove `positive:`",
        ),
    ],
)
def test_the_class_that_the_samples_column_names_is_the_positive_one(
    workshop: Workshop,
    column: str,
    keys: dict[str, str],
    classes: tuple[str, ...] | None,
    said: str,
) -> None:
    workshop.write_competition(metric="roc_auc", target="state", **keys)
    found, sample = competition.load("tiny"), pd.DataFrame({"id": ["1"], column: [0.5]})
    labels = ["broken", "works"]
    if classes is None:
        with pytest.raises(UserError, match=said):
            positive.put_last(found, labels, sample)
    else:
        ordered, notes = positive.put_last(found, labels, sample)
        assert tuple(ordered) == classes
        assert said in " ".join(notes)
