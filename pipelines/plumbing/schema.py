"""YAML files as typed values: an unknown key is an error that names the nearest known one."""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args
from unicodedata import normalize

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from pipelines.plumbing.errors import UserError, did_you_mean, refuse_conflict

# Names reach a shell command in dvc.yaml and a path, so only these characters are let through.
NAME = re.compile(r"[0-9A-Za-z가-힣_][0-9A-Za-z가-힣_-]{0,63}")
_FROM_GIT = "restore it from git"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Strict(BaseModel):
    """A frozen value read from a file or a form; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def composed(name: str | None) -> str | None:
    """A name as it was typed, with its Hangul put together, which a Mac takes apart."""
    return name and normalize("NFC", name)


def check_name(name: str) -> str:
    """Return `name`, or raise ValueError where it holds more than letters, digits, Hangul, _ or -.

    The letters are those of ASCII. A name has 64 characters at most, and does not begin with `-`. Syllables
    of Hangul that a Mac has taken apart are put together.
    """
    name = normalize("NFC", name)
    if not NAME.fullmatch(name):
        raise ValueError(
            f"must be 1 to 64 letters, digits, Hangul, '_' and '-', and not begin with '-', found {name!r}"
        )
    return name


def check_kernel_name(name: str) -> str:
    """Return `name` of the form member/kernel, or raise ValueError."""
    member, slash, kernel = name.partition("/")
    if not slash:
        raise ValueError(f"must be of the form member/kernel, found {name!r}")
    return f"{check_name(member)}/{check_name(kernel)}"


Name = Annotated[str, AfterValidator(check_name)]
KernelName = Annotated[str, AfterValidator(check_kernel_name)]
T = TypeVar("T", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """The safe loader, except that a key written twice is an error, and so is a surrogate.

    YAML itself forbids both; a surrogate could be printed nowhere and written to no file.
    """

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and _SURROGATE.search(value):
            raise yaml.constructor.ConstructorError(
                None, None, "text must hold whole characters, found a surrogate", node.start_mark
            )
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twins = sorted({key for key in keys if keys.count(key) > 1})
        if twins:
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"key {twins[0]!r} must be given once and is given twice",
                node.start_mark,
            )
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, remedy: str = _FROM_GIT) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Args:
        remedy: what to do about a file that is not there or is none.

    Raises:
        UserError: the file is missing, cannot be read, is not UTF-8 or YAML, gives a key twice, or is no
            mapping, or holds a conflict of git.
    """
    try:
        text = path.read_text(encoding="utf-8")
        refuse_conflict(path, text, None if remedy == _FROM_GIT else remedy)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 (it is safe)
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: {remedy}") from None
    except OSError as error:
        raise UserError(
            f"{path} must be a file and cannot be read ({error.strerror}): {remedy}"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} must be YAML in UTF-8: {error}: correct it") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise UserError(f"{path} must hold `key: value` lines, found {found}: {remedy}")
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
    if not key:  # the whole value is at fault: its content would say nothing
        return f"{message}: change it"
    return f"{key}: {message} (found {repr(item['input'])[:80]}): change it"


def _fields_at(schema: type[BaseModel], location: list[str]) -> list[str]:
    """Field names of the model nested at `location`, as far as it can be followed."""
    current = schema
    for part in location:  # the key of a mapping or the place in a list names no field: stay
        if part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation) or current
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model within an annotation, such as the `M` of `dict[str, M] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)
