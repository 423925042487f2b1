"""What a notebook assigns in its cell tagged `parameters`, as it is written there."""

import ast
from typing import TYPE_CHECKING, Any

from pipelines.cells import conversion, parsing

if TYPE_CHECKING:
    from nbformat import NotebookNode

_COMPUTED = "(computed)"
_NO_VALUE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def values(notebook: "NotebookNode") -> dict[str, Any]:
    """Every variable of the cell, and of the one with the quick values after it.

    A literal is its value. Of an expression its text stands for it, as `float('nan')` or `list(range(9))`; of
    what is assigned in another way, `(computed)`.
    """
    found: dict[str, Any] = {}
    for cell in conversion.code_cells(notebook):
        if {conversion.PARAMETERS, conversion.QUICK}.intersection(conversion.tags(cell)):
            found |= _assigned(cell.source)
    return found


def _assigned(source: str) -> dict[str, Any]:
    tree = parsing.read(source).tree
    found: dict[str, Any] = {}
    for statement in tree.body if tree else []:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                found |= _given(target, statement.value)
        elif isinstance(statement, ast.AnnAssign):
            found |= _given(statement.target, statement.value) if statement.value else {}
        elif not isinstance(statement, _NO_VALUE):
            found |= _computed(statement)
    return found


def _given(target: ast.expr, value: ast.expr) -> dict[str, Any]:
    if isinstance(target, ast.Name):
        return {target.id: _value(value)}
    both = ast.Tuple | ast.List
    if isinstance(target, both) and isinstance(value, both) and len(target.elts) == len(value.elts):
        pairs = list(zip(target.elts, value.elts, strict=True))
        if not any(isinstance(each, ast.Starred) for pair in pairs for each in pair):
            return {name: text for pair in pairs for name, text in _given(*pair).items()}
    return _computed(target)


def _computed(node: ast.AST) -> dict[str, Any]:
    return {
        name.id: _COMPUTED
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):  # no literal; or none, as `{[]}`
        pass
    try:
        return ast.unparse(node)
    except RecursionError:
        return _COMPUTED
