"""The notebook that a member edits in Jupyter beside kernel.py, and which of the two is newer."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cells import conversion
from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError
from pipelines.values.kernel import Kernel

if TYPE_CHECKING:
    from nbformat import NotebookNode


def open_notebook(kernel: Kernel) -> Path:
    """Write a kernel as an .ipynb, to be edited in Jupyter; `take` brings it back.

    Returns:
        The notebook's path in the kernel's bundle. Where it was opened before and kernel.py is still the same,
        that one, as it is: with edits, outputs and execution counts.

    Raises:
        UserError: both that notebook and kernel.py have been edited since.
    """
    opened = Opened(kernel.name)
    if opened.path.is_file() and opened.is_of(kernel.code.encode()):
        return opened.path
    if opened.has_edits():
        raise UserError(
            f"only one of two may be edited at a time, and both {opened.path} and {kernel.folder}/kernel.py "
            f"were: keep the notebook by `pilsa kernel take {opened.path} {kernel.name} --force`, or "
            "delete it"
        )
    notebook = conversion.from_percent(kernel.code)
    atomic.write_text(opened.path, conversion.to_text(notebook))
    opened.remember(kernel.code)
    return opened.path


def draft_of(kernel: Kernel) -> "NotebookNode | None":
    """The notebook in which a member last ran this kernel's cells by hand, for the order they were run in.

    Returns:
        Of the one that `open_notebook` gave and the one that `take` took last the newer that has execution
        counts and says the same as kernel.py; its outputs may be gone. None where there is none: nobody
        knows then how the cells were run.
    """
    ours = cells_of(kernel.code.encode())
    for path in Opened(kernel.name).newest_first():
        try:
            notebook = conversion.read_notebook(path)
            is_same = cells_of(conversion.to_percent(notebook).encode()) == ours
        except UserError:  # damaged since: no reason to refuse a check
            continue
        if is_same and any(cell.get("execution_count") for cell in conversion.code_cells(notebook)):
            return notebook
    return None


class Opened:
    """The notebook that a member edits in Jupyter, and which kernel.py it was last equal to."""

    def __init__(self, name: str) -> None:
        folder = paths.bundle(name) / "open"
        self.path = folder / f"{name.partition('/')[2]}.ipynb"
        self._state = folder / "opened.json"
        self._taken = folder / "taken.json"  # an .ipynb, under a name that no kernel's own can have

    def _equal_to(self) -> dict[str, Any]:
        return atomic.read_json(self._state) if self._state.is_file() else {}

    def is_of(self, code: bytes) -> bool:
        """Whether kernel.py has still the bytes that this notebook was last made of, or gave."""
        return self._equal_to().get("kernel") == hashlib.sha256(code).hexdigest()

    def has_edits(self) -> bool:
        if not self.path.is_file():
            return False
        return self._equal_to().get("notebook") != self._cells()

    def _cells(self) -> str:
        notebook = conversion.upgraded(self.path.read_bytes(), str(self.path))
        cells = [[cell.cell_type, cell.source, conversion.tags(cell)] for cell in notebook.cells]
        return atomic.content_hash(cells)

    def newest_first(self) -> list[Path]:
        """The notebook itself and what is left of the one that was taken last, as far as they exist."""
        found = [path for path in (self._taken, self.path) if path.is_file()]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)

    def keep_counts(self, taken: "NotebookNode") -> None:
        """Keep a taken notebook's cells and execution counts, and nothing of its outputs."""
        for cell in conversion.code_cells(taken):
            cell.outputs = []
        atomic.write_text(self._taken, conversion.to_text(taken))

    def remember(self, code: str) -> None:
        equal = {"kernel": hashlib.sha256(code.encode()).hexdigest(), "notebook": self._cells()}
        atomic.write_json(self._state, equal)


def cells_of(code: bytes) -> list[tuple[str, str, list[str]]] | None:
    """What a kernel.py says, however its cells are spaced; None where it is no text."""
    try:
        notebook = conversion.from_percent(code.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    return [
        (cell.cell_type, cell.source.strip("\n"), conversion.tags(cell)) for cell in notebook.cells
    ]
