"""The standing in a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.plumbing import paths
from pipelines.review.leaderboard import Entry, Standing


def show(standing: Standing, console: Console) -> None:
    """Print the table of scores, what the ensemble found, who failed and what to do next."""
    metric = standing.metric
    better = "higher" if metric.greater_is_better else "lower"
    table = Table(
        title=f"{standing.competition}: {metric.title}, {better} is better", title_justify="left"
    )
    table.add_column("name")
    for column in ("cv_mean ± std", "cv_pooled", "fold 0", "LB public", "LB private", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("note")
    for entry in standing.entries:
        style = "bold" if entry.record.name == standing.verdict.get("chosen") else None
        table.add_row(*_cells(entry, standing), style=style)
    if standing.entries:
        console.print(table)
    if "sentence" in standing.verdict:
        console.print(
            f"{standing.verdict['sentence']}; submitted would be: {standing.verdict['chosen']}",
            markup=False,
            highlight=False,
        )
    for method, reason in standing.verdict.get("failed", {}).items():
        console.print(f"left out ensembles/{method}: {reason}", markup=False, highlight=False)
    for failure in standing.failed:
        console.print(f"[red]failed[/red] {failure.stage}: ", end="", highlight=False)
        console.print(
            f"{failure.reason}\n       again: {failure.retry}", markup=False, highlight=False
        )
    for name in standing.missing:
        console.print(
            f"[yellow]missing[/yellow] {name}: has not run yet (dvc repro)", highlight=False
        )
    for row in standing.others:
        scores = f"LB public {_number(row.lb_public)}, private {_number(row.lb_private)}"
        console.print(f"sent {row.file} ({row.name}): {scores}", markup=False, highlight=False)
    _next_steps(standing, console)


def _cells(entry: Entry, standing: Standing) -> list[str]:
    record = entry.record
    spread = "" if record.cv_std is None else f" ± {record.cv_std:.4f}"
    notes = list(entry.marks)
    if record.name == standing.verdict.get("chosen"):
        notes.insert(0, "chosen")
    if entry.differs:
        notes.insert(0, "not comparable: " + ", ".join(f"other {what}" for what in entry.differs))
    numbers = [
        _number(value)
        for value in (record.cv_pooled, record.fold0, entry.lb_public, entry.lb_private)
    ]
    return [
        record.name,
        _number(record.cv_mean) + spread,
        *numbers,
        f"{record.seconds:.1f}",
        escape("; ".join(notes)),
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _next_steps(standing: Standing, console: Console) -> None:
    report, file = paths.report(standing.competition), paths.submission(standing.competition)
    if report.is_file():
        console.print(f"page   {report.relative_to(paths.root())}", highlight=False)
    if file.is_file():
        console.print(f"submit pilsa submit   ({file.relative_to(paths.root())})", highlight=False)
    console.print("runs   pilsa ui", highlight=False)
