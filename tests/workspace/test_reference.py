"""Every key and parameter is listed, with examples that the schema takes."""

from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from pipelines.models import Model
from pipelines.platforms import Platform
from pipelines.plumbing import registry
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema_keys import keys
from pipelines.values.competition import Competition
from pipelines.workspace import reference

PAGE = Path(__file__).parents[2] / "docs" / "competition-file.md"
SCHEMAS = [("", Competition)] + [
    (f"{name}: ", registry.load(Platform, name).Source) for name in registry.names("platforms")
]
LISTED = [
    (prefix, schema, key)
    for prefix, schema in SCHEMAS
    for key in keys(schema)
    if key.name != "name"
]


def field_of(schema: type[BaseModel], name: str) -> Any:
    """The field behind a dotted name."""
    first, _, rest = name.removeprefix("NAME.").partition(".")
    field = schema.model_fields[first]
    if not rest:
        return (
            Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        )
    from pipelines.plumbing.schema_keys import _nested

    inner, _ = _nested(field.annotation)
    assert inner is not None
    return field_of(inner, rest)


def test_the_page_is_what_the_schemas_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.competition_page(), "run `make docs`"


@pytest.mark.parametrize(
    ("prefix", "schema", "name"), [(prefix, schema, key.name) for prefix, schema, key in LISTED]
)
def test_every_key_has_an_example_that_the_schema_takes(
    prefix: str, schema: type[BaseModel], name: str
) -> None:
    ((key, value),) = yaml.safe_load(reference.EXAMPLES[prefix + name]).items()
    assert key == name.rpartition(".")[2]
    TypeAdapter(field_of(schema, name)).validate_python(value)


def test_every_key_says_what_it_is_in_the_page() -> None:
    unsaid = [prefix + key.name for prefix, _, key in LISTED if not key.meaning]
    assert unsaid == []


@pytest.mark.parametrize("name", registry.names("models"))
def test_every_parameter_of_a_model_is_listed(name: str) -> None:
    model = registry.load(Model, name)
    listed = {each["name"]: each for each in reference.parameters(name)}
    assert listed.keys() == model.Params.model_fields.keys()
    assert {n for n, each in listed.items() if each["tuned"] is not None} == model.space.keys()
    defaults = model.Params().model_dump()
    assert {n: each["default"] for n, each in listed.items()} == defaults
    assert all(each["meaning"] and each["value"] for each in listed.values())


def test_a_parameter_says_what_may_be_written_and_what_tuning_tries() -> None:
    found = {each["name"]: each for each in reference.parameters("knn")}
    assert found["k"] == {
        "name": "k",
        "default": "sqrt",
        "value": "whole number ≥ 1 or sqrt",
        "tuned": "1 … 50 (log)",
        "meaning": "number of neighbours, or sqrt for the rule of thumb √(training rows).",
    }
    assert found["voting"]["tuned"] == "uniform, distance, inverted_index"


def test_models_are_listed_and_an_unknown_one_is_an_error() -> None:
    assert [each["name"] for each in reference.models()] == registry.names("models")
    assert all(each["about"] for each in reference.models())
    with pytest.raises(UserError, match=r"found 'knm'; did you mean 'knn'\?"):
        reference.parameters("knm")
