"""Which picture belongs to which row: a label CSV that names files, or one folder per class."""

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

import pandas as pd

from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values import raw as csv_files
from pipelines.values import tables
from pipelines.values.competition import Competition
from pipelines.values.pixels import SUFFIXES
from pipelines.values.unzip import extract

_SHOWN = 5
_LAST_NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")


@dataclass(frozen=True, eq=False)
class Part:
    """Train or test: a table with a row per picture, every cell as spelled, and the files in its order.

    A file that is listed and not there stands under the path where it should be, in `folder`.
    """

    table: pd.DataFrame
    files: list[Path]
    folder: Path


@dataclass(frozen=True, eq=False)
class Listing:
    """All that is listed, and the pictures that no row names."""

    train: Part
    test: Part
    unlisted: list[str]


def read(competition: Competition, raw: Path, scratch: Path) -> Listing:
    """Find the rows and their pictures; zips are taken apart into `scratch`, unless they lie there so.

    Raises:
        UserError: a folder, a CSV or a column is missing, or a name fits two pictures.
    """
    pictures = competition.pictures
    assert pictures is not None  # the competition's schema asks for it
    folders = [folder_of(raw, name, scratch) for name in (pictures.train, pictures.test)]
    if pictures.labels == "folders":
        train = _by_folder(competition, folders[0])
    else:
        named = pictures.column or competition.id_column
        train = _by_table(competition, raw, competition.files.train_files, folders[0], named)
    test = _test(competition, raw, folders[1])
    listed = {*train.files, *test.files}
    unlisted = [
        str(path.relative_to(folder))
        for folder in dict.fromkeys(folders)
        for path in pictures_in(folder)
        if path not in listed
    ]
    return Listing(train, test, unlisted)


def _test(competition: Competition, raw: Path, folder: Path) -> Part:
    """The test pictures as a file of their own lists them, or the sample, or their folder."""
    files, key, asked = competition.files, competition.id_column, competition.sample_id
    assert competition.pictures is not None
    if files.test_files:
        named = competition.pictures.column or key
        return _by_table(competition, raw, files.test_files, folder, named)
    if files.sample:
        part = _by_table(competition, raw, [files.sample], folder, asked)
        return Part(part.table[[asked]].rename(columns={asked: key}), part.files, folder)
    found = pictures_in(folder)
    return Part(pd.DataFrame({key: own_names(folder, found)}, dtype=str), found, folder)


def folder_of(raw: Path, name: str, scratch: Path) -> Path:
    """A folder of pictures as it lies in `raw`; a zip is taken apart into `scratch`, once.

    Raises:
        UserError: there is neither.
    """
    path = raw / name
    if path.is_dir():
        return path
    if path.is_file():
        into, unfinished = scratch / "zips" / name, scratch / "unfinished"
        if not into.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
            extract(path, unfinished)
            into.parent.mkdir(parents=True, exist_ok=True)
            unfinished.rename(into)
        return into
    there = [entry.name for entry in raw.iterdir()]
    raise UserError(
        f"{path} must be a folder or a zip of pictures and was not found{did_you_mean(name, there)}: correct "
        "`pictures:` in the competition file"
    )


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, at any depth, in the order of their names."""
    return sorted(
        path for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    )  # fmt: skip


def _by_folder(competition: Competition, folder: Path) -> Part:
    found = pictures_in(folder)
    classes = [path.parent.name for path in found]
    loose = [path for path in found if path.parent == folder]
    if not found or loose:
        raise UserError(
            f"{folder.name} must hold one folder of pictures per class, found "
            f"{f'{loose[0].name} outside of one' if loose else 'no picture'}: correct `pictures:` in the competition file"
        )
    names = own_names(folder, found)
    table = pd.DataFrame({competition.id_column: names, competition.target: classes}, dtype=str)
    return Part(table, found, folder)


def own_names(folder: Path, found: list[Path]) -> list[str]:
    """File names; where two are alike, a hash of the whole path, which tells nothing of the class."""
    names = [path.name for path in found]
    if len(set(names)) == len(names):
        return names
    return [
        hashlib.sha256(path.relative_to(folder).as_posix().encode()).hexdigest()[:16] + path.suffix
        for path in found
    ]


def _by_table(
    competition: Competition, raw: Path, names: list[str], folder: Path, column: str
) -> Part:
    read_all = [
        tables.read_csv(raw / name, "all", csv_files.form_of(competition, raw / name))
        for name in names
    ]
    table = pd.concat(read_all, ignore_index=True)
    if column not in table.columns:
        raise UserError(
            f"{names[0]} must have the column {column!r} that names pictures, found {list(table.columns)[:8]}"
            f"{did_you_mean(column, map(str, table.columns))}: set `pictures.column` in the competition file"
        )
    return Part(table, _match(folder, table[column].fillna("").astype(str)), folder)


def names_of_test(
    folder: Path, files: list[Path], classes: Iterable[str], ids: Iterable[str]
) -> list[str]:
    """Under which names below their folder test pictures are shown: without folders, where these are classes.

    Unless the ids spell folders: then everybody is told them.
    """
    are_classes = len({path.parent.name for path in files}.intersection(classes)) > 1
    if are_classes and not any("/" in name for name in ids):
        return own_names(folder, files)
    return [path.relative_to(folder).as_posix() for path in files]


def neutral(example: str, rows: int, taken: Collection[str]) -> list[str]:
    """Names that only count, written as `example` is: its last number counts, `./m/q07.png` gives `./m/q01.png` …

    Args:
        taken: names that none of them may have, whatever folder or suffix these bear.
    """
    folder, name = _parted(example)
    stem, suffix = _without_suffix(name)
    known = {_without_suffix(_parted(given)[1])[0] for given in taken}
    found = _LAST_NUMBER.search(stem)
    head, tail = (stem[: found.start()], stem[found.end() :]) if found else (stem, "")
    width = len(found[0]) if found and found[0].startswith("0") else 1
    stems = (f"{head}{number:0{width}}{tail}" for number in count(1))
    free = (stem for stem in stems if stem not in known)
    return [f"{folder}{next(free)}{suffix}" for _ in range(rows)]


def with_suffix(name: str, suffix: str) -> str:
    """A picture's name, which a table may give without its suffix."""
    return name if _without_suffix(name)[1] else f"{name}{suffix}"


def _parted(name: str) -> tuple[str, str]:
    """The folders, with the mark behind them, and the name itself."""
    end = max(name.rfind("/"), name.rfind("\\")) + 1
    return name[:end], name[end:]


def _without_suffix(name: str) -> tuple[str, str]:
    """A name and the suffix of pictures that it ends in, if any: of `cat.12` nothing is one."""
    suffix = PurePosixPath(name).suffix
    known = suffix if suffix.lower() in SUFFIXES else ""
    return name.removesuffix(known), known


def by_name(folder: Path, files: Iterable[Path]) -> dict[str, list[Path]]:
    """Pictures by what a table may call them: with or without folders, and without suffix."""
    known: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        for name in {path.relative_to(folder).as_posix(), path.name, path.stem}:
            known[name].append(path)
    return known


def meant(known: dict[str, list[Path]], name: str) -> list[Path]:
    """The pictures that a cell can mean; folders in front that are not here, such as `./train/`, do not count."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((known[end] for end in ends if end in known), [])


def _match(folder: Path, asked: Iterable[str]) -> list[Path]:
    """The file of each name."""
    known = by_name(folder, pictures_in(folder))
    found = []
    for name in asked:
        fits = meant(known, name)
        if len(fits) > 1 and folder / name not in fits:
            raise UserError(
                f"{name!r} must name one picture, and {len(fits)} have that name in {folder.name} (such as "
                f"{[str(path.relative_to(folder)) for path in fits[:_SHOWN]]}): set `pictures.column` to a column of whole paths"
            )
        # A name that leads elsewhere is never followed.
        there = folder / (PurePosixPath(name).name or "(no name)")
        found.append(fits[0] if len(fits) == 1 else folder / name if fits else there)
    return found
