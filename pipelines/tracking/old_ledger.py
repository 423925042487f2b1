"""`submissions/ledger.csv`, as it was written before every row had a file: it is read, and never written."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.plumbing.errors import UserError, refuse_conflict

COLUMNS = (
    "time", "competition", "file", "sha256", "name", "member", "message", "cv_mean", "status", "lb_public", "lb_private",
    "run_id",
)  # fmt: skip
HEADER = ",".join(COLUMNS) + "\n"
_MAY_BE_EMPTY = ("cv_mean", "lb_public", "lb_private", "run_id")
_RESTORE = "restore the file from git (`git restore submissions/ledger.csv`)"

# A cell that begins so is run as a formula by spreadsheets; wide forms too, in Korean and Japanese ones.
_FORMULA = "=+-@＝＋－＠"
_QUOTE = "'"
_ESCAPED = re.compile(r"\\(\\|n|u[0-9a-f]{4})")


def read(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Its rows in the order of its lines: where each stands, and its cells by column, without empty ones.

    Raises:
        UserError: a line is no row; the message names it, and what to do.
    """
    reader = csv.reader(io.StringIO(_text_of(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise UserError(
                f"{path} must begin with the columns {', '.join(COLUMNS)}, found {header}: {_RESTORE}"
            )
        for cells in reader:
            where = f"{path} line {reader.line_num}"
            if len(cells) != len(COLUMNS):
                raise UserError(
                    f"{where} must have {len(COLUMNS)} cells, found {len(cells)} ({', '.join(cells)[:60]}): "
                    f"mend that line, or {_RESTORE}"
                )
            values = dict(zip(COLUMNS, map(_text, cells), strict=True))
            yield (
                where,
                {key: text for key, text in values.items() if text or key not in _MAY_BE_EMPTY},
            )
    except csv.Error as error:
        raise UserError(
            f"{path} line {reader.line_num} must be CSV ({error}): mend that line, or {_RESTORE}"
        ) from None


def _text_of(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return HEADER
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} must be UTF-8 ({error}), and a spreadsheet saves CSV as cp949: save it there as "
            f"'CSV UTF-8', or {_RESTORE}"
        ) from None
    refuse_conflict(path, text, "keep the lines of both sides: each is a submission")
    return text


def _text(cell: str) -> str:
    """A cell without the apostrophe that kept spreadsheets from running it, and with its line breaks."""
    if cell[:1] == _QUOTE and cell[1:2] in (*_FORMULA, _QUOTE):
        cell = cell[1:]
    return _ESCAPED.sub(_unescape, cell)


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return {"n": "\n", "\\": "\\"}.get(code) or chr(int(code[1:], 16))
