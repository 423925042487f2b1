"""The texts that members transcribe, kept by their hash, outside of git."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cells import conversion
from pipelines.platforms import _kaggle_client
from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError
from pipelines.values.kernel import Source

if TYPE_CHECKING:
    from nbformat import NotebookNode

COMMITTED = "original.ipynb"
_PERCENT = re.compile(r"^# %%", re.M)


@dataclass(frozen=True, eq=False)
class Fetched:
    """An original that was fetched again.

    Attributes:
        notebook: it, with its outputs where it has any.
        remarks: what is to be said aloud, a sentence each: it is no longer what was transcribed.
    """

    notebook: "NotebookNode"
    remarks: tuple[str, ...] = ()


def keep(content: bytes, where: str) -> str:
    """Keep an original; the same bytes are kept once.

    Args:
        content: of an .ipynb, or of a Python script.
        where: it comes from, for messages.

    Returns:
        Its sha256, which is its name.

    Raises:
        UserError: it is neither a Python notebook nor a Python script in UTF-8.
    """
    as_notebook(content, where)
    name = hashlib.sha256(content).hexdigest()
    if _verified(name) is None:
        atomic.write_bytes(paths.originals() / name, content)
    return name


def as_notebook(content: bytes, where: str) -> "NotebookNode":
    """An original as a notebook: an .ipynb as it is; a script by its cell markers, else by its paragraphs.

    Raises:
        UserError: see `keep`.
    """
    if not is_script(content):
        return conversion.parse_notebook(content, where)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(
            f"{where} must be UTF-8 and is not: save it as UTF-8 and try again"
        ) from None
    if not text.strip():
        raise UserError(f"{where} must hold a notebook or a script, and is empty: check the file")
    if _PERCENT.search(text):
        return conversion.from_percent(text)
    import jupytext

    return jupytext.reads(
        text, fmt={"extension": ".py", "format_name": "light", "comment_magics": False}
    )


def is_script(content: bytes) -> bool:
    """Whether it is neither JSON nor a page of HTML, which is refused as a broken notebook."""
    return not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"<"))


def load(source: Source) -> "NotebookNode | None":
    """The original of a kernel, where this machine has it; what was altered since counts as missing."""
    content = None if source.sha256 is None else _verified(source.sha256)
    return None if content is None else as_notebook(content, str(source.title or source.url))


def beside(folder: Path) -> "NotebookNode | None":
    """The original that is committed in a kernel's folder; None where there is none.

    Raises:
        UserError: it is no notebook.
    """
    path = folder / COMMITTED
    return conversion.read_notebook(path) if path.is_file() else None


def fetch(source: Source, file: Path | None = None) -> Fetched:
    """The original of a kernel: from this machine, else from `file`, else again from Kaggle.

    Raises:
        UserError: there is no way to it, or what came is no notebook.
    """
    kept = load(source)
    if kept is not None and file is None:
        return Fetched(kept)
    content, where = _again(source, file)
    notebook = as_notebook(content, where)
    found = keep(content, where)
    if source.sha256 in (None, found):
        return Fetched(notebook)
    return Fetched(
        notebook,
        (
            f"{where} is no longer what was transcribed: its sha256 is {found[:12]}…, and kernel.yaml has "
            f"{str(source.sha256)[:12]}…; the comparison is with the new text",
        ),
    )


def _again(source: Source, file: Path | None) -> tuple[bytes, str]:
    if file is not None:
        return read(file), str(file)
    if source.platform == "kaggle" and source.url:
        return _kaggle_client.pull(source.url).content, source.url
    raise UserError(
        f"the original must lie on this machine, on Kaggle or in a file, and {source.title or source.url!r} "
        f"({source.platform}) is not here: give its file"
    )


def read(path: Path) -> bytes:
    """The bytes of a file that a member names.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} must be a notebook and cannot be read ({error.strerror}): check the path"
        ) from None


def _verified(name: str) -> bytes | None:
    path = paths.originals() / name
    if not path.is_file():
        return None
    content = path.read_bytes()
    return content if hashlib.sha256(content).hexdigest() == name else None
