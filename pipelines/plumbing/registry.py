"""Plugins by file name: `pipelines/models/knn.py` is the model `knn`. No list to keep, no import before use."""

import importlib
import inspect
import pkgutil
from typing import TypeVar

from pipelines.plumbing.errors import UserError, did_you_mean

T = TypeVar("T")


def names(family: str) -> list[str]:
    """Every plugin of a family (models, ensembles, platforms, features.blocks), in alphabetical order.

    Files that begin with `_` are shared parts, no plugins.
    """
    package = importlib.import_module(_package(family))
    found = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg]
    return sorted(name for name in found if not name.startswith("_"))


def _package(family: str) -> str:
    return family if family.startswith("features.") else f"pipelines.{family}"


def load(base: type[T], name: str) -> type[T]:
    """Import one plugin and return its class: the one class of the file that extends `base`.

    Args:
        base: the family's base class, which lives in the family's `__init__`.
        name: the file's name without `.py`.

    Raises:
        UserError: the family has no such file (the message names the nearest one), it needs a library
            that is not installed, or it defines no such class.
    """
    family = base.__module__.removeprefix("pipelines.")
    known, folder = names(family), _package(family).replace(".", "/")
    if name not in known:
        raise UserError(
            f"{family} must be files of {folder}/, found {name!r}{did_you_mean(name, known)}"
        )
    try:
        module = importlib.import_module(f"{_package(family)}.{name}")
    except (ImportError, SyntaxError) as error:
        raise UserError(
            f"{folder}/{name}.py must be importable, found {error}: correct the file, or install "
            "what it needs"
        ) from error
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise UserError(
            f"{module.__file__} must define one class that extends {base.__name__}, found {len(own)}"
        )
    return own[0]
