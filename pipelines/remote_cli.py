"""`pilsa remote …`: parse, call one function, print. What it does is in `remote`."""

from typing import Annotated

import typer

from pipelines.plumbing.printing import say, say_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]

_DETACHED = 4

app = typer.Typer(
    help="Train on Kaggle's machines; their fits come back into the same pool.",
    no_args_is_help=True,
)


@app.command()
def run(
    model: Annotated[str, typer.Argument(help="A file of pipelines/models/, without .py.")],
    accelerator: Annotated[
        str,
        typer.Option(
            help="As Kaggle calls it: NvidiaTeslaT4 is two GPUs, which take one fold each. Without it a CPU, "
            "which costs no quota."
        ),
    ] = "",
    hours: Annotated[float, typer.Option(help="After which Kaggle ends it.", min=0.1, max=12)] = 9,
    again: Annotated[
        bool, typer.Option("--again", help="Push once more what failed there, or is gone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Push a model's fits as one private script, watch it, and take its predictions into the pool.

    Before it: `dvc repro`, or `make repro`, up to the tuning of the model. The script holds pilsa's code, the
    hyperparameters, the folds and the data (or is shown the competition's files), and has no internet.
    What comes back is checked against code, folds, data and params; then the stage `train` makes predictions,
    record and run of it, marked with the machine.

    It is pushed once, whatever breaks on the way: run the same command again, and it looks before it pushes. Ctrl-C
    leaves it running there (exit status 4). Exits with 1 where it is refused or failed.

    All of it was rehearsed on `pilsa practice-server`, nothing on kaggle.com: see docs/practice-server.md.
    """
    from pipelines.plumbing import process
    from pipelines.remote import running
    from pipelines.values import params
    from pipelines.workspace import rebuild

    try:
        done = running.run(model, accelerator, hours, again)
    except process.Killed:
        say(
            f"detached: what was pushed goes on there; `pilsa remote run {model}` again takes its result",
            is_error=True,
        )
        raise typer.Exit(_DETACHED) from None
    say(done, is_error=as_json)
    rebuild.rebuild(as_json, f"train@{params.load().competition}-{model}")
    if as_json:
        say_json({"model": model, "done": done})


@app.command("list")
def show(as_json: Json = False) -> None:
    """What was pushed from this clone, the newest first: what runs there is not asked."""
    from pipelines.remote import journal

    found = journal.entries()
    if as_json:
        say_json([entry.model_dump() for entry in found])
        return
    for entry in found:
        job = entry.job
        say(f"{entry.time[:16]} {entry.state:8} {job.competition}/{job.model} {entry.reference}")
    if not found:
        say("nothing was pushed from this clone")
