"""Zips that are not what they seem are refused by name, and leave nothing outside of the folder."""

import gzip
import stat
import zipfile
from pathlib import Path

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.values.unzip import Budget, Limits, check_gzip, extract


def made(path: Path, *names: str, content: bytes = b"a,b\n", mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def test_files_and_folders_come_out(tmp_path: Path) -> None:
    file = made(tmp_path / "a.zip", "train.csv", "pictures/한글 1.png", "empty/")
    found = extract(file, tmp_path / "out")
    assert found == [Path("train.csv"), Path("pictures/한글 1.png")]
    assert (tmp_path / "out/pictures/한글 1.png").read_bytes() == b"a,b\n"


@pytest.mark.parametrize("name", ["../a", "/tmp/a", "a/../../b", "..\\a", "C:/a", "a\nb"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="its own folder"):
        extract(made(tmp_path / "a.zip", "good", name), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    file = made(tmp_path / "a.zip", "a", content=b"/etc/passwd", mode=stat.S_IFLNK | 0o777)
    with pytest.raises(UserError, match="link or a device"):
        extract(file, tmp_path / "out")


def test_a_bomb_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = made(tmp_path / "a.zip", "zeros", content=bytes(20 << 20))
    with pytest.raises(UserError, match="at most"):
        extract(
            file, tmp_path / "out", Budget.of(file.stat().st_size, Limits(free=1 << 20, ratio=100))
        )
    assert not (tmp_path / "out").exists()


def test_what_comes_is_bounded_by_what_was_claimed(tmp_path: Path) -> None:
    file = made(tmp_path / "a.zip", "zeros", content=bytes(5000))
    claimed = (5000).to_bytes(4, "little")
    file.write_bytes(file.read_bytes().replace(claimed, (10).to_bytes(4, "little")))
    with pytest.raises(UserError):
        extract(file, tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= 10


def test_a_page_saved_as_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"<html>log in")
    with pytest.raises(UserError, match="<html>"):
        extract(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize(
    "names", [("a.csv", "A.csv"), ("a", "a/b.txt"), ("A/b", "a"), ("\u00e9", "e\u0301")]
)
def test_one_name_twice_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="twice"):
        extract(made(tmp_path / "a.zip", *names), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a" * 300, "b/" * 1500 + "c", "...", "a/ ", "\u200b", "a\x7f"])
def test_what_can_be_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"every name in a\.zip must have letters"):
        extract(made(tmp_path / "a.zip", "good", name), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_one_command_takes_apart_shares_a_budget(tmp_path: Path) -> None:
    file, budget = made(tmp_path / "a.zip", "zeros", content=bytes(600)), Budget(3, 1000)
    extract(file, tmp_path / "out", budget)
    with pytest.raises(UserError, match="2 files of 400 bytes"):
        extract(file, tmp_path / "again", budget)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(401)))
    with pytest.raises(UserError, match="400 bytes"):
        check_gzip(tmp_path / "a.gz", budget)


def test_a_korean_name_without_the_flag_is_read(tmp_path: Path) -> None:
    file = made(tmp_path / "a.zip", "xxxx.csv")
    file.write_bytes(file.read_bytes().replace(b"xxxx", "한글".encode("cp949")))
    assert extract(file, tmp_path / "out") == [Path("한글.csv")]
