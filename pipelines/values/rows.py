"""The rows of one raw file, and what there is to say of how they were read."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values import tables, typed_files


def read(
    path: Path, text: tables.Columns, form: tables.Form | None, notes: list[str],
    other: Callable[[Path], pd.DataFrame] | None,
) -> pd.DataFrame:  # fmt: skip
    """Read a file, its rows without any cell left out.

    Args:
        text: the columns to read as text.
        form: of a CSV; None where `other` reads the file.
        notes: sentences are put here.

    Raises:
        UserError: the file is missing, has no rows, or cannot be read.
    """
    if form is None:
        assert other is not None  # who gives no form gives a reader
        return typed_files.plain(typed_files.read(other, path), text)
    table = tables.read_csv(path, text, form)
    _tell(path, table, form, notes)
    return table


def _tell(path: Path, table: pd.DataFrame, form: tables.Form, notes: list[str]) -> None:
    if table.empty:
        raise UserError(f"{path} must hold rows and has only a header: download it again")
    notes += tables.left_out(path.name, table)
    table.attrs.clear()  # what was told is told once
    notes += [
        f"{path.name} has {name!r} above several columns: the second is called {name + '.1'!r} here, and so on"
        for name in tables.repeated(path, form)
    ]
    if not form.encoding.startswith("utf-8"):
        cells = (str(cell) for name in table for cell in (*table[name].dropna().unique(), name))
        foreign = next((cell for cell in cells if not cell.isascii()), None)
        shown = f"one of its cells is {foreign!r}" if foreign else "it holds ASCII alone"
        notes.append(
            f"{path.name} is no UTF-8 and was read as {form.encoding}: {shown} (if that is wrong, set `encoding:` in "
            "the competition file)"
        )
