"""YAML files as typed values: an unknown key is an error that names the nearest known one."""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from pipelines.core.errors import UserError, did_you_mean

# Names reach a shell command in dvc.yaml and a path, so only these characters are let through.
NAME = re.compile(r"[0-9A-Za-z가-힣_][0-9A-Za-z가-힣_-]*")


class Strict(BaseModel):
    """A frozen value read from a file or a form; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def check_name(name: str) -> str:
    """Return `name`, or raise ValueError where it holds more than letters, digits, Hangul, _ or -."""
    if not NAME.fullmatch(name):
        raise ValueError(f"must be made of letters, digits, Hangul, '_' and '-', found {name!r}")
    return name


def check_kernel_name(name: str) -> str:
    """Return `name` of the form member/kernel, or raise ValueError."""
    member, slash, kernel = name.partition("/")
    if not slash:
        raise ValueError(f"must be of the form member/kernel, found {name!r}")
    check_name(member)
    check_name(kernel)
    return name


Name = Annotated[str, AfterValidator(check_name)]
KernelName = Annotated[str, AfterValidator(check_kernel_name)]
T = TypeVar("T", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Raises:
        UserError: the file is missing, is not UTF-8 or YAML, or is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: restore it from git") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} must be YAML in UTF-8: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold `key: value` lines, found {type(content).__name__}")
    return content


def validate(schema: type[T], content: dict[str, Any], where: str) -> T:
    """Turn a mapping into a `schema` value.

    Args:
        schema: the pydantic model to build.
        content: what was read.
        where: the file (and section) that the message shall name.

    Raises:
        UserError: a key is unknown or a value does not fit; all findings in one message.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        lines = [_explain(schema, item) for item in error.errors()]
        raise UserError(f"{where}: " + f"\n{where}: ".join(lines)) from None


def _explain(schema: type[BaseModel], item: Any) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        known = _fields_at(schema, location[:-1])
        return f"unknown key {key!r}{did_you_mean(location[-1], known)}"
    if item["type"] == "missing":
        return f"key {key!r} must be given and is missing: add it"
    message = item["msg"].removeprefix("Value error, ")
    return f"{key or 'the file'}: {message} (found {item['input']!r}): change it"


def _fields_at(schema: type[BaseModel], location: list[str]) -> list[str]:
    """Field names of the model nested at `location`, as far as it can be followed."""
    current: Any = schema
    for part in location:
        field = current.model_fields.get(part) if hasattr(current, "model_fields") else None
        if field is None:
            break
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        current = next((kind for kind in kinds if hasattr(kind, "model_fields")), current)
    return list(getattr(current, "model_fields", {}))
