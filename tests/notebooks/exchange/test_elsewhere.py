"""A zip made elsewhere: what is in it is read, and no name or size in it is trusted."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.notebooks.exchange import elsewhere
from pipelines.plumbing.errors import UserError
from tests.cells.test_conversion import notebook, sources

EXECUTED = json.dumps(notebook("print('안녕')"), ensure_ascii=False)
TABLE = "id,label\n1,a\n"


def zipped(path: Path, files: dict[str, str | bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **options)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "OUTPUT.zip"


def test_tables_and_the_executed_notebook_are_read(path: Path) -> None:
    files: dict[str, str | bytes] = {
        "out/제출.csv": TABLE.encode("cp949"), "out/oof.CSV": "x\n1\n", "__notebook__.ipynb": EXECUTED,
        "__results__.html": "<html>", "model.pkl": b"\x80",
    }  # fmt: skip
    found = elsewhere.run_elsewhere(zipped(path, files))
    assert found.tables == {"out/제출.csv": TABLE.encode("cp949"), "out/oof.CSV": b"x\n1\n"}
    assert sources(found.notebook) == ["print('안녕')"]
    assert found.notebook.cells[0].outputs[0].text == "an old output"


def test_of_two_notebooks_the_executed_one_is_taken(path: Path) -> None:
    draft = json.loads(EXECUTED)
    draft["cells"][0] |= {"outputs": [], "execution_count": None}
    files: dict[str, str | bytes] = {"a.csv": TABLE, "draft.ipynb": json.dumps(draft)}
    with pytest.raises(UserError, match=r"draft.ipynb without any output"):
        elsewhere.run_elsewhere(zipped(path, files))
    files["final.ipynb"] = EXECUTED
    assert elsewhere.run_elsewhere(zipped(path, files)).notebook.cells[0].outputs
    files["other.ipynb"] = EXECUTED
    with pytest.raises(UserError, match=r"one executed notebook, found final.ipynb, other.ipynb"):
        elsewhere.run_elsewhere(zipped(path, files))


def test_what_is_missing_is_said(path: Path) -> None:
    with pytest.raises(UserError, match=r"must hold the submission .*found a.ipynb"):
        elsewhere.run_elsewhere(zipped(path, {"a.ipynb": EXECUTED}))
    with pytest.raises(UserError, match="executed notebook, found none"):
        elsewhere.run_elsewhere(zipped(path, {"a.csv": TABLE}))
    with pytest.raises(UserError, match="check the path"):
        elsewhere.run_elsewhere(path.with_name("none.zip"))


@pytest.mark.parametrize(
    ("name", "plain"),
    [("../a.csv", "a.csv"), ("b/../../b.csv", "b/b.csv"), ("/etc/a.csv", "etc/a.csv"), ("..\\a.csv", "a.csv"),
     ("\\\\host\\a.csv", "host/a.csv"), ("./a//b.csv", "a/b.csv"), ("가" * 90 + ".csv", "가" * 90 + ".csv")],
)  # fmt: skip
def test_a_name_leads_nowhere_else(path: Path, name: str, plain: str) -> None:
    found = elsewhere.run_elsewhere(zipped(path, {name: TABLE, "a.ipynb": EXECUTED}))
    assert list(found.tables) == [plain]


def test_other_files_do_not_count(path: Path) -> None:
    files: dict[str, str | bytes] = {f"{number}.png": "" for number in range(elsewhere.MOST_FILES)}
    files |= {"a.csv": TABLE, "a.ipynb": EXECUTED}
    assert elsewhere.run_elsewhere(zipped(path, files)).tables == {"a.csv": TABLE.encode()}


def test_bombs_are_refused_before_they_fill_the_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped(path, {"submission.csv": b"0" * (64 << 20), "a.ipynb": EXECUTED})
    assert bomb.stat().st_size < 1 << 17
    monkeypatch.setattr(elsewhere, "MOST_BYTES", 12 << 20)
    with pytest.raises(UserError, match=r"at most 12 MiB .*'submission.csv' goes beyond: pack"):
        elsewhere.run_elsewhere(bomb)
    many = zipped(path, {f"{number}.csv": "" for number in range(elsewhere.MOST_FILES + 1)})
    with pytest.raises(UserError, match=r"at most 2000 tables.*found 2001: pack"):
        elsewhere.run_elsewhere(many)


def test_all_files_together_have_a_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, str | bytes] = {"a.csv": TABLE, "b.csv": TABLE, "a.ipynb": EXECUTED}
    monkeypatch.setattr(elsewhere, "MOST_BYTES", len(TABLE) + 3)
    with pytest.raises(UserError, match=r"'b.csv' goes beyond"):
        elsewhere.run_elsewhere(zipped(path, files))


def lies_about_its_size(content: bytes) -> bytes:
    """The size of the first file, in the directory and before the file, as 1 byte."""
    size = len(TABLE).to_bytes(4, "little")
    return content.replace(size, (1).to_bytes(4, "little"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"PK" + content[:20],
        lambda content: b"",
        lambda content: content.replace(b"id,label", b"id,lobel"),
        lambda content: content.replace("é".encode(), b"\xff\xfe"),
        lies_about_its_size,
    ],
)
def test_a_damaged_zip_is_no_table(path: Path, damage: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("é.csv", TABLE)
        archive.writestr("a.ipynb", EXECUTED)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="whole zip"):
        elsewhere.run_elsewhere(path)


def test_an_encrypted_zip_is_refused(path: Path) -> None:
    zipped(path, {"a.csv": TABLE, "a.ipynb": EXECUTED})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"must be a whole zip .*encrypted.*: download"):
        elsewhere.run_elsewhere(path)
