"""Pictures of every kind come out upright and in one size; those that are broken are named."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from pipelines import readers
from pipelines.plumbing.errors import UserError
from pipelines.values import competition, raw
from pipelines.values.competition import Image
from pipelines.values.dataset import Dataset
from pipelines.values.pixels import decode
from tests.conftest import Workshop

GREY, COLOUR = Image(height=4, width=6), Image(height=4, width=6, channels=3)


def saved(path: Path, pixels: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = pixels if isinstance(pixels, Pillow.Image) else Pillow.fromarray(pixels)
    picture.save(path, **options)
    return path


def test_exif_turns_a_picture(tmp_path: Path) -> None:
    half = np.zeros((40, 40), np.uint8)
    half[:20] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn clockwise: what was above is right
    found = decode(saved(tmp_path / "a.jpg", half, exif=exif), GREY)[..., 0]
    assert found[:, 4:].min() > 200
    assert found[:, :2].max() < 50


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    deep = np.full((5, 5), 32768, np.uint16)
    assert set(decode(saved(tmp_path / "a.png", deep), GREY).ravel()) <= {127, 128}


@pytest.mark.parametrize(
    ("value", "kind", "grey"),
    [(0.5, "f4", 128), (100, "f4", 100), (1, "i4", 1), (32768, ">u2", 128), (300, ">u2", 1)],
)
def test_deep_values_are_scaled_by_what_they_are(
    tmp_path: Path, value: float, kind: str, grey: int
) -> None:
    picture = Pillow.fromarray(np.full((5, 5), value, kind))
    assert set(decode(saved(tmp_path / "a.tif", picture), GREY).ravel()) == {grey}


@pytest.mark.parametrize("value", [-1.0, 1e6, np.nan])
def test_values_of_no_known_range_are_refused(tmp_path: Path, value: float) -> None:
    path = saved(tmp_path / "a.tif", np.full((5, 5), value, "f4"))
    with pytest.raises(ValueError, match="must lie within 0 … 1 or 0 … 255"):
        decode(path, GREY)


def test_what_a_palette_leaves_clear_is_white(tmp_path: Path) -> None:
    picture = Pillow.new("P", (9, 9), 3)
    picture.putpalette([0] * 768)
    assert (decode(saved(tmp_path / "a.png", picture, transparency=3), COLOUR) == 255).all()


def test_cmyk_is_red(tmp_path: Path) -> None:
    red = Pillow.new("CMYK", (9, 9), (0, 255, 255, 0))
    found = decode(saved(tmp_path / "a.jpg", red), COLOUR).reshape(-1, 3).mean(axis=0)
    assert found[0] > 200
    assert found[1:].max() < 60


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    clear = Pillow.new("RGBA", (9, 9), (0, 0, 0, 0))
    assert (decode(saved(tmp_path / "a.png", clear), COLOUR) == 255).all()


def test_the_first_frame_counts_and_one_pixel_is_enough(tmp_path: Path) -> None:
    frames = [Pillow.new("L", (1, 1), value) for value in (200, 10)]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert (decode(path, GREY) == 200).all()


def folder_of_pictures(
    workshop: Workshop, files: dict[str, Any] | None = None, **pictures: Any
) -> Any:
    workshop.write_competition(
        image={"height": 4, "width": 6}, files={"format": "images", "sample": None, **(files or {})},
        target="label", id="key", pictures=pictures,
    )  # fmt: skip
    place = workshop.root / "data/tiny/raw"
    for part, count in (("train", 6), ("test", 2)):
        for number in range(count):
            saved(place / part / f"{part}{number}.png", np.full((9, 9), 40 * number, np.uint8))
    place.joinpath("train.csv").write_text(
        "id,label\n" + "".join(f"train{i},{'ab'[i % 2]}\n" for i in range(6))
    )
    place.joinpath("test.csv").write_text("id\ntest0\ntest1\n")
    return competition.load("tiny"), place


def test_a_table_names_pictures_and_the_dataset_is_mapped(
    workshop: Workshop, tmp_path: Path
) -> None:
    found, place = folder_of_pictures(workshop)
    saved(place / "train/extra.png", np.zeros((3, 3), np.uint8))
    dataset, notes = raw.build(found, readers.of(found).read(place, tmp_path))
    assert ["extra.png" in note for note in notes] == [True]
    dataset.save(tmp_path / "kept")
    again = Dataset.load(tmp_path / "kept")
    assert isinstance(again.X_train, np.memmap)
    assert again.X_train[:, 0, 0, 0].tolist() == [0, 40, 80, 120, 160, 200]
    assert again.y.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("how", ["truncated", "missing", "text"])
def test_a_broken_picture_is_named_or_left_out(
    workshop: Workshop, tmp_path: Path, how: str
) -> None:
    found, place = folder_of_pictures(workshop)
    path = place / "train/train2.png"
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-30] if how == "truncated" else b"<html>")
    for name in ("strict", "lenient"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=r"train2"):
        readers.of(found).read(place, tmp_path / "strict")
    found, _ = folder_of_pictures(workshop, skip_broken=True), None
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(b"<html>")
    tables = readers.of(found[0]).read(place, tmp_path / "lenient")
    dataset, (note,) = raw.build(found[0], tables)
    assert "1 of 6" in note
    assert dataset.row_ids.tolist() == ["train0", "train1", "train3", "train4", "train5"]
    assert np.asarray(dataset.X_train)[2, 0, 0, 0] == 120


def test_folders_are_classes(workshop: Workshop, tmp_path: Path) -> None:
    found, place = folder_of_pictures(workshop, {"test": []}, labels="folders", train="classes")
    for label in ("cat", "dog"):
        for number in range(3):
            saved(place / "classes" / label / f"{number}.png", np.zeros((3, 3), np.uint8))
    dataset, _ = raw.build(found, readers.of(found).read(place, tmp_path))
    assert dataset.classes == ("cat", "dog")
    assert len(set(dataset.row_ids.tolist())) == 6  # names that are alike become hashes
    assert not any("cat" in name for name in dataset.row_ids)
    assert dataset.test_ids.tolist() == ["test0.png", "test1.png"]


def test_a_zip_of_pictures_reads_as_its_folder_does(workshop: Workshop, tmp_path: Path) -> None:
    found, place = folder_of_pictures(workshop, train="train.zip")
    shutil.make_archive(str(place / "train"), "zip", place, "train")
    shutil.rmtree(place / "train")
    dataset, notes = raw.build(found, readers.of(found).read(place, tmp_path))
    assert notes == []
    assert dataset.X_train[:, 0, 0, 0].tolist() == [0, 40, 80, 120, 160, 200]


def test_pictures_that_are_nowhere_are_said(workshop: Workshop, tmp_path: Path) -> None:
    found, place = folder_of_pictures(workshop, train="trian")
    with pytest.raises(UserError, match="did you mean 'train'"):
        readers.of(found).read(place, tmp_path)


def test_the_sample_lists_test_pictures_where_no_file_does(
    workshop: Workshop, tmp_path: Path
) -> None:
    found, place = folder_of_pictures(workshop, {"test": [], "sample": "sample.csv"})
    place.joinpath("sample.csv").write_text("id,label\ntest1,a\ntest0,a\n")
    dataset, _ = raw.build(found, readers.of(found).read(place, tmp_path))
    assert dataset.test_ids.tolist() == ["test1", "test0"]
    assert dataset.X_test[:, 0, 0, 0].tolist() == [40, 0]


def test_folders_in_front_of_a_name_do_not_count_and_none_leads_out(
    workshop: Workshop, tmp_path: Path
) -> None:
    found, place = folder_of_pictures(workshop)
    table = place / "train.csv"
    table.write_text(table.read_text().replace("train1,", "./data/train/train1.png,"))
    assert readers.of(found).read(place, tmp_path).pictures is not None
    saved(tmp_path / "secret.png", np.zeros((3, 3), np.uint8))
    table.write_text(table.read_text().replace("train0,", f"{tmp_path}/secret.png,"))
    (tmp_path / "again").mkdir()
    with pytest.raises(UserError, match=r"secret\.png \(it is not there\)"):
        readers.of(found).read(place, tmp_path / "again")
