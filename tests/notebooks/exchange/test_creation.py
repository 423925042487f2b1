"""A new kernel, with and without an original, and every name that is none."""

import json
from datetime import date
from pathlib import Path

import pytest

from pipelines.cells import conversion
from pipelines.notebooks.exchange import creation
from pipelines.notebooks.exchange.creation import Wanted
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.transcription import originals
from pipelines.values import kernel
from tests.cells.test_conversion import notebook
from tests.conftest import Workshop
from tests.platforms.kaggle_server import KaggleServer, kaggle_server

__all__ = ["kaggle_server"]
TINY = Wanted(competition="tiny")


@pytest.fixture
def original(tmp_path: Path) -> Path:
    content = notebook("import pandas as pd", "print(pd)")
    content["cells"].insert(
        0, {"cell_type": "markdown", "source": "# 타이타닉  입문\ntext", "metadata": {}}
    )
    path = tmp_path / "titanic.ipynb"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_own_work_needs_no_original(workshop: Workshop) -> None:
    created = creation.new("m01", "첫-노트북", TINY)
    assert created == creation.Created(paths.kernel("m01/첫-노트북"))
    found = kernel.load("m01/첫-노트북")
    assert (found.file.competition, found.file.source.platform) == ("tiny", "own")
    cells = conversion.from_percent(found.code).cells
    assert cells[0].source == "# 첫-노트북\n\n필사: m01"
    assert cells[1].cell_type == "code"
    headings = (created.folder / "notes.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in headings if line] == [
        "## 특징", "## 장점", "## 단점", "## 배운 점", "## 질문", "## 개선방안",
    ]  # fmt: skip


def test_the_source_of_a_file_is_kept_and_what_is_not_known_is_said(
    workshop: Workshop, original: Path
) -> None:
    created = creation.new("m01", "titanic", Wanted(competition="tiny", origin=str(original)))
    source = kernel.load("m01/titanic").file.source
    assert (source.title, source.author, source.licence) == ("타이타닉 입문", "unknown", "unknown")
    assert originals.load(source) is not None
    assert not (created.folder / originals.COMMITTED).exists()
    said = " ".join(created.remarks)
    assert "author is not known" in said
    assert "licence is not known" in said
    assert "타이타닉 입문" in kernel.load("m01/titanic").code
    assert "import pandas" not in kernel.load("m01/titanic").code  # to be typed out


def test_an_open_licence_lets_the_original_be_committed(workshop: Workshop, original: Path) -> None:
    wanted = Wanted(
        competition="tiny", origin=str(original), author="someone", licence="Apache-2.0", url="https://github.com/x/y"
    )  # fmt: skip
    created = creation.new("m01", "titanic", wanted)
    assert (created.folder / originals.COMMITTED).read_bytes() == original.read_bytes()
    assert kernel.load("m01/titanic").file.source.platform == "github"
    assert created.remarks == ()


def test_a_closed_licence_is_said(workshop: Workshop, original: Path) -> None:
    wanted = Wanted(
        competition="tiny", origin=str(original), author="someone", licence="CC-BY-NC-4.0"
    )
    created = creation.new("m01", "titanic", wanted)
    assert "CC-BY-NC-4.0" in created.remarks[0]
    assert not (created.folder / originals.COMMITTED).exists()


def test_a_notebook_of_kaggle_brings_author_address_and_date(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    kaggle_server.add(
        "someone/titanic-tutorial", json.dumps(notebook("x = 1")), lastRunTime="2023-05-06T00:00:00Z"
    )  # fmt: skip
    wanted = Wanted(competition="tiny", origin="kaggle:someone/titanic-tutorial")
    created = creation.new("m02", "titanic", wanted)
    source = kernel.load("m02/titanic").file.source
    assert (source.author, source.title) == ("someone", "Titanic Tutorial")
    assert source.url == "https://www.kaggle.com/code/someone/titanic-tutorial"
    assert source.published == date(2023, 5, 6)
    assert "# as_of: 2023-05-06" in (created.folder / "kernel.yaml").read_text(encoding="utf-8")
    assert any("2023-05-06" in remark for remark in created.remarks)
    assert source.url in kernel.load("m02/titanic").code


def test_a_kaggle_notebook_in_r_and_an_unknown_one_leave_nothing(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    kaggle_server.add("someone/written-in-r", json.dumps(notebook("x <- 1")), language="r")
    for name, complaint in (("someone/written-in-r", "found r"), ("someone/nowhere", "misspelt")):
        with pytest.raises(UserError, match=complaint):
            creation.new("m02", "x", Wanted(competition="tiny", origin=f"kaggle:{name}"))
    assert not paths.kernel("m02/x").exists()


def test_a_script_is_committed_as_a_notebook(workshop: Workshop, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("# %%\nx = 1\n", encoding="utf-8")
    wanted = Wanted(competition="tiny", origin=str(script), author="someone", licence="MIT")
    created = creation.new("m01", "script", wanted)
    found = originals.beside(created.folder)
    assert found is not None
    assert found.cells[0].source == "x = 1"


def test_a_study_kernel_has_no_competition(workshop: Workshop) -> None:
    wanted = Wanted(kind="study", platform="course", author="unknown", title="강의 3")
    creation.new("m01", "study", wanted)
    assert kernel.load("m01/study").file.source.title == "강의 3"
    with pytest.raises(UserError, match="must name its competition"):
        creation.new("m01", "none", Wanted())
    with pytest.raises(UserError, match="must have no competition"):
        creation.new("m01", "both", Wanted(competition="tiny", kind="study"))
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        creation.new("m01", "near", Wanted(competition="tine"))
    assert not paths.kernel("m01/none").exists()


@pytest.mark.parametrize(
    "name", ["", "..", ".", "a/b", "../m02", "/etc", "a b", "-x", "a\n", "a.b", "a;b", "x" * 65]
)
def test_what_is_no_name_is_refused(workshop: Workshop, name: str) -> None:
    for member, slug in ((name, "x"), ("m01", name)):
        with pytest.raises(UserError, match="letters, digits, Hangul"):
            creation.new(member, slug, TINY)
    assert not paths.kernels().exists()


def test_a_slug_is_unique_within_a_member_whatever_its_case(workshop: Workshop) -> None:
    creation.new("m01", "knn", TINY)
    creation.new("m02", "knn", TINY)
    before = (paths.kernel("m01/knn") / "kernel.py").read_bytes()
    for member, slug in (("m01", "knn"), ("m01", "KNN"), ("M01", "other")):
        with pytest.raises(UserError, match="must not exist yet"):
            creation.new(member, slug, TINY)
    assert (paths.kernel("m01/knn") / "kernel.py").read_bytes() == before


def test_hangul_of_another_form_is_the_same_name(workshop: Workshop) -> None:
    decomposed = "\u1112\u1161\u11ab"  # 한, as macOS writes it
    assert creation.new("m01", decomposed, TINY).folder.name == "한"


@pytest.mark.parametrize("key", ["title", "author", "url", "licence"])
def test_what_is_no_text_is_refused_and_leaves_nothing(workshop: Workshop, key: str) -> None:
    said = {"title": "t", "author": "a", key: "\udcff"}  # an argument of the byte 255
    with pytest.raises(UserError, match=r"must be text in UTF-8, found '\\udcff'"):
        creation.new("m01", "knn", Wanted(competition="tiny", **said))  # type: ignore[arg-type]
    assert not paths.kernel("m01/knn").exists()


def test_a_folder_is_made_whole_or_not_at_all(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: str) -> None:
        if path.name == "kernel.yaml":
            raise UserError("the disk is full")
        path.write_text(content, encoding="utf-8")

    with monkeypatch.context() as patched:
        patched.setattr(creation.atomic, "write_text", full)
        with pytest.raises(UserError, match="disk is full"):
            creation.new("m01", "knn", TINY)
    assert creation.new("m01", "knn", TINY).folder.is_dir()
