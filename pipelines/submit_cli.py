"""`pilsa submit`, `pilsa ledger …`, `pilsa quota …`: parse, call one function, print. What they do is in `submitting`."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.plumbing.printing import console, say, say_json
from pipelines.plumbing.schema import composed

if TYPE_CHECKING:
    from pipelines.tracking.ledger import LedgerRow

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]
Competition = Annotated[
    str | None, typer.Option("--competition", "-c", help="By default the active one.")
]
File = Annotated[Path | None, typer.Argument(help="CSV to submit; by default what the DAG built.")]
Message = Annotated[str, typer.Option("--message", "-m", help="What is new in it, in a sentence.")]

# Exit status by what became of a submission; 1 is pilsa's own no, 2 a wrong option.
_REJECTED, _DETACHED = 3, 4

ledger = typer.Typer(help="What was submitted, and what it scored.")
quota = typer.Typer(help="Who spends today's submissions; nothing is sent by it.")


def submit(
    file: File = None,
    message: Message = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="For its score, 15 minutes at most.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check; send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes.")] = False,
    kernel: Annotated[
        str | None,
        typer.Option(
            "--kernel",
            "-k",
            metavar="MEMBER/KERNEL",
            callback=composed,
            help="For code competitions: this notebook, after `pilsa kernel rehearse`.",
        ),
    ] = None,
    competition: Competition = None,
    as_json: Json = False,
) -> None:
    """Check a submission, grade it where the solution is known here, else send it to its platform.

    It is sent once, whatever breaks on the way: run the same command again, and it looks before it sends. Exits with
    0 where it is scored (or sent, without --wait), 1 where pilsa refuses it and nothing was sent, 3 where the platform
    rejects it, 4 where the end is not known yet: no score in time, or a lost connection.
    """
    from pipelines.submitting import submit as desk

    def agreed(question: str) -> bool:
        return yes or _confirmed(question)

    if kernel is not None:
        row = _kernel_handed_in(kernel, file or competition, message, agreed, wait, dry_run)
    elif dry_run:
        say(desk.dry_run(competition or _active(), file, message))
        return
    else:
        row = desk.hand_in(competition or _active(), file, message, agreed, wait)
    if row is None:
        return
    if as_json:
        say_json(row.model_dump())
    else:
        say(desk.sentence(row))
    if row.status == "ERROR":
        raise typer.Exit(_REJECTED)
    if row.status == "PENDING" or (row.status == "SENT" and wait):
        raise typer.Exit(_DETACHED)


def _kernel_handed_in(
    name: str, other: object, message: str, agreed: Callable[[str], bool], wait: bool, dry_run: bool
) -> "LedgerRow | None":
    """Hand a notebook in; None where it was only checked."""
    from pipelines.rehearsal import handing_in, rehearse
    from pipelines.values import kernel as kernels

    if other is not None:
        raise typer.BadParameter(
            f"a notebook is submitted with its own competition and output: leave {other} out"
        )
    if not dry_run:
        return handing_in.hand_in(name, message, agreed, wait)
    found = kernels.load(name)
    passed = handing_in.rehearsed(found, rehearse.competition_of(found))
    say(f"{name} passed its rehearsal at {passed.time} and may be submitted: nothing was")
    return None


def _confirmed(question: str) -> bool:
    """Ask a person; a script must say --yes."""
    if not sys.stdin.isatty():
        say(f"{question} Add --yes to send it all the same", is_error=True)
        return False
    say(question, is_error=True)
    return typer.confirm("Send it all the same?", err=True)


@ledger.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    public_rows: Annotated[
        int | None, typer.Option(help="Test rows that the public LB is of.", min=1)
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw it, as this .svg file.")] = None,
    competition: Competition = None,
    as_json: Json = False,
) -> None:
    """Without a command: CV beside LB of every submission, whether a gap is noise, and the two final picks."""
    if context.invoked_subcommand is not None:
        return
    from pipelines.submitting import comparing, report_table

    report = comparing.read(competition or _active(), public_rows)
    if as_json:
        say_json(report.as_json())
    else:
        report_table.show(report, console())
    if plot is not None:
        drawn = report_table.draw(report, plot)
        say(f"{plot}: {drawn} submissions with CV and LB", is_error=as_json)


@quota.callback(invoke_without_command=True)
def show_quota(
    context: typer.Context, competition: Competition = None, as_json: Json = False
) -> None:
    """Without a command: what is left of today, and the queue in the order in which to spend it, with reasons."""
    if context.invoked_subcommand is not None:
        return
    from pipelines.submitting import submit as desk

    left, places = desk.queued(competition or _active())
    if as_json:
        queue = [
            {**place.candidate.model_dump(), "why": place.why, "today": place.is_today}
            for place in places
        ]
        say_json({**asdict(left), "queue": queue})
        return
    say(left.sentence())
    for number, place in enumerate(places, start=1):
        when = "today" if place.is_today else "later"
        one = place.candidate
        say(f"{number}. {when}: {one.file} of {one.member} ({one.name}): {place.why}")


@quota.command("add")
def add_candidate(
    file: File = None,
    message: Message = "",
    competition: Competition = None,
    as_json: Json = False,
) -> None:
    """Put a submission into the queue, with its CV and its likeness to what was sent; commit the file it writes."""
    from pipelines.submitting import submit as desk

    found = desk.queue_up(competition or _active(), file, message)
    if as_json:
        say_json(found.model_dump())
    else:
        say(f"{found.competition}: {found.file} waits: `pilsa quota` shows its turn")


@ledger.command("set-score")
def set_score(
    submitted: Annotated[
        str, typer.Argument(help="The CSV, or the first digits of its row's sha256.")
    ],
    public: Annotated[float, typer.Option(help="The public leaderboard's score.")],
    private: Annotated[
        float | None, typer.Option(help="The private one, once it is known.")
    ] = None,
    competition: Competition = None,
    as_json: Json = False,
) -> None:
    """Write down what a platform said of a submission, where it gives no list or you uploaded it yourself.

    The ledger gets one more row; the rows before it stay.
    """
    from pipelines.submitting import submit as desk

    row = desk.set_score(competition or _active(), submitted, public, private)
    say_json(row.model_dump()) if as_json else say(desk.sentence(row))


@ledger.command("not-sent")
def not_sent(
    digits: Annotated[str, typer.Argument(help="The first 8 or more digits of its row's sha256.")],
    competition: Competition = None,
    as_json: Json = False,
) -> None:
    """Write down that a submission never arrived, after a look at the platform's page: it may then be sent again."""
    from pipelines.submitting import submit as desk

    row = desk.not_sent(competition or _active(), digits)
    say_json(row.model_dump()) if as_json else say(desk.sentence(row))


@ledger.command("rebuild")
def rebuild(competition: Competition = None, as_json: Json = False) -> None:
    """Ask the platform for its list: new scores, the end of what was cut off, and rows that the ledger lacks."""
    from pipelines.submitting import submit as desk

    name = competition or _active()
    new, waiting = desk.rebuild(name)
    if as_json:
        say_json({"new": [row.model_dump() for row in new], "waiting": len(waiting)})
    else:
        say(
            f"{name}: {len(new)} submissions were new to the ledger, {len(waiting)} wait for their score"
        )


def _active() -> str:
    from pipelines.values import params

    return params.load().competition
