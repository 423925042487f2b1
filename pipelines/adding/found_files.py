"""The files that a platform handed out: what of them are tables, how they are written, and their hashes."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from pipelines.plumbing import paths, unzip
from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.readers._decoding import SUFFIXES
from pipelines.values import tables
from pipelines.values.tables import Form

_TABLES = (".csv", ".tsv", ".txt", ".dat")
_HTML = (b"<!doctype html", b"<html")
_START = 512


@dataclass(frozen=True, eq=False)
class Table:
    """A file that could be read as a table, or the rows that the pictures of a folder are.

    Attributes:
        path: where it lies now; a folder of pictures.
        frame: its rows, numbers as numbers.
        form: how it is written down.
    """

    path: Path
    frame: pd.DataFrame
    form: Form

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_file(self) -> bool:
        return self.path.is_file()

    @cached_property  # of thousands of columns it is asked for millions of times
    def columns(self) -> list[str]:
        return [str(column) for column in self.frame.columns]


@dataclass(frozen=True, eq=False)
class Found:
    """All files of a folder, and of the zips in it.

    Attributes:
        files: every file but pictures and hidden ones, by name.
        tables: those that are tables.
        others: name → why it is none.
        pictures: where files lie → the picture files there: the folder itself, and each zip taken apart.
        zips: the zips of them → the file.
        scratch: a folder for what is made of them.
    """

    files: dict[str, Path]
    tables: list[Table]
    others: dict[str, str]
    pictures: dict[Path, list[Path]]
    zips: dict[Path, Path]
    scratch: Path

    def md5(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """The hashes in the form of `source.files`."""
        return {name: {"md5": file_hash(self.files[name], "md5")} for name in names}


@contextmanager
def opened(place: Path) -> Iterator[Found]:
    """What a folder or a zip file holds, for as long as the block runs.

    Raises:
        UserError: it is neither, holds nothing, two of its files have one name, or a zip is not safe to take apart.
    """
    paths.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix="added-") as made:
        scratch, folder = Path(made), place
        if place.is_file():
            folder = scratch / "given"
            unzip.extract(place, folder)
        yield _look(folder, scratch)


def _look(folder: Path, scratch: Path) -> Found:
    """Read every file of a folder and of those below it; zips with pictures stay whole, of others the files count."""
    if not folder.is_dir():
        raise UserError(f"--from must be a folder or a zip file, found {folder}: check the path")
    files: dict[str, Path] = {}
    own, pictures = _take(folder, files)
    by_place, zips = {folder: pictures}, {}
    for number, path in enumerate(path for path in own if path.suffix.lower() == ".zip"):
        into = scratch / f"zip{number}" / path.stem
        unzip.extract(path, into)
        del files[path.name]
        _, by_place[into] = _take(into, files)
        zips[into] = path
    by_place = {place: inside for place, inside in by_place.items() if inside}
    if not files and not by_place:
        raise UserError(f"{folder} must hold the competition's files, and holds none: check --from")
    found, others = [], {}
    for name, path in files.items():
        try:
            found.append(_table(path))
        except UserError as error:
            others[name] = str(error)
    return Found(files, found, others, by_place, zips, scratch)


def _take(folder: Path, files: dict[str, Path]) -> tuple[list[Path], list[Path]]:
    """Put the files of a folder into `files`, and give these and the pictures.

    Raises:
        UserError: one is a link, or two have one name.
    """
    own, pictures = [], []
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder).parts
        if any(part.startswith((".", "__MACOSX")) for part in below) or not path.is_file():
            continue
        if path.is_symlink():
            raise UserError(
                f"{path} must be a file, and is a link: put the file itself into {folder}"
            )
        if path.suffix.lower() in SUFFIXES:
            pictures.append(path)
            continue
        if path.name in files:
            raise UserError(
                f"files must have different names, found {files[path.name]} and {path}: rename one of them"
            )
        files[path.name] = path
        own.append(path)
    return own, pictures


def _with_backslashes(path: Path, form: Form, error: UserError) -> tuple[Form, pd.DataFrame]:
    """Read a file in which a backslash stands before a quote; the first error counts where it has none."""
    if '\\"' not in path.read_text(form.encoding):
        raise error
    escaped = replace(form, quotes="backslash")
    try:
        return escaped, tables.read_csv(path, (), escaped)
    except UserError:
        raise error from None


def _table(path: Path) -> Table:
    if path.suffix.lower() not in _TABLES:
        raise UserError(f"its ending is none of {', '.join(_TABLES)}")
    with path.open("rb") as file:
        start = file.read(_START).lstrip().lower()
    if start.startswith(_HTML):
        raise UserError(
            "it is a web page, as a platform answers who is not signed in: download it again"
        )
    form = tables.form_of(path)
    try:
        frame = tables.read_csv(path, (), form)
    except UserError as error:
        form, frame = _with_backslashes(path, form, error)
    if frame.empty:
        raise UserError("it has a header and no rows")
    return Table(path, frame, form)
