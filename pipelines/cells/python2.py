"""Python 2's statements, found by their tokens and rewritten.

`lib2to3`, which could rewrite Python 2, is deprecated and gone since Python 3.13; a notebook's few
statements need only its tokens. Every change keeps the number of lines, so that lines can be named.
"""

import io
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

_SKIPPED = {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.COMMENT}


@dataclass(frozen=True)
class Edit:
    """Replace what lies between two places of a text, in characters.

    Attributes:
        start: offset of the first character that goes.
        end: offset behind the last one.
        text: what comes in its place.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class OldStatement:
    """A statement that only Python 2 understands: the line it begins on, its word, and how it is mended."""

    line: int
    word: str
    edits: tuple[Edit, ...]


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Make the edits; of two that overlap the first is made, the other is left for the next round."""
    made: list[Edit] = []
    for edit in sorted(set(edits), key=lambda edit: (edit.start, edit.end)):
        if not made or edit.start >= made[-1].end:
            made.append(edit)
    for edit in reversed(made):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


class _Token(NamedTuple):
    """A token, where it stands in the text in characters, and how many brackets are open behind it."""

    kind: int
    string: str
    start: int
    end: int
    line: int
    depth: int


_Statement = list[_Token]


def _tokens(text: str) -> Iterator[_Token]:
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    depth = 0
    with suppress(tokenize.TokenError, SyntaxError):  # what came before is read all the same
        for kind, string, (line, start), (last, end), _ in tokenize.generate_tokens(
            io.StringIO(text).readline
        ):
            if kind == tokenize.OP:
                depth += (string in "([{") - (string in ")]}")
            yield _Token(
                kind, string, starts[line - 1] + start, starts[last - 1] + end, line, depth
            )


def _split(text: str) -> Iterator[_Statement]:
    """Tokens of each simple statement or head of a block, without comments and line ends."""
    statement: _Statement = []
    for token in _tokens(text):
        ends = token.kind == tokenize.NEWLINE or (token.depth == 0 and token.string in {";", ":"})
        if ends and statement:
            yield statement
            statement = []
        elif not ends and token.kind not in _SKIPPED:
            statement.append(token)


def statements(text: str) -> Iterator[OldStatement]:
    """Every statement of Python 2 in a text that Python 3 does not understand."""
    for statement in _split(text):
        first = statement[0]
        edits: tuple[Edit, ...] = ()
        if first.string == "print":
            edits = _print(text, statement)
        elif first.string in {"except", "raise"}:
            edits = _after_comma(statement)
        if edits:
            yield OldStatement(first.line, first.string, edits)
        yield from _old_words(statement)


def _commas(statement: _Statement) -> list[int]:
    """Where the commas are that no bracket encloses."""
    return [n for n, token in enumerate(statement) if token.depth == 0 and token.string == ","]


def _print(text: str, statement: _Statement) -> tuple[Edit, ...]:
    first, printed = statement[0], statement[1:]
    if not printed:
        return (Edit(first.end, first.end, "()"),)
    closed = next((n for n, token in enumerate(printed) if token.depth == 0), None)
    is_in_brackets = printed[0].string == "(" and closed == len(printed) - 1
    if printed[0].string in {"=", ".", ","} or is_in_brackets:
        return ()
    commas = _commas(printed)
    begin, end, tail = printed[0].start, printed[-1].end, ""
    if printed[0].string == ">>" and (commas or len(printed) > 1):
        last = printed[commas[0] - 1] if commas else printed[-1]
        tail = f"file={text[printed[1].start : last.end]}"
        begin = printed[commas[0] + 1].start if commas else end
    elif commas and commas[-1] == len(printed) - 1:
        end, tail = printed[-2].end, 'end=" "'
    inside = ", ".join(filter(None, [text[begin:end], tail]))
    return (Edit(first.end, printed[-1].end, f"({inside})"),)


def _after_comma(statement: _Statement) -> tuple[Edit, ...]:
    """`except E, e` → `except E as e`; `raise E, "why"` → `raise E("why")`."""
    commas = _commas(statement)
    if len(commas) != 1 or commas[0] + 1 >= len(statement):
        return ()
    before, after, end = statement[commas[0] - 1], statement[commas[0] + 1], statement[-1].end
    if statement[0].string == "except":
        return (Edit(before.end, after.start, " as "),)
    return (Edit(before.end, after.start, "("), Edit(end, end, ")"))


def _old_words(statement: _Statement) -> Iterator[OldStatement]:
    """`a <> b` → `a != b`; `10L` → `10`."""
    for one, two in pairwise(statement):
        touch = one.end == two.start
        if touch and (one.string, two.string) == ("<", ">"):
            yield OldStatement(one.line, "<>", (Edit(one.start, two.end, "!="),))
        elif touch and one.kind == tokenize.NUMBER and two.string in {"L", "l"}:
            yield OldStatement(one.line, "L", (Edit(two.start, two.end, ""),))
