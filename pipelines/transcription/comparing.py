"""A comparison to be looked at: in the terminal, as one HTML page, as JSON.

Cells are others' text. In the terminal no control character of theirs is obeyed; on the page all is escaped,
and it loads nothing and runs nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from difflib import SequenceMatcher
from typing import Any

from pipelines.plumbing import pages
from pipelines.plumbing.pages import Language, Say
from pipelines.plumbing.printing import shown, visible
from pipelines.transcription.alignment import Comparison, Likeness, Mark, Pair, State

_STYLES: dict[State, str] = {
    "same": "green",
    "renamed": "cyan",
    "changed": "yellow",
    "left out": "red",
    "added": "blue",
}
_AROUND = 2  # lines that both have, shown before and after a difference
_MOST_LINES = 24  # of one cell in the terminal
_CUT = 160  # characters of one line in the terminal


def show(comparison: Comparison, console: Any, language: Language = "en") -> None:
    """Print which cell became what, and the differences of the cells that are not the same.

    Args:
        console: a `rich.console.Console`.
        language: ko or en.
    """
    from rich.table import Table
    from rich.text import Text

    say = Say(language, __package__)
    console.print(Text(summary(comparison, say)))
    table = Table()
    for column in ("original", "ours", "statements"):
        table.add_column(say(column), justify="right", no_wrap=True)
    table.add_column(say("state"))
    for pair in comparison.pairs:
        state = Text(say(pair.state), style=_STYLES[pair.state])
        table.add_row(_original(pair), _ours(pair), _statements(pair), state)
    if comparison.pairs:
        console.print(table)
    for pair in comparison.pairs:
        if pair.state not in ("same", "renamed"):
            place = f"{say('original')} {_original(pair)} · {say('ours')} {_ours(pair)}"
            console.print(Text(f"{place}: {say(pair.state)}", style=_STYLES[pair.state]))
            for mark, line in _short(pair):
                style = {"-": "red", "+": "green", " ": "dim"}[mark]
                console.print(shown(f"  {mark} {line}", style), no_wrap=True, overflow="ellipsis")
    if comparison.renames:
        renames = ", ".join(f"{name} → {new}" for name, new in comparison.renames.items())
        console.print(shown(f"{say('new names')}: {renames}"))


def show_matrix(likeness: Likeness, console: Any, language: Language = "en") -> None:
    """Print how alike the members' kernels are, in per cent."""
    from rich.table import Table

    say = Say(language, __package__)
    table = Table(title=say("How alike beyond the original"), title_justify="left")
    table.add_column("")
    for column in (*likeness.members, say("own")):
        table.add_column(shown(column), justify="right")
    for name, row, own in zip(likeness.members, likeness.shares, likeness.own, strict=True):
        table.add_row(shown(name), *(percent(share) for share in row), str(own))
    console.print(table, markup=False)


def page(
    comparison: Comparison | None,
    title: str,
    language: Language = "en",
    likeness: Likeness | None = None,
) -> str:
    """One self-contained HTML page.

    Args:
        comparison: None for a page with the likeness of the members alone.
        title: such as `m01/knn`.
        language: ko or en.
    """
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "visible": visible,
        "original": _original,
        "ours": _ours,
        "statements": _statements,
        "folded": lambda pair: _folded(_split(pair)),
    }
    return pages.render(
        __package__, "diff.html.jinja", filters, Say(language, __package__),
        comparison=comparison, likeness=likeness, title=title, language=language, states=list(_STYLES),
    )  # fmt: skip


def as_json(compared: Comparison | Likeness) -> dict[str, Any]:
    """All of it as JSON values; cells are counted from 0 and shares go from 0 to 1."""
    return asdict(compared)


def summary(comparison: Comparison, say: Say) -> str:
    """One line: coverage, cells by state, own statements."""
    states = ", ".join(
        f"{say(state)} {comparison.count(state)}" for state in _STYLES if comparison.count(state)
    )
    parts = [f"{say('coverage')} {percent(comparison.coverage)}"]
    parts += [f"{say('cells')}: {states}"] if states else []
    return " · ".join([*parts, f"{say('own statements')} {comparison.additions}"])


def percent(share: float) -> str:
    """Whole per cents, rounded down below 100: only what is complete reads 100 %."""
    return f"{int(share * 100 + 1e-9)} %"


def _original(pair: Pair) -> str:
    return "–" if pair.original is None else str(pair.original + 1)


def _ours(pair: Pair) -> str:
    return ", ".join(str(cell + 1) for cell in pair.ours) or "–"


def _statements(pair: Pair) -> str:
    added = f" + {pair.added}" if pair.added else ""
    return (
        f"+ {pair.added}" if pair.state == "added" else f"{pair.present}/{pair.statements}{added}"
    )


def _split(pair: Pair) -> list[tuple[Mark, str]]:
    """Line by line; what two versions of a long statement have in common is shown once."""
    found: list[tuple[Mark, str]] = []
    rest = [(mark, visible(text).split("\n")) for mark, text in pair.lines]
    while rest:
        mark, lines = rest.pop(0)
        if mark == "-" and rest and rest[0][0] == "+":
            found += _both(lines, rest.pop(0)[1])
        else:
            found += [(mark, line) for line in lines]
    return found


def _both(old: list[str], new: list[str]) -> list[tuple[Mark, str]]:
    """Two versions of one statement."""
    found: list[tuple[Mark, str]] = []
    steps = SequenceMatcher(None, [line.strip() for line in old], [line.strip() for line in new])
    for step, i, i_end, j, j_end in steps.get_opcodes():
        if step == "equal":
            found += [(" ", line) for line in new[j:j_end]]
        else:
            found += [("-", line) for line in old[i:i_end]]
            found += [("+", line) for line in new[j:j_end]]
    return found


def _folded(lines: Sequence[tuple[Mark, str]]) -> list[tuple[Mark, str]]:
    """The differences with a little around them; `⋯` stands for the rest."""
    near = {
        number + step
        for number, (mark, _) in enumerate(lines)
        if mark != " "
        for step in range(-_AROUND, _AROUND + 1)
    }
    shown: list[tuple[Mark, str]] = []
    for number, line in enumerate(lines):
        if number in near:
            shown.append(line)
        elif not shown or shown[-1][1] != "⋯":
            shown.append((" ", "⋯"))
    return shown


def _short(pair: Pair) -> list[tuple[Mark, str]]:
    lines = _folded(_split(pair))
    cut: list[tuple[Mark, str]] = [
        (mark, line[:_CUT].expandtabs(4)) for mark, line in lines[:_MOST_LINES]
    ]
    more = len(lines) - len(cut)
    return [*cut, (" ", f"⋯ ({more})")] if more else cut
