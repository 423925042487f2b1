"""The `pilsa` command: parse, call one function, print. What it does is in the rooms it calls.

Imports are late: `pilsa --help` must answer at once.
"""

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import (  # fmt: skip
    competition_cli,
    kernel_cli,
    practice_cli,
    rehearsal_cli,
    remote_cli,
    submit_cli,
)
from pipelines.plumbing.printing import console, say, say_json

if TYPE_CHECKING:
    pass

app = typer.Typer(
    help="A study group's competition workbench: rebuild a competition, compare scores, submit.",
    epilog="Start with `make repro`. Then: pilsa scores, pilsa submit, pilsa ui.",
    no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
runs = typer.Typer(
    help="The history of runs and its mirror, the MLflow store.", no_args_is_help=True
)
app.add_typer(runs, name="runs")
app.add_typer(kernel_cli.app, name="kernel")
kernel_cli.app.command()(rehearsal_cli.pack)
kernel_cli.app.command()(rehearsal_cli.rehearse)
app.add_typer(competition_cli.app, name="competition")
app.add_typer(remote_cli.app, name="remote")
app.add_typer(submit_cli.ledger, name="ledger")
app.add_typer(submit_cli.quota, name="quota")
app.command()(submit_cli.submit)
app.command("practice-server")(practice_cli.serve)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]
Competition = Annotated[
    str | None, typer.Option("--competition", "-c", help="By default the active one.")
]


def main() -> None:
    """Run the command; an error of pilsa's own is one message and exit status 1, without a traceback."""
    from pipelines.plumbing import paths, process
    from pipelines.plumbing.errors import PilsaError

    process.raise_on_signals()
    paths.give_home()
    try:
        app()
    except PilsaError as error:
        say(f"pilsa: {error}", is_error=True)
        sys.exit(1)
    except process.Killed as killed:
        sys.exit(killed.exit_code)


@app.command()
def repro(as_json: Json = False) -> None:
    """Rebuild the active competition: `dvc repro --ignore-errors`, then its scores.

    What has not changed does not run again. Exits with 1 where a stage failed, and says how to retry it.
    """
    from pipelines.plumbing import process
    from pipelines.workspace import rebuild

    process.die_with_parent()
    rebuild.rebuild(quiet=as_json)
    _scores(None, as_json)


@app.command()
def scores(competition: Competition = None, as_json: Json = False) -> None:
    """Print every model, kernel and ensemble with its scores, and who failed or is missing.

    cv_mean ± std is over folds, cv_pooled on all OOF rows, fold 0 is the mock exam. Exits with 1 where
    something that local.yaml lists has no result.
    """
    _scores(competition, as_json)


def _scores(competition: str | None, as_json: bool) -> None:
    from pipelines.review import leaderboard

    found = leaderboard.read(competition or _active())
    if as_json:
        say_json(found.as_json())
    else:
        from pipelines.review import table

        table.show(found, console())
    if not found.is_whole:
        raise typer.Exit(1)


@app.command()
def use(
    competition: Annotated[
        str | None,
        typer.Argument(help="A file of competitions/, without .yaml; by default the active one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Switch to another competition, with its baselines and its pool. Switching back runs nothing again.

    What it switches to is checked first: models, kernels, and files that only you can download. Without a
    name it says which one is active, and writes local.yaml where it is missing.
    """
    from pipelines.workspace import switch

    models = switch.switch(competition) if competition else switch.active()
    active = _active()
    tuned = switch.tuned()
    if as_json:
        say_json({"competition": active, "models": models, "tuned": tuned})
    else:
        trials = ", ".join(f"{name} by {count} trials" for name, count in tuned.items())
        said = f"; tuned: {trials}" if trials else ""
        say(f"{active} with {', '.join(models)}{said}: `make repro` builds it")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at this machine and this clone, and say what to do about what is wrong."""
    from pipelines.workspace.doctor import examine

    findings = examine()
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        signs = {"ok": "ok  ", "note": "note", "bad": "BAD "}
        for finding in findings:
            say(f"{signs[finding.state]} {finding.name}: {finding.found}")
            if finding.next:
                say(f"     → {finding.next}")
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


@app.command()
def models(
    name: Annotated[
        str | None, typer.Argument(help="A file of pipelines/models/, without .py.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models; of one, its parameters with defaults, limits, and what tuning tries."""
    from pipelines.workspace import reference

    found = reference.parameters(name) if name else reference.models()
    if as_json:
        say_json(found)
    else:
        reference.show(found, console())


@app.command()
def clean(
    older: Annotated[float, typer.Option(help="Days since its last use.", min=0)] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list, largest first.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what can be made again and was not used for some days; the history of runs stays.

    Kept work and views, kernels' own environments and bundles, downloads, copies of experiments, and results
    in DVC's cache that no dvc.lock names, here or in any commit.
    """
    from pipelines.workspace import clean as cleaning

    gone, used = cleaning.clean(older, dry_run)
    if as_json:
        found = {"removed": gone, "in_use": used}
        say_json(
            {"dry_run": dry_run} | {key: [entry.as_json() for entry in found[key]] for key in found}
        )
    else:
        say(cleaning.table(gone, used, dry_run))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Open the MLflow UI on the runs of the active competition. Ctrl-C ends it."""
    from pipelines.tracking import mlflow_store
    from pipelines.values import competition, metrics

    mlflow_store.reap()
    active = _active()
    better = metrics.get(competition.load(active).metric).greater_is_better
    url, command, environment = mlflow_store.ui_command(active, better, host, port)
    if as_json:
        say_json({"url": url, "command": command})
        return
    say(f"runs on {url} (Ctrl-C ends it)")
    os.execvpe(command[0], command, environment)  # noqa: S606 - our own command, without a shell


@runs.command()
def mirror(as_json: Json = False) -> None:
    """Copy every run of the history that the MLflow store lacks. Twice changes nothing."""
    from pipelines.tracking import lb_metrics, mlflow_store
    from pipelines.values import competition

    new = mlflow_store.mirror_all()
    lb_metrics.tell_all(competition.names())
    if as_json:
        say_json({"new": new})
    else:
        say(f"{new} runs were new to the store")


def _active() -> str:
    from pipelines.values import params

    return params.load().competition
