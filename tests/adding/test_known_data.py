"""Known data sets as if nobody knew them: files, columns and target renamed, the competition file written anew."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.adding import checking, competition_draft
from pipelines.adding.draft_file import Wishes
from pipelines.notebooks import view_files, views
from pipelines.plumbing import paths
from pipelines.stages.preprocess import preprocess
from pipelines.values import competition
from pipelines.values.tables import read_idx
from tests.conftest import Workshop

DATA = Path(os.environ.get("PILSA_DATA_DIR", "nowhere"))
REPOSITORY = Path(__file__).parents[2]
# The shipped file → its raw files as train, test, sample, and the metric that only the platform's page tells.
KNOWN = {
    "titanic": (("train", "test", "gender_submission"), "accuracy"),
    "house-prices": (("train", "test", "sample_submission"), "rmsle"),
    "ddarung": (("train", "test", "submission"), "rmse"),
    "disaster-tweets": (("train", "test", "sample_submission"), "accuracy"),  # in truth F1
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="PILSA_DATA_DIR names no folder of data sets"),
]


@pytest.fixture(autouse=True)
def _nothing_is_known(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR")


@pytest.mark.parametrize("name", KNOWN)
def test_a_table_is_understood_by_its_contents(
    workshop: Workshop, tmp_path: Path, name: str
) -> None:
    files, metric = KNOWN[name]
    columns: dict[str, str] = {}
    folder = tmp_path / "given"
    folder.mkdir()
    for file, letter in zip(files, "cab", strict=True):
        source = DATA / name.replace("-", "_") / f"{file}.csv"
        table = pd.read_csv(source, dtype=str, keep_default_na=False)
        for column in table.columns:
            columns.setdefault(column, f"v{len(columns)}")
        table.rename(columns=columns).to_csv(folder / f"{letter}.csv", index=False)
    competition_draft.add("new", folder, Wishes())
    found = competition.load("new")
    shipped = REPOSITORY / "competitions" / f"{name}.yaml"
    workshop.root.joinpath("competitions", shipped.name).write_bytes(shipped.read_bytes())
    known = competition.load(name)
    assert (found.files.train, found.files.test, found.files.sample) == ("c.csv", "a.csv", "b.csv")
    assert (found.id_column, found.target) == (columns[known.id_column], columns[known.target])
    assert (found.task, found.id, found.split.kind) == (known.task, known.id, known.split.kind)
    assert found.metric == metric
    dataset = checking.check("new").dataset
    assert len(dataset.test_ids) == len(pd.read_csv(folder / "b.csv"))


def test_reviews_in_korean(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    parts = []
    for part in ("train", "test"):
        with gzip.open(DATA / "nsmc" / f"ratings_{part}.txt.gz", "rt", encoding="utf-8") as file:
            parts.append(pd.read_csv(file, sep="\t", quoting=3).set_axis(["u", "v", "w"], axis=1))
    train, test = parts
    train.to_csv(folder / "b.csv", index=False)
    test.drop(columns="w").to_csv(folder / "a.csv", index=False)
    test[["u"]].assign(w=0).to_csv(folder / "c.csv", index=False)
    competition_draft.add("new", folder, Wishes())
    found = competition.load("new")
    assert (found.files.train, found.files.test, found.files.sample) == ("b.csv", "a.csv", "c.csv")
    assert (found.id_column, found.target, found.task) == ("u", "w", "classification")


def test_pictures_as_kaggle_hands_them_out(workshop: Workshop, tmp_path: Path) -> None:
    """MNIST's first pictures in the form of Digit Recognizer: pixels in columns, ids in the sample alone."""
    n, shown = 1000, 700
    images = read_idx(DATA / "mnist" / "train-images-idx3-ubyte.gz")[:n].reshape(n, -1)
    labels = read_idx(DATA / "mnist" / "train-labels-idx1-ubyte.gz")[:n]
    pixels = pd.DataFrame(images).add_prefix("pixel")
    train = pixels[:shown].copy()
    train.insert(0, "label", labels[:shown])
    sample = pd.DataFrame({"ImageId": range(1, n - shown + 1), "Label": 0})
    folder = paths.raw("digit-recognizer")
    folder.mkdir(parents=True)
    for name, table in (("train", train), ("test", pixels[shown:]), ("sample_submission", sample)):
        table.to_csv(folder / f"{name}.csv", index=False)
    draft = competition_draft.add("new", folder, Wishes())
    shipped = REPOSITORY / "competitions" / "digit-recognizer.yaml"
    (workshop.root / "competitions" / shipped.name).write_bytes(shipped.read_bytes())
    known = competition.load(shipped.stem)
    found = competition.load("new")
    same = ("task", "metric", "id_column", "id", "target", "image", "split", "files")
    assert [getattr(found, key) for key in same] == [getattr(known, key) for key in same]
    assert any("28 × 28" in sentence for sentence in draft.why)
    preprocess(known.name)
    data = views.load(known.name)
    view = views.view_of(data, "fold0")
    view_files.build(data, view, tmp_path / "view")
    test = pd.read_csv(tmp_path / "view" / "files" / "test.csv")
    np.testing.assert_array_equal(test.to_numpy(), images[view.rows])
    assert view.sample["ImageId"].tolist() == [str(i + 1) for i in range(len(test))]
