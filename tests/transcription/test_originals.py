"""Originals are kept by their hash, verified when read, and fetched again."""

import hashlib
import json
from pathlib import Path

import pytest

from pipelines.cells import conversion
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.transcription import originals
from pipelines.values.kernel import Source
from tests.cells.test_conversion import notebook, sources
from tests.conftest import Workshop
from tests.platforms.kaggle_server import KaggleServer, kaggle_server

__all__ = ["kaggle_server"]
CONTENT = json.dumps(notebook("x = '원본'", "y = 2"), ensure_ascii=False)


def source_of(content: str, **changes: object) -> Source:
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return Source.model_validate(
        {"platform": "kaggle", "author": "someone", "url": "https://www.kaggle.com/code/someone/a-notebook"}
        | {"sha256": sha256}
        | changes
    )  # fmt: skip


def test_an_original_is_kept_once_and_read_back(workshop: Workshop) -> None:
    name = originals.keep(CONTENT.encode(), "a.ipynb")
    assert name == originals.keep(CONTENT.encode(), "b.ipynb")
    assert [path.name for path in paths.originals().iterdir()] == [name]
    found = originals.load(source_of(CONTENT))
    assert found is not None
    assert sources(found) == ["x = '원본'", "y = 2"]


def test_what_was_altered_counts_as_missing_and_is_kept_anew(workshop: Workshop) -> None:
    name = originals.keep(CONTENT.encode(), "a.ipynb")
    (paths.originals() / name).write_text(CONTENT.replace("y = 2", "y = 3"), encoding="utf-8")
    assert originals.load(source_of(CONTENT)) is None
    originals.keep(CONTENT.encode(), "a.ipynb")
    assert originals.load(source_of(CONTENT)) is not None
    assert originals.load(Source(platform="own")) is None


def test_a_script_becomes_cells_by_its_markers_or_its_paragraphs() -> None:
    marked = originals.as_notebook(b"# %%\n# rm x\nx = 1\n\ny = 2\n\n# %%\nz = 3\n", "a.py")
    assert sources(marked) == ["# rm x\nx = 1\n\ny = 2", "z = 3"]
    plain = originals.as_notebook("# 읽기\n\nimport os\n\nx = 1\n".encode(), "a.py")
    assert sources(plain) == ["읽기", "import os", "x = 1"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        ("# 한글".encode("cp949"), "must be UTF-8"),
        (b"<!doctype html>", "no page of HTML"),
        (json.dumps(notebook("x <- 1", kernelspec={"language": "R"})).encode(), "found R"),
    ],
)
def test_what_is_neither_notebook_nor_script_is_not_kept(
    workshop: Workshop, content: bytes, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        originals.keep(content, "a.ipynb")
    assert not paths.originals().exists()


def test_it_is_fetched_again_from_kaggle_and_a_change_is_said(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    kaggle_server.add("someone/a-notebook", CONTENT)
    found = originals.fetch(source_of(CONTENT))
    assert (sources(found.notebook)[1], found.remarks) == ("y = 2", ())
    asked = len(kaggle_server.asked)
    assert originals.fetch(source_of(CONTENT)).remarks == ()
    assert len(kaggle_server.asked) == asked  # it was kept
    changed = originals.fetch(source_of("another text"))
    assert "no longer what was transcribed" in changed.remarks[0]


def test_it_may_come_from_a_file(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "원본.ipynb"
    path.write_text(CONTENT, encoding="utf-8")
    assert originals.fetch(source_of(CONTENT), path).remarks == ()
    assert originals.fetch(source_of("other"), path).remarks != ()
    path.write_text(CONTENT.replace("y = 2", "y = 3"), encoding="utf-8")
    assert sources(originals.fetch(source_of(CONTENT), path).notebook)[1] == "y = 3"
    with pytest.raises(UserError, match="give its file"):
        originals.fetch(source_of("gone", platform="github"))
    with pytest.raises(UserError, match="check the path"):
        originals.fetch(source_of("gone"), tmp_path / "none.ipynb")


def test_a_committed_original_is_found(workshop: Workshop) -> None:
    folder = paths.kernel("m01/a")
    folder.mkdir(parents=True)
    assert originals.beside(folder) is None
    (folder / originals.COMMITTED).write_text(CONTENT, encoding="utf-8")
    found = originals.beside(folder)
    assert found is not None
    assert len(conversion.code_cells(found)) == 2
