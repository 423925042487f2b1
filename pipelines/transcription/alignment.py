"""A member's kernel beside the notebook that it transcribes, cell by cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from pipelines.transcription import syntax
from pipelines.transcription.likeness import likeliest
from pipelines.transcription.matching import Matching, match
from pipelines.transcription.syntax import Notebook, Statement

State = Literal["same", "renamed", "changed", "left out", "added"]
Mark = Literal[" ", "-", "+"]


@dataclass(frozen=True)
class Pair:
    """One cell of the original and where it is in ours; an added cell has no original.

    Attributes:
        state: same: as in the original up to whitespace, line breaks, comments and docstrings; renamed: up
            to the names of variables, functions, arguments, classes and import aliases as well; changed:
            a statement differs, is missing, is added or stands in another order; left out: nothing of it
            is in ours; added: nothing of ours is in the original.
        original: number of the original's code cell, counted from 0; None for an added one.
        ours: numbers of our code cells that hold it, from 0: several where it was split, the same in
            several pairs where cells were put together.
        statements: of the original's cell; of ours for an added one.
        present: how many of them are in ours as same or renamed, wherever they stand.
        added: how many of ours stand among them.
        lines: the cell's statements, (" ", text) as in ours where both have it, ("-", text) only the
            original's, ("+", text) only ours. Names that were merely renamed are no difference.
    """

    state: State
    original: int | None
    ours: tuple[int, ...]
    statements: int
    present: int
    added: int
    lines: tuple[tuple[Mark, str], ...]


@dataclass(frozen=True)
class Comparison:
    """A kernel compared with its original.

    Attributes:
        pairs: in the original's order, an added cell after what stands before it in ours. Cells without
            a statement (notes only) are in no pair.
        coverage: share of the original's statements that are in ours as same or renamed, 0 … 1, higher
            is more; 1 where the original has none. A header (`for …:`, `def …:`) is one statement, each
            line of its body another.
        additions: statements of ours that stand for none of the original's.
        renames: the original's name → ours, where they differ; names inside a function or class are
            written with it (`f.x`).
    """

    pairs: tuple[Pair, ...]
    coverage: float
    additions: int
    renames: dict[str, str]

    def count(self, state: State) -> int:
        """Number of pairs in a state."""
        return sum(pair.state == state for pair in self.pairs)


@dataclass(frozen=True)
class Likeness:
    """How alike the members' kernels are beyond the original that all of them transcribe.

    Attributes:
        members: in the order given.
        shares: one row per member, shape (n, n), 0 … 1, symmetrical, 1 on the diagonal. Two that are
            identical read 1. Else twice the number of statements that both have and the original has
            not, by the number of statements of each beyond the original; 0 where one of them has none.
        own: number of statements of each member beyond the original.
    """

    members: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    own: tuple[int, ...]

    def of(self, first: str, second: str) -> float:
        return self.shares[self.members.index(first)][self.members.index(second)]


def compare(ours: Sequence[str], original: Sequence[str]) -> Comparison:
    """Compare a kernel with the notebook that it transcribes.

    Whitespace, comments, docstrings and the names of variables do not count, nor does how statements are
    spread over cells. A renaming must be one for the whole notebook: two variables made one are a change.
    What cannot be read as Python (another language, a syntax error) is compared line by line.

    Args:
        ours: text of each code cell of the kernel, magics as in a notebook (`%matplotlib inline`).
        original: the same of the original.
    """
    theirs = syntax.read(original)
    mine = syntax.read(ours, known=theirs.variables)
    found = match(mine.statements, theirs.statements)
    changed = likeliest(mine.statements, theirs.statements, found)
    pairs = tuple(_Cells(mine, theirs, found.pairs, changed).pairs())
    total = len(theirs.statements)
    return Comparison(
        pairs,
        coverage=len(found.pairs) / total if total else 1.0,
        additions=len(mine.statements) - len(found.pairs) - len(changed),
        renames=_renames(mine, theirs, found),
    )


def matrix(members: Mapping[str, Sequence[str]], original: Sequence[str] | None) -> Likeness:
    """How alike members' kernels are, after what each has in common with the original is taken away.

    Args:
        members: name → text of each code cell.
        original: None where there is none: then everything is their own.
    """
    names = tuple(members)
    template = syntax.read(original or [])
    notebooks = {
        name: syntax.read(cells, known=template.variables) for name, cells in members.items()
    }
    own = {
        name: _beyond(notebook.statements, template.statements)
        for name, notebook in notebooks.items()
    }
    shares = {(name, name): 1.0 for name in names}
    for first, second in combinations(sorted(names), 2):
        if _spelled(notebooks[first]) == _spelled(notebooks[second]):
            share = 1.0
        else:
            both = len(match(own[first], own[second]).pairs)
            share = 2 * both / max(1, len(own[first]) + len(own[second]))
        shares[first, second] = shares[second, first] = share
    rows = tuple(tuple(shares[a, b] for b in names) for a in names)
    return Likeness(names, rows, tuple(len(own[name]) for name in names))


def _spelled(notebook: Notebook) -> list[tuple[str, ...]]:
    return [statement.spelled for statement in notebook.statements]


def _beyond(ours: Sequence[Statement], original: Sequence[Statement]) -> list[Statement]:
    """The statements of ours that are not the original's."""
    known = match(ours, original).pairs
    return [statement for index, statement in enumerate(ours) if index not in known]


def _renames(ours: Notebook, original: Notebook, found: Matching) -> dict[str, str]:
    """The original's name → ours; two scopes of one name that were renamed differently name both."""
    used = {own for i in found.pairs for own in ours.statements[i].own}
    names: dict[str, list[str]] = {}
    for theirs, mine in sorted(found.renaming.to_ours.items()):
        written, new = theirs.name.removeprefix("self."), mine.name.removeprefix("self.")
        if written != new and mine in used:
            names.setdefault(original.qualified(theirs), []).append(new)
    return {name: ", ".join(dict.fromkeys(new)) for name, new in names.items()}


class _Cells:
    """States of cells from what became of their statements."""

    def __init__(
        self, ours: Notebook, original: Notebook, present: dict[int, int], changed: dict[int, int]
    ) -> None:
        self.ours, self.original = ours.statements, original.statements
        self.present, self.changed = present, changed
        self.partner = {**present, **changed}
        self.back = {j: i for i, j in self.partner.items()}
        self.home = dict(self._homes())

    def _homes(self) -> Iterator[tuple[int, int]]:
        """(our statement, the original's cell where it is shown): an added one is where its cell is.

        That is with the nearest statement before it in the same cell that has a partner, else after it.
        """
        cells: dict[int, list[int]] = {}
        for i, statement in enumerate(self.ours):
            cells.setdefault(statement.cell, []).append(i)
        for members in cells.values():
            homes = [self.original[self.partner[i]].cell for i in members if i in self.partner]
            if homes:
                last = homes[0]
                for i in members:
                    if i in self.partner:
                        last = self.original[self.partner[i]].cell
                    yield i, last

    def pairs(self) -> list[Pair]:
        """All pairs in the original's order."""
        theirs: dict[int, list[int]] = {}
        for j, statement in enumerate(self.original):
            theirs.setdefault(statement.cell, []).append(j)
        here: dict[int, list[int]] = {cell: [] for cell in theirs}
        added: dict[int, list[int]] = {}
        for i, statement in enumerate(self.ours):
            if i in self.home:
                here[self.home[i]].append(i)
            else:
                added.setdefault(statement.cell, []).append(i)
        placed = [((cell, -1), self._pair(cell, theirs[cell], here[cell])) for cell in theirs]
        placed += [
            ((self._after(mine[0]), cell), self._added(cell, mine)) for cell, mine in added.items()
        ]
        return [pair for _, pair in sorted(placed, key=lambda one: one[0])]

    def _after(self, index: int) -> int:
        """The original's cell after which an added cell is shown."""
        return next((self.home[i] for i in range(index, -1, -1) if i in self.home), -1)

    def _added(self, cell: int, ours: list[int]) -> Pair:
        lines: list[tuple[Mark, str]] = [("+", self.ours[i].text) for i in ours]
        return Pair("added", None, (cell,), len(ours), 0, len(ours), tuple(lines))

    def _pair(self, cell: int, theirs: list[int], ours: list[int]) -> Pair:
        present = [j for j in theirs if j in self.back and self.back[j] in self.present]
        extra = [i for i in ours if i not in self.partner]
        cells = tuple(dict.fromkeys(self.ours[i].cell for i in ours))
        return Pair(
            self._state(theirs, present, extra),
            cell,
            cells,
            len(theirs),
            len(present),
            len(extra),
            tuple(self._lines(theirs, ours)),
        )

    def _state(self, theirs: list[int], present: list[int], extra: list[int]) -> State:
        places = [self.back[j] for j in present]
        if len(present) < len(theirs):
            return "changed" if any(j in self.back for j in theirs) else "left out"
        if extra or places != sorted(places):
            return "changed"
        same = all(self.ours[self.back[j]].spelled == self.original[j].spelled for j in theirs)
        return "same" if same else "renamed"

    def _lines(self, theirs: list[int], ours: list[int]) -> Iterator[tuple[Mark, str]]:
        """Both cells as one: where their order agrees side by side, all else taken out and put in."""
        anchors = _increasing([(i, self.partner[i]) for i in ours if i in self.partner])
        here, there = iter(ours), iter(theirs)
        for i, j in [*anchors, (None, None)]:
            for missing in there:
                if missing == j:
                    break
                yield "-", self.original[missing].text
            for extra in here:
                if extra == i:
                    break
                yield "+", self.ours[extra].text
            if i is None or j is None:
                continue
            if i not in self.present:
                yield "-", self.original[j].text
            yield " " if i in self.present else "+", self.ours[i].text


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of `pairs`, ordered by the first, in which the second increases too."""
    # best[n] ends with the smallest second of all of length n + 1.
    best: list[list[tuple[int, int]]] = []
    for pair in pairs:
        length = next((n for n, row in enumerate(best) if row[-1][1] >= pair[1]), len(best))
        row = [*best[length - 1], pair] if length else [pair]
        best[length : length + 1] = [row]
    return best[-1] if best else []
