"""Where a notebook uses what its libraries have removed: removals.yaml against its syntax tree."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from pipelines.cells.python2 import Edit
from pipelines.old_apis.reading import Reading, keyword_of
from pipelines.old_apis.rewriting import EDITS, says_rows
from pipelines.plumbing.schema import Strict, read_yaml, validate

# The module, where a library's name is another; Keras came with TensorFlow for years.
_MODULES = {"scikit-learn": {"sklearn"}, "keras": {"keras", "tensorflow"}}


class Removal(Strict):
    """Something that notebooks use and a library has removed or changed.

    Attributes:
        what: as a reader knows it, in Markdown.
        library: the package, or `python`.
        since: the version in which it was gone.
        last: the last day on which `as_of` brings a version that has it; None where there is no such day.
        pin: the requirement that brings such a version on any later day.
        replacement: what to write instead, in Markdown.
        silent: the old text runs on without an error, and does something else.
        kind: what of the tree is compared: syntax (of Python 2), name (module, or name in a module, by its
            path), builtin, method, keyword (of a call), value (of a keyword), positional (arguments),
            assignment, comparison.
        find: the statements, paths, names or keywords.
        of: the callables that keywords and values belong to, or that made what a method is called on.
        form: how a method is used: any, call, bare_call (no arguments), used (its result is), subscript.
        to: the successor of each found name or value, or of all.
        edit: a function of rewriting.py.
    """

    what: str
    library: str
    since: str
    last: date | None = None
    pin: str | None = None
    replacement: str
    silent: bool = False
    kind: Literal[
        "syntax", "name", "builtin", "method", "keyword", "value", "positional", "assignment", "comparison"
    ]  # fmt: skip
    find: list[str] = []
    of: list[str] = []
    form: Literal["any", "call", "bare_call", "used", "subscript"] = "any"
    to: str | dict[str, str] | None = None
    edit: str | None = None

    def successor(self, name: str) -> str | None:
        """What takes the place of a found name."""
        return self.to.get(name) if isinstance(self.to, dict) else self.to


@dataclass(frozen=True)
class Use:
    """One place where a notebook uses something removed; no edits where a person must decide."""

    removal: Removal
    line: int
    edits: tuple[Edit, ...] = ()


@cache
def removals() -> tuple[Removal, ...]:
    """All of removals.yaml."""
    path = Path(__file__).with_name("removals.yaml")
    content = read_yaml(path)
    return tuple(validate(Removal, each, f"{path.name}: {name}") for name, each in content.items())


def uses(code: str) -> list[Use]:
    """Every use of something removed, in the order of the lines; edits belong to the text that was read."""
    reading = Reading(code)
    found = list(_old_syntax(reading))
    for removal in removals():
        modules = _MODULES.get(removal.library, {removal.library})
        if removal.library == "python" or modules & reading.modules:
            find = _FINDERS.get(removal.kind)
            found += find(reading, removal) if find else []
    return sorted(found, key=lambda use: use.line)


def _old_syntax(reading: Reading) -> Iterator[Use]:
    by_word = {word: each for each in removals() if each.kind == "syntax" for word in each.find}
    for old in reading.old:
        yield Use(by_word[old.word], old.line, old.edits)


def _use(reading: Reading, removal: Removal, node: ast.expr | ast.stmt) -> Use:
    found = EDITS[removal.edit](reading, node) if removal.edit else []
    return Use(removal, node.lineno, tuple(found))


def _paths(reading: Reading, removal: Removal) -> Iterator[Use]:
    """Modules and names in modules: imported in any form, or reached through an imported name."""
    for node in reading.nodes:
        if isinstance(node, ast.Import):
            yield from _imported_modules(reading, removal, node)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _imported_names(reading, removal, node)
        elif isinstance(node, ast.Attribute):
            path = reading.dotted(node)
            if path in removal.find:
                yield _attribute(reading, removal, node, str(path))


def _imported_modules(reading: Reading, removal: Removal, node: ast.Import) -> Iterator[Use]:
    for alias in node.names:
        path = _within(alias.name, removal.find)
        if path is not None:
            new = removal.successor(path)
            start = reading.span(alias)[0]
            edits = (Edit(start, start + len(path), new),) if new else ()
            yield Use(removal, node.lineno, edits)


def _within(name: str, paths: list[str]) -> str | None:
    """Which of the paths a dotted name is, or lies below."""
    return next((path for path in paths if name == path or name.startswith(f"{path}.")), None)


def _imported_names(reading: Reading, removal: Removal, node: ast.ImportFrom) -> Iterator[Use]:
    module = node.module or ""
    path = _within(module, removal.find)
    if path is not None:
        new = removal.successor(path)
        start, end = reading.span(node)
        place = reading.text.find(module, start, end)
        edits = (Edit(place, place + len(path), new),) if new and place >= 0 else ()
        yield Use(removal, node.lineno, edits)
        return
    moved = [alias for alias in node.names if f"{module}.{alias.name}" in removal.find]
    for alias in moved:
        new = removal.successor(f"{module}.{alias.name}")
        is_clear = new is not None and len(moved) == 1
        yield Use(removal, node.lineno, _moved(reading, node, alias, str(new)) if is_clear else ())


def _moved(reading: Reading, node: ast.ImportFrom, alias: ast.alias, new: str) -> tuple[Edit, ...]:
    """The name from its new place, under the name that the notebook knows it by."""
    package, _, name = new.rpartition(".")
    bound = alias.asname or alias.name
    named = name if bound == name else f"{name} as {bound}"
    line = f"from {package} import {named}" if package else f"import {named}"
    start, end = reading.span(node)
    if len(node.names) == 1:
        return (Edit(start, end, line),)
    alias_start, alias_end = reading.span(alias)
    number = node.names.index(alias)
    if number + 1 < len(node.names):
        gone = Edit(alias_start, reading.span(node.names[number + 1])[0], "")
    else:
        gone = Edit(reading.span(node.names[number - 1])[1], alias_end, "")
    before = reading.text[reading.text.rfind("\n", 0, start) + 1 : start]
    between = f"\n{before}" if not before.strip() else "; "
    return (Edit(start, start, line + between), gone)


def _attribute(reading: Reading, removal: Removal, node: ast.Attribute, path: str) -> Use:
    if removal.edit:
        return _use(reading, removal, node)
    new = removal.successor(path)
    text = reading.written(new) if new else None
    edits = (Edit(*reading.span(node), text),) if text else ()
    return Use(removal, node.lineno, edits)


def _builtins(reading: Reading, removal: Removal) -> Iterator[Use]:
    own = {n.id for n in reading.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own.update(n.name for n in reading.nodes if isinstance(n, ast.FunctionDef))
    for node in reading.nodes:
        if not (isinstance(node, ast.Name) and node.id in removal.find):
            continue
        if node.id not in own and node.id not in reading.aliases:
            new = removal.successor(node.id)
            edits = (Edit(*reading.span(node), new),) if new else ()
            yield Use(removal, node.lineno, edits)


def _methods(reading: Reading, removal: Removal) -> Iterator[Use]:
    for node in reading.nodes:
        if not (isinstance(node, ast.Attribute) and node.attr in removal.find):
            continue
        parent = reading.parents.get(node)
        if removal.of and not _is_called(reading, reading.maker(node.value), removal.of):
            continue
        if reading.dotted(node) is None and _has_form(reading, removal.form, node):
            new = removal.successor(node.attr)
            if new is not None:
                yield Use(removal, node.lineno, (reading.renamed(node, new),))
            elif isinstance(parent, ast.expr):
                yield _use(reading, removal, parent)


def _has_form(reading: Reading, form: str, node: ast.Attribute) -> bool:
    parent = reading.parents.get(node)
    if form == "subscript":
        return isinstance(parent, ast.Subscript)
    is_call = isinstance(parent, ast.Call) and parent.func is node
    if form == "bare_call":
        return isinstance(parent, ast.Call) and is_call and not (parent.args or parent.keywords)
    if form == "used":
        around = reading.parents.get(parent) if parent else None
        return is_call and not isinstance(around, ast.Expr | ast.Lambda | ast.ListComp)
    return is_call or form == "any"


def _calls(reading: Reading, names: list[str]) -> Iterator[ast.Call]:
    """Calls of what has one of the names; a name with a dot is a whole path."""
    for node in reading.nodes:
        if isinstance(node, ast.Call) and _is_called(reading, node, names):
            yield node


def _is_called(reading: Reading, call: ast.Call | None, names: list[str]) -> bool:
    if call is None:
        return False
    path = reading.dotted(call.func)
    last = getattr(call.func, "attr", getattr(call.func, "id", ""))
    original = (path or last).rpartition(".")[2]  # also under another name
    return bool({path, last, original} & set(names))


def _keywords(reading: Reading, removal: Removal) -> Iterator[Use]:
    for call in _calls(reading, removal.of):
        for name in removal.find:
            keyword = keyword_of(call, name)
            if keyword is None or not _is_at_fault(reading, removal, call):
                continue
            if isinstance(removal.to, str):
                start = reading.span(keyword)[0]
                edits: tuple[Edit, ...] = (Edit(start, start + len(name), removal.to),)
            else:
                edits = _use(reading, removal, call).edits
            yield Use(removal, keyword.value.lineno, edits)


def _is_at_fault(reading: Reading, removal: Removal, call: ast.Call) -> bool:
    """Whether the keyword is one that no longer works, where its name alone does not say so."""
    if removal.edit == "needless_random_state":
        shuffle = keyword_of(call, "shuffle")
        return shuffle is None or getattr(shuffle.value, "value", True) is False
    if removal.edit == "chained_inplace":
        return _changes_a_copy(reading, call)
    if removal.library in {"lightgbm", "xgboost"}:
        made = reading.origin(getattr(call.func, "value", call))
        return made is None or made.startswith(removal.library)
    if removal.find == ["size"]:
        return str(reading.dotted(call.func)).startswith("seaborn.")
    return True


def _changes_a_copy(reading: Reading, call: ast.Call) -> bool:
    if not isinstance(reading.parents.get(call), ast.Expr) or not isinstance(
        call.func, ast.Attribute
    ):
        return False
    column = call.func.value
    if isinstance(column, ast.Attribute):
        return isinstance(column.value, ast.Name) and column.value.id != "self"
    return isinstance(column, ast.Subscript)


def _values(reading: Reading, removal: Removal) -> Iterator[Use]:
    for call in _calls(reading, removal.of):
        if removal.edit == "seaborn_style":
            name = getattr(call.args[0], "value", None) if call.args else None
            if str(name).startswith("seaborn") and not str(name).startswith("seaborn-v0_8"):
                yield _use(reading, removal, call)
            continue
        kind = str(getattr(call.func, "attr", getattr(call.func, "id", "")))
        for keyword in call.keywords:
            old = getattr(keyword.value, "value", None)
            new = removal.successor(old) if isinstance(old, str) else None
            if keyword.arg in removal.find and new:
                text = "1.0" if old == "auto" and kind.endswith("Regressor") else f'"{new}"'
                edit = Edit(*reading.span(keyword.value), text)
                yield Use(removal, keyword.value.lineno, (edit,))


def _positionals(reading: Reading, removal: Removal) -> Iterator[Use]:
    for call in _calls(reading, removal.find):
        if removal.edit == "axis":
            is_number = len(call.args) == 2 and isinstance(call.args[1], ast.Constant)
            if is_number and isinstance(call.func, ast.Attribute):
                yield _use(reading, removal, call)
            continue
        is_ambiguous = len(call.args) > 1 or (call.args and keyword_of(call, "data"))
        if is_ambiguous and str(reading.dotted(call.func)).startswith("seaborn."):
            yield _use(reading, removal, call)


def _assignments(reading: Reading, removal: Removal) -> Iterator[Use]:
    for node in reading.nodes:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AugAssign) else targets
        for target in targets:
            if isinstance(target, ast.Subscript) and says_rows(target.slice):
                column = target.value
                by_name = isinstance(column, ast.Attribute) and column.attr not in {"loc", "iloc"}
                by_key = isinstance(column, ast.Subscript) and isinstance(
                    column.slice, ast.Constant
                )
                if by_name or by_key:
                    yield _use(reading, removal, target)


def _comparisons(reading: Reading, removal: Removal) -> Iterator[Use]:
    for node in reading.nodes:
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Attribute)
            and node.left.attr in removal.find
            and len(node.ops) == 1
            and isinstance(node.ops[0], ast.Eq | ast.NotEq)
            and _is_object(node.comparators[0])
        ):
            yield _use(reading, removal, node)


def _is_object(node: ast.expr) -> bool:
    """Whether a type is that of Python's objects: "object", "O", object, np.object."""
    if isinstance(node, ast.Constant):
        return node.value in {"object", "O"}
    return getattr(node, "id", getattr(node, "attr", "")) in {"object", "object_"}


_FINDERS: Mapping[str, Callable[[Reading, Removal], Iterator[Use]]] = {
    "name": _paths,
    "builtin": _builtins,
    "method": _methods,
    "keyword": _keywords,
    "value": _values,
    "positional": _positionals,
    "assignment": _assignments,
    "comparison": _comparisons,
}
