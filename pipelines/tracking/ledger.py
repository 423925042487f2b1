"""The ledger: what was submitted, and what it scored. `submissions/ledger.csv` is the only home of LB scores.

Rows are only ever appended. A submission whose score came later has two rows of one sha256; `submissions`
shows its newest state. Each row is one line, so that git can merge two members' ledgers line by line.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError, refuse_conflict
from pipelines.plumbing.process import exclusive
from pipelines.plumbing.schema import Strict, validate

SubmissionStatus = Literal["PENDING", "COMPLETE", "ERROR"]

# A cell that begins so is run as a formula by spreadsheets; wide forms too, in Korean and Japanese ones.
_FORMULA = "=+-@＝＋－＠"
_QUOTE = "'"
_UNSAFE = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|n|u[0-9a-f]{4})")


class LedgerRow(Strict):
    """One line of the ledger.

    Attributes:
        time: UTC, ISO 8601 with seconds.
        file: the submission's path below the repository.
        sha256: 64 hex digits of its content, whatever the order of its rows.
        name: what was submitted: `ensembles/mean`, `models/knn`, `kernels/m01/first-cnn`.
        cv_mean: as it was known then; None where there is no CV.
        status: PENDING (no score yet), COMPLETE, or ERROR (refused; costs no daily submission).
        lb_public, lb_private: leaderboard scores; None while unknown.
        run_id: of the run that predicted it: a later run of the same name has not earned its LB score.
    """

    time: str
    competition: str
    file: str
    sha256: str
    name: str
    member: str
    message: str
    cv_mean: float | None = None
    status: SubmissionStatus
    lb_public: float | None = None
    lb_private: float | None = None
    run_id: str | None = None

    @field_validator("time")
    @classmethod
    def _is_utc(cls, time: str) -> str:
        offset = datetime.fromisoformat(time).utcoffset()
        if offset is None or offset.total_seconds() != 0:
            raise ValueError("must be UTC, such as 2025-03-01T05:00:00+00:00")
        return time

    @field_validator("sha256")
    @classmethod
    def _is_digest(cls, digest: str) -> str:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError("must be 64 hex digits")
        return digest

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.time)


COLUMNS = tuple(LedgerRow.model_fields)
_MAY_BE_EMPTY = ("cv_mean", "lb_public", "lb_private", "run_id")


def now() -> str:
    """This moment as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def append(row: LedgerRow) -> None:
    """Add a row; the rows before it keep their bytes.

    Raises:
        UserError: the ledger is damaged or cannot be written; it stays as it is.
    """
    path = paths.ledger()
    with exclusive(paths.cache() / "locks" / "ledger", "writing the ledger"):
        text = _read(path)
        list(_parse(path, text))
        if not text.endswith("\n"):
            text += "\n"
        atomic.write_text(path, text + _line([_cell(getattr(row, name)) for name in COLUMNS]))


def rows(competition: str | None = None) -> list[LedgerRow]:
    """Every row of a competition, or of all, as written: oldest first.

    Raises:
        UserError: the ledger is damaged; the message names the line.
    """
    path = paths.ledger()
    found = _parse(path, _read(path))
    return [row for row in found if competition in (None, row.competition)]


def submissions(competition: str) -> list[LedgerRow]:
    """The newest state of each submission, with the time when it was first sent; oldest first."""
    newest: dict[str, LedgerRow] = {}
    for row in rows(competition):
        before = newest.get(row.sha256)
        # What was refused and sent again was sent when it was sent again.
        first = row if before is None or before.status == "ERROR" else before
        newest[row.sha256] = row.model_copy(update={"time": first.time})
    return sorted(newest.values(), key=lambda row: row.moment)


def find(sha256: str, competition: str) -> LedgerRow | None:
    """The newest state of the submission with this content, or None where it was never sent."""
    return next((row for row in submissions(competition) if row.sha256 == sha256), None)


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ",".join(COLUMNS) + "\n"
    except UnicodeDecodeError as error:
        raise UserError(f"{path} must be UTF-8 ({error}): restore it from git") from None
    refuse_conflict(path, text)
    return text


def _parse(path: Path, text: str) -> Iterator[LedgerRow]:
    """The rows of a ledger's text; UserError at the first line that is none."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise UserError(
                f"{path} must begin with the columns {', '.join(COLUMNS)}, found {header}: restore it from git"
            )
        for cells in reader:
            where = f"{path} line {reader.line_num}"
            if len(cells) != len(COLUMNS):
                raise UserError(
                    f"{where} must have {len(COLUMNS)} cells, found {len(cells)} ({', '.join(cells)[:60]}): "
                    "mend that line, or restore the file from git"
                )
            values = dict(zip(COLUMNS, map(_text, cells), strict=True))
            known = {
                name: text for name, text in values.items() if text or name not in _MAY_BE_EMPTY
            }
            yield validate(LedgerRow, known, where)
    except csv.Error as error:
        raise UserError(
            f"{path} line {reader.line_num} must be CSV ({error}): mend that line, or restore the file from git"
        ) from None


def _line(cells: list[str]) -> str:
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\n").writerow(cells)
    return target.getvalue()


def _cell(value: str | float | None) -> str:
    """A value as one cell without line breaks that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return "" if value is None else repr(float(value))
    text = _UNSAFE.sub(_escape, value)
    return _QUOTE + text if text[:1] in (*_FORMULA, _QUOTE) else text


def _text(cell: str) -> str:
    """What `_cell` was given."""
    if cell[:1] == _QUOTE and cell[1:2] in (*_FORMULA, _QUOTE):
        cell = cell[1:]
    return _ESCAPED.sub(_unescape, cell)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return {"\n": r"\n", "\\": r"\\"}.get(character, f"\\u{ord(character):04x}")


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return {"n": "\n", "\\": "\\"}.get(code) or chr(int(code[1:], 16))
