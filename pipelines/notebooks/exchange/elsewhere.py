"""What a notebook made on Colab or Kaggle, as a zip: read without trusting a single name or size in it."""

import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipelines.cells import conversion
from pipelines.plumbing.errors import UserError
from pipelines.values.kernel import LONGEST_NAME

if TYPE_CHECKING:
    from nbformat import NotebookNode

MOST_FILES = 2000
MOST_BYTES = 1 << 29  # unpacked, of all that is read
_MOST_RATIO = 200  # a real table or notebook is seldom packed to less than a fiftieth
_SMALL = 1 << 20  # a few repeated rows may well be packed more tightly
_CHUNK = 1 << 20
_LONGEST_PATH = 1000  # a disk takes more, but it lies in a folder for temporary files


@dataclass(frozen=True, eq=False)
class RanElsewhere:
    """The output of a run that nobody here has seen.

    Attributes:
        tables: path within the zip → bytes, of every CSV: one of them may be the submission.
        notebook: the executed notebook, with its outputs.
    """

    tables: dict[str, bytes]
    notebook: "NotebookNode"


def run_elsewhere(path: Path) -> RanElsewhere:
    """Read OUTPUT.zip.

    Raises:
        UserError: it is no zip, has a name that leads elsewhere, a link, too many files or bytes, is
            encrypted or damaged; or holds no CSV, no executed notebook, or two.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(archive, path)
            wanted = [each for each in entries if _suffix(each.filename) in (".csv", ".ipynb")]
            files = _read(archive, wanted, path)
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: check the path") from None
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        NotImplementedError,
        UnicodeDecodeError,  # a name that says it is UTF-8, and is not
    ) as error:
        raise UserError(
            f"{path} must be a whole zip and cannot be read ({error}): download it again"
        ) from None
    tables = {name: content for name, content in files.items() if _suffix(name) == ".csv"}
    if not tables:
        raise UserError(
            f"{path} must hold the submission (a .csv), found {_shown(entries)}: add it to the zip"
        )
    return RanElsewhere(tables, _executed(files, path))


def _checked(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Every file of the archive, none of which may lead out of a folder or be a link."""
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise UserError(
            f"{path} must hold at most {MOST_FILES} files, found {len(entries)}: pack the notebook and the "
            "submission alone"
        )
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        leads_out = not parts or name.startswith("/") or ".." in parts or ":" in parts[0]
        if leads_out or "\0" in entry.orig_filename:
            raise UserError(
                f"{path} must hold plain names, found {entry.filename!r}: do not trust it; pack it anew"
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UserError(
                f"{path} must hold files, and {entry.filename!r} is a link: pack the file itself"
            )
        if entry.flag_bits & 1:
            raise UserError(
                f"{path} must not be encrypted, and {entry.filename!r} is: pack it anew"
            )
    files = [entry for entry in entries if not entry.is_dir()]
    _check_names([PurePosixPath(entry.filename) for entry in files], path)
    return files


def _check_names(names: list[PurePosixPath], path: Path) -> None:
    """Refuse names that no folder could hold, or not beside each other; case does not count."""
    for name in names:
        longest = max(len(part.encode()) for part in name.parts)
        if longest > LONGEST_NAME or len(str(name).encode()) > _LONGEST_PATH:
            raise UserError(
                f"{path} must hold names of at most {LONGEST_NAME} bytes ({LONGEST_NAME // 3} of Hangul's "
                f"syllables), with their folders {_LONGEST_PATH}, found {str(name)[:40]!r} …: pack it anew"
            )
    folded = [str(name).casefold() for name in names]
    twins = sorted({name for name in folded if folded.count(name) > 1})
    if twins:
        raise UserError(f"{path} must hold each name once, found {twins[0]!r} twice: pack it anew")
    folders = {str(folder).casefold() for name in names for folder in name.parents}
    both = sorted(folders.intersection(folded))
    if both:
        raise UserError(
            f"{path} must hold each name once, and {both[0]!r} is a file and a folder: pack it anew"
        )


def _read(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], path: Path) -> dict[str, bytes]:
    """The bytes of some files; what a header says of their size is not believed."""
    left, files = MOST_BYTES, {}
    for entry in entries:
        most = min(left, max(_SMALL, entry.compress_size * _MOST_RATIO))
        content = bytearray()
        with archive.open(entry) as packed:
            while chunk := packed.read(_CHUNK):
                content += chunk
                if len(content) > most:
                    raise UserError(
                        f"{path} must unpack to a table and a notebook, and {entry.filename!r} grows beyond "
                        f"{most >> 20} MiB from {entry.compress_size >> 10} KiB: do not trust it; pack it anew"
                    )
        left -= len(content)
        files[entry.filename] = bytes(content)
    return files


def _executed(files: dict[str, bytes], path: Path) -> "NotebookNode":
    found = {
        name: conversion.parse_notebook(content, f"{path}: {name}")
        for name, content in files.items()
        if _suffix(name) == ".ipynb"
    }
    executed = {name: notebook for name, notebook in found.items() if _was_executed(notebook)}
    if len(executed) != 1:
        what = ", ".join(executed) or (
            f"{', '.join(found)} without any output" if found else "none"
        )
        raise UserError(
            f"{path} must hold one executed notebook, found {what}: run it there from top to bottom, save it "
            "with its outputs, and pack it with the submission"
        )
    return next(iter(executed.values()))


def _was_executed(notebook: "NotebookNode") -> bool:
    return any(
        cell.get("execution_count") or cell.get("outputs")
        for cell in conversion.code_cells(notebook)
    )


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.casefold()


def _shown(entries: list[zipfile.ZipInfo]) -> str:
    return ", ".join(entry.filename for entry in entries[:5]) or "nothing"
