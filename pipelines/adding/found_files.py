"""The files that a platform handed out: what of them are tables, how they are written, and their hashes."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from pipelines import readers
from pipelines.platforms.files import is_name
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.values import encodings, tables, typed_files, unzip
from pipelines.values.competition import Quotes
from pipelines.values.pixels import SUFFIXES
from pipelines.values.tables import Form

_HTML = (b"<!doctype html", b"<html")
_NAMES = (
    f"its name must be of letters, digits, blanks and ()[]_.,- alone and at most {unzip.LONGEST} bytes, so it is not "
    "used: rename it"
)
_START = 512
_MOST = 0.5
MOST_CLASSES = (
    20  # whole numbers of more values are counts or amounts, of which test may have others
)


@dataclass(frozen=True, eq=False)
class Table:
    """A file that could be read as a table, or the rows that the pictures of a folder are.

    Attributes:
        path: where it lies now; a folder of pictures.
        frame: its rows, numbers as numbers.
        form: how it is written down, where it is a CSV.
        format: the reader that reads it.
    """

    path: Path
    frame: pd.DataFrame
    form: Form
    format: str = "csv"

    @property
    def name(self) -> str:
        return normalize("NFC", self.path.name)  # a Mac takes Korean letters apart

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

    def holds(self, listed: Mapping[str, str | None]) -> bool:
        """Whether all these files are here, name → md5, or None where any file of that name will do."""
        return all(
            name in self.files and md5 in (None, file_hash(self.files[name], "md5"))
            for name, md5 in listed.items()
        )

    def idle_pictures(self) -> list[str]:
        """A sentence about pictures that no table names; none where there are none."""
        pictures = [path for inside in self.pictures.values() for path in inside]
        if not pictures:
            return []
        return [
            f"{len(pictures)} pictures are not used (such as {pictures[0].name}): no column of a table names them, and "
            "no two folders of them could be classes"
        ]


@contextmanager
def opened(place: Path, budget: unzip.Budget | None = None) -> Iterator[Found]:
    """What a folder or a zip file holds, for as long as the block runs.

    Args:
        budget: what may still come out of packed files; by default one for the size of what is given.

    Raises:
        UserError: it is neither, holds nothing, two of its files have one name, or a zip is not safe to take apart.
    """
    paths.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix="added-") as made:
        scratch, folder = Path(made), place
        if place.is_file():
            folder, budget = scratch / "given", unzip.Budget.of(place.stat().st_size)
            unzip.extract(place, folder, budget)
        yield _look(folder, scratch, budget)


def _look(folder: Path, scratch: Path, budget: unzip.Budget | None) -> Found:
    """Read every file of a folder and of those below it; zips with pictures stay whole, of others the files count."""
    if not folder.is_dir():
        raise UserError(f"--from must be a folder or a zip file, found {folder}: check the path")
    files: dict[str, Path] = {}
    others: dict[str, str] = {}
    own, pictures = _take(folder, files, others)
    by_place, zips = {folder: pictures}, {}
    packed = [path for path in own if path.suffix.lower() in (".zip", ".gz")]
    budget = budget or unzip.Budget.of(sum(path.stat().st_size for path in packed))
    for number, path in enumerate(path for path in own if path.suffix.lower() == ".zip"):
        into = scratch / f"zip{number}" / path.stem
        unzip.extract(path, into, budget)
        del files[normalize("NFC", path.name)]
        _, by_place[into] = _take(into, files, others)
        zips[into] = path
    by_place = {place: inside for place, inside in by_place.items() if inside}
    if not files and not by_place:
        raise UserError(f"{folder} must hold the competition's files, and holds none: check --from")
    alike = Counter(map(str.casefold, files))
    if twice := [name for name in files if alike[name.casefold()] > 1]:
        raise UserError(
            f"files must have names that differ in more than capital letters, found {', '.join(twice[:2])}: rename one"
        )
    found = []
    for name, path in files.items():
        if path.suffix.lower() == ".gz":
            unzip.check_gzip(path, budget)
        try:
            found.append(_table(path))
        except UserError as error:
            others[name] = str(error)
    return Found(
        files, [_of_peers(table, found) for table in found], others, by_place, zips, scratch
    )


def _take(
    folder: Path, files: dict[str, Path], others: dict[str, str]
) -> tuple[list[Path], list[Path]]:
    """Put the files of a folder into `files`, or why they are not used into `others`; give these and the pictures.

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
        name = normalize("NFC", path.name)
        if not is_name(name) or len(name.encode()) > unzip.LONGEST:
            others[name] = _NAMES
            continue
        if name in files:
            raise UserError(
                f"files must have different names, found {files[name]} and {path}: rename one of them"
            )
        files[name] = path
        own.append(path)
    return own, pictures


def _with_other_quotes(path: Path, form: Form, error: UserError) -> tuple[Form, pd.DataFrame]:
    """Read a file whose quotes follow a backslash or are plain text; the first error counts where neither is so."""
    ways: list[Quotes] = ["backslash"] if '\\"' in encodings.text(path, form.encoding) else []
    for quotes in [*ways, "none"]:
        other = replace(form, quotes=quotes)
        with suppress(UserError):
            frame = tables.read_csv(path, (), other)
            if quotes != "none" or not _has_quoted_cells(frame):
                return other, frame
    raise error


def _has_quoted_cells(frame: pd.DataFrame) -> bool:
    """Whether most cells with a quote begin and end with one: then it is no text."""
    texts = frame.select_dtypes(exclude="number").astype(str)
    cells = pd.Series(texts.to_numpy().ravel(), dtype=str)
    cells = cells[cells.str.contains('"', regex=False)]
    return bool((cells.str.startswith('"') & cells.str.endswith('"')).mean() > _MOST)


def _typed(path: Path) -> Table | None:
    """A file of a reader other than CSV's, by its ending."""
    for name, reader in readers.of_tables().items():
        if path.name.lower().endswith(reader.endings):
            frame = typed_files.plain(typed_files.read(reader.table, path), ())
            if frame.empty:
                raise UserError("it has no rows")
            return Table(path, frame, Form(), name)
    return None


def _table(path: Path) -> Table:
    if (typed := _typed(path)) is not None:
        return typed
    if path.suffix.lower() == ".zip":
        raise UserError("it is a zip: take it apart, and give the folder with what was in it")
    if not typed_files.is_csv(path):
        others = [ending for reader in readers.of_tables().values() for ending in reader.endings]
        known = ", ".join([*typed_files.CSV_ENDINGS, *others])
        raise UserError(f"its ending is none of {known}")
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
        form, frame = _with_other_quotes(path, form, error)
    if frame.empty:
        raise UserError("it has a header and no rows")
    return Table(path, _with_spelled_ids(path, frame, form), form)


def _with_spelled_ids(path: Path, frame: pd.DataFrame, form: Form) -> pd.DataFrame:
    """Words of which each stands once as text without gaps, as ids are read later: `NA` may be one."""
    words = frame.select_dtypes(exclude="number")
    rare = [
        str(name) for name in words if words[name].isna().any() and words[name].dropna().is_unique
    ]
    if not rare:
        return frame
    texts = tables.read_csv(path, rare, form)
    ids = [name for name in rare if texts[name].notna().all() and texts[name].is_unique]
    return frame.assign(**{str(name): texts[name] for name in ids})


def _of_peers(table: Table, found: list[Table]) -> Table:
    """A table read with the decimal mark that another of its columns and delimiter tells, where itself does not."""
    known = set(table.columns)
    peers = [other for other in found if other.format == "csv" and known & set(other.columns)]
    peers.sort(key=lambda other: -len(known & set(other.columns)))
    form = tables.of_peers(table.form, [other.form for other in peers])
    if table.format != "csv" or form == table.form:
        return table
    return replace(
        table,
        form=form,
        frame=_with_spelled_ids(table.path, tables.read_csv(table.path, (), form), form),
    )


def with_spelled_gaps(table: Table, column: str) -> Table:
    """The table with `NA`, `None` and the like in a column as words, unless amounts stand beside: then they are gaps."""
    values = table.frame[column]
    if table.format != "csv" or not table.is_file or not values.isna().any():
        return table
    known = values.dropna()
    if known.dtype.kind in "iuf" and (known.nunique() > MOST_CLASSES or (known % 1 != 0).any()):
        return table
    texts = tables.read_csv(table.path, [column], table.form)[column]
    are_words = texts.notna().sum() > values.notna().sum()
    return replace(table, frame=table.frame.assign(**{column: texts})) if are_words else table
