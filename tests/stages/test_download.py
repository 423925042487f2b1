"""download: raw files arrive whole or not at all, and replace older ones."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.download import download
from tests.conftest import Workshop


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_files_of_a_competition_arrive(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.write_competition(
        "flowers", image=None, source={"platform": "bundled", "dataset": "wine"}
    )
    download("flowers")
    raw = paths.raw("flowers")
    assert names_in(raw) == ["sample_submission.csv", "test.csv", "train.csv"]
    assert names_in(paths.data("flowers")) == ["raw"]
    assert len(pd.read_csv(raw / "train.csv")) + len(pd.read_csv(raw / "test.csv")) == 178
    assert (
        f"data/flowers/raw/train.csv: {(raw / 'train.csv').stat().st_size:,} bytes"
        in capsys.readouterr().out
    )


def test_files_that_lie_there_are_replaced(workshop: Workshop) -> None:
    (paths.raw("tiny") / "stale.csv").write_text("old", encoding="utf-8")
    download("tiny")
    assert "stale.csv" not in names_in(paths.raw("tiny"))


def test_a_download_that_fails_leaves_what_was_there(workshop: Workshop) -> None:
    before = {path.name: path.read_bytes() for path in paths.raw("tiny").iterdir()}
    gone = {"url": "http://127.0.0.1:9/train.csv", "md5": "0" * 32}
    workshop.write_competition(
        source={
            "platform": "files",
            "files": dict.fromkeys(["train.csv", "test.csv", "sample_submission.csv"], gone),
        }
    )
    with pytest.raises(UserError, match=r"train\.csv"):
        download("tiny")
    assert {path.name: path.read_bytes() for path in paths.raw("tiny").iterdir()} == before
    assert names_in(paths.data("tiny")) == ["raw"]


def test_the_solution_is_not_among_the_files(workshop: Workshop) -> None:
    download("tiny")
    assert "label" not in pd.read_csv(paths.raw("tiny") / "test.csv").columns
