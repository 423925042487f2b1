"""Tables of files whose columns have types of their own, brought to what a CSV of the same cells would give."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values.tables import Columns

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".dat")


def is_csv(path: Path) -> bool:
    """Whether a file is a CSV by its ending, gzipped or not, whatever its competition's others are: samples mostly are."""
    return path.name.lower().removesuffix(".gz").endswith(CSV_ENDINGS)


def read(read_file: Callable[[Path], pd.DataFrame], path: Path) -> pd.DataFrame:
    """Read a file by a function of a library.

    Raises:
        UserError: it is missing, damaged, or of another form.
    """
    try:
        return read_file(path)
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except (ValueError, OSError, TypeError, KeyError) as error:  # pyarrow's errors are such
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path} must be a whole file of its form ({reason}): download it again, or correct `format:` under "
            "`files:` in the competition file"
        ) from None


def plain(table: pd.DataFrame, text: Columns) -> pd.DataFrame:
    """Numbers as numbers, everything else as text, moments as ISO 8601, lists as they are printed.

    Args:
        table: of any types.
        text: columns that become text, whatever they are.
    """
    named = table.rename(columns=str).reset_index(drop=True)
    return named.apply(lambda cells: _plain(cells, text == "all" or cells.name in text))


def as_text(cells: "pd.Series") -> "pd.Series[str]":
    """Cells as a CSV would spell them; gaps stay gaps."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        cells = cells.astype(cells.cat.categories.dtype)
    return cells.astype(object).map(_spelled, na_action="ignore").astype(object)


def _spelled(cell: object) -> str:
    return cell.isoformat(sep=" ") if isinstance(cell, pd.Timestamp) else str(cell)


def _plain(cells: "pd.Series", is_text: bool) -> "pd.Series":
    is_number = pd.api.types.is_numeric_dtype(cells)
    if not is_text and pd.api.types.infer_dtype(cells) == "decimal":
        return cells.astype(np.float64)
    if is_text or not is_number:
        return cells if pd.api.types.is_bool_dtype(cells) and not is_text else as_text(cells)
    if cells.isna().any() or pd.api.types.is_float_dtype(cells):
        return cells.astype(np.float64)
    return cells.astype(bool if pd.api.types.is_bool_dtype(cells) else np.int64)
