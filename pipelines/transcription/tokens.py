"""A syntax tree as a row of tokens in which every name says what it stands for."""

import ast

from pipelines.transcription.scopes import (
    Binder,
    Comprehension,
    Definition,
    Own,
    Scope,
    object_scope,
    parameter_scope,
)

_NOT_COMPARED = {"ctx", "type_comment", "kind", "type_params", "type_ignores"}


def meaning(name: str, here: Scope) -> str | Own:
    """What a name stands for as seen from `here`: a variable of the notebook's own, or a fixed text."""
    owner = here.owner(name)
    if owner is None:
        return Own(0, name) if name in here.notebook.known else name
    if owner.kind == "class":
        return name
    return owner.imported(name) or Own(owner.number, name)


class Tokens:
    """One statement's tokens as they are written."""

    def __init__(self, binder: Binder, here: Scope) -> None:
        self.binder, self.here = binder, here
        self.tokens: list[str | Own] = []
        self.spelled: list[str] = []

    def put(self, *tokens: str) -> None:
        self.tokens += tokens
        self.spelled += tokens

    def name(self, name: str, at: Scope | None = None) -> None:
        self._put_name(meaning(name, at or self.here), name)

    def _put_name(self, token: str | Own, written: str) -> None:
        self.tokens.append(token)
        self.spelled.append(written)

    def node(self, node: ast.AST, without: tuple[str, ...] = ()) -> None:
        """Write a tree, leaving out the fields `without`."""
        special = getattr(self, f"_{type(node).__name__}", None)
        if special is not None:
            special(node)
            return
        self.put(f"<{type(node).__name__}>")
        for name, value in ast.iter_fields(node):
            if name not in _NOT_COMPARED and name not in without:
                self.value(value)

    def value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            self.put("[")
            for item in value:
                self.value(item)
            self.put("]")
        else:
            self.put(repr(value))

    def within(self, scope: Scope, *values: object) -> None:
        outside, self.here = self.here, scope
        for value in values:
            self.value(value)
        self.here = outside

    def _Name(self, node: ast.Name) -> None:  # noqa: N802 - ast's names, here and below
        self.name(node.id)

    def _Constant(self, node: ast.Constant) -> None:  # noqa: N802
        self.put(repr(node.value))

    def _Attribute(self, node: ast.Attribute) -> None:  # noqa: N802
        self.put("<Attribute>")
        self.node(node.value)
        of = object_scope(self.here, node.value)
        if of is not None and node.attr in of.attributes and node.attr not in of.bound:
            self._put_name(Own(of.number, f"self.{node.attr}"), node.attr)
        else:
            self.put(f".{node.attr}")

    def _Call(self, node: ast.Call) -> None:  # noqa: N802
        self.put("<Call>")
        self.node(node.func)
        self.value(node.args)
        for given in node.keywords:
            of = parameter_scope(self.here, node.func, given.arg) if given.arg else None
            self.put("<keyword>")
            if given.arg is None:
                self.put("**")
            else:
                self._put_name(meaning(given.arg, of) if of else f"{given.arg}=", given.arg)
            self.node(given.value)
        self.put("]")

    def _alias(self, node: ast.alias) -> None:
        self._put_name(node.name, f"{node.name} as {node.asname}")

    def _Global(self, node: ast.Global | ast.Nonlocal) -> None:  # noqa: N802
        self.put(f"<{type(node).__name__}>")
        for name in node.names:
            self.name(name)

    _Nonlocal = _Global

    def _ExceptHandler(self, node: ast.ExceptHandler) -> None:  # noqa: N802
        self.put("<ExceptHandler>")
        self.value(node.type)
        self._named(node.name)

    def _named(self, name: str | None) -> None:
        if name is None:
            self.put("None")
        else:
            self.name(name)

    def _MatchAs(self, node: ast.MatchAs) -> None:  # noqa: N802
        self.put("<MatchAs>")
        self.value(node.pattern)
        self._named(node.name)

    def _MatchStar(self, node: ast.MatchStar) -> None:  # noqa: N802
        self.put("<MatchStar>")
        self._named(node.name)

    def _MatchMapping(self, node: ast.MatchMapping) -> None:  # noqa: N802
        self.put("<MatchMapping>")
        self.value(node.keys)
        self.value(node.patterns)
        self._named(node.rest)

    def _ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        self.put("<ClassDef>")
        self.name(node.name)
        for part in (node.decorator_list, node.bases, node.keywords):
            self.value(part)

    def _definition(self, node: Definition) -> None:
        self.put(f"<{type(node).__name__}>")
        self.name(node.name)
        self.value(node.decorator_list)
        self._arguments(node)
        self.value(node.returns)

    _FunctionDef = _AsyncFunctionDef = _definition

    def _Lambda(self, node: ast.Lambda) -> None:  # noqa: N802
        self.put("<Lambda>")
        self._arguments(node)
        self.within(self.binder.scopes[node], node.body)

    def _arguments(self, node: Definition | ast.Lambda) -> None:
        scope, arguments = self.binder.scopes[node], node.args
        groups = {
            "/": arguments.posonlyargs,
            "": arguments.args,
            "*": [arguments.vararg] if arguments.vararg else [],
            "*,": arguments.kwonlyargs,
            "**": [arguments.kwarg] if arguments.kwarg else [],
        }
        for sign, group in groups.items():
            self.put(f"({sign}")
            for argument in group:
                self.name(argument.arg, scope)
                self.value(argument.annotation)
        self.value(arguments.defaults)
        self.value(arguments.kw_defaults)

    def _comprehension_of(self, node: Comprehension) -> None:
        self.put(f"<{type(node).__name__}>")
        self.value(node.generators[0].iter)
        scope = self.binder.scopes[node]
        for number, generator in enumerate(node.generators):
            self.put("async" if generator.is_async else "for")
            self.within(scope, generator.target, generator.iter if number else None, generator.ifs)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.within(scope, *parts)

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _comprehension_of
