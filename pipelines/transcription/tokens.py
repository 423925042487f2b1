"""A syntax tree as a row of tokens in which every name says what it stands for."""

import ast

from pipelines.transcription.scopes import Own, Scope, Scopes, class_of, function_of

_NOT_COMPARED = {"ctx", "type_comment", "kind", "type_params", "type_ignores"}
# The fields that hold a name of the scope that the node is in.
_NAMES = {
    (ast.arg, "arg"),
    (ast.ExceptHandler, "name"),
    (ast.MatchAs, "name"),
    (ast.MatchStar, "name"),
    (ast.MatchMapping, "rest"),
    (ast.FunctionDef, "name"),
    (ast.AsyncFunctionDef, "name"),
    (ast.ClassDef, "name"),
    (ast.Global, "names"),
    (ast.Nonlocal, "names"),
}


class Tokens:
    """One statement's tokens as they are written.

    Attributes:
        tokens: the tree in writing order; names of the notebook's own are `Own`.
        spelled: the same with every name as written.
    """

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes
        self.tokens: list[str | Own] = []
        self.spelled: list[str] = []

    def put(self, *tokens: str) -> None:
        self.tokens += tokens
        self.spelled += tokens

    def _put_name(self, token: str | Own, written: str) -> None:
        self.tokens.append(token)
        self.spelled.append(written)

    def name(self, name: str, here: Scope) -> None:
        self._put_name(self.scopes.meaning(name, here), name)

    def node(self, node: ast.AST, without: tuple[str, ...] = ()) -> None:
        """Write a tree, leaving out the fields `without`."""
        match node:
            case ast.Name():
                self.name(node.id, self.scopes.where[node])
            case ast.Constant():
                self.put(repr(node.value))
            case ast.alias():
                self._put_name(node.name, f"{node.name} as {node.asname}")
            case ast.Attribute():
                self._attribute(node)
            case ast.Call():
                self._call(node)
            case _:
                self.put(f"<{type(node).__name__}>")
                for name, value in ast.iter_fields(node):
                    if name not in _NOT_COMPARED and name not in without:
                        is_name = value is not None and (type(node), name) in _NAMES
                        self._value(value, self.scopes.where[node] if is_name else None)

    def _value(self, value: object, names_of: Scope | None = None) -> None:
        """Write the value of a field; a text in it is a name as seen from `names_of`, where that is given."""
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            self.put("[")
            for item in value:
                self._value(item, names_of)
            self.put("]")
        elif names_of is not None:
            self.name(str(value), names_of)
        else:
            self.put(repr(value))

    def _attribute(self, node: ast.Attribute) -> None:
        self.put("<Attribute>")
        self.node(node.value)
        of = class_of(self.scopes.where[node], node.value)
        if of is not None and node.attr in of.attributes and node.attr not in of.assigned:
            self._put_name(Own(of.number, f"self.{node.attr}"), node.attr)
        else:
            self.put(f".{node.attr}")

    def _call(self, node: ast.Call) -> None:
        self.put("<Call>")
        self.node(node.func)
        self._value(node.args)
        for given in node.keywords:
            self.put("<keyword>")
            keyword = given.arg or "**"
            of = function_of(self.scopes.where[node], node.func, keyword)
            meant = self.scopes.meaning(keyword, of) if of else f"{keyword}="
            self._put_name(meant, keyword)
            self.node(given.value)
        self.put("]")
