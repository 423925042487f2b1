"""Advice on a notebook: what is worth a second look and never fails a kernel, a sentence each.

Read from the syntax trees of the cells. A cell that does not parse gives none.
"""

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from pipelines.cells import conversion, parsing
from pipelines.notebooks.checking.leaks import Cell, leaks
from pipelines.plumbing.pages import Say
from pipelines.values.kernel import NOTES

if TYPE_CHECKING:
    from nbformat import NotebookNode

MOST_LINES = 60
MOST_CELLS_WITHOUT_TEXT = 6


def advise(
    notebook: "NotebookNode", draft: "NotebookNode | None", notes: str | None, say: Say
) -> list[str]:
    """All advice, in a fixed order.

    Args:
        notebook: the kernel's cells, not executed.
        draft: the member's own .ipynb, whose execution counts tell how it was worked with; None says nothing.
        notes: text of notes.md; None where there is none.
        say: the language.
    """
    code = [cell.source for cell in conversion.code_cells(notebook)]
    read = list(enumerate(map(parsing.read, code), 1))
    cells = [Cell(number, cell, cell.tree) for number, cell in read if cell.tree and not cell.error]
    found = [] if draft is None else _order(draft, say)
    found += leaks(cells, say)
    found += _long_cells(code, say) + _without_text(notebook, say)
    if not any(cell.error for _, cell in read):  # a broken cell may be the one that uses an import
        found += _unused_imports(cells, say)
    return found + _empty_notes(notes, say)


# How the cells were run


def _order(draft: "NotebookNode", say: Say) -> list[str]:
    counts = [
        (number, cell.get("execution_count"))
        for number, cell in enumerate(conversion.code_cells(draft), start=1)
        if "".join(cell.source).strip()
    ]
    run = [(number, count) for number, count in counts if isinstance(count, int)]
    for (before, earlier), (number, count) in pairwise(run):
        if count <= earlier:
            return [
                say(
                    "Cell %(number)s of your notebook was run before cell %(before)s, which stands above it: restart "
                    "and run all, so that the state is the one that the code says.",
                    number=number, before=before,
                )
            ]  # fmt: skip
    if run and run[-1][1] > len(counts):
        return [
            say(
                "The last cell of your notebook has the number %(count)s, and there are %(cells)s cells: some were "
                "run more than once (or were deleted), so a printed figure may come from a state that the code does "
                "not show. Restart and run all.",
                count=run[-1][1], cells=len(counts),
            )
        ]  # fmt: skip
    return []


# How it reads


def _long_cells(code: list[str], say: Say) -> list[str]:
    return [
        say(
            "Cell %(cell)s has %(lines)s lines: cells of one thought each (up to %(most)s lines) can be read aloud.",
            cell=number, lines=len(text.splitlines()), most=MOST_LINES,
        )
        for number, text in enumerate(code, start=1)
        if len(text.splitlines()) > MOST_LINES
    ]  # fmt: skip


def _without_text(notebook: "NotebookNode", say: Say) -> list[str]:
    found, number, run = [], 0, 0
    for cell in [*notebook.cells, None]:
        if cell is not None and cell.cell_type == "code":
            number, run = number + 1, run + 1
            continue
        if cell is not None and not cell.source.strip():
            continue
        if run > MOST_CELLS_WITHOUT_TEXT:
            found.append(
                say(
                    "Cells %(first)s to %(last)s stand without a word of text: say above them what they do and why.",
                    first=number - run + 1, last=number,
                )
            )  # fmt: skip
        run = 0
    return found


def _unused_imports(cells: list[Cell], say: Say) -> list[str]:
    imported: dict[str, None] = {}
    used: set[str] = set()
    for cell in cells:
        lines = cell.parsed.text.splitlines()
        for magic in cell.parsed.magics.values():  # `%timeit np.dot(a, b)` uses np
            used.update(re.findall(r"\w+", magic))
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imported |= dict.fromkeys(_bound(node, lines[node.lineno - 1]))
            elif isinstance(node, ast.Name):
                used.add(node.id)
    unused = [name for name in imported if name not in used]
    if not unused:
        return []
    return [say("Imported and never used: %(names)s.", names=", ".join(unused))]


def _bound(node: ast.Import | ast.ImportFrom, line: str) -> list[str]:
    """Names that an import binds; none where it is made for its effect, or said to be."""
    module = getattr(node, "module", None) or ""
    if module == "__future__" or module.startswith("mpl_toolkits") or "noqa" in line:
        return []
    return [name for name, _ in parsing.imported(node) if name not in ("*", "_")]


# The notes


def _empty_notes(notes: str | None, say: Say) -> list[str]:
    if notes is None:
        return [say("There is no notes.md: write down %(headings)s.", headings=", ".join(NOTES))]
    text = re.sub(r"<!--.*?-->", "", notes, flags=re.DOTALL)
    empty = [heading for heading in NOTES if not _says_something(text, heading)]
    if not empty:
        return []
    return [say("notes.md says nothing yet under: %(headings)s.", headings=", ".join(empty))]


def _says_something(notes: str, heading: str) -> bool:
    """Whether a word stands below the heading, before the next one."""
    pattern = rf"(?ms)^#+[ \t]*{re.escape(heading)}\b[^\n]*$(.*?)(?=^#|\Z)"
    return any(re.search(r"\w", match[1]) for match in re.finditer(pattern, notes))
