"""In which of the usual encodings a text file is."""

import codecs
import gzip
import re
from collections import Counter
from pathlib import Path
from typing import IO, Any, cast

from pipelines.plumbing.errors import UserError

# What a file begins with, and how it is read then.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHUNK = 1 << 20
_TIMES = 3
_FILE = "in the competition file"


def opened(path: Path, encoding: str | None = None) -> IO[Any]:
    """A file to read, or what a `.gz` file holds: text with its own line ends, or bytes without `encoding`."""
    mode = "rb" if encoding is None else "rt"
    newline = None if encoding is None else ""
    how: Any = gzip.open if path.suffix == ".gz" else open
    return cast(IO[Any], how(path, mode, encoding=encoding, newline=newline))


def text(path: Path, encoding: str) -> str:
    """A whole file, or what a `.gz` file holds."""
    with opened(path, encoding) as file:
        return str(file.read())


def encoding_of(path: Path) -> str:
    """The encoding of a file: UTF-8, UTF-16, cp949 or Windows-1252.

    Raises:
        UserError: it is in none of these.
    """
    with opened(path) as file:
        start = file.read(_CHUNK)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        even, odd = start[::2].count(0), start[1::2].count(0)
        encoding = "utf-16-le" if odd > even else "utf-16-be"
        # Of two bytes a letter of ASCII leaves one 0, always the same; a spreadsheet or an archive has both.
        if max(even, odd) > _TIMES * min(even, odd) and _decodes(path, encoding):
            return encoding
        raise UserError(
            f"{path} must be text, found zero bytes, as of a spreadsheet or an archive: write it as CSV, or set "
            f"`encoding:` {_FILE} to a codec of Python"
        )
    if _decodes(path, "utf-8"):
        return "utf-8"
    if _decodes(path, "cp949") and _is_korean(text(path, "cp949")):
        return "cp949"
    if _decodes(path, "cp1252"):
        return "cp1252"
    raise UserError(
        f"{path} must be UTF-8, UTF-16, cp949 or Windows-1252, and its bytes are none of these: set `encoding:` "
        f"{_FILE} to a codec of Python, such as shift_jis"
    )


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with opened(path, encoding) as file:
            while file.read(_CHUNK):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _is_korean(text: str) -> bool:
    """Whether half of what is not ASCII are syllables of KS X 1001, whose bytes in cp949 both are A1 or more."""
    found = Counter(re.sub(r"[\0-\x7f]+", "", text))
    common = [
        letter for letter in found if "가" <= letter <= "힣" and min(letter.encode("cp949")) >= 0xA1
    ]
    return 2 * sum(found[letter] for letter in common) >= found.total()
