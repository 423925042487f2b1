"""Python 2's statements, found by their tokens and rewritten.

`lib2to3`, which could rewrite Python 2, is deprecated and gone since Python 3.13; a notebook's few
statements need only its tokens. Every change keeps the number of lines, so that lines can be named.
"""

import io
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

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


class _Tokens:
    """The tokens of a text, with their places in characters."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))
        self.all: list[tokenize.TokenInfo] = []
        with suppress(tokenize.TokenError, SyntaxError):  # what came before is read all the same
            self.all.extend(tokenize.generate_tokens(io.StringIO(text).readline))

    def start(self, token: tokenize.TokenInfo) -> int:
        return self._starts[token.start[0] - 1] + token.start[1]

    def end(self, token: tokenize.TokenInfo) -> int:
        return self._starts[token.end[0] - 1] + token.end[1]

    def statements(self) -> Iterator[list[tokenize.TokenInfo]]:
        """Tokens of one simple statement, or of the head of a block, without comments and line ends."""
        depth = 0
        statement: list[tokenize.TokenInfo] = []
        for token in self.all:
            depth += _deeper(token)
            ends = token.type == tokenize.NEWLINE or (depth == 0 and token.string in {";", ":"})
            if ends and statement:
                yield statement
                statement = []
            elif not ends and token.type not in _SKIPPED:
                statement.append(token)


def statements(text: str) -> Iterator[OldStatement]:
    """Every statement of Python 2 in a text that Python 3 does not understand."""
    tokens = _Tokens(text)
    for statement in tokens.statements():
        first = statement[0]
        edits: tuple[Edit, ...] | None = None
        if first.string == "print":
            edits = _print(tokens, text, statement)
        elif first.string in {"except", "raise"}:
            edits = _after_comma(tokens, statement)
        if edits:
            yield OldStatement(first.start[0], first.string, edits)
        yield from _old_words(tokens, statement)


def _deeper(token: tokenize.TokenInfo) -> int:
    """1 where a bracket opens, -1 where one closes."""
    if token.type != tokenize.OP:
        return 0
    return (token.string in "([{") - (token.string in ")]}")


def _commas(statement: list[tokenize.TokenInfo]) -> list[int]:
    """Where the commas are that no bracket encloses."""
    depth, found = 0, []
    for number, token in enumerate(statement):
        depth += _deeper(token)
        if depth == 0 and token.string == ",":
            found.append(number)
    return found


def _is_in_brackets(statement: list[tokenize.TokenInfo]) -> bool:
    """Whether one pair of brackets encloses all that is printed."""
    depth = 0
    for number, token in enumerate(statement):
        depth += _deeper(token)
        if depth == 0:
            return statement[0].string == "(" and number == len(statement) - 1
    return False


def _print(
    tokens: _Tokens, text: str, statement: list[tokenize.TokenInfo]
) -> tuple[Edit, ...] | None:
    first, printed = statement[0], statement[1:]
    if not printed:
        return (Edit(tokens.end(first), tokens.end(first), "()"),)
    if printed[0].string in {"=", ".", ","} or _is_in_brackets(printed):
        return None
    commas = _commas(printed)
    begin, end, tail = tokens.start(printed[0]), tokens.end(printed[-1]), ""
    if printed[0].string == ">>" and (commas or len(printed) > 1):
        last = printed[commas[0] - 1] if commas else printed[-1]
        tail = f"file={text[tokens.start(printed[1]) : tokens.end(last)]}"
        begin = tokens.start(printed[commas[0] + 1]) if commas else end
    elif commas and commas[-1] == len(printed) - 1:
        end, tail = tokens.end(printed[-2]), 'end=" "'
    what = text[begin:end]
    inside = f"{what}, {tail}" if what and tail else what or tail
    return (Edit(tokens.end(first), tokens.end(printed[-1]), f"({inside})"),)


def _after_comma(tokens: _Tokens, statement: list[tokenize.TokenInfo]) -> tuple[Edit, ...] | None:
    """`except E, e` → `except E as e`; `raise E, "why"` → `raise E("why")`."""
    commas = _commas(statement)
    if len(commas) != 1 or commas[0] + 1 >= len(statement):
        return None
    before, after = statement[commas[0] - 1], statement[commas[0] + 1]
    if statement[0].string == "except":
        return (Edit(tokens.end(before), tokens.start(after), " as "),)
    end = tokens.end(statement[-1])
    return (Edit(tokens.end(before), tokens.start(after), "("), Edit(end, end, ")"))


def _old_words(tokens: _Tokens, statement: list[tokenize.TokenInfo]) -> Iterator[OldStatement]:
    """`a <> b` → `a != b`; `10L` → `10`."""
    for one, two in pairwise(statement):
        touch = tokens.end(one) == tokens.start(two)
        line = one.start[0]
        if touch and (one.string, two.string) == ("<", ">"):
            yield OldStatement(line, "<>", (Edit(tokens.start(one), tokens.end(two), "!="),))
        elif touch and one.type == tokenize.NUMBER and two.string in {"L", "l"}:
            yield OldStatement(line, "L", (Edit(tokens.start(two), tokens.end(two), ""),))
