"""What a diagnosis looks at, and the words of the faults that several ways lead to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.cells import conversion
from pipelines.rehearsal.events import Event
from pipelines.rehearsal.fault import Fault, Kind
from pipelines.sandbox.outputs import plain
from pipelines.sandbox.task import Execution
from pipelines.values.code_rules import Code

_LINE = re.compile(r"Cell In\[\d+\], line (\d+)|ipykernel_\S+?\.py[:\"]\D{0,8}(\d+)|\(line (\d+)\)")
_SHOWN_FILES = 6


@dataclass(frozen=True)
class Place:
    """Where something happened: a code cell, counted from 1, and a line of it."""

    cell: int | None = None
    line: int | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """What a diagnosis looks at.

    Attributes:
        execution: how the run ended.
        events: what its process wrote down.
        code: what the site allows.
        folder: the name of the competition's folder below /kaggle/input.
        public_rows: rows of the public test.
        public_files: names of all files that the public has.
        files: names of the files that this run was shown.
        given_away: folders of packages that hold the answers.
        image: the modules that the site brings; None where the packed wheels are all there is.
        test: the hidden test's name.
    """

    execution: Execution
    events: Sequence[Event]
    code: Code
    folder: str
    public_rows: int
    public_files: set[str]
    files: set[str]
    given_away: Sequence[str]
    image: frozenset[str] | None
    test: str

    def place_of(self, event: Event) -> Place:
        """Its cell among all code cells: those that are empty or skipped are not executed, and not counted there."""
        cells = enumerate(conversion.code_cells(self.execution.notebook), 1)
        executed = [
            number for number, cell in cells
            if cell.source.strip() and "skip-execution" not in conversion.tags(cell)
        ]  # fmt: skip
        return Place(executed[min(event.cell, len(executed)) - 1], event.line)

    def traced(self, cell: int | None) -> Place:
        """The line of a cell that its traceback names first, which is the cell's own."""
        cells = conversion.code_cells(self.execution.notebook)
        for output in cells[cell - 1].outputs if cell and cell <= len(cells) else []:
            text = plain("\n".join(output.get("traceback", [])), 100_000)
            if found := _LINE.search(text):
                return Place(cell, int(next(filter(None, found.groups()))))
        return Place(cell)

    def text_of(self, place: Place) -> str:
        """The cell's text, which only tells apart what the same failure may mean."""
        cells = conversion.code_cells(self.execution.notebook)
        return str(cells[place.cell - 1].source) if place.cell else ""

    def text_at(self, place: Place) -> str:
        """The line's text."""
        lines = self.text_of(place).splitlines()
        return lines[place.line - 1] if place.line and place.line <= len(lines) else ""

    def is_given_away(self, path: str) -> bool:
        """Whether a path lies in a package's folder that holds the answers."""
        return any(f"/site-packages/{name}" in path for name in self.given_away)

    def fault(self, kind: Kind, must: str, found: str, do: str, at: Place) -> Fault:
        shown = plain(found, 300).replace("\n", " ")
        return Fault(kind=kind, must=must, found=shown, do=do, cell=at.cell, line=at.line, test=self.test)  # fmt: skip

    def gone(self, path: str, at: Place) -> Fault:
        """The public test's own files or answers were read."""
        there = ", ".join(sorted(self.files)[:_SHOWN_FILES])
        return self.fault(
            "public test", "the run must do with the hidden test: the public test's own files and answers are gone",
            f"{path} read", f"leave it out; in /kaggle/input/{self.folder} there are {there}", at,
        )  # fmt: skip

    def missing_wheel(self, module: str, found: str, at: Place) -> Fault:
        return self.fault(
            "missing wheel", f"the package of {module} must be among the packed wheels", found,
            "add it to `requires:` in kernel.yaml, then `pilsa kernel pack`", at,
        )  # fmt: skip

    def competition_download(self, found: str, at: Place) -> Fault:
        return self.fault(
            "competition download",
            "the competition's files must be read where they lie: nothing can be downloaded in the rerun",
            found, f"read /kaggle/input/{self.folder} instead", at,
        )  # fmt: skip

    def no_gpu(self, found: str, at: Place) -> Fault:
        return self.fault(
            "gpu", f"the run must do with the accelerator of the site ({self.code.accelerator})", found,
            "use the GPU only where there is one, or write `accelerator: gpu` under `code:` if the site has it", at,
        )  # fmt: skip

    def too_much_memory(self, found: str, at: Place) -> Fault:
        return self.fault(
            "memory", f"the run must stay within {self.code.memory_gb:g} GiB of memory", found,
            "load less at a time, or use smaller types", at,
        )  # fmt: skip
