"""The keys of a schema in words: what may be written, the default, and what the docstring says of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel

_ATTRIBUTE = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_IN_SENTENCE = re.compile(r"`(\w+)`:? ([^`]+)")
_WORDS = {
    "integer": "whole number", "number": "number", "string": "text", "boolean": "true or false",
    "object": "names with keys of their own",
}  # fmt: skip
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


@dataclass(frozen=True)
class Key:
    """One key of a schema.

    Attributes:
        name: dotted, such as `split.kind`; NAME stands for a name that the writer chooses.
        value: what may be written.
        default: as JSON would have it; None where the key must be given, `""` for an empty default.
        meaning: of the docstring; empty where that says nothing.
    """

    name: str
    value: str
    default: Any
    is_required: bool
    meaning: str


def keys(schema: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    """Every key of a schema, nested ones behind the key that holds them."""
    whole = schema.model_json_schema()
    for name, part in whole["properties"].items():
        field, meaning = schema.model_fields[name], _meanings(schema).get(name, "")
        default = part.get("default")
        yield Key(f"{prefix}{name}", _value(part), default, field.is_required(), meaning)
        inner, is_named = _nested(field.annotation)
        if inner is not None:
            yield from keys(inner, f"{prefix}{name}.{'NAME.' * is_named}")


def _nested(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The schema within an annotation, and whether it stands behind names that the writer chooses."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    is_named = getattr(annotation, "__origin__", None) is dict
    for part in getattr(annotation, "__args__", ()):
        inner, deeper = _nested(part)
        if inner is not None:
            return inner, is_named or deeper
    return None, False


def _meanings(schema: type[BaseModel]) -> dict[str, str]:
    """Of every attribute, what the docstrings of the schema and of those it extends say."""
    found: dict[str, str] = {}
    for each in reversed(schema.__mro__):
        text = cleandoc(each.__doc__ or "") if issubclass(each, BaseModel) else ""
        sentences, _, listed = text.partition("Attributes:\n")
        for names, meaning in [*_IN_SENTENCE.findall(sentences), *_ATTRIBUTE.findall(listed)]:
            found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()).rstrip("; "))
    return {name: meaning for name, meaning in found.items() if name in schema.model_fields}


def _value(part: Mapping[str, Any]) -> str:
    """What a part of a JSON schema lets through, in words."""
    if "anyOf" in part:
        several = [_value(each) for each in part["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(several))
    if "const" in part or "enum" in part:
        return " or ".join(str(each) for each in part.get("enum", [part.get("const")]))
    if "allOf" in part or "$ref" in part:
        return "keys of its own"
    if part.get("type") == "array":
        return f"list of {_value(part.get('items', {}))}"
    bounds = [f"{sign} {part[name]:g}" for name, sign in _BOUNDS.items() if name in part]
    return f"{_WORDS.get(part.get('type', ''), 'anything')} {', '.join(bounds)}".strip()
