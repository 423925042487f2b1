"""Secrets in a notebook: where they stand and of what kind, never what they are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.cells import conversion
from pipelines.plumbing.secrets import kinds

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Secret:
    """Where a secret stands.

    Attributes:
        where: source (`number` = line of kernel.py, from 1), output (`number` = code cell, from 1), or notes
            (`number` = line of notes.md).
        kind: as `plumbing.secrets.kinds` names it.
    """

    where: Literal["source", "output", "notes"]
    number: int
    kind: str


def search(code: str, executed: "NotebookNode | None", notes: str | None) -> list[Secret]:
    """Every place that seems to hold a secret, the source's first.

    Args:
        code: of kernel.py.
        executed: the notebook whose outputs are read; None has none.
        notes: of notes.md.
    """
    found = [Secret("source", line, kind) for line, kind in _in_text(code)]
    found += [Secret("notes", line, kind) for line, kind in _in_text(notes or "")]
    cells = [] if executed is None else conversion.code_cells(executed)
    for number, cell in enumerate(cells, start=1):
        told = {kind for output in cell.get("outputs", []) for kind in _in_output(output)}
        found += [Secret("output", number, kind) for kind in sorted(told)]
    return found


def _in_text(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        yield from ((number, kind) for kind in kinds(line, is_written=True))


def _in_output(output: Any) -> Iterator[str]:
    """Kinds in what one output shows as text; pictures hold none, and pages made by libraries no names."""
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    written = [output.get("text"), output.get("evalue"), data.get("text/plain")]
    written.append("\n".join(map(str, output.get("traceback") or [])))
    for text in written:
        yield from kinds(_ANSI.sub("", _joined(text)), is_written=True)
    for kind, text in data.items():
        if kind != "text/plain" and not kind.startswith("image/"):
            yield from kinds(_joined(text), is_written=False)


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")
