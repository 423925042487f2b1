"""MNIST's idx files among what a platform handed out: pictures and labels, told apart by their axes and counts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.adding.found_files import Found, Table
from pipelines.adding.guesses import Guess
from pipelines.adding.roles import Roles
from pipelines.plumbing.errors import UserError
from pipelines.values.tables import Form, read_idx

_PICTURE_AXES = 3


@dataclass(frozen=True, eq=False)
class Arrays:
    """What idx files are.

    Attributes:
        roles: train with its labels alone, and test without columns.
        image, files: keys of a competition file.
        used: the names of the files.
        why: what was seen.
    """

    roles: Roles
    image: Guess
    files: Guess
    used: set[str]
    why: tuple[str, ...]


def tell(found: Found) -> Arrays | None:
    """Tell train, test and the labels of both; None where no two files are idx pictures.

    Raises:
        UserError: no labels are as many as the most pictures.
    """
    arrays = _read(found)
    pictures = sorted(
        (name for name in arrays if arrays[name].ndim == _PICTURE_AXES),
        key=lambda name: -len(arrays[name]),
    )
    if len(pictures) != 2:
        return None
    labels = [name for name in arrays if arrays[name].ndim == 1]
    train, test = pictures
    of_train, of_test = (
        [name for name in labels if len(arrays[name]) == len(arrays[part])] for part in pictures
    )
    if len(of_train) != 1 or len(arrays[train]) == len(arrays[test]):
        raise UserError(
            f"labels must be as many as the pictures of train, and train the larger part, found {len(arrays[train]):,} "
            f"and {len(arrays[test]):,} pictures and {', '.join(labels) or 'no labels'}: check --from"
        )
    told = Roles(
        Table(found.files[train], pd.DataFrame({"label": arrays[of_train[0]]}), Form()),
        Table(found.files[test], pd.DataFrame(index=range(len(arrays[test]))), Form()),
    )
    height, width = arrays[train].shape[1:]
    files = {"format": "idx", "train": [train, of_train[0]], "test": test, "sample": None}
    source = {"solution": of_test[0]} if len(of_test) == 1 else {}
    hidden = (f"{of_test[0]} holds the labels of test: it grades here and stays hidden",)
    why = (
        f"train: {train}, {len(arrays[train]):,} pictures of {height} × {width} pixels, and {of_train[0]}, their labels",
        f"test: {test}, {len(arrays[test]):,} pictures", *(hidden if source else ()),
    )  # fmt: skip
    return Arrays(
        told, Guess({"image": {"height": height, "width": width}}, ()),
        Guess({"files": files, **({"source": source} if source else {})}, ()),
        {train, test, *of_train, *(of_test if source else ())}, why,
    )  # fmt: skip


def _read(found: Found) -> dict[str, np.ndarray]:
    """The idx files by name; they are no unread files any more."""
    arrays = {}
    for name, path in found.files.items():
        if path.suffix != ".gz":
            continue
        try:
            arrays[name] = read_idx(path)
        except UserError:  # another kind of file, as is said already
            continue
        found.others.pop(name, None)
    return arrays
