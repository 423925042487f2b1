"""The standing in a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.plumbing import paths
from pipelines.plumbing.printing import shown
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
        chosen = standing.verdict["chosen"]
        console.print(shown(f"{standing.verdict['sentence']}; submitted would be: {chosen}"))
    for method, reason in standing.verdict.get("failed", {}).items():
        console.print(shown(f"left out ensembles/{method}: {reason}"))
    for failure in standing.failed:
        said = shown(f" {failure.stage}: {failure.reason}")
        console.print(Text("failed", "red") + said)
        console.print(shown(f"       again: {failure.retry}"))
    for name in standing.missing:
        console.print(Text("missing", "yellow") + shown(f" {name}: has not run yet (dvc repro)"))
    for row in standing.others:
        scores = f"LB public {_number(row.lb_public)}, private {_number(row.lb_private)}"
        console.print(shown(f"sent {row.file} ({row.name}): {scores}"))
    _next_steps(standing, console)


def _cells(entry: Entry, standing: Standing) -> list[Text]:
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
    seconds, score = f"{record.seconds:.1f}", _number(record.cv_mean) + spread
    return [shown(cell) for cell in (record.name, score, *numbers, seconds, "; ".join(notes))]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _next_steps(standing: Standing, console: Console) -> None:
    report, file = paths.report(standing.competition), paths.submission(standing.competition)
    if report.is_file():
        console.print(f"page   {report.relative_to(paths.root())}", highlight=False)
    if file.is_file():
        console.print(f"submit pilsa submit   ({file.relative_to(paths.root())})", highlight=False)
    console.print("runs   pilsa ui", highlight=False)
