"""The rows of a CSV as they lie in its file: cut out and written elsewhere, every byte as given."""

import csv
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from pipelines.values.tables import Form

_BLANK = b', "\t\r\n'  # what a row without any cell is made of


class CannotCutError(ValueError):
    """The file must be read and written anew: its quotes or its encoding do not let rows be cut out."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Where the rows of a file lie.

    Attributes:
        head: the first line, with its mark and line end.
        names: the columns that it names.
        keys: text (n_rows,), each row's cell of the column that names rows.
        spans: int64 (n_rows, 2), a row's first byte and the one behind its line end.
        form: how the file is written down.
    """

    path: Path
    head: bytes
    names: list[str]
    keys: list[str]
    spans: np.ndarray
    form: Form

    @property
    def line_end(self) -> bytes:
        return b"\r\n" if self.head.endswith(b"\r\n") else b"\n"

    def lines(self, which: np.ndarray) -> Iterator[bytes]:
        """Whole rows, by their positions, each with a line end."""
        starts, ends = self.spans[which].T.tolist()
        with self.path.open("rb") as source:
            for start, end in zip(starts, ends, strict=True):
                source.seek(start)
                line = source.read(end - start)
                yield line if line.endswith(b"\n") else line + self.line_end

    def cells(self, which: np.ndarray) -> Iterator[list[bytes]]:
        """Rows as cells, quotes included.

        Raises:
            CannotCutError: a row has more or fewer cells than the header.
        """
        for line in self.lines(which):
            cells = _split(line.rstrip(b"\r\n"))
            if len(cells) != len(self.names):
                raise CannotCutError(f"{len(cells)} cells under {len(self.names)} names")
            yield cells

    def joined(self, rows: Iterable[list[bytes]]) -> Iterator[bytes]:
        """Cells as lines again."""
        return (b",".join(cells) + self.line_end for cells in rows)


@dataclass(frozen=True)
class Header:
    """The first line of a file, and the columns that it names."""

    head: bytes
    names: list[str]


def header(path: Path, form: Form) -> Header:
    """Read the first line.

    Args:
        path: a CSV.
        form: how it is written down.

    Raises:
        CannotCutError: it goes on in the next one, or commas do not part its cells, or quotes do not hold them.
    """
    if form.delimiter != "," or form.quotes not in (None, "standard"):
        raise CannotCutError("its cells are parted or quoted in another way")
    if len("a,".encode(form.encoding.removesuffix("-sig"))) != 2:
        raise CannotCutError(f"{form.encoding} does not keep ASCII")
    with path.open("rb") as source:
        head = source.readline()
    try:
        names = next(csv.reader([head.decode(form.encoding)], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotCutError(str(error)) from None
    return Header(head if head.endswith(b"\n") else head + b"\n", names)


def index(path: Path, key: str | None, form: Form) -> Rows:
    """Find the rows of a CSV; a line end between quotes ends no row.

    Args:
        path: a CSV.
        key: the column that names rows; None where none does, and keys are the first cells.
        form: how it is written down.

    Raises:
        CannotCutError: it has no such column, or the standard library reads it in no strict way.
    """
    first, keys, bounds = header(path, form), [], array("q")
    position = 0 if key is None else _position(first.names, key)
    with path.open("rb") as source:
        end = len(source.readline())
        try:
            for line in source:
                row, cells = _row(line, source, position)
                start, end = end, end + len(row)
                is_row = len(first.names) == 1 or row.strip(_BLANK)  # as `tables.read_csv` has it
                if len(cells) > position and is_row:  # not an empty line
                    keys.append(cells[position])
                    bounds.extend((start, end))
        except csv.Error as error:
            raise CannotCutError(str(error)) from None
    spans = np.frombuffer(bounds, np.int64).reshape(-1, 2)
    return Rows(path, first.head, first.names, _decoded(keys, form.encoding), spans, form)


def _row(line: bytes, rest: Iterator[bytes], position: int) -> tuple[bytes, list[str]]:
    """A row, which may go on in the lines after its first, and its cells up to the one that is asked for.

    Its text has a character a byte: only ASCII is looked at.
    """
    if b'"' not in line:
        text = line.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1")
        if "\r" in text:
            raise CannotCutError("a line ends in a way of its own")
        return line, text.split(",", position + 1) if text else []
    taken: list[bytes] = []

    def lines() -> Iterator[str]:
        for each in chain((line,), rest):
            taken.append(each)
            yield each.decode("latin-1")

    cells = next(csv.reader(lines(), strict=True))
    return b"".join(taken), cells


def _position(names: list[str], key: str) -> int:
    if names.count(key) != 1 or len(set(names)) != len(names):
        raise CannotCutError(f"{key!r} must name one column of {names[:8]}, each named once")
    return names.index(key)


def _decoded(keys: list[str], encoding: str) -> list[str]:
    if all(map(str.isascii, keys)):
        return keys
    try:
        return [key.encode("latin-1").decode(encoding) for key in keys]
    except UnicodeDecodeError as error:
        raise CannotCutError(str(error)) from None


def _split(line: bytes) -> list[bytes]:
    """The cells of a row; a comma between quotes belongs to its cell."""
    pieces = line.split(b",")
    if b'"' not in line:
        return pieces
    cells = pieces[:1]
    for piece in pieces[1:]:
        if cells[-1].count(b'"') % 2:
            cells[-1] += b"," + piece
        else:
            cells.append(piece)
    return cells
