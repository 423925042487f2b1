"""The folders of picture files that were found, which tables name their pictures, and how large these are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd

from pipelines.adding.found_files import Found, Table
from pipelines.adding.guesses import Guess
from pipelines.plumbing.errors import UserError
from pipelines.values import picture_files, pixels, tables, unzip

_CELLS_LOOKED_AT = 200
_PICTURES_LOOKED_AT = 64
_FEWEST_NAMED = 0.5  # of the cells of a column that names pictures
_PIXELS_AN_EPOCH = 2_000_000  # which a small network learns from in a minute on two cores
_SMALLEST, _LARGEST = 32, 128  # sides, in pixels
_UNNAMEABLE = re.compile(r"[^\w()\[\] .,-]")


@dataclass(frozen=True, eq=False)
class PictureFolder:
    """A folder with pictures in it or below it.

    Attributes:
        path: where it lies.
        files: its pictures, in the order of their paths.
        zip: the file that holds all of it and no other picture, where there is one.
    """

    path: Path
    files: Sequence[Path]
    zip: Path | None

    @cached_property
    def by_name(self) -> dict[str, list[Path]]:
        return picture_files.by_name(self.path, self.files)

    @property
    def name(self) -> str:
        return self.zip.name if self.zip else f"{self.path.name}/"

    @property
    def classes(self) -> set[str]:
        """The names of the folders in it, where each holds pictures itself and no others stand beside them."""
        depths = {len(path.relative_to(self.path).parts) for path in self.files}
        names = {path.parent.name for path in self.files}
        return names if depths == {2} and len(names) > 1 else set()

    def named_by(self, cells: Sequence[str]) -> list[Path | None]:
        """The one picture that each cell names."""
        fits = (picture_files.meant(self.by_name, cell) for cell in cells)
        return [found[0] if len(found) == 1 else None for found in fits]

    def is_apart(self, other: "PictureFolder") -> bool:
        return set(self.files).isdisjoint(other.files)


@dataclass(frozen=True, eq=False)
class Naming:
    """A table that names pictures.

    Attributes:
        column: whose cells name them.
        folder: where they lie.
        pictures: one per row; None where it is not there.
    """

    table: Table
    column: str
    folder: PictureFolder
    pictures: Sequence[Path | None]

    @cached_property
    def known(self) -> frozenset[Path]:
        return frozenset(path for path in self.pictures if path is not None)


def folders(found: Found) -> list[PictureFolder]:
    """Every folder that holds pictures, inner ones first; of nested ones with the same pictures the innermost."""
    inside: dict[Path, list[Path]] = {}
    place_of: dict[Path, Path] = {}
    for place, pictures in found.pictures.items():
        for path in pictures:
            for folder in path.parents:
                inside.setdefault(folder, []).append(path)
                place_of[folder] = place
                if folder == place:
                    break
    made, seen = [], set()
    for folder in sorted(inside, key=lambda folder: (-len(folder.parts), folder)):
        files = inside[folder]
        if (files[0], len(files)) in seen:  # the folder above it holds no other picture
            continue
        seen.add((files[0], len(files)))
        place = place_of[folder]
        is_all = len(files) == len(found.pictures[place])
        made.append(PictureFolder(folder, files, found.zips.get(place) if is_all else None))
    return made


def namings(found: Found, known: Sequence[PictureFolder]) -> list[Naming]:
    """The tables with a column whose cells name pictures, each with the fewest folders that hold them all."""
    named = (_naming(table, known) for table in found.tables)
    return [naming for naming in named if naming is not None]


def refuse_lost_zeros(found: Found, known: Sequence[PictureFolder], naming: list[Naming]) -> None:
    """Refuse a table that names no picture, and would but for zeros: `7` beside `0007.png`.

    Raises:
        UserError: there is one; it says how both are spelled.
    """
    idle = [table for table in found.tables if all(table is not each.table for each in naming)]
    bare = [
        (folder, {path.stem.lstrip("0"): path for path in folder.files if path.stem.isdecimal()})
        for folder in known
    ]
    for table in idle:
        cells, _ = tables.read_cells(table.path, table.form)
        for name, asked in _drawn(cells):
            for folder, files in bare:
                met = [cell for cell in asked if cell.isdecimal() and cell.lstrip("0") in files]
                if len(met) > _FEWEST_NAMED * len(asked):
                    raise UserError(
                        f"a table must name pictures as their files are called, and {name!r} of {table.name} has "
                        f"{met[0]!r} where {folder.name} has {files[met[0].lstrip('0')].name!r}: write the names "
                        "with their zeros into the table"
                    )


def _drawn(cells: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Some cells of each column that hardly repeats itself."""
    drawn = np.unique(np.linspace(0, len(cells) - 1, _CELLS_LOOKED_AT).astype(int))
    for name in cells:
        asked = cells[name].iloc[drawn].tolist()
        if len(set(asked)) >= len(asked) / 2:
            yield str(name), asked


def _naming(table: Table, known: Sequence[PictureFolder]) -> Naming | None:
    cells, _ = tables.read_cells(table.path, table.form)
    best: tuple[float, int] = (0, 0)
    chosen = None
    for name, asked in _drawn(cells):
        for folder in known:
            hits = len({path for path in folder.named_by(asked) if path is not None})
            if hits > _FEWEST_NAMED * len(asked) and (hits, -len(folder.files)) > best:
                best, chosen = (hits, -len(folder.files)), (name, folder)
    if chosen is None:
        return None
    name, folder = chosen
    return Naming(table, name, folder, folder.named_by(cells[name].tolist()))


def image(pictures: Sequence[Path]) -> Guess:
    """One size for all of them: what is usual, made smaller where so many pictures would take hours.

    Raises:
        UserError: none of those that were looked at can be read.
    """
    drawn = np.unique(np.linspace(0, len(pictures) - 1, _PICTURES_LOOKED_AT).astype(int))
    seen, broken = [], ""
    for position in drawn:
        try:
            seen.append(pixels.look(pictures[position]))
        except ValueError as error:
            broken = f"{pictures[position].name}: {error}"
    if not seen:
        raise UserError(
            f"pictures must be readable, and none of {len(drawn)} is ({broken}): download them again"
        )
    sizes = pd.DataFrame(seen, columns=["height", "width", "colour"])
    usual = sizes[["height", "width"]].median()
    side = np.clip((_PIXELS_AN_EPOCH / len(pictures)) ** 0.5, _SMALLEST, _LARGEST)
    share = min(1.0, side / float(np.prod(usual.to_numpy())) ** 0.5)
    height, width = (max(1, round(share * value)) for value in usual.tolist())
    keys = {"height": height, "width": width, "channels": 3 if sizes["colour"].any() else 1}
    low, high = sizes.min(), sizes.max()
    of_all = f"{low['height']} × {low['width']}"
    if (low[:2] != high[:2]).any():
        of_all += f" … {high['height']} × {high['width']}"
    tone = "in colour" if keys["channels"] == 3 else "grey"
    said = f"pictures are {of_all} pixels, {tone}, and brought to {height} × {width}"
    if share < 1:
        said += ", a GUESS that keeps a first training short: larger ones may score better"
    return Guess({"image": keys}, (said,))


def kept_as(
    folder: PictureFolder, found: Found, name: str, shown: Sequence[str] | None = None
) -> str:
    """Put the zip of a folder among `found.files`, made where there is none, or none that names its pictures so.

    Args:
        name: of a zip that must be made.
        shown: names of its pictures; as they lie by default.

    Returns:
        Its name there.
    """
    lie = [path.relative_to(folder.path).as_posix() for path in folder.files]
    shown = lie if shown is None else shown
    if folder.zip is not None and shown == lie:
        found.files[folder.zip.name] = folder.zip
        return folder.zip.name
    name = f"{_UNNAMEABLE.sub('_', normalize('NFC', name)).strip(' .-') or 'pictures'}.zip"
    if name in found.files:
        name = f"pictures of {name}"
    packed = found.scratch / "packed" / name
    packed.parent.mkdir(exist_ok=True)
    unzip.pack(dict(zip(shown, folder.files, strict=True)), packed)
    found.files[name] = packed
    return name
