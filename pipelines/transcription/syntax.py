"""The statements of a notebook as normalised syntax trees.

What is normalised away: whitespace, line breaks, brackets, quotes, comments, docstrings and other bare
strings. Every name is known as the notebook's own, as imported (by where it comes from, whatever its
alias) or as Python's, so that a reader of the trees can see through a renaming.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipelines.cells.parsing import UNREADABLE, Parsed, pieces
from pipelines.transcription.scopes import Own, Scope, Scopes
from pipelines.transcription.tokens import Tokens

_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")
# A statement that moves into a loop or a branch means something else; in a function or `with` it does not.
_INSIDE = {
    (ast.For, "body"): "<loop>",
    (ast.AsyncFor, "body"): "<loop>",
    (ast.While, "body"): "<loop>",
    (ast.If, "body"): "<if>",
    (ast.ExceptHandler, "body"): "<except>",
    (ast.match_case, "body"): "<case>",
}
_WORDS = re.compile(
    r"""(?P<comment>\#.*)|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<number>\d[\w.]*)|(?P<name>\.?[^\W\d]\w*)|(?P<sign>\S)"""
)
_BINDS = re.compile(
    r"^\s*(?:for\s+(?P<loop>[\w\s,]+?)\s+in\b|(?:def|class)\s+(?P<defined>\w+)|(?P<set>\w+(?:\s*,\s*\w+)*)\s*=(?!=))"
)


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement; of a compound one (`for`, `def`, `if`, …) the header alone, its body's follow.

    Attributes:
        cell: its cell, counted from 0.
        top: number of the statement at the left margin that it belongs to, counted over the notebook.
        tokens: the normalised tree in writing order; names of the notebook's own are `Own`.
        spelled: the same with every name as written.
        text: as written.
    """

    cell: int
    top: int
    tokens: tuple[str | Own, ...]
    spelled: tuple[str, ...]
    text: str

    @cached_property
    def blank(self) -> tuple[str | None, ...]:
        """The tokens with the notebook's own names left out."""
        return tuple(None if isinstance(token, Own) else token for token in self.tokens)

    @cached_property
    def own(self) -> tuple[Own, ...]:
        """The notebook's own names in writing order."""
        return tuple(token for token in self.tokens if isinstance(token, Own))


@dataclass(frozen=True, eq=False)
class Notebook:
    """A notebook's statements in order.

    Attributes:
        scopes: by number, for `qualified`.
    """

    statements: tuple[Statement, ...]
    scopes: tuple[Scope, ...]

    @property
    def variables(self) -> frozenset[str]:
        """What the notebook itself binds and does not import."""
        return frozenset(self.scopes[0].assigned)

    def qualified(self, own: Own) -> str:
        """The name with the functions and classes that it belongs to: `Net.call.x`."""
        return ".".join(filter(None, [self.scopes[own.scope].path, own.name]))


def read(cells: Sequence[str], known: frozenset[str] = frozenset()) -> Notebook:
    """Read the code cells of one notebook.

    What is no Python (another language, a syntax error) is compared line by line.

    Args:
        cells: text of each code cell, magics as in a notebook (`%matplotlib inline`, not commented out).
        known: variables of another notebook, whose definition may be left out here.
    """
    scopes = Scopes(known)
    read_pieces = [[_learned(piece, scopes) for piece in pieces(cell)] for cell in cells]
    found: list[Statement] = []
    for number, cell in enumerate(read_pieces):
        for piece in cell:
            top = found[-1].top + 1 if found else 0
            found += _written(piece, scopes, number, top)
    return Notebook(tuple(found), tuple(scopes.all))


def _learned(piece: Parsed, scopes: Scopes) -> Parsed:
    """Learn what a piece binds; one that Python does not compile, or that is nested too deeply, becomes lines."""
    if piece.tree is not None:
        try:
            scopes.add(piece.text, piece.tree)
        except UNREADABLE:
            piece = Parsed(piece.source, piece.source, None)
    if piece.tree is None:
        for line in piece.source.split("\n"):
            if found := _BINDS.match(line):
                scopes.notebook.assigned.update(re.findall(r"\w+", "".join(found.groups(""))))
    return piece


def _written(piece: Parsed, scopes: Scopes, cell: int, top: int) -> list[Statement]:
    """The statements of a piece; the first at the left margin has the number `top`."""
    found: list[Statement] = []
    if piece.tree is not None:
        try:
            for number, node in enumerate(piece.tree.body, top):
                found += _Writer(scopes, piece, cell, number).block([node], "")
        except UNREADABLE:  # nested too deeply, or a number too long to be written
            pass
        else:
            return found
    return [
        _line(text, scopes, cell, number)
        for number, text in enumerate(piece.source.split("\n"), top)
        if text.strip()
    ]


def _line(text: str, scopes: Scopes, cell: int, top: int) -> Statement:
    """One line of what is no Python, as a statement."""
    row = Tokens(scopes)
    row.put("<line>")
    if text.lstrip().startswith(("%", "!")):
        row.put(*text.split())
    else:
        for word in _WORDS.finditer(text):
            if word.lastgroup == "name" and scopes.notebook.owner(word[0]) is not None:
                row.name(word[0], scopes.notebook)
            elif word.lastgroup != "comment":
                row.put(word[0])
    return Statement(cell, top, tuple(row.tokens), tuple(row.spelled), text)


class _Writer:
    """Writes one statement at the left margin with all that is in it."""

    def __init__(self, scopes: Scopes, piece: Parsed, cell: int, top: int) -> None:
        self.scopes, self.magics, self.cell, self.top = scopes, piece.magics, cell, top
        self.lines = piece.text.split("\n")
        self.shown = piece.source.split("\n")

    def block(self, body: Sequence[ast.AST], inside: str) -> Iterator[Statement]:
        """The statements of a block, each followed by those of its own blocks.

        Args:
            inside: the kind of block, where that changes the meaning of its statements.
        """
        for node in body:
            if _is_note(node):
                continue
            if isinstance(node, ast.Import | ast.ImportFrom) and len(node.names) > 1:
                for one in _one_by_one(node):
                    yield self._statement(one, inside, ast.unparse(one))
                continue
            yield self._statement(node, inside, self._text(node))
            for name in _BLOCKS:
                if isinstance(block := getattr(node, name, None), list):
                    yield from self.block(block, _kind_of_block(node, name, inside))

    def _statement(self, node: ast.AST, inside: str, text: str) -> Statement:
        tokens = Tokens(self.scopes)
        tokens.put(inside)
        tokens.node(node, without=_BLOCKS)
        if isinstance(node, ast.Expr | ast.Assign):
            tokens.put(*self.magics.get(node.lineno, "").split())
        return Statement(self.cell, self.top, tuple(tokens.tokens), tuple(tokens.spelled), text)

    def _text(self, node: ast.AST) -> str:
        """The lines of a statement as written; of a compound one those of its header."""
        if isinstance(node, ast.match_case):
            return self.shown[node.pattern.lineno - 1].rstrip()
        first, last = _first_line(node), getattr(node, "end_lineno", 1)
        body = getattr(node, "cases", None) or getattr(node, "body", None)
        if isinstance(body, list):
            last = max(first, _first_line(body[0]) - 1)
        lines = self.shown[first - 1 : last]
        if first == getattr(node, "end_lineno", 1) and lines[0] == self.lines[first - 1]:
            lines = [_own_part(lines[0], node)]
        while len(lines) > 1 and not lines[-1].split("#")[0].strip():
            lines.pop()
        return "\n".join(line.rstrip() for line in lines)


def _own_part(line: str, node: ast.AST) -> str:
    """A statement's part of a line, where others may stand as well; its comment stays with it."""
    start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", None)
    before, after = line.encode()[:start].decode(), line.encode()[end:].decode()
    if before.strip() or after.lstrip().removeprefix(";").partition("#")[0].strip():
        indent = " " * (len(line) - len(line.lstrip()))
        return indent + line.encode()[start:end].decode()
    return line


def _is_note(node: ast.AST) -> bool:
    """A docstring, another bare string, or `...`: nothing happens there."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return False
    return isinstance(node.value.value, str) or node.value.value is ...


def _one_by_one(node: ast.Import | ast.ImportFrom) -> list[ast.Import | ast.ImportFrom]:
    """An import of several names as several imports: how they are put together says nothing."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]


def _kind_of_block(node: ast.AST, name: str, inside: str) -> str:
    if name == "orelse":
        return "<else>"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return ""
    return _INSIDE.get((type(node), name), inside)


def _first_line(node: ast.AST) -> int:
    """Where a statement begins, with its decorators."""
    above = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    place = node.pattern if isinstance(node, ast.match_case) else node
    return min([getattr(place, "lineno", 1), *above])
