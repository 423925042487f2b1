"""Kernels in a terminal: the list, one kernel, a run, its check, its comparison."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from pipelines.notebooks import catalogue
from pipelines.notebooks.against_original import Held
from pipelines.notebooks.catalogue import Line
from pipelines.notebooks.kernel_run import Outcome
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.pages import Language
from pipelines.plumbing.printing import console, one_line, say, shown
from pipelines.tracking.kernel_facts import KernelFacts
from pipelines.transcription import comparing
from pipelines.transcription.alignment import Likeness
from pipelines.values.metrics import get


def show_list(lines: Sequence[Line]) -> None:
    """One row per kernel."""
    table = Table()
    for column in (
        "kernel",
        "competition",
        "week",
        "status",
        "fold 0",
        "cv_mean",
        "source",
        "marks",
    ):
        table.add_column(column, justify="right" if column in ("fold 0", "cv_mean") else "left")
    for line in lines:
        place = line.competition or line.kind
        status = line.status if line.reason is None else f"{line.status}: {line.reason}"[:80]
        week = "" if line.week is None else str(line.week)
        scores = (_number(line.fold0), _number(line.cv_mean))
        table.add_row(
            *map(
                shown,
                (line.name, place, week, status, *scores, line.platform, ", ".join(line.marks)),
            )
        )
    if not lines:
        say("no kernels yet: `pilsa kernel new MEMBER SLUG` makes one")
        return
    console().print(table)


def show_kernel(found: dict[str, Any]) -> None:
    """All that is known of a kernel, a line each."""
    for line in catalogue.as_lines(found):
        say(line)


def show_outcome(outcome: Outcome) -> None:
    """Every view with its score, the mock exam with its interval, marks, and what to do about a failure."""
    record, facts = outcome.record, outcome.record.kernel
    assert facts is not None
    table = Table(title=shown(f"{record.name}: {record.status}"), title_justify="left")
    for column in ("view", "score", "seconds", "submission"):
        table.add_column(column, justify="right" if column in ("score", "seconds") else "left")
    for view in facts.views:
        said = view.reason if view.status == "failed" else view.output
        table.add_row(view.view, _number(view.score), f"{view.seconds:.1f}", shown(said or ""))
    console().print(table)
    for sentence in _sentences(outcome, facts):
        say(one_line(sentence))


def _sentences(outcome: Outcome, facts: KernelFacts) -> list[str]:
    record, said = outcome.record, []
    if record.metric is not None:
        title = get(record.metric).title
        if record.fold0 is not None and facts.fold0_interval is not None:
            low, high = facts.fold0_interval
            said.append(
                f"mock exam: {title} {record.fold0:.4f} (95 % interval {low:.4f} … {high:.4f}; the sample "
                f"submission {_number(facts.constant)})"
            )
        if record.cv_mean is not None:
            spread = "" if record.cv_std is None else f" ± {record.cv_std:.4f}"
            said.append(
                f"CV: {title} {record.cv_mean:.4f}{spread} over {len(record.fold_scores)} folds, pooled "
                f"{_number(record.cv_pooled)} (folds {record.folds_hash}, data {record.data_hash})"
            )
    said += [
        f"{name}: ours {value:g}, printed {facts.claims[name]:g}"
        for name, value in facts.figures.items()
    ]
    said += [f"marked: {mark}" for mark in record.marks]
    said += [f"not enforced here: {gap}" for gap in facts.not_enforced]
    if record.reason is not None:
        said.append(f"failed: {record.reason}")
    said += [f"→ {hint}" for hint in outcome.hints]
    failed = next((step for step in facts.check if not step.passed), None)
    # Before the shuffled view was run the check has nothing to say that the reader does not know.
    is_checked = facts.shuffled is not None or record.metric is None
    if failed is not None and is_checked and record.status == "FINISHED":
        said.append(f"self-check: {failed.sentence}")
    return [*said, f"executed notebook: {outcome.bundle / 'executed.html'}"]


def show_check(outcome: Outcome, bundle: Path | None) -> None:
    """Every step in a sentence, then advice, then where the bundle is."""
    facts = outcome.record.kernel
    assert facts is not None
    for step in facts.check:
        sign = "[green]✓[/green]" if step.passed else "[red]✗[/red]"
        console().print(sign, shown(step.sentence))
    for sentence in facts.advice:
        console().print("[yellow]·[/yellow]", shown(sentence))
    for hint in outcome.hints:
        say(one_line(f"→ {hint}"))
    if bundle is not None:
        say(bundle)


def show_diff(held: Held | None, likeness: Likeness | None, language: Language) -> None:
    """The comparison with the original, or of the members with each other."""
    if likeness is not None:
        comparing.show_matrix(likeness, console(), language)
    if held is not None:
        comparing.show(held.comparison, console(), language)
        for sentence in (*map(str, held.answers), *held.remarks):
            say(one_line(sentence))


def executed_of(name: str) -> bytes | None:
    """The executed notebook of a kernel's last run on this machine."""
    path = paths.bundle(name) / "executed.ipynb"
    return path.read_bytes() if path.is_file() else None


def write_page(name: str, file: str, page: str) -> Path:
    """Put a page into the kernel's bundle; return where it is."""
    path = paths.bundle(name) / file
    write_text(path, page)
    return path


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
