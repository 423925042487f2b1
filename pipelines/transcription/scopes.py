"""Whose name is it: which variable a name of a notebook means, what was imported, what is Python's own.

The standard library's `symtable` says which names each function and class binds. It neither says where an import
comes from, nor what `self.x` or a keyword of a call belongs to, nor does it know that the cells of a notebook
share their variables: that is added here.
"""

import ast
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.cells.parsing import imported

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_MANGLED = re.compile(r"^_[^_]\w*?(?=__)")
_OPENS = _Definition | ast.Lambda | _Comprehension


class Own(NamedTuple):
    """A variable, function, argument or class of the notebook: two of one name in two scopes are two.

    Attributes:
        scope: number of the scope that binds it; 0 is the notebook itself.
        name: as written.
    """

    scope: int
    name: str


@dataclass(eq=False)
class Scope:
    """Where names are bound.

    Attributes:
        number: unique in the notebook.
        node: the function, class or comprehension; None for the notebook.
        path: names of the enclosing functions and classes, joined by dots; empty for the notebook.
        assigned: names bound here in any way but an import.
        elsewhere: names declared `global`.
        origins: bound name → where it was imported from.
        definitions: name → scopes of the functions and classes of that name.
        attributes: what the methods of a class set on their object.
    """

    number: int
    node: ast.AST | None
    parent: "Scope | None"
    path: str = ""
    assigned: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    origins: dict[str, set[str]] = field(default_factory=dict)
    definitions: dict[str, list["Scope"]] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)

    def owner(self, name: str) -> "Scope | None":
        """The scope that binds `name` as seen from here; None where none does."""
        scope: Scope | None = self
        is_global = False
        while scope is not None:
            # A method does not see what its class binds.
            is_hidden = is_global or (scope is not self and isinstance(scope.node, ast.ClassDef))
            is_bound = name in scope.assigned or name in scope.origins
            if is_bound and (scope.parent is None or not is_hidden):
                return scope
            is_global = is_global or name in scope.elsewhere
            scope = scope.parent
        return None

    @property
    def parameters(self) -> list[str]:
        """Of a function, in the order in which they are written, those behind `*` last."""
        given = getattr(self.node, "args", None)
        if given is None:
            return []
        behind = [each for each in (given.vararg, given.kwarg) if each]
        found = [*given.posonlyargs, *given.args, *given.kwonlyargs, *behind]
        return [argument.arg for argument in found]

    def imported(self, name: str) -> str | None:
        """Where `name`, bound here, comes from, such as `sklearn.svm.SVC`; None for what is bound otherwise."""
        return None if name in self.assigned else "|".join(sorted(self.origins[name]))


class Scopes:
    """The scopes of one notebook, over all its cells.

    Attributes:
        known: names that the notebook may use without binding them and that are variables all the same: those
            of the notebook that it is compared with. All other names that nobody binds are Python's, or came
            with `import *`.
        all: every scope by number; the first is the notebook itself.
        where: node → the scope that it is evaluated in; a parameter is in its function's.
    """

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self.known = known
        self.notebook = Scope(0, None, None)
        self.all = [self.notebook]
        self.where: dict[ast.AST, Scope] = {}
        self._tables: dict[tuple[str, int], list[symtable.SymbolTable]] = {}

    def add(self, source: str, tree: ast.Module) -> None:
        """Learn what a part of the notebook binds.

        Raises:
            SyntaxError: it parses, and is no Python all the same, such as `global` behind a use.
            RecursionError: it is nested too deeply.
        """
        # Where a cell turns on a feature of later Pythons is nothing to be particular about.
        top = symtable.symtable(source.replace("__future__", "__later__"), "a cell", "exec")
        self._tables = {}
        for table in _tables(top):
            place = (table.get_name().strip("<>"), table.get_lineno())
            self._tables.setdefault(place, []).append(table)
            self.notebook.assigned |= {
                each.get_name()
                for each in table.get_symbols()
                if each.is_declared_global() or (table is top and each.is_assigned())
            }
        self._place(tree, self.notebook)

    def _place(self, node: ast.AST, scope: Scope) -> None:
        """Say where a node and all that is in it are evaluated."""
        if node in self.where:
            return
        self.where[node] = scope
        match node:
            case ast.Import() | ast.ImportFrom():
                for bound, origin in imported(node):
                    scope.origins.setdefault(bound, set()).add(origin)
            case ast.Attribute(ctx=ast.Store()) if of := class_of(scope, node.value):
                of.attributes.add(node.attr)
            case _ if isinstance(node, _OPENS):
                for part in _evaluated_outside(node):
                    self._place(part, scope)
                scope = self._opened(node, scope)
        for child in ast.iter_child_nodes(node):
            self._place(child, scope)

    def _opened(self, node: _OPENS, parent: Scope) -> Scope:
        name = getattr(node, "name", "")
        scope = Scope(len(self.all), node, parent, ".".join(filter(None, [parent.path, name])))
        self.all.append(scope)
        if isinstance(node, _Comprehension):  # which Python 3.12 and later give no table of its own
            targets = [part for each in node.generators for part in ast.walk(each.target)]
            scope.assigned = {part.id for part in targets if isinstance(part, ast.Name)}
            return scope
        if name:
            parent.definitions.setdefault(name, []).append(scope)
        table = self._tables[name or "lambda", node.lineno].pop(0)
        for symbol in table.get_symbols():
            if symbol.is_declared_global():
                scope.elsewhere.add(symbol.get_name())
            elif symbol.is_local() and (symbol.is_assigned() or symbol.is_parameter()):
                # Within a class `__x` may be known as `_Class__x`.
                scope.assigned |= {symbol.get_name(), _MANGLED.sub("", symbol.get_name())}
        return scope

    def meaning(self, name: str, here: Scope) -> str | Own:
        """What a name stands for as seen from `here`: a variable of the notebook's own, or a fixed text."""
        owner = here.owner(name)
        if owner is None:
            return Own(0, name) if name in self.known else name
        if isinstance(owner.node, ast.ClassDef):
            return name
        return owner.imported(name) or Own(owner.number, name)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """A table and all within it, but those of Python 3.12 and later for parameters that are types."""
    if table.get_type() in ("module", "function", "class"):
        yield table
    for child in table.get_children():
        yield from _tables(child)


def _evaluated_outside(node: _OPENS) -> list[ast.AST]:
    """The parts of a function, class or comprehension that are evaluated in the scope around it."""
    if isinstance(node, _Comprehension):
        return [node.generators[0].iter]
    outside = [*getattr(node, "decorator_list", []), *getattr(node, "bases", [])]
    outside += [*getattr(node, "keywords", []), getattr(node, "returns", None)]
    if isinstance(given := getattr(node, "args", None), ast.arguments):
        outside += [*given.defaults, *given.kw_defaults]
        outside += [each.annotation for each in ast.walk(given) if isinstance(each, ast.arg)]
    return [part for part in outside if part is not None]


def class_of(here: Scope, node: ast.expr) -> Scope | None:
    """The class whose object `node` is, where it is the `self` of one of the notebook's methods."""
    name = getattr(node, "id", "")
    method = here.owner(name)
    if method is None or method.parent is None or not isinstance(method.parent.node, ast.ClassDef):
        return None
    return method.parent if method.parameters[:1] == [name] else None


def function_of(here: Scope, called: ast.expr, keyword: str) -> Scope | None:
    """The function of the notebook whose parameter `keyword` is in a call of `called`."""
    name = getattr(called, "id", "")
    owner = here.owner(name)
    found = owner.definitions.get(name, []) if owner else []
    if len(found) == 1 and isinstance(found[0].node, ast.ClassDef):
        found = found[0].definitions.get("__init__", [])
    return found[0] if len(found) == 1 and keyword in found[0].parameters else None
