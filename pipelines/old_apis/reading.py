"""A notebook as it is read: its text, its syntax tree, what its imports bind, and where each node stands."""

import ast
import re
import sys
from functools import cached_property

from pipelines.cells import parsing
from pipelines.cells.python2 import Edit


class Reading:
    """A notebook's text with its tree, the names that its imports bind, and where each node stands.

    Attributes:
        text: what was read (see `parsing.Parsed`).
        old: Python 2's statements.
        nodes: all of its syntax tree.
        modules: first names of what it imports.
        aliases: bound name → dotted path: `{"pd": "pandas", "KFold": "sklearn.model_selection.KFold"}`.
        parents: node → the node around it.
    """

    def __init__(self, code: str) -> None:
        found = parsing.read_script(code)
        self.text, self.old = found.text, found.old
        self.nodes = list(ast.walk(found.tree or ast.Module([], [])))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        bound = [each for node in self.nodes for each in parsing.imported(node)]
        self.aliases = {name: path for name, path in bound if not path.startswith(".")}
        self.modules = {path.partition(".")[0] for _, path in bound} - {""}

    @cached_property
    def _lines(self) -> list[tuple[int, str]]:
        offset, found = 0, []
        for line in self.text.splitlines(keepends=True):
            found.append((offset, line))
            offset += len(line)
        return found

    def _offset(self, line: int, column: int) -> int:
        start, text = self._lines[line - 1]  # columns of a tree count bytes of UTF-8
        return start + len(text.encode("utf-8")[:column].decode("utf-8", errors="ignore"))

    def span(self, node: "ast.expr | ast.stmt | ast.keyword | ast.alias") -> tuple[int, int]:
        """First character and the one behind the last."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def source(self, node: "ast.expr | ast.stmt") -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def dotted(self, node: ast.AST) -> str | None:
        """The path of a name that comes from an import: `np.int` is `numpy.int`; else None."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            before = self.dotted(node.value)
            return None if before is None else f"{before}.{node.attr}"
        return None

    def written(self, path: str) -> str | None:
        """How this notebook may write a path: `pd.concat` for `pandas.concat`; None where nothing binds it."""
        if "." not in path and path not in self.aliases.values():
            return path if path in {"int", "float", "object", "str", "bool"} else None
        found = [
            bound + path.removeprefix(target)
            for bound, target in self.aliases.items()
            if path == target or path.startswith(f"{target}.")
        ]
        return min(found, key=len, default=None)

    def maker(self, node: ast.AST) -> ast.Call | None:
        """The call that made a value, as far as the text shows it: itself, or the one that a name was given."""
        if isinstance(node, ast.Call):
            return node
        for other in self.nodes:
            names = other.targets if isinstance(other, ast.Assign) else []
            if isinstance(other, ast.Assign) and _name(node) in {*map(_name, names)} - {""}:
                return other.value if isinstance(other.value, ast.Call) else None
        return None

    def origin(self, node: ast.AST) -> str | None:
        """What made a value: of `model`, `lightgbm.LGBMClassifier`."""
        call = self.maker(node)
        return None if call is None else self.dotted(call.func)

    def renamed(self, node: ast.Attribute, name: str) -> Edit:
        """The same attribute under another name."""
        end = self.span(node)[1]
        return Edit(end - len(node.attr), end, name)

    def without(self, argument: ast.keyword) -> Edit:
        """A call without one of its arguments, nor the comma that it needed."""
        start, end = self.span(argument)
        before = re.search(r",\s*\Z", self.text[:start])
        after = re.match(r"\s*,\s*", self.text[end:])
        if before:
            return Edit(before.start(), end, "")
        return Edit(start, end + (after.end() if after else 0), "")

    def added(self, call: ast.Call, argument: str) -> Edit:
        """A call with one argument more, at its end."""
        end = self.span(call)[1] - 1
        before = self.text[:end].rstrip()
        comma = "" if before.endswith(("(", ",")) else ", "
        return Edit(len(before), len(before), f"{comma}{argument}")


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def keyword_of(call: ast.Call, name: str) -> ast.keyword | None:
    return next((keyword for keyword in call.keywords if keyword.arg == name), None)


def imported_modules(code: str) -> set[str]:
    """First names of the modules that a notebook imports anywhere, without those of Python itself."""
    return Reading(code).modules - sys.stdlib_module_names
