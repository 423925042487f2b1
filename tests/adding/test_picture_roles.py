"""From folders and zips of pictures to a competition file that `preprocess` takes."""

import gzip
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipelines import platforms
from pipelines.adding import checking, competition_draft
from pipelines.adding.draft_file import Wishes
from pipelines.notebooks import view_files, views
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.stages.download import download
from pipelines.stages.preprocess import preprocess
from pipelines.values import competition, picture_files, tables, unzip
from tests.conftest import Workshop

TRAIN = [f"p{number:03d}" for number in range(40)]
TEST = [f"q{number:03d}" for number in range(12)]
LABELS = ["red" if number % 2 else "blue" for number in range(40)]


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def drawn(folder: Path, names: list[str], suffix: str = ".png", colours: int = 3) -> None:
    """Pictures of different sizes, none like another."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(len(names))
    for number, name in enumerate(names):
        size = (20 + number % 3, 30, 3) if colours == 3 else (20 + number % 3, 30)
        Image.fromarray(generator.integers(0, 256, size, np.uint8)).save(folder / f"{name}{suffix}")


def with_tables(folder: Path, listed: bool = True, prefix: str = "", **how: Any) -> Path:
    drawn(folder / "n", TRAIN, **how)
    drawn(folder / "m", TEST, **how)
    train, test = ([f"{prefix}{name}" for name in part] for part in (TRAIN, TEST))
    pd.DataFrame({"key": train, "what": LABELS}).to_csv(folder / "b.csv", index=False)
    if listed:
        pd.DataFrame({"key": test}).to_csv(folder / "a.csv", index=False)
    pd.DataFrame({"key": test, "what": "red"}).to_csv(folder / "c.csv", index=False)
    return folder


def added(place: Path, **wishes: str) -> tuple[competition.Competition, checking.Checked]:
    competition_draft.add("new", place, Wishes(**wishes))
    return competition.load("new"), checking.check("new")


@pytest.mark.parametrize("listed", [True, False])
def test_tables_name_pictures(tmp_path: Path, listed: bool) -> None:
    found, checked = added(with_tables(tmp_path / "given", listed))
    assert (found.files.train, found.files.test_files) == ("b.csv", ["a.csv"] * listed)
    assert (found.files.sample, found.id_column, found.id, found.target) == (
        "c.csv", "key", "key", "what",
    )  # fmt: skip
    assert found.pictures == competition.Pictures(train="n.zip", test="m.zip")
    assert set(found.source["files"]) == {"b.csv", "c.csv", "n.zip", "m.zip", *["a.csv"] * listed}
    assert found.image == competition.Image(height=21, width=30, channels=3)
    assert found.baselines == ["knn"]  # of the models that this small repository has
    assert checked.dataset.X_train.shape == (40, 21, 30, 3)
    assert checked.dataset.test_ids.tolist() == TEST
    assert checked.refused is None


def test_folders_are_classes_in_a_zip(tmp_path: Path) -> None:
    for label in ("red", "blue"):
        names = [name for name, own in zip(TRAIN, LABELS, strict=True) if own == label]
        drawn(tmp_path / "given/data/n" / label, names, colours=1)
    drawn(tmp_path / "given/data/m", TEST, colours=1)
    shutil.make_archive(str(tmp_path / "open"), "zip", tmp_path / "given")
    found, checked = added(tmp_path / "open.zip")
    assert found.pictures == competition.Pictures(train="n.zip", test="m.zip", labels="folders")
    assert (found.id_column, found.target, found.files.train_files) == ("id", "label", [])
    assert found.image is not None
    assert found.image.channels == 1
    assert checked.dataset.classes == ("blue", "red")
    assert checked.dataset.test_ids.tolist() == [f"{name}.png" for name in TEST]


@pytest.mark.parametrize("named_by_id", [True, False])
def test_folders_are_classes_and_a_table_lists_the_test(tmp_path: Path, named_by_id: bool) -> None:
    folder = tmp_path / "given"
    for label in ("red", "blue"):
        drawn(folder / "n" / label, TRAIN[:20] if label == "red" else TRAIN[20:])
    drawn(folder / "m", TEST)
    ids = TEST if named_by_id else [f"T{number}" for number in range(len(TEST))]
    table = pd.DataFrame({"key": ids, "where": [f"./m/{name}.png" for name in TEST]})
    table.to_csv(folder / "a.csv", index=False)
    pd.DataFrame({"key": ids, "what": "red"}).to_csv(folder / "b.csv", index=False)
    found, checked = added(folder)
    assert (found.files.test, found.files.sample, found.id_column, found.target) == (
        "a.csv", "b.csv", "key", "what",
    )  # fmt: skip
    assert checked.dataset.test_ids.tolist() == ids


@pytest.mark.parametrize("by_class", [True, False])
def test_what_is_added_is_built_and_shown_to_kernels(tmp_path: Path, by_class: bool) -> None:
    folder = with_tables(tmp_path / "given", listed=False)
    if by_class:
        in_folders_of_classes(folder / "n")
        (folder / "b.csv").unlink()
    found, _ = added(folder)
    assert (found.pictures and found.pictures.labels) == ("folders" if by_class else "column")
    download("new")
    preprocess("new")
    data = views.load("new")
    view = views.view_of(data, "fold0")
    view_files.build(data, view, tmp_path / "view")
    files = tmp_path / "view" / "files"
    train, test = (len(list((files / part).rglob("*.png"))) for part in ("n", "m"))
    assert (train, test) == (40 - len(view.rows), len(view.rows))
    assert len(pd.read_csv(files / "c.csv")) == len(view.rows)


def in_folders_of_classes(folder: Path) -> None:
    for name, label in zip(TRAIN, LABELS, strict=True):
        (folder / label).mkdir(exist_ok=True)
        (folder / f"{name}.png").rename(folder / label / f"{name}.png")


@pytest.mark.parametrize("form", ["named", "folder", "cells", "classes"])
def test_nothing_tells_the_class_of_a_picture_that_plays_test(tmp_path: Path, form: str) -> None:
    """Neither its name nor a folder, nor the order or the time of its file; the shuffled view's names go with labels."""
    folder = with_tables(tmp_path / "given", listed=False)
    names = [f"{label}.{number}" for number, label in enumerate(sorted(LABELS))]
    for old, name in zip(TRAIN, names, strict=True):
        place = folder / "n" / ("" if form == "named" else name.split(".")[0])
        place.mkdir(exist_ok=True)
        (folder / f"n/{old}.png").rename(place / f"{name}.png")
    cells = [f"{name.split('.')[0]}/{name}.png" for name in names] if form == "cells" else names
    pd.DataFrame({"key": cells, "what": sorted(LABELS)}).to_csv(folder / "b.csv", index=False)
    if form == "classes":
        (folder / "b.csv").unlink()
    added(folder)
    download("new")
    preprocess("new")
    data = views.load("new")
    for name in ("fold0", "shuffled"):
        view = views.view_of(data, name)
        view_files.build(data, view, tmp_path / name)
        files = tmp_path / name / "files"
        asked = view.sample["key"].tolist()
        assert asked == [f"q{number:03d}" for number in range(1, len(asked) + 1)]
        shown = sorted((files / "m").rglob("*"))
        assert [path.relative_to(files / "m").as_posix() for path in shown] == [
            f"{key}.png" for key in asked
        ]
        assert len({path.stat().st_mtime for path in shown}) == 1
        assert view.rows.tolist() != sorted(view.rows.tolist())
        given = {path.read_bytes(): path.stem for path in (folder / "n").rglob("*.png")}
        ids = [
            Path(key).name.removesuffix(".png") for key in data.dataset.row_ids[view.rows].tolist()
        ]
        assert [given[path.read_bytes()] for path in shown] == ids
        learned = {given[path.read_bytes()]: path.stem for path in (files / "n").rglob("*.png")}
        assert all(old == new for old, new in learned.items()) == (name == "fold0")
        assert set(learned) == set(learned.values())


@pytest.mark.parametrize("by_class", [True, False])
def test_the_real_view_has_the_folders_of_a_folds_view_and_zips_are_taken_apart_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_class: bool
) -> None:
    folder = with_tables(tmp_path / "given", listed=False)
    if by_class:
        in_folders_of_classes(folder / "n")
        (folder / "b.csv").unlink()
    for name in ("n", "m"):  # a zip of a folder has that folder in it
        shutil.make_archive(str(folder / name), "zip", folder, name)
        shutil.rmtree(folder / name)
    added(folder)
    download("new")
    preprocess("new")
    data, opened = views.load("new"), []
    extract = picture_files.extract
    monkeypatch.setattr(
        picture_files, "extract", lambda *given: opened.append(given) or extract(*given)
    )
    kept = {
        name: view_files.kept(data, views.view_of(data, name)) / "files"
        for name in ("fold0", "fold1", "real")
    }
    assert len(opened) == 2
    held = {
        name: {path.parent.relative_to(files).as_posix() for path in files.rglob("*.png")}
        for name, files in kept.items()
    }
    assert held["real"] == ({"n/n/red", "n/n/blue", "m/m"} if by_class else {"n/n", "m/m"})
    assert held["fold0"] == held["fold1"] == held["real"]
    assert not list(kept["real"].rglob("*.zip"))
    one = next((kept["fold0"] / "n").rglob("*.png"))
    assert one.stat().st_nlink > 1


def test_zips_within_are_kept_as_they_are(tmp_path: Path) -> None:
    folder = with_tables(tmp_path / "given", listed=False, prefix="./some/where/")
    for name in ("n", "m"):
        shutil.make_archive(str(folder / name), "zip", folder, name)
        shutil.rmtree(folder / name)
    with zipfile.ZipFile(folder / "b.csv.zip", "w") as archive:
        archive.write(folder / "b.csv", "b.csv")
    (folder / "b.csv").unlink()
    before = (folder / "n.zip").read_bytes()
    found, checked = added(folder)
    assert (found.files.train, found.pictures) == (
        "b.csv", competition.Pictures(train="n.zip", test="m.zip"),
    )  # fmt: skip
    assert (paths.added("new") / "n.zip").read_bytes() == before
    assert checked.dataset.X_test.shape[0] == len(TEST)


def test_the_same_folder_gives_the_same_zip(tmp_path: Path) -> None:
    folder = with_tables(tmp_path / "given")
    found, _ = added(folder)
    shutil.copytree(folder, tmp_path / "copy")
    competition_draft.add("again", tmp_path / "copy", Wishes())
    assert competition.load("again").source["files"] == found.source["files"]
    # So a member who has the competition file alone gets what it asks for.
    before = paths.competition_file("new").read_text()
    shutil.rmtree(paths.added("new"))
    with pytest.raises(UserError, match="pilsa competition add new --from"):
        platforms.of(found).check_present()
    assert not competition_draft.add("new", tmp_path / "copy", Wishes(metric="f1_macro")).is_new
    assert (paths.competition_file("new").read_text(), found) == (before, competition.load("new"))
    platforms.of(found).check_present()
    (folder / "m/q000.png").unlink()
    with pytest.raises(UserError, match="must not be there yet or list these files"):
        competition_draft.add("new", folder, Wishes())


def test_a_zip_within_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = with_tables(tmp_path / "given")
    (folder / "n.zip").write_text("<html>sign in</html>")
    with pytest.raises(UserError, match=r"n\.zip must be a whole zip file"):
        added(folder)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    folder = with_tables(tmp_path / "given")
    (folder / "a.csv").unlink()
    (folder / "c.csv").unlink()
    shutil.rmtree(folder / "m")
    with pytest.raises(UserError, match="test pictures must be named by a table"):
        added(folder)
    (folder / "b.csv").unlink()
    with pytest.raises(UserError, match="40 pictures are not used"):
        added(folder)
    assert not paths.competition_file("new").exists()


def test_arrays_are_told_apart_by_their_counts(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, shape in (("a", (60, 5, 4)), ("b", (60,)), ("c", (20, 5, 4)), ("d", (20,))):
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        values = generator.integers(0, 3, shape, np.uint8).tobytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(header + values))
    (folder / "e.gz").write_bytes(gzip.compress(b"something else"))
    for name in ("b", "d.txt"):  # labels taken apart are labels still
        (folder / name).write_bytes(gzip.decompress((folder / f"{name[0]}.gz").read_bytes()))
    found, checked = added(folder)
    assert (found.files.train, found.files.test, found.files.also) == (["a.gz", "b.gz"], "c.gz", [])  # fmt: skip
    assert found.source["solution"] == "d.gz"
    assert checked.dataset.X_train.shape == (60, 5, 4, 1)
    assert platforms.of(found).solution()["id"].tolist() == checked.dataset.test_ids.tolist()


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("alike", [True, False])
def test_folders_of_test_that_are_classes_are_shown_to_nobody(
    tmp_path: Path, by_hand: bool, alike: bool
) -> None:
    folder = tmp_path / "given"
    for label in ("red", "blue"):
        drawn(folder / "train" / label, TRAIN[:20] if label == "red" else TRAIN[20:])
        drawn(folder / "test" / label, TEST[:6] if alike or label == "red" else TEST[6:])
    draft = competition_draft.add("new", folder, Wishes())
    assert any("holds folders that are classes" in line for line in draft.why)
    found = competition.load("new")
    place = paths.added("new") / "test.zip"
    with zipfile.ZipFile(place) as archive:
        assert not [name for name in archive.namelist() if "/" in name]
    if by_hand:  # as somebody may have written the competition file without `add`
        shutil.make_archive(str(place.with_suffix("")), "zip", folder / "test")
        text = paths.competition_file("new").read_text()
        old, new = found.source["files"]["test.zip"]["md5"], file_hash(place, "md5")
        paths.competition_file("new").write_text(text.replace(old, new))
    download("new")
    preprocess("new")
    data = views.load("new")
    view_files.build(data, views.view_of(data, "real"), tmp_path / "view")
    shown = [
        path.relative_to(tmp_path / "view/files/test")
        for path in (tmp_path / "view/files/test").rglob("*")
    ]
    assert {path.as_posix() for path in shown} == set(data.dataset.test_ids.tolist())
    assert len(shown) == 12


def test_zips_in_a_zip_and_packed_tables_share_one_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.csv", "x\n" + "0\n" * 5000)
    with zipfile.ZipFile(tmp_path / "open.zip", "w") as archive:
        for name in ("a", "b"):
            archive.write(tmp_path / f"{name}.zip", f"{name}.zip")
    (tmp_path / "given").mkdir()
    (tmp_path / "given/a.csv.gz").write_bytes(gzip.compress(bytes(20_000)))
    limits = unzip.Limits(free=15_000, ratio=1)
    made = unzip.Budget.of
    monkeypatch.setattr(unzip.Budget, "of", lambda given: made(given, limits))
    for place in ("open.zip", "given"):
        with pytest.raises(UserError, match=r"(b\.zip|a\.csv\.gz) must give at most"):
            added(tmp_path / place)


def test_an_array_larger_than_its_file_may_give_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = bytes([0, 0, 8, 1]) + np.array([50_000], ">u4").tobytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(header + bytes(50_000)))
    assert len(tables.read_idx(tmp_path / "a.gz")) == 50_000
    monkeypatch.setattr(unzip.Budget, "of", lambda given: unzip.Budget(1, 20_000))
    with pytest.raises(UserError, match=r"a\.gz must give at most"):
        tables.read_idx(tmp_path / "a.gz")
