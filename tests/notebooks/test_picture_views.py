"""A view of picture files has the real form, and none of the fold's rows among its training pictures."""

from pathlib import Path

from pipelines.notebooks import view_files, views
from pipelines.stages.download import download
from pipelines.stages.preprocess import preprocess
from tests.conftest import Workshop


def test_a_fold_plays_test(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write_competition(
        image={"height": 8, "width": 8}, files={"format": "images"}, pictures={}, id="key",
        id_column="id", target="label",
        source={"platform": "bundled", "dataset": "digits", "pictures": "grey"},
    )  # fmt: skip
    download("tiny")
    preprocess("tiny")
    data = views.load("tiny")
    view_files.build(data, views.view_of(data, "fold0"), tmp_path)
    files = tmp_path / "files"
    learned, asked = (
        [line.split(",") for line in (files / name).read_text().splitlines()[1:]]
        for name in ("train.csv", "test.csv")
    )
    assert {path.stem for path in (files / "train").iterdir()} == {row[0] for row in learned}
    assert {path.stem for path in (files / "test").iterdir()} == {row[0] for row in asked}
    assert {row[0] for row in asked}.isdisjoint(row[0] for row in learned)
    assert all(len(row) == 1 for row in asked)
    assert len(learned) + len(asked) == 1437
