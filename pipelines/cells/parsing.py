"""The text of a code cell as syntax trees: plain Python, IPython's magics, Python 2 as far as it goes."""

import ast
import re
import warnings
from dataclasses import dataclass

from pipelines.cells.conversion import UNREADABLE, plain_python
from pipelines.cells.magics import AROUND_PYTHON

_PRINT = re.compile(r"^([ \t]*)print[ \t]+(?![ \t(=>])(.*?)[ \t]*$", re.MULTILINE)
_GOES_ON = re.compile(r"[\s)\]}]|(else|elif|except|finally)\b")


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a cell.

    Attributes:
        tree: its syntax tree; None where it is no Python, and is read line by line.
        source: the text that `tree` was read from.
        shown: the same lines as the member wrote them (magics are calls in `source`).
    """

    tree: ast.Module | None
    source: str
    shown: str


def pieces(text: str) -> list[Piece]:
    """A cell as one tree where it can be read as Python, else statement by statement."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(8)
    first, _, rest = text.lstrip("\n").partition("\n")
    if first.startswith("%%"):
        if first.split(maxsplit=1)[0].removeprefix("%%") in AROUND_PYTHON:
            return [Piece(None, first, first), *pieces(rest)]
        return [Piece(None, text, text)]
    whole = _read(text)
    if whole is not None:
        return [whole]
    return [_read(part) or Piece(None, part, part) for part in _statements(text)]


def _read(text: str) -> Piece | None:
    """The text as plain Python, else with magics, else with Python 2's print; None where it is neither."""
    for translated in (str, plain_python, _with_print_calls):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what a member wrote, such as "\d"
                found = translated(text)
                tree = ast.parse(found)
        except UNREADABLE:
            continue
        same_lines = found.count("\n") == text.rstrip("\n").count("\n") + found.endswith("\n")
        return Piece(tree, found, text if same_lines else found)
    return None


def _with_print_calls(text: str) -> str:
    """Python 2's `print x` as the call that it became; other old syntax stays as it is."""
    return plain_python(_PRINT.sub(r"\1print(\2)", text))


def _statements(text: str) -> list[str]:
    """The text cut before every line that begins a statement at the left margin."""
    parts: list[list[str]] = []
    for line in text.split("\n"):
        goes_on = not line or _GOES_ON.match(line) or (parts and parts[-1][-1].startswith("@"))
        if parts and goes_on:
            parts[-1].append(line)
        else:
            parts.append([line])
    return ["\n".join(part) for part in parts]
