"""Whose name is it: which variable a name of a notebook means, what was imported, what is Python's own."""

import ast
from dataclasses import dataclass, field
from typing import NamedTuple

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


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
        kind: notebook, function (lambdas too), class, or comprehension.
        path: names of the enclosing functions and classes, joined by dots; empty for the notebook.
        origins: bound name → where it was imported from; one bound otherwise as well has no such entry
            in `imported`.
        elsewhere: names declared `global` or `nonlocal`.
        parameters: of a function.
        definitions: name → scopes of the functions and classes of that name.
        myself: what a method calls its object: usually `self`.
        attributes: what the methods of a class set on their object.
        known: names that this notebook may use without binding them and that are variables all the same:
            those of the notebook that it is compared with. All other names that nobody binds are Python's,
            or came with `import *`.
    """

    number: int
    kind: str
    parent: "Scope | None"
    path: str = ""
    bound: set[str] = field(default_factory=set)
    origins: dict[str, set[str]] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    definitions: dict[str, list["Scope"]] = field(default_factory=dict)
    myself: str | None = None
    attributes: set[str] = field(default_factory=set)
    known: frozenset[str] = frozenset()

    def owner(self, name: str) -> "Scope | None":
        """The scope that binds `name` as seen from here; None where none does."""
        if name in self.elsewhere:
            if self.elsewhere[name] == "global":
                return self.notebook
            return self.parent.owner(name) if self.parent else None
        if name in self.bound:
            return self
        above = self.parent
        while above is not None and above.kind == "class":
            above = above.parent
        return above.owner(name) if above is not None else None

    @property
    def notebook(self) -> "Scope":
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def imported(self, name: str) -> str | None:
        """Where `name`, bound here, comes from, such as `sklearn.svm.SVC`; None for what is bound otherwise."""
        if name in self.bound and name in self.origins:
            found = self.origins[name]
            return None if "" in found else "|".join(sorted(found))
        return None


class Binder(ast.NodeVisitor):
    """Collects what is bound where, over all cells of one notebook.

    Attributes:
        scopes: node that opens a scope → that scope.
        all: every scope by number.
    """

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self.all = [Scope(0, "notebook", None, known=known)]
        self.scopes: dict[ast.AST, Scope] = {}
        self.here = self.all[0]

    @property
    def notebook(self) -> Scope:
        return self.all[0]

    def bind(self, name: str, origin: str = "") -> None:
        """Bind `name` here; `origin` says where an imported one comes from."""
        if name in self.here.elsewhere:
            scope = self.here.notebook
            if self.here.elsewhere[name] == "nonlocal":
                scope = self.here.owner(name) or scope
        else:
            scope = self.here
        scope.bound.add(name)
        scope.origins.setdefault(name, set()).add(origin)

    def _open(self, node: ast.AST, kind: str, name: str = "") -> Scope:
        path = ".".join(filter(None, [self.here.path, name]))
        scope = Scope(len(self.all), kind, self.here, path)
        self.all.append(scope)
        self.scopes[node] = scope
        return scope

    def _inside(self, scope: Scope, nodes: list[ast.AST]) -> None:
        outside, self.here = self.here, scope
        for node in nodes:
            self.visit(node)
        self.here = outside

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.bind(node.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        outside = self.here
        while self.here.kind == "comprehension" and self.here.parent is not None:
            self.here = self.here.parent
        self.bind(node.target.id)
        self.here = outside
        self.visit(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store) and (of := object_scope(self.here, node.value)):
            of.attributes.add(node.attr)
        self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self.bind(alias.asname or first, alias.name if alias.asname else first)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        origin = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name != "*":
                self.bind(alias.asname or alias.name, f"{origin}.{alias.name}")

    def visit_Global(self, node: ast.Global) -> None:
        self.here.elsewhere.update(dict.fromkeys(node.names, "global"))

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.here.elsewhere.update(dict.fromkeys(node.names, "nonlocal"))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bind(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.bind(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.bind(node.rest)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: Definition) -> None:
        self.bind(node.name)
        for outer in [*node.decorator_list, node.returns]:
            if outer is not None:
                self.visit(outer)
        scope = self._function(node, node.name)
        self.here.definitions.setdefault(node.name, []).append(scope)
        if self.here.kind == "class" and (first := [*node.args.posonlyargs, *node.args.args]):
            scope.myself = first[0].arg
        self._inside(scope, list(node.body))

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._inside(self._function(node), [node.body])

    def _function(self, node: Definition | ast.Lambda, name: str = "") -> Scope:
        """The new scope of a function with its parameters; defaults and annotations belong outside."""
        scope, arguments = self._open(node, "function", name), node.args
        for argument in _parameters(arguments):
            scope.parameters.add(argument.arg)
            scope.bound.add(argument.arg)
            if argument.annotation is not None:
                self.visit(argument.annotation)
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default)
        return scope

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bind(node.name)
        for outer in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(outer)
        scope = self._open(node, "class", node.name)
        self.here.definitions.setdefault(node.name, []).append(scope)
        self._inside(scope, list(node.body))

    def _comprehension(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        scope = self._open(node, "comprehension")
        inner: list[ast.AST] = [generator.target for generator in node.generators]
        inner += [generator.iter for generator in node.generators[1:]]
        inner += [condition for generator in node.generators for condition in generator.ifs]
        inner += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside(scope, inner)

    visit_ListComp = _comprehension  # noqa: N815
    visit_SetComp = _comprehension  # noqa: N815
    visit_DictComp = _comprehension  # noqa: N815
    visit_GeneratorExp = _comprehension  # noqa: N815


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters in the order in which they are written."""
    found = [*arguments.posonlyargs, *arguments.args, arguments.vararg]
    found += [*arguments.kwonlyargs, arguments.kwarg]
    return [argument for argument in found if argument is not None]


def object_scope(here: Scope, node: ast.expr) -> Scope | None:
    """The class whose object `node` is, where it is the `self` of one of the notebook's methods."""
    if isinstance(node, ast.Name):
        method = here.owner(node.id)
        if method is not None and method.myself == node.id and method.parent is not None:
            return method.parent
    return None


def parameter_scope(here: Scope, function: ast.expr, keyword: str) -> Scope | None:
    """The function of the notebook whose parameter `keyword` is in a call of `function`."""
    if not isinstance(function, ast.Name):
        return None
    owner = here.owner(function.id)
    found = owner.definitions.get(function.id, []) if owner else []
    if len(found) == 1 and found[0].kind == "class":
        found = found[0].definitions.get("__init__", [])
    return found[0] if len(found) == 1 and keyword in found[0].parameters else None
