"""The file of a submission, which anybody may have written: what is refused before all of it is read."""

import codecs
import csv
import stat
from pathlib import Path

import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values import submission
from pipelines.values.competition import Competition

_LEAST_BYTES = 1 << 20
_TIMES_THE_SAMPLE = 20  # seventeen digits for each `0`, and quotes
_LONGEST_HEADER = 1 << 20
_SHOWN_COLUMNS, _SHOWN_LETTERS = 8, 100


def most_bytes(sample: pd.DataFrame) -> int:
    """The size in bytes that no submission exceeds: a larger file would only keep its reader busy."""
    return max(_LEAST_BYTES, _TIMES_THE_SAMPLE * len(submission.text_of(sample).encode()))


def header(path: Path) -> list[str]:
    """The names in the first line of a CSV; of a line without end its beginning, which is no sample's.

    Raises:
        OSError, UnicodeDecodeError, csv.Error: it cannot be read.
    """
    with path.open("rb") as file:
        line = file.readline(_LONGEST_HEADER).removeprefix(codecs.BOM_UTF8)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp949")
    return next(csv.reader([text]), [])


def read(path: Path, competition: Competition, sample: pd.DataFrame) -> pd.DataFrame:
    """Read what somebody brings as a submission.

    Raises:
        UserError: it is no regular file named .csv, is empty or larger than a submission can be, has other
            columns than the sample, or cannot be read.
    """
    shown, most, wanted = _bounded(str(path)), most_bytes(sample), list(map(str, sample.columns))
    try:
        found = path.stat()
        # What lies in /proc is a regular file of 0 bytes, and a named pipe would wait for ever.
        is_file = stat.S_ISREG(found.st_mode) and found.st_size > 0
        if not is_file or path.suffix.lower() != ".csv":
            raise UserError(f"{shown} must be a CSV file with rows, and is none: name another file")
        if found.st_size > most:
            raise UserError(
                f"{shown} must be a submission of at most {most:,} bytes, by the size of the sample, found "
                f"{found.st_size:,}: write the columns and rows of the sample alone"
            )
        names = header(path)
    except OSError as error:
        raise UserError(
            f"{shown} must be a CSV file that can be read ({error.strerror}): name another file"
        ) from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{shown} must be a CSV ({error}): write it again as UTF-8") from None
    if names != wanted:
        listed = _bounded(str(names[:_SHOWN_COLUMNS]))
        raise UserError(
            f"{shown}: columns must be {wanted}, found {listed}: rename or reorder them"
        )
    return submission.read(path, competition)


def _bounded(text: str) -> str:
    return text if len(text) <= _SHOWN_LETTERS else text[: _SHOWN_LETTERS - 1] + "…"
