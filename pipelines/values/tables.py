"""Reading what platforms hand out: CSV in several encodings and dialects, and idx, the format of MNIST."""

import csv
import gzip
import math
import re
import struct
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Decimal, Quotes
from pipelines.values.encodings import encoding_of, opened
from pipelines.values.unzip import Budget

Columns = Sequence[str] | Literal["all"]
_DELIMITERS = ",\t;|"
_CHUNK = 1 << 20
_FIRST_ROWS = 200
_COMMA = re.compile(r"[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+)")
_POINT = re.compile(r"[+-]?\d+\.\d+")
_LEFT_OUT = "rows without a cell"  # among the attributes of a table
_FILE = "in the competition file"
_IDX_BYTES = 0x08


@dataclass(frozen=True)
class Form:
    """How a CSV is written down.

    Attributes:
        encoding: a codec of Python; utf-8-sig where the file begins with a byte order mark.
        delimiter: stands between two cells.
        quotes, decimal: see `Competition`.
        is_told: whether the file or its competition tells the decimal mark; `1,234` does not.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quotes: Quotes | None = None
    decimal: Decimal = "."
    is_told: bool = field(default=False, compare=False)

    @property
    def quoting(self) -> dict[str, Any]:
        """Its quotes, in the words that csv and pandas share."""
        if self.quotes == "none":
            return {"quoting": csv.QUOTE_NONE}
        return {"escapechar": "\\", "doublequote": False} if self.quotes == "backslash" else {}


def form_of(
    path: Path,
    encoding: str | None = None,
    delimiter: str | None = None,
    quotes: Quotes | None = None,
    decimal: Decimal | None = None,
) -> Form:
    """The form of a CSV: what is given counts, the rest is found out.

    The encoding is UTF-8, or UTF-16, or else cp949 (Korean Windows) where at least half of what
    is not ASCII are common syllables, or else Windows-1252: nearly any bytes can be decoded as cp949. The delimiter
    cuts header and first rows alike. The decimal mark is a comma where numbers of these have one and none has a point.

    Raises:
        UserError: the file is missing, or in none of these encodings.
    """
    with _told(path):
        encoding = encoding or encoding_of(path)
        with opened(path, encoding) as file:
            header = file.readline(_CHUNK)
            start = list(islice(file, _FIRST_ROWS))
    form = Form(encoding, delimiter or ",", quotes)
    if delimiter is None:
        form = replace(form, delimiter=_delimiter([header, *start], form))
    mark = decimal or _decimal(start, form)
    return replace(form, decimal=mark or ".", is_told=mark is not None)


def of_peers(form: Form, peers: Iterable[Form]) -> Form:
    """A form with the decimal mark of the first file of its delimiter that tells it, where its own file does not."""
    told = (peer.decimal for peer in peers if peer.is_told and peer.delimiter == form.delimiter)
    return form if form.is_told else replace(form, decimal=next(told, form.decimal))


def repeated(path: Path, form: Form) -> list[str]:
    """The names that head several columns: pandas calls the later ones `x.1`, `x.2` and so on."""
    with _told(path), opened(path, form.encoding) as file:
        header = next(csv.reader(file, delimiter=form.delimiter, **form.quoting), [])
    return [name for name, count in Counter(header).items() if name and count > 1]


def _delimiter(lines: list[str], form: Form) -> str:
    r"""Which mark of the header stands between cells: the first that gives all rows as many as the header, or the first.

    A tab or semicolon that does so into more cells than a comma comes before it: `x\t1,5`. A bar seldom delimits.
    """
    unquoted = re.sub(r'"[^"]*"', "", lines[0])
    there = [mark for mark in _DELIMITERS if mark in unquoted]

    def cells(mark: str) -> int:
        rows = csv.reader(lines, delimiter=mark, **form.quoting)
        try:
            widths = [len(row) for row in rows if row]
        except csv.Error:  # told by `_check_quotes`
            return 0
        return widths[0] if len(set(widths)) == 1 else 0

    return max(there, key=lambda mark: (cells(mark) > 0, mark != "|", cells(mark)), default=",")


def _decimal(lines: list[str], form: Form) -> Decimal | None:
    """The mark before the fractions; None where none tells it: `1,234` may be a thousand and more."""
    rows = csv.reader(lines, delimiter=form.delimiter, **form.quoting)
    try:
        cells = [cell for row in rows for cell in row]
    except csv.Error:  # told by `_check_quotes`
        return None
    if any(map(_POINT.fullmatch, cells)):
        return "."
    return "," if any(map(_COMMA.fullmatch, cells)) else None


def read_csv(path: Path, text_columns: Columns = (), form: Form | None = None) -> pd.DataFrame:
    """Read a CSV whose ids and labels keep the spelling they have in the file.

    Args:
        path: the file.
        text_columns: those to read as text, in which only an empty cell is missing.
        form: None finds it out.

    Raises:
        UserError: the file is missing, empty, no CSV, in another encoding, a quote stays open, or its rows
            are wider than its header.
    """
    with _told(path):
        form = form or form_of(path)
        _check_quotes(path, form)
        return _parse(path, text_columns, form)


def read_cells(path: Path, form: Form | None = None) -> tuple[pd.DataFrame, Form]:
    """A CSV with every cell as it is spelled in the file, its blank rows left out, and the form to write it in again.

    Raises:
        UserError: as `read_csv`.
    """
    with _told(path):
        form = form or form_of(path)
        _check_quotes(path, form)
        cells = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding=form.encoding, delimiter=form.delimiter,
            index_col=False, **form.quoting,
        )  # fmt: skip
        return cells[~_without_cells(cells)].reset_index(drop=True), form


def _parse(path: Path, text_columns: Columns, form: Form) -> pd.DataFrame:
    """Read with pandas; of a text column only an empty cell is missing: `NA` or `None` may be an id or a class.

    Rows without any cell are left out, as `left_out` tells.
    Without `index_col=False` pandas takes surplus cells for an index and moves each column by one.
    """
    how: dict[str, Any] = {**form.quoting, "encoding": form.encoding, "delimiter": form.delimiter}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = _with_texts(lambda: path, text_columns, {**how, "decimal": form.decimal})
        if not _without_cells(table).any():
            return table
        cells = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, **how)
    is_empty = _without_cells(cells)
    if not is_empty.any():
        return table
    # Read anew: a gap has made fractions of whole numbers.
    rest = cells[~is_empty].to_csv(index=False)
    table = _with_texts(lambda: StringIO(rest), text_columns, {"decimal": form.decimal})
    table.attrs[_LEFT_OUT] = int(is_empty.sum())
    return table


def _without_cells(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are gaps and blanks alone, bool (n,); in a table of one column none is."""
    is_empty = pd.Series(len(table.columns) > 1, index=table.index)
    for column in (table.iloc[:, place] for place in range(len(table.columns))):
        left = column[is_empty]
        is_gap = left.isna()
        if column.dtype.kind not in "iufb":
            is_gap |= left.astype(str).str.strip() == ""
        is_empty[is_empty] = is_gap
    return is_empty


def _with_texts(
    source: Callable[[], Path | StringIO], text_columns: Columns, how: dict[str, Any]
) -> pd.DataFrame:
    table = pd.read_csv(source(), low_memory=False, index_col=False, **how)
    texts = pd.read_csv(
        source(), usecols=lambda name: text_columns == "all" or name in text_columns, dtype=str, na_values=[""],
        keep_default_na=False, index_col=False, **how,
    )  # fmt: skip
    return table.assign(**{str(name): texts[name] for name in texts})


def left_out(name: str, table: pd.DataFrame) -> list[str]:
    """A sentence about the rows of a file that `read_csv` left out; none where it took them all."""
    count = table.attrs.get(_LEFT_OUT, 0)
    if not count:
        return []
    return [
        f"{count} row{'s' * (count > 1)} of {name} ha{'ve' if count > 1 else 's'} no cell: left out"
    ]


def _check_quotes(path: Path, form: Form) -> None:
    """Refuse a quote that stays open: pandas would swallow rows up to the next one, without a word."""
    with opened(path) as file:
        if not any(b'"' in chunk for chunk in iter(lambda: file.read(_CHUNK), b"")):
            return
    csv.field_size_limit(sys.maxsize)  # pandas has none
    line, open_at = 1, None
    with opened(path, form.encoding) as file:
        rows = csv.reader(file, delimiter=form.delimiter, strict=True, **form.quoting)
        try:
            for row in rows:
                if rows.line_num > line and form.quotes is None and _is_two(row, form.delimiter):
                    open_at = f"line {line}, whose cell holds what looks like another row"
                    break
                line = rows.line_num + 1
        except csv.Error as error:
            open_at = f"the row of line {line} ({error})"
    if open_at:
        raise UserError(
            f"{path} must be a CSV that closes every quote, found one open in {open_at}: set `quotes: none` {_FILE} if "
            'quotes are plain text there, `quotes: backslash` if \\" stands for one, `quotes: standard` if all is '
            "right; or download it again if it is cut off"
        )


def _is_two(row: list[str], delimiter: str) -> bool:
    """Whether a row over several lines is as wide as the table in its first line and in its last, ids alike."""
    for place, cell in enumerate(row):
        lines = cell.splitlines() or [""]
        if len(lines) > 1 and place and lines[-1].count(delimiter) == place:
            ids = [re.sub(r"\d", "0", text) for text in (row[0], lines[-1].partition(delimiter)[0])]
            if lines[0].count(delimiter) == len(row) - 1 - place and ids[0] == ids[1]:
                return True
    return False


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What can go wrong with a CSV, as an error that says what to do."""
    columns = f"set `delimiter:` or `quotes:` {_FILE} if its cells end elsewhere"
    try:
        yield
    except UnicodeError as error:
        raise UserError(
            f"{path} must be text in one encoding ({error}): set `encoding:` {_FILE} to the one it has"
        ) from None
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} must be a whole gzip file ({error}): download it again") from None
    except (IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path} must be a file that can be read ({error.strerror})") from None
    except pd.errors.EmptyDataError:
        raise UserError(
            f"{path} must hold a header and rows and is empty: download it again"
        ) from None
    except pd.errors.ParserError as error:
        reason = str(error).strip()
        raise UserError(
            f"{path} must be a CSV ({reason}): download it again, or {columns}"
        ) from None
    except pd.errors.ParserWarning:
        raise UserError(
            f"{path} must have as many cells in each row as in its header, and rows have more: take lines above the "
            f"header out; get a file with another delimiter if commas stand in its numbers; or {columns}"
        ) from None


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped idx file of unsigned bytes.

    Returns:
        uint8 array of the shape that the file's header gives: (n,) labels or (n, height, width) images.

    Raises:
        UserError: the file is missing, cut off, gives more than a file of its size may, or is no idx file of
            unsigned bytes.
    """
    try:
        with gzip.open(path) as file:
            return _idx(path, file)
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} must be a whole gzip file ({error}): download it again") from None


def _idx(path: Path, file: gzip.GzipFile) -> np.ndarray:
    """Read no more than the header asks for, and that no more than a file of this size may give."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _IDX_BYTES:
        raise UserError(f"{path} must be an idx file of unsigned bytes and is not: check `files:`")
    axes = start[3]
    header = file.read(4 * axes)
    if len(header) < 4 * axes:
        raise UserError(
            f"{path} must have a header of {4 + 4 * axes} bytes and ends in it: download it again"
        )
    shape = struct.unpack(f">{axes}I", header)
    size, budget = math.prod(shape), Budget.of(path.stat().st_size)
    content = file.read(min(size, budget.bytes) + 1)
    budget.take(path, 1, len(content) - (len(content) > size))
    if len(content) != size:
        found = f"more than {size}" if len(content) > size else len(content)
        raise UserError(
            f"{path} must hold {' × '.join(map(str, shape))} bytes, found {found}: download it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
