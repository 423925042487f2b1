"""What a site's own image brings without being asked, as far as is known here."""

import re
import sys
from functools import cache
from importlib import metadata

from pipelines.notebooks import package_index

# Besides those that notebooks import most: what every such image has.
_ALSO = ("ipykernel", "kaggle", "kagglehub", "polars", "psutil", "pyarrow", "setuptools")


@cache
def modules() -> frozenset[str]:
    """Top-level modules of the packages that notebooks import most, and of all that these need here."""
    known = package_index.modules()
    waiting = [*_ALSO, *(each.package for each in package_index.packages().values())]
    names = set[str]()
    while waiting:
        name = package_index.normal(waiting.pop())
        if name not in names:
            names.add(name)
            waiting += _needs(name)
    brought = {
        module for module, owners in metadata.packages_distributions().items()
        if names.intersection(map(package_index.normal, owners))
    }  # fmt: skip
    tops = {module.partition(".")[0] for module in known}
    return frozenset(brought | tops | {*sys.stdlib_module_names, "__main__"})


def _needs(name: str) -> list[str]:
    """The packages that one needs, those of its extras left out."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    return [line for line in lines if not re.search(r";.*\bextra\b", line)]
