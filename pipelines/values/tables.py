"""Reading what platforms hand out: CSV in UTF-8 or cp949, and idx, the format of MNIST."""

import codecs
import gzip
import math
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError

_ENCODINGS = ("utf-8-sig", "cp949")
_IDX_BYTES = 0x08


def read_csv(path: Path, text_columns: list[str] | None = None) -> pd.DataFrame:
    """Read a CSV whose ids and labels keep the spelling they have in the file.

    Args:
        path: the file; UTF-8 with or without a byte order mark, else cp949 (Korean Windows).
        text_columns: columns to read as text.

    Raises:
        UserError: the file is missing, empty, no CSV, in another encoding, or its rows are wider than
            its header.
    """
    for encoding in _ENCODINGS:
        try:
            return _parse(path, text_columns or [], encoding)
        except UnicodeDecodeError:
            continue
        except FileNotFoundError:
            raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
        except (IsADirectoryError, PermissionError) as error:
            raise UserError(f"{path} must be a file that can be read ({error.strerror})") from None
        except pd.errors.EmptyDataError:
            raise UserError(
                f"{path} must hold a header and rows and is empty: download it again"
            ) from None
        except pd.errors.ParserError as error:
            reason = str(error).strip()
            raise UserError(f"{path} must be a CSV ({reason}): download it again") from None
        except pd.errors.ParserWarning:
            raise UserError(
                f"{path} must have as many cells in each row as in its header, and rows have more: "
                "remove the surplus commas, or quote texts that hold one"
            ) from None
    raise UserError(f"{path} must be UTF-8 or cp949 and is neither: save it again as UTF-8")


def read_cells(path: Path) -> tuple[pd.DataFrame, str]:
    """A CSV with every cell as it is spelled in the file, and the encoding to write it in again.

    Raises:
        UserError: as `read_csv`.
    """
    for encoding in _ENCODINGS:
        try:
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding=encoding, index_col=False
            )
        except UnicodeDecodeError:
            continue
        except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError):
            break
        has_mark = path.read_bytes()[:3] == codecs.BOM_UTF8
        return table, encoding if has_mark else encoding.removesuffix("-sig")
    raise UserError(f"{path} must be a CSV in UTF-8 or cp949 and cannot be read: download it again")


def _parse(path: Path, text_columns: list[str], encoding: str) -> pd.DataFrame:
    """Read with pandas; of a text column only an empty cell is missing: `NA` or `None` may be an id or a class.

    Without `index_col=False` pandas takes surplus cells for an index and moves each column by one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(path, encoding=encoding, index_col=False, low_memory=False)
        texts = pd.read_csv(
            path, usecols=lambda name: name in text_columns, dtype=str, na_values=[""], keep_default_na=False,
            encoding=encoding, index_col=False,
        )  # fmt: skip
    return table.assign(**{str(name): texts[name] for name in texts})


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped idx file of unsigned bytes.

    Returns:
        uint8 array of the shape that the file's header gives: (n,) labels or (n, height, width) images.

    Raises:
        UserError: the file is missing, cut off, or is no idx file of unsigned bytes.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} must exist and was not found: run `dvc repro`") from None
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} must be a whole gzip file ({error}): download it again") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _IDX_BYTES:
        raise UserError(f"{path} must be an idx file of unsigned bytes and is not: check `files:`")
    axes = content[3]
    header = 4 + 4 * axes
    if len(content) < header:
        raise UserError(
            f"{path} must have a header of {header} bytes and ends in it: download it again"
        )
    shape = struct.unpack_from(f">{axes}I", content, 4)
    values = np.frombuffer(content, np.uint8, offset=header)
    if values.size != math.prod(shape):
        raise UserError(
            f"{path} must hold {' × '.join(map(str, shape))} bytes, found {values.size}: download it again"
        )
    return values.reshape(shape)
