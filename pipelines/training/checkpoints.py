"""Work that outlives the process that did it: what is finished is kept under a key and not done twice.

DVC deletes a stage's outputs before it runs, so this lies in `.cache/pilsa/work/<key>/`. The key holds
everything that decides the numbers: data, folds, parameters, seed, backend, device, our own sources
(comments and docstrings aside) and the versions of the libraries that compute.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.plumbing import paths, process, sources
from pipelines.plumbing.atomic import content_hash, read_arrays, write_arrays

_LIBRARIES = ("keras", "numpy", "scikit-learn", "tensorflow", "jax", "torch")


@dataclass(frozen=True, eq=False)
class Fit:
    """One finished fit.

    Attributes:
        parts: predictions float32 (n, width), one per set of rows that was asked for.
        history: losses per epoch.
        seconds: wall-clock time of fitting and predicting.
    """

    parts: tuple[np.ndarray, ...]
    history: list[dict[str, float]]
    seconds: float


def job_key(*modules: str, **what: Any) -> str:
    """The key of a job: `what` it is, the code of `modules` and all they import, and the libraries."""
    files = [path for path in sources.closure(*modules) if sources.is_numeric(path)]
    return content_hash({**what, "code": sources.fingerprint(files), "libraries": versions()})


def versions() -> dict[str, str]:
    """Versions of the libraries that compute, as far as they are installed."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@contextmanager
def working(key: str, what: str) -> Iterator[Path]:
    """The folder of a job's work, held by one process at a time; a second one waits and says for whom."""
    folder = paths.work(key)
    with process.exclusive(folder / "lock", what):
        yield folder


def load_fit(path: Path) -> Fit | None:
    """A finished fit, or None where it is not finished.

    Raises:
        UserError: the file is damaged; deleting it repeats this one fit.
    """
    if not path.is_file():
        return None
    stored = read_arrays(path)
    rest = json.loads(str(stored.pop("rest")))
    parts = tuple(stored[f"part{number}"] for number in range(len(stored)))
    return Fit(parts, rest["history"], rest["seconds"])


def save_fit(path: Path, fit: Fit) -> None:
    parts = {f"part{number}": part for number, part in enumerate(fit.parts)}
    rest = json.dumps({"history": fit.history, "seconds": fit.seconds})
    write_arrays(path, {**parts, "rest": np.array(rest)})
