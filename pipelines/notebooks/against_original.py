"""A member's kernel beside its original, and beside what the other members made of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cells import conversion
from pipelines.notebooks import run_record
from pipelines.plumbing.errors import UserError
from pipelines.transcription import alignment, originals, reproduction
from pipelines.transcription.alignment import Comparison, Likeness
from pipelines.values import kernel as kernels
from pipelines.values.kernel import Kernel

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, eq=False)
class Held:
    """A kernel held against its original.

    Attributes:
        answers: what became of each figure that the original prints.
        remarks: what is to be said aloud, a sentence each.
    """

    comparison: Comparison
    answers: Sequence[reproduction.Answer]
    remarks: tuple[str, ...] = ()


def hold(name: str, file: Path | None = None) -> Held:
    """Compare a kernel with its original, which is fetched again where this machine lacks it.

    Args:
        name: member/slug.
        file: the original, where it is nowhere else.

    Raises:
        UserError: there is no such kernel, or no way to its original.
    """
    kernel = kernels.load(name)
    notebook, remarks = _original(kernel, file)
    comparison = alignment.compare(_texts(conversion.from_percent(kernel.code)), _texts(notebook))
    record = run_record.previous(kernel)
    figures = record.kernel.figures if record is not None and record.kernel is not None else {}
    return Held(comparison, reproduction.reached(kernel.file.claims, figures), remarks)


def alike(name: str) -> Likeness:
    """How alike the kernels of all members who transcribed the same original are, beyond that original.

    Raises:
        UserError: there is no such kernel, or nobody else transcribed its original.
    """
    kernel = kernels.load(name)
    group = {other.name: other for other in _readable() if _same(other, kernel)}
    if len(group) < 2:
        raise UserError(
            f"members are compared where two or more transcribed one original, and {name} is alone: the others' "
            "kernel.yaml must name the same url, sha256 or title under `source:`"
        )
    original = originals.beside(kernel.folder) or originals.load(kernel.file.source)
    texts = {each.name: _texts(conversion.from_percent(each.code)) for each in group.values()}
    return alignment.matrix(texts, None if original is None else _texts(original))


def _readable() -> Iterator[Kernel]:
    """Every kernel that can be read: one broken kernel.yaml is its member's affair."""
    for name in kernels.names():
        try:
            yield kernels.load(name)
        except UserError:
            continue


def _original(kernel: Kernel, file: Path | None) -> tuple["NotebookNode", tuple[str, ...]]:
    beside = originals.beside(kernel.folder) if file is None else None
    if beside is not None:
        return beside, ()
    if kernel.file.source.platform == "own" and file is None:
        raise UserError(
            f"{kernel.name} is its member's own work and has no original: name one with --original FILE"
        )
    fetched = originals.fetch(kernel.file.source, file)
    return fetched.notebook, fetched.remarks


def _texts(notebook: "NotebookNode") -> list[str]:
    return [cell.source for cell in conversion.code_cells(notebook)]


def _same(other: Kernel, kernel: Kernel) -> bool:
    """Whether two kernels transcribe one original; a kernel without one is alike to itself alone."""
    a, b = other.file.source, kernel.file.source
    if other.name == kernel.name:
        return True
    return a.platform == b.platform != "own" and any(
        getattr(a, key) is not None and getattr(a, key) == getattr(b, key)
        for key in ("sha256", "url", "title")
    )
