"""From Jupyter into kernel.py, and from kernel.py into Jupyter; what somebody wrote is never lost unseen."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.cells import conversion
from pipelines.notebooks import opened_notebooks
from pipelines.plumbing import atomic
from pipelines.plumbing.errors import UserError
from pipelines.transcription import originals


@dataclass(frozen=True)
class Taken:
    """A kernel.py as `take` wrote it.

    Attributes:
        path: of kernel.py.
        remarks: what the member should know, a sentence each: cells that are no Python yet.
    """

    path: Path
    remarks: tuple[str, ...] = ()


def take(path: Path, folder: Path, force: bool = False) -> Taken:
    """Write kernel.py from a notebook or a script: code, text and tags; nothing of its outputs.

    Args:
        path: an .ipynb: one from elsewhere, or the one that `open_notebook` gave; or a .py.
        folder: the kernel's, `kernels/<member>/<kernel>`.
        force: write over another kernel.py.

    Raises:
        UserError: the folder does not exist, the notebook is none (see `read_notebook`), or kernel.py has
            another content that did not come from this notebook.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder} must exist and was not found: `pilsa kernel new MEMBER SLUG` makes it"
        )
    if path.suffix == ".ipynb":
        notebook = conversion.read_notebook(path)
    else:
        notebook = originals.as_notebook(originals.read(path), str(path))
    text, target = conversion.to_percent(notebook), folder / "kernel.py"
    opened = opened_notebooks.Opened(f"{folder.parent.name}/{folder.name}")
    is_ours = path.resolve() == opened.path.resolve()
    before = target.read_bytes() if target.is_file() else None
    if before is not None and opened_notebooks.cells_of(before) == opened_notebooks.cells_of(
        text.encode()
    ):
        text = before.decode()  # spaced by hand, perhaps: it stays
    elif before is not None and not force and not (is_ours and opened.is_of(before)):
        raise UserError(
            f"{target} must not be overwritten unseen, and it has other content than {path}: compare the two, "
            "then repeat with --force"
        )
    atomic.write_text(target, text)
    if is_ours:
        opened.remember(text)
    opened.keep_counts(notebook)
    cells = ", ".join(str(cell) for cell in conversion.broken_cells(notebook)[:5])
    remark = (
        f"not all of it is Python of today ({cells}): `pilsa kernel doctor` says what to change"
    )
    return Taken(target, (remark,) if cells else ())
