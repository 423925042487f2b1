"""What a kernel is shown, and above all what it is not."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.notebooks import view_files, views
from pipelines.notebooks.views import CompetitionData, View
from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.stages.preprocess import preprocess
from pipelines.values import folds as fold_files
from pipelines.values import raw
from tests.conftest import Workshop, tiny_tables


@pytest.fixture
def data(workshop: Workshop) -> CompetitionData:
    preprocess("tiny")
    return views.load("tiny")


def built(data: CompetitionData, name: str, into: Path) -> View:
    view = views.view_of(data, name)
    view_files.build(data, view, into)
    return view


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str)


def test_train_and_test_of_a_fold_share_no_row_and_are_all_rows(
    data: CompetitionData, tmp_path: Path
) -> None:
    seen: list[str] = []
    for name in data.names:
        view = built(data, name, tmp_path / name)
        train = table(tmp_path / name / "files" / "train.csv")
        test = table(tmp_path / name / "files" / "test.csv")
        assert set(train["id"]).isdisjoint(test["id"])
        assert sorted([*train["id"], *test["id"]]) == sorted(data.dataset.row_ids)
        assert test["id"].tolist() == data.dataset.row_ids[view.rows].tolist()
        seen += test["id"].tolist()
    assert sorted(seen) == sorted(data.dataset.row_ids)  # every row is asked once


def test_a_view_has_the_columns_and_cells_of_the_real_files(
    data: CompetitionData, tmp_path: Path
) -> None:
    built(data, "fold1", tmp_path)
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        real, shown = table(paths.raw("tiny") / name), table(tmp_path / "files" / name)
        assert shown.columns.tolist() == real.columns.tolist()
    whole = table(paths.raw("tiny") / "train.csv").set_index("id")
    shown = table(tmp_path / "files" / "test.csv").set_index("id")
    pd.testing.assert_frame_equal(shown, whole.loc[shown.index].drop(columns="label"))


def test_the_hidden_target_is_nowhere_in_the_folder(data: CompetitionData, tmp_path: Path) -> None:
    # Spelled so that each row's target can be recognised wherever it might have got to.
    spelled = table(paths.raw("tiny") / "train.csv")
    spelled["label"] = [f"SECRET-{name}" for name in spelled["id"]]
    spelled.to_csv(paths.raw("tiny") / "train.csv", index=False)
    view = built(data, "fold0", tmp_path / "input")
    hidden = {f"SECRET-{name}" for name in data.dataset.row_ids[view.rows]}
    found = set()
    for path in (tmp_path / "input").rglob("*"):
        if path.is_file():
            found |= set(re.findall(r"SECRET-\w+", path.read_bytes().decode("utf-8")))
    assert found
    assert found.isdisjoint(hidden)


def test_the_sample_is_constant_under_its_real_name(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write_competition(files={"sample": "gender_submission.csv"})
    (paths.raw("tiny") / "sample_submission.csv").rename(
        paths.raw("tiny") / "gender_submission.csv"
    )
    preprocess("tiny")
    built(views.load("tiny"), "fold0", tmp_path)
    sample = table(tmp_path / "files" / "gender_submission.csv")
    assert sample["label"].nunique() == 1
    assert sample["id"].tolist() == table(tmp_path / "files" / "test.csv")["id"].tolist()


def test_ids_that_only_count_are_counted_anew(workshop: Workshop, tmp_path: Path) -> None:
    train, test, sample, _ = tiny_tables()
    train["id"] = range(1, len(train) + 1)
    test["id"] = sample["id"] = range(1, len(test) + 1)
    workshop.write_raw(train, test, sample)
    workshop.write_competition(id="position")
    preprocess("tiny")
    data = views.load("tiny")
    view = built(data, "fold2", tmp_path)
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        ids = table(tmp_path / "files" / name)["id"].tolist()
        assert ids == [str(number) for number in range(1, len(ids) + 1)]
    assert view.sample["id"].tolist() == table(tmp_path / "files" / "test.csv")["id"].tolist()
    offered = table(tmp_path / "folds.csv")
    assert offered["id"].tolist() == table(tmp_path / "files" / "train.csv")["id"].tolist()


def test_a_time_view_trains_on_earlier_rows_only(workshop: Workshop, tmp_path: Path) -> None:
    train, test, sample, _ = tiny_tables()
    train["pixel0"], test["pixel0"] = range(len(train)), range(len(test))
    workshop.write_raw(train, test, sample)
    workshop.write_competition(split={"kind": "time", "time": "pixel0"}, image=None)
    preprocess("tiny")
    data = views.load("tiny")
    for name in data.names:
        built(data, name, tmp_path / name)
        earlier = table(tmp_path / name / "files" / "train.csv")["pixel0"].astype(int)
        later = table(tmp_path / name / "files" / "test.csv")["pixel0"].astype(int)
        assert earlier.max() < later.min()


def test_the_shuffled_view_is_fold_0_with_permuted_targets(
    data: CompetitionData, tmp_path: Path
) -> None:
    plain = built(data, "fold0", tmp_path / "a")
    shuffled = built(data, "shuffled", tmp_path / "b")
    assert plain.rows.tolist() == shuffled.rows.tolist()
    a, b = (table(tmp_path / name / "files" / "train.csv") for name in "ab")
    pd.testing.assert_frame_equal(a.drop(columns="label"), b.drop(columns="label"))
    assert sorted(a["label"]) == sorted(b["label"])
    assert a["label"].tolist() != b["label"].tolist()
    assert (tmp_path / "a/files/test.csv").read_bytes() == (
        tmp_path / "b/files/test.csv"
    ).read_bytes()


def test_the_real_view_is_the_files_as_downloaded(data: CompetitionData, tmp_path: Path) -> None:
    view = built(data, "real", tmp_path)
    for path in paths.raw("tiny").iterdir():
        assert (tmp_path / "files" / path.name).read_bytes() == path.read_bytes()
    assert data.dataset.test_ids[view.rows].tolist() == view.sample["id"].tolist()


def test_a_view_is_cut_out_of_the_files_own_lines(workshop: Workshop, tmp_path: Path) -> None:
    train, test, _, _ = tiny_tables()
    for part, place in ((train, 2), (test, 1)):
        part.insert(place, "text", [f'says "{i}",\n 1.50' for i in range(len(part))])
        part["pixel0"] = part["pixel0"].map("{:+.2f}".format)
    raw_folder = paths.raw("tiny")
    workshop.write_competition(image=None)
    train.to_csv(raw_folder / "train.csv", index=False, lineterminator="\r\n")
    test.to_csv(raw_folder / "test.csv", index=False, lineterminator="\r\n")
    preprocess("tiny")
    data = views.load("tiny")
    whole = (raw_folder / "train.csv").read_bytes()
    for name in ("fold0", "shuffled"):
        built(data, name, tmp_path / name)
        shown = (tmp_path / name / "files" / "train.csv").read_bytes().split(b"\r\n")
        if name == "fold0":
            assert all(line + b"\r\n" in whole for line in shown[1:-1])
        asked = (tmp_path / name / "files" / "test.csv").read_bytes().split(b"\r\n")
        for line in asked[1:-1]:  # the cells of the row but its label, as spelled
            row, _, rest = line.partition(b",")
            label = f"c{int(row[1:]) % 3}".encode()
            assert b",".join([row, label, rest]) + b"\r\n" in whole


@pytest.mark.parametrize("name", ["fold0", "shuffled"])
def test_what_cannot_be_cut_is_written_anew_and_says_the_same(
    data: CompetitionData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    built(data, name, tmp_path / "cut")

    def refuse(*_: object) -> None:
        raise view_files.CannotCutError("anything")

    monkeypatch.setattr(view_files, "_cut", refuse)
    built(data, name, tmp_path / "anew")
    for path in (tmp_path / "cut").rglob("*.csv"):
        anew = tmp_path / "anew" / path.relative_to(tmp_path / "cut")
        assert anew.read_bytes() == path.read_bytes()  # nothing in these files is spelled oddly


def test_a_view_is_built_once_and_anew_when_a_file_changed(
    data: CompetitionData, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = views.view_of(data, "fold0")
    folder = view_files.kept(data, view)
    before = (folder / "files" / "train.csv").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(view_files, "build", None)  # would fail
        assert view_files.kept(views.load("tiny"), view) == folder
    changed = paths.raw("tiny") / "train.csv"
    changed.write_bytes(changed.read_bytes().replace(b",c0,", b",c0, "))
    other = view_files.kept(views.load("tiny"), view)
    assert other != folder
    assert (other / "files" / "train.csv").read_bytes() != before


def test_what_is_tuned_or_pooled_makes_no_view_anew(
    data: CompetitionData, workshop: Workshop
) -> None:
    workshop.write_competition(
        title="another", baselines=["knn", "cnn"], tune={"knn": {"trials": 3}}, pool=["m01/some"]
    )
    assert views.load("tiny").key == data.key
    workshop.write_competition(files={"also": ["about.txt"]})
    assert views.load("tiny").key != data.key


def test_a_view_that_was_not_finished_is_none(
    data: CompetitionData, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = views.view_of(data, "fold0")
    with monkeypatch.context() as patch:
        patch.setattr(view_files, "_write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            view_files.kept(data, view)
    folder = view_files.kept(data, view)
    assert {path.name for path in (folder / "files").iterdir()} == {
        path.name for path in paths.raw("tiny").iterdir()
    }


def test_cp949_stays_cp949_and_hangul_columns_stay(workshop: Workshop, tmp_path: Path) -> None:
    train, test, sample, _ = tiny_tables()
    for part in (train, test):
        part.insert(2, "동네", ["서울", "부산"] * (len(part) // 2))
    raw_folder = paths.raw("tiny")
    workshop.write_competition(image=None)
    workshop.write_raw(train, test, sample)
    for part, name in ((train, "train"), (test, "test")):
        part.to_csv(raw_folder / f"{name}.csv", index=False, encoding="cp949")
    preprocess("tiny")
    built(views.load("tiny"), "fold0", tmp_path)
    shown = pd.read_csv(tmp_path / "files" / "test.csv", encoding="cp949")
    assert set(shown["동네"]) <= {"서울", "부산"}
    with pytest.raises(UnicodeDecodeError):
        (tmp_path / "files" / "test.csv").read_text(encoding="utf-8")


def test_only_listed_extra_files_are_shown(workshop: Workshop, tmp_path: Path) -> None:
    (paths.raw("tiny") / "train_with_answers.csv").write_text("id,label\nr0,c0\n")
    (paths.raw("tiny") / "data_description.txt").write_text("what the columns mean\n")
    workshop.write_competition(files={"also": ["data_description.txt"]})
    preprocess("tiny")
    built(views.load("tiny"), "fold0", tmp_path)
    shown = {path.name for path in (tmp_path / "files").iterdir()}
    assert shown == {"train.csv", "test.csv", "sample_submission.csv", "data_description.txt"}


@pytest.mark.parametrize("view", ["fold0", "shuffled", "real"])
def test_files_in_folders_are_shown_there(workshop: Workshop, tmp_path: Path, view: str) -> None:
    place = paths.raw("tiny")
    names = ["in/train.csv", "in/x/test.csv", "sample/s.csv", "in/about.txt"]
    for name, old in zip(
        names[:3], ("train.csv", "test.csv", "sample_submission.csv"), strict=True
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / old).rename(place / name)
    (place / names[3]).write_text("what the columns mean\n")
    files = dict(zip(("train", "test", "sample"), names, strict=False))
    workshop.write_competition(files={**files, "also": [names[3]]})
    preprocess("tiny")
    built(views.load("tiny"), view, tmp_path)
    shown = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path / "files").as_posix() for path in shown} == set(names)


def test_a_competition_without_views_has_none(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write_competition(views="no, because a row has several ids")
    preprocess("tiny")
    data = views.load("tiny")
    assert data.names == []
    with pytest.raises(MemberFailed, match="several ids"):
        built(data, "fold0", tmp_path)


def test_without_folds_a_view_cannot_be_built(workshop: Workshop) -> None:
    with pytest.raises(UserError, match="make repro"):
        views.load("tiny")


def test_rows_that_preprocess_left_out_are_in_no_view(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write_params(preprocess={"max_rows": 30})
    preprocess("tiny")
    data = views.load("tiny")
    built(data, "fold0", tmp_path)
    train, test = (table(tmp_path / "files" / f"{name}.csv") for name in ("train", "test"))
    assert len(train) + len(test) == 30
    loaded = fold_files.load(paths.folds("tiny"), data.dataset.row_ids, data.competition.split)
    assert np.array_equal(loaded.fold, data.folds.fold)
    assert len(raw.read(data.competition, paths.raw("tiny")).train) == 60


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.62, 0.38), (0.1,) * 10, (0.9, 0.09, 0.01)])
def test_shuffled_classes_are_independent_of_the_true_ones(shares: tuple[float, ...]) -> None:
    counts = np.round(np.array(shares) * 400).astype(int)
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(shares)), counts))
    for seed in range(20):
        order = view_files.uninformative(y, np.random.default_rng(seed))
        assert sorted(order) == list(range(len(y)))
        table = np.zeros((len(shares), len(shares)))
        np.add.at(table, (y, y[order]), 1)
        assert np.abs(table - np.outer(counts, counts) / counts.sum()).max() <= 2
    assert view_files.uninformative(y, np.random.default_rng(1)).tolist() != order.tolist()


def test_shuffled_values_do_not_follow_the_true_ones() -> None:
    y = np.random.default_rng(0).normal(size=400)
    found, plain = [], []
    for seed in range(50):
        generator = np.random.default_rng(seed)
        order = view_files.uninformative(y, generator)
        assert sorted(order) == list(range(400))
        found.append(np.corrcoef(y, y[order])[0, 1])
        plain.append(np.corrcoef(y, generator.permutation(y))[0, 1])
    assert np.square(found).mean() < np.square(plain).mean() / 4
