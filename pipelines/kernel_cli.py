"""`pilsa kernel …`: parse, call one function, print. What it does is in `pipelines/notebooks`."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.plumbing.printing import say, say_json
from pipelines.plumbing.schema import composed

app = typer.Typer(
    help="Members' notebooks: transcribe, run, check, compare, share. NAME is member/kernel.",
    epilog="Start with: pilsa kernel list, then pilsa kernel run m01/knn-pca --views fold0.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


Kernel = Annotated[str, typer.Argument(
    metavar="NAME", callback=composed, help="member/kernel, a folder of kernels/.")]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run another's kernel although nothing isolates it here.")
]
Network = Annotated[bool, typer.Option("--network", help="Let it open connections.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="With the `quick:` values of kernel.yaml; not committed.")
]


@app.command()
def new(
    member: Annotated[str, typer.Argument(help="Whose it is: a folder of kernels/.")],
    slug: Annotated[str, typer.Argument(help="Its name: letters, digits, Hangul, _ and -.")],
    origin: Annotated[str | None, typer.Option(
        "--from", help="The original: FILE.ipynb, FILE.py or kaggle:owner/slug.")] = None,
    competition: Annotated[str | None, typer.Option(
        "--competition", "-c", help="By default the active one.")] = None,
    study: Annotated[bool, typer.Option(
        "--study", help="Without a competition: run, checked, shared, not scored.")] = False,
    week: Annotated[int | None, typer.Option(help="Of curriculum.yaml.")] = None,
    author: Annotated[str | None, typer.Option(help="Of the original.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the original.")] = None,
    url: Annotated[str | None, typer.Option(help="Of the original.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of the original, an SPDX name.")] = None,
    published: Annotated[datetime | None, typer.Option(
        formats=["%Y-%m-%d"], help="The day the original was last changed.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a kernel's folder: kernel.py with its header, kernel.yaml, notes.md."""
    from pipelines.notebooks.exchange import creation

    if not study and competition is None:
        competition = _settings().competition
    wanted = creation.Wanted(
        None if study else competition, "study" if study else "competition", origin, week, title, author, url,
        licence, published=published.date() if published else None,
    )  # fmt: skip
    made = creation.new(member, slug, wanted)
    if as_json:
        say_json({"folder": str(made.folder), "remarks": list(made.remarks)})
        return
    _say(made.remarks)
    say(f"{made.folder}: transcribe into kernel.py, then `pilsa kernel run {member}/{slug}`")


@app.command()
def take(
    file: Annotated[Path, typer.Argument(help="An .ipynb or a .py.")],
    name: Kernel,
    force: Annotated[bool, typer.Option("--force", help="Write over another kernel.py.")] = False,
) -> None:
    """Write kernel.py from a notebook or a script: code, text and tags, nothing of its outputs."""
    from pipelines.notebooks.exchange import taking
    from pipelines.values import kernel

    taken = taking.take(file, kernel.folder_of(name), force)
    _say([*taken.remarks, f"{taken.path} is what {file} holds"])


@app.command("open")
def open_(name: Kernel) -> None:
    """Write a kernel as an .ipynb to edit in Jupyter; `pilsa kernel take` brings it back."""
    from pipelines.notebooks import opened_notebooks
    from pipelines.values import kernel

    path = opened_notebooks.open_notebook(kernel.load(name))
    say(f"{path}: edit it, then `pilsa kernel take {path} {name}`")


@app.command("list")
def list_(
    competition: Annotated[
        str | None, typer.Option("--competition", "-c", help="Only this one's.")
    ] = None,
    member: Annotated[str | None, typer.Option(help="Only this member's.")] = None,
    as_json: Json = False,
) -> None:
    """List every kernel with the scores of its last run."""
    from pipelines.notebooks import catalogue, terminal

    lines = catalogue.listing(competition, member)
    if as_json:
        say_json([asdict(line) for line in lines])
    else:
        terminal.show_list(lines)


@app.command()
def show(name: Kernel, as_json: Json = False) -> None:
    """Show all that is known of a kernel without running it."""
    from pipelines.notebooks import catalogue, terminal

    found = catalogue.describe(name)
    if as_json:
        say_json(found)
    else:
        terminal.show_kernel(found)


@app.command()
def run(
    name: Kernel,
    views: Annotated[
        str,
        typer.Option(
            help="fold0 (the mock exam), cv (every fold and the shuffled view), real, or all."
        ),
    ] = "fold0",
    trust: Trust = False,
    network: Network = False,
    quick: Quick = False,
    again: Annotated[
        bool, typer.Option("--again", help="Forget what these views gave before.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Views at a time; by default what fits this machine.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a kernel on views of its competition, and log the run.

    A view is a folder in Kaggle's form: of view fold0 the test rows are those of fold 0, and the others
    train. What has been run under the same code, data and packages is not run again. The record goes to
    result.json, the executed notebook and its page to .cache/pilsa/kernels/NAME. Exits with 1 where the
    kernel failed.
    """
    from pipelines.notebooks import kernel_run

    options = kernel_run.Options(views, trust, network, quick, again, jobs)
    _report(kernel_run.run(name, options), as_json)


@app.command()
def check(
    name: Kernel,
    trust: Trust = False,
    network: Network = False,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Check a kernel step by step, up to the first that fails; then pack submit.zip.

    Views that were not run yet are run: fold 0, the shuffled view and the real one. Advice never fails a
    kernel. Exits with 1 where a step failed.
    """
    from pipelines.notebooks import kernel_run, terminal

    outcome, bundle = kernel_run.check(name, kernel_run.Options("check", trust, network, quick))
    facts = outcome.record.kernel
    if as_json:
        found = facts.model_dump(include={"check", "advice"}) if facts else {}
        say_json({**found, "bundle": str(bundle or "")})
    else:
        terminal.show_check(outcome, bundle)
    if bundle is None:
        raise typer.Exit(1)


@app.command()
def diff(
    name: Kernel,
    original: Annotated[
        Path | None,
        typer.Option(help="The original's file, where this machine has it nowhere else."),
    ] = None,
    members: Annotated[
        bool, typer.Option("--members", help="How alike all members' kernels of this original are.")
    ] = False,
    html: Annotated[bool, typer.Option("--html", help="Write a page.")] = False,
    as_json: Json = False,
) -> None:
    """Compare a kernel with its original, cell by cell: same, renamed, changed, left out, added.

    Whitespace, comments and the names of variables do not count.
    """
    from pipelines.notebooks import against_original as against
    from pipelines.notebooks import terminal
    from pipelines.transcription import comparing

    held = None if members else against.hold(name, original)
    likeness = against.alike(name) if members else None
    compared = held.comparison if held else likeness
    assert compared is not None
    if as_json:
        answers = [str(answer) for answer in held.answers] if held else []
        say_json({**comparing.as_json(compared), "claims": answers})
    elif html:
        page = comparing.page(
            held.comparison if held else None, name, _settings().language, likeness
        )
        say(terminal.write_page(name, "members.html" if members else "diff.html", page))
    else:
        terminal.show_diff(held, likeness, _settings().language)


@app.command()
def doctor(
    name: Annotated[str | None, typer.Argument(
        metavar="[NAME]", callback=composed, help="member/kernel; none looks at this machine.")] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Propose the mechanical fixes as a diff, and ask.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write them without asking.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Find what a notebook of some years ago uses that its libraries have removed since.

    Without a name: what isolates a kernel on this machine, and what cannot be enforced here.
    """
    from pipelines.notebooks import repair
    from pipelines.sandbox import isolate

    if name is None:
        isolation = isolate.detect(has_network=False)
        if as_json:
            say_json(asdict(isolation))
        else:
            _say([f"kernels are isolated by: {isolation.kind}", *isolation.not_enforced])
        raise typer.Exit(isolation.kind == "none")
    diagnosis = repair.examine(name)
    if as_json:
        written = repair.apply(name) if fix and yes and diagnosis.difference else None
        say_json({**asdict(diagnosis), "written": written})
        return
    say(diagnosis.text, end="")
    if fix and not diagnosis.difference:
        say("nothing here can be fixed mechanically")
    elif fix:
        say(diagnosis.difference, end="")
        if yes or typer.confirm("Write these changes to kernel.py?"):
            say(f"{repair.apply(name)} is fixed")


@app.command()
def share(
    name: Annotated[str | None, typer.Argument(
        metavar="NAME", callback=composed, help="member/kernel; or --week.")] = None,
    kaggle: Annotated[bool, typer.Option(
        "--kaggle", help="Push it to Kaggle, private, instead of making a page.")] = False,
    public: Annotated[bool, typer.Option("--public", help="On Kaggle: for everybody.")] = False,
    owner: Annotated[str | None, typer.Option(help="On Kaggle; by default who is signed in.")] = None,
    title: Annotated[str | None, typer.Option(help="On Kaggle.")] = None,
    internet: Annotated[bool, typer.Option("--internet", help="On Kaggle: with internet.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="On Kaggle: with a GPU.")] = False,
    week: Annotated[int | None, typer.Option(help="All kernels of this week.", min=1)] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make the page for the meeting (one file, nothing is loaded), or push the kernel to Kaggle.

    Refused while the competition is live and the group is not one team; and where a copy on Kaggle was edited there.
    """
    from pipelines.notebooks.exchange import weekly

    push = weekly.Push(owner, title, not public, internet, gpu) if kaggle else None
    found = weekly.share(name, week, push, _settings().language)
    if as_json:
        say_json(found.as_json())
    else:
        _say(found.lines())
    if found.failed:
        raise typer.Exit(1)


@app.command("import")
def import_(
    name: Kernel,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT.zip", help="Submission and notebook.")],
    as_json: Json = False,
) -> None:
    """Take the output of a run on Colab or Kaggle: its submission must fit; it is marked `run elsewhere`."""
    from pipelines.notebooks.exchange import importing

    _report(importing.take_output(name, output), as_json)


@app.command()
def join(name: Kernel) -> None:
    """Put a kernel into the pool: `make repro` cross-validates it and ensembles take it. It is trusted then."""
    from pipelines.notebooks import pool

    say(f"in the pool: {', '.join(pool.join(name))} (`make repro` runs them)")


@app.command()
def leave(name: Kernel) -> None:
    """Take a kernel out of the pool."""
    from pipelines.notebooks import pool

    say(f"in the pool: {', '.join(pool.leave(name)) or 'nobody'}")


def _report(outcome: Any, as_json: bool) -> None:
    from pipelines.notebooks import terminal

    if as_json:
        say_json(outcome.record.model_dump(mode="json"))
    else:
        terminal.show_outcome(outcome)
    if outcome.record.status != "FINISHED":
        raise typer.Exit(1)


def _say(remarks: Any) -> None:
    for remark in remarks:
        say(remark)


def _settings() -> Any:
    from pipelines.values import params

    return params.load()
