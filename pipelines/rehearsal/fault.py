"""A fault: what would fail a hidden rerun, where it was seen, and what to do about it."""

from typing import Literal

from pipelines.plumbing.schema import Strict

Kind = Literal[
    "missing wheel", "download", "row count", "competition download", "public test", "time", "memory",
    "output name", "columns", "gpu", "path", "internet", "values", "error",
]  # fmt: skip


class Fault(Strict):
    """One fault.

    Attributes:
        kind: what sort.
        must: what must hold on the site.
        found: what the run showed.
        do: what to do next.
        cell: counted from 1 among the code cells; None where no cell is to blame.
        line: of that cell, from 1.
        test: the hidden test in front of which it was seen; empty where it stands before any.
    """

    kind: Kind
    must: str
    found: str
    do: str
    cell: int | None = None
    line: int | None = None
    test: str = ""

    @property
    def where(self) -> str:
        cell = f"cell {self.cell}" if self.cell else ""
        return f"{cell}, line {self.line}" if cell and self.line else cell

    @property
    def sentence(self) -> str:
        """`path · cell 2, line 1: … must …, found …: do …`."""
        place = " · ".join(filter(None, [self.kind, self.where]))
        return f"{place}: {self.must}, found {self.found}: {self.do}"

    @property
    def key(self) -> tuple[object, ...]:
        """The same fault in front of two tests is one."""
        return self.kind, self.cell, self.line


def distinct(faults: list[Fault]) -> list[Fault]:
    """Each once, in their order."""
    return list({fault.key: fault for fault in reversed(faults)}.values())[::-1]
