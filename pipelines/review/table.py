"""The leaderboard in a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.plumbing import paths
from pipelines.plumbing.printing import shown
from pipelines.review.leaderboard import Entry, Leaderboard


def show(board: Leaderboard, console: Console) -> None:
    """Print the table of scores, what the ensemble found, who failed and what to do next."""
    metric = board.metric
    better = "higher" if metric.greater_is_better else "lower"
    table = Table(
        title=f"{board.competition}: {metric.title}, {better} is better", title_justify="left"
    )
    table.add_column("name")
    for column in ("cv_mean ± std", "cv_pooled", "fold 0", "LB public", "LB private", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("note")
    for entry in board.entries:
        style = "bold" if entry.record.name == board.verdict.get("chosen") else None
        table.add_row(*_cells(entry, board), style=style)
    if board.entries:
        console.print(table)
    if "sentence" in board.verdict:
        chosen = board.verdict["chosen"]
        console.print(shown(f"{board.verdict['sentence']}; submitted would be: {chosen}"))
    for method, reason in board.verdict.get("failed", {}).items():
        console.print(shown(f"left out ensembles/{method}: {reason}"))
    for failure in board.failed:
        said = shown(f" {failure.stage}: {failure.reason}")
        console.print(Text("failed", "red") + said)
        console.print(shown(f"       again: {failure.retry}"))
    for name in board.missing:
        console.print(Text("missing", "yellow") + shown(f" {name}: has not run yet (dvc repro)"))
    for row in board.others:
        scores = f"LB public {_number(row.lb_public)}, private {_number(row.lb_private)}"
        console.print(shown(f"sent {row.file} ({row.name}): {scores}"))
    _next_steps(board, console)


def _cells(entry: Entry, board: Leaderboard) -> list[Text]:
    record = entry.record
    spread = "" if record.cv_std is None else f" ± {record.cv_std:.4f}"
    notes = list(entry.marks)
    if record.name == board.verdict.get("chosen"):
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


def _next_steps(board: Leaderboard, console: Console) -> None:
    report, file = paths.report(board.competition), paths.submission(board.competition)
    if report.is_file():
        console.print(f"page   {report.relative_to(paths.root())}", highlight=False)
    if file.is_file():
        console.print(f"submit pilsa submit   ({file.relative_to(paths.root())})", highlight=False)
    console.print("runs   pilsa ui", highlight=False)
