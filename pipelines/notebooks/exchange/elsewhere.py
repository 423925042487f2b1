"""What a notebook made on Colab or Kaggle, as a zip: read in memory, without trusting a size in it."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipelines.cells import conversion
from pipelines.plumbing.errors import UserError

if TYPE_CHECKING:
    from nbformat import NotebookNode

MOST_FILES = 2000
MOST_BYTES = 1 << 29  # unpacked, of all that is read


@dataclass(frozen=True, eq=False)
class RanElsewhere:
    """The output of a run that nobody here has seen.

    Attributes:
        tables: path within the zip, which leads nowhere else → bytes, of every CSV: one of them may be the submission.
        notebook: the executed notebook, with its outputs.
    """

    tables: dict[str, bytes]
    notebook: "NotebookNode"


def run_elsewhere(path: Path) -> RanElsewhere:
    """Read OUTPUT.zip.

    Raises:
        UserError: it is no zip, has too many tables or bytes, is encrypted or damaged; or holds no CSV, no
            executed notebook, or two.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            wanted = [each for each in entries if _suffix(each.filename) in (".csv", ".ipynb")]
            if len(wanted) > MOST_FILES:
                raise UserError(
                    f"{path} must hold at most {MOST_FILES} tables and notebooks, found {len(wanted)}: pack the "
                    "notebook and the submission alone"
                )
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


def _read(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], path: Path) -> dict[str, bytes]:
    """The bytes of some files by plain names; what a header says of their size is not believed."""
    left, files = MOST_BYTES, {}
    for entry in entries:
        with archive.open(entry) as packed:
            content = packed.read(left + 1)
        left -= len(content)
        if left < 0:
            raise UserError(
                f"{path} must unpack to at most {MOST_BYTES >> 20} MiB of tables and notebooks, and "
                f"{entry.filename!r} goes beyond: pack the notebook and the submission alone"
            )
        parts = entry.filename.replace("\\", "/").split("/")
        files["/".join(part for part in parts if part not in ("", ".", ".."))] = content
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
