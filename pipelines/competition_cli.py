"""`pilsa competition …`: parse, call one function, print, as in `cli.py`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import one_line, say, say_json

app = typer.Typer(help="Add a competition from its files, and check one.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]
Slug = Annotated[str, typer.Argument(help="Its name here: competitions/SLUG.yaml.")]


@app.command()
def add(
    slug: Slug,
    place: Annotated[
        Path | None,
        typer.Option("--from", help="A folder or zip of its files; by default Kaggle's."),
    ] = None,
    train: Annotated[str | None, typer.Option(help="The file that is train.")] = None,
    test: Annotated[str | None, typer.Option(help="The file that is test.")] = None,
    sample: Annotated[str | None, typer.Option(help="The sample submission.")] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    metric: Annotated[str | None, typer.Option(help="As the competition's page says.")] = None,
    page: Annotated[str | None, typer.Option(help="Where others download the files.")] = None,
    dacon: Annotated[
        int | None, typer.Option(help="Its number in its address on dacon.io; needs --team.", min=1)
    ] = None,
    team: Annotated[str | None, typer.Option(help="Your team's name on Dacon.")] = None,
    as_json: Json = False,
) -> None:
    """Look at a competition's files, and write a first competitions/SLUG.yaml of what they say.

    Without --from it is the competition of that name on Kaggle: title, limits, deadline and metric are Kaggle's, and
    the files are downloaded. It never overwrites one: where it is there, its files are kept if they are the same. What
    it guesses it says so; an option settles what it should not guess.
    """
    from pipelines.adding import competition_draft, from_kaggle
    from pipelines.adding.draft_file import Wishes

    on_dacon = _on_dacon(dacon, team, place)
    if on_dacon and page is None:
        page = f"https://dacon.io/competitions/official/{dacon}/data"
    wishes = Wishes(train, test, sample, target, metric, page, on_dacon)
    if place is None:
        draft = from_kaggle.add(slug, wishes)
    else:
        draft = competition_draft.add(slug, place, wishes)
    if as_json:
        say_json({"competition": slug, "keys": draft.keys, "why": draft.why})
        return
    for sentence in draft.why:
        say(one_line(sentence))
    if not draft.is_new:
        say(f"competitions/{slug}.yaml was there and stays; its files are kept: `pilsa use {slug}`")
        return
    say(
        f"competitions/{slug}.yaml is written: read it, then `pilsa competition check {slug}`, `pilsa use {slug}` and "
        "`make repro`"
    )


def _on_dacon(number: int | None, team: str | None, place: Path | None) -> tuple[int, str] | None:
    """The competition's number and the team on Dacon; None where it is none of Dacon's."""
    if number is None and team is None:
        return None
    if number is None or team is None or place is None:
        raise UserError(
            "a competition of Dacon needs all of --dacon NUMBER, --team NAME and --from open.zip, which you download "
            "there: give all three, or none"
        )
    return number, team


@app.command()
def check(slug: Slug, as_json: Json = False) -> None:
    """Say what `preprocess` will say of a competition's files, in seconds: nothing is trained or written."""
    from pipelines.adding import checking
    from pipelines.training import checks, profile

    seen = checking.check(slug)
    n_splits, seed = seen.settings.folds.n_splits, seen.settings.seed
    found = checks.findings_of(
        seen.competition, seen.dataset, seed, n_splits, seen.fold, seen.tables
    )
    notes = profile.column_notes(seen.dataset)
    if as_json:
        findings = [finding.as_json() for finding in found]
        content = {"notes": [*notes, *seen.notes], "findings": findings, "refused": seen.refused}
        say_json({"competition": slug, **content})
    else:
        for sentence in (*seen.notes, *notes, *checks.lines(found)):
            say(one_line(sentence))
    if seen.refused is not None:
        raise UserError(seen.refused)


@app.command()
def leaderboard(slug: Slug, as_json: Json = False) -> None:
    """Fetch the platform's leaderboard, keep it as a CSV, and say where your best submission stands."""
    from pipelines.review import standing

    found = standing.take(slug)
    if as_json:
        rows = found.table.to_dict("records")
        say_json({"own": found.own, "place": found.place, "file": str(found.file), "teams": rows})
        return
    for sentence in standing.lines(found):
        say(one_line(sentence))
