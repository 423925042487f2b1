"""The text of a code cell as Python: the one place that decides about magics, other languages and Python 2."""

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from pipelines.cells import python2
from pipelines.cells.magics import AROUND_PYTHON
from pipelines.cells.python2 import Edit, OldStatement

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # of `ast.parse`
_CELL = re.compile(r"^# ?%%", re.MULTILINE)
# A line of IPython's own: `%magic`, `!command`, `?name`, `name?`, also behind `variable =`; a backslash carries it on.
_MAGIC = re.compile(
    r"^(?P<before>[ \t]*(?:[^\n=#'\"]*=[ \t]*)?)(?P<magic>[%!?](?:[^\n]*\\\n)*[^\n]*|[\w.*]+\?{1,2}[ \t]*;?$)",
    re.MULTILINE,
)
# Cells whose first line hands them to another program than Python.
_FOREIGN = re.compile(
    rf"(?:[ \t]*(?:#.*|%%(?:{'|'.join(AROUND_PYTHON)})\b.*)?\n)*[ \t]*%%(?!(?:{'|'.join(AROUND_PYTHON)})\b)\w"
)
_GOES_ON = re.compile(r"[\s)\]}]|(else|elif|except|finally)\b")
_MOST_MAGICS = 500  # of a cell, each of which is found by one more parsing


@dataclass(frozen=True, eq=False)
class Parsed:
    """A cell, or a whole notebook, as Python.

    Attributes:
        source: as it was written.
        text: what `tree` was read from, on the same lines. Magics are `0` there, and Python 2's statements are
            rewritten; all other characters are at their places unless `is_moved`.
        tree: None where nothing reads it as Python, or where it is another language.
        magics: line → the magic or command there.
        old: Python 2's statements in `source`.
        error: why Python 3 with magics does not read it; None where it does, or need not.
        is_moved: only IPython itself reads it, such as the prompts of a copied session.
    """

    source: str
    text: str
    tree: ast.Module | None
    magics: Mapping[int, str] = field(default_factory=dict)
    old: tuple[OldStatement, ...] = ()
    error: Exception | None = None
    is_moved: bool = False


def read(source: str) -> Parsed:
    """Read the text of one code cell."""
    if _FOREIGN.match(source):
        return Parsed(source, _blank(source), None)
    text, magics = source, dict[int, str]()
    old: tuple[OldStatement, ...] = ()
    error: Exception | None = None
    for _ in range(_MOST_MAGICS):
        try:
            return Parsed(source, *_tree(text), magics, old, error)
        except SyntaxError as found:
            line = found.lineno or 1
            start = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
            if magic := _MAGIC.match(text, start):
                magics[line] = magic["magic"]
                nothing = "0" + _blank(magic["magic"][1:])
                text = text[: magic.end("before")] + nothing + text[magic.end() :]
                continue
            error = error or found
            # One within another is mended in the next round.
            if not (statements := tuple(python2.statements(text))):
                break
            old = old or statements
            text = python2.apply(text, (edit for each in statements for edit in each.edits))
        except UNREADABLE as found:
            error = error or found
            break
    return _as_ipython(source) or Parsed(source, _blank(source), None, {}, old, error)


def _tree(text: str, translate: Callable[[str], str] = str) -> tuple[str, ast.Module]:
    """The text translated, and its tree, without the warnings that old code gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = translate(text)
        return found, ast.parse(found)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _as_ipython(source: str) -> Parsed | None:
    """What IPython makes of a cell that nothing else reads, where the lines stay."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        text, tree = _tree(source, TransformerManager().transform_cell)  # type: ignore[no-untyped-call]
        if text.rstrip("\n").count("\n") == source.rstrip("\n").count("\n"):
            return Parsed(source, text, tree, is_moved=True)
    except (*UNREADABLE, RuntimeError):  # RuntimeError: it gives up on endless transformations
        pass
    return None


def pieces(source: str) -> list[Parsed]:
    """A cell as one where it can be read as Python, else statement by statement."""
    text = source.replace("\r\n", "\n").replace("\r", "\n").expandtabs(8)
    whole = read(text)
    return [whole] if whole.error is None or whole.tree else [*map(read, _statements(text))]


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


def read_script(code: str) -> Parsed:
    """Read as much of a percent script as can be read; the cells that cannot are blank."""
    texts, body, old, line = [], list[ast.stmt](), list[OldStatement](), 0
    starts = sorted({0, *(match.start() for match in _CELL.finditer(code)), len(code)})
    for start, end in pairwise(starts):
        cell = read(code[start:end])
        for each in cell.old:
            edits = (Edit(e.start + start, e.end + start, e.text) for e in each.edits)
            old.append(replace(each, line=each.line + line, edits=tuple(edits)))
        if cell.tree is not None and not cell.is_moved:
            body += ast.increment_lineno(cell.tree, line).body
        texts.append(_blank(cell.source) if cell.is_moved else cell.text)
        line += cell.source.count("\n")
    return Parsed(code, "".join(texts), ast.Module(body, []), old=tuple(old))


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(name that is bound, where it comes from) of an import: ("pd", "pandas"); of all other nodes nothing."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield alias.asname or first, alias.name if alias.asname else first
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)
