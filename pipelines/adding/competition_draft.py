"""A first competition file: what was seen in the files, written down with the reasons, and the files kept."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pipelines.adding import found_files, guesses, roles, splits
from pipelines.adding.found_files import PICTURES, Found, Table
from pipelines.adding.guesses import Guess
from pipelines.adding.roles import Roles
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors, write_text, writing
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import check_name, validate
from pipelines.values import metrics, params
from pipelines.values.competition import Competition


@dataclass(frozen=True)
class Wishes:
    """What somebody knows better than the files say; None leaves it to them.

    Attributes:
        train, test, sample: names of files.
        target: a column.
        metric: a name of `pipelines.values.metrics`.
        page: where others get the files.
    """

    train: str | None = None
    test: str | None = None
    sample: str | None = None
    target: str | None = None
    metric: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class Draft:
    """A competition file and how it came about.

    Attributes:
        keys: its content.
        why: a sentence for each choice, the files first.
    """

    keys: dict[str, Any]
    why: tuple[str, ...]

    @property
    def text(self) -> str:
        head = [
            "Written by `pilsa competition add` from the files themselves. What it saw:",
            *self.why,
        ]
        comments = "".join(f"# {line}\n" for sentence in head for line in sentence.splitlines())
        return comments + yaml.safe_dump(self.keys, sort_keys=False, allow_unicode=True)


def add(slug: str, given: Path, wishes: Wishes) -> Draft:
    """Look at a folder or a zip, write `competitions/<slug>.yaml` and keep the files where `dvc repro` finds them.

    Raises:
        UserError: there is such a file already, the name is none, or the files are no competition.
    """
    try:
        check_name(slug)
    except ValueError as error:
        raise UserError(f"the competition's name {error}: choose another") from None
    place = paths.competition_file(slug)
    if place.exists():
        raise UserError(
            f"{place.relative_to(paths.root())} must not be there yet, and is: choose another name, or remove it"
        )
    with found_files.opened(given) as folder:
        found = found_files.look(folder)
        draft = make(slug, found, wishes)
        _keep(slug, found)
    with disk_errors(place):
        write_text(place, draft.text)
    return draft


def _keep(slug: str, found: Found) -> None:
    with disk_errors(paths.added(slug)):
        for name, path in found.files.items():
            kept = paths.added(slug) / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            with writing(kept) as temporary:
                shutil.copyfile(path, temporary)


def make(slug: str, found: Found, wishes: Wishes) -> Draft:
    """Draft a competition file of the files, in memory.

    Raises:
        UserError: the files are no competition.
    """
    _refuse_pictures(found)
    tables, solution = _without_labels(found.tables, wishes)
    told = roles.tell(tables, (wishes.train, wishes.test, wishes.sample), found.others)
    asked = guesses.target(told, wishes.target)
    target = asked.keys["target"]
    others = [name for name in told.asked if name != target] if target in told.asked else []
    told = told.of_one(target)
    name = guesses.ids(told)
    kind = guesses.task(told, target)
    task = kind.keys["task"]
    n_classes = told.train.frame[target].nunique() if task == "classification" else 0
    columns = _features(told, name.keys["id_column"])
    picture = guesses.picture(told, columns)
    chosen = [
        kind, _metric(told, target, task, wishes.metric), name, asked, picture,
        splits.guess(told, columns, task),
        guesses.baselines(told, columns, bool(picture.keys), _known_models(), n_classes),
    ]  # fmt: skip
    keys: dict[str, Any] = {"title": slug}
    if wishes.page:
        keys["url"] = wishes.page
    for guess in chosen:
        keys |= guess.keys
    keys |= _form(told)
    labelled = [table.name for table in found.tables if target in table.columns]
    labelled = [name for name in labelled if name not in _names(told)]
    also = sorted(set(found.files) - _names(told) - set(labelled))
    keys["files"] = _files(told, also)
    if others:
        keys["files"]["sample"] = None
    source = {"platform": "files", "mirror": slug, "page": wishes.page, "solution": solution}
    source = {key: value for key, value in source.items() if value is not None}
    keys["source"] = {**source, "files": found.md5([*sorted(_names(told)), *also])}
    keys["baselines"] = keys.pop("baselines")
    validate(Competition, {**keys, "name": slug}, f"competitions/{slug}.yaml")
    why = [*_seen(told), *_unused(found, target, labelled, others)]
    return Draft(keys, (*why, *(sentence for guess in chosen for sentence in guess.why)))


def _without_labels(tables: list[Table], wishes: Wishes) -> tuple[list[Table], str | None]:
    """The tables, test without the target where it has it and both are named; and the name of such a test file."""
    made, solution = list(tables), None
    for place, table in enumerate(tables):
        if table.name == wishes.test and wishes.target in table.columns:
            made[place] = replace(table, frame=table.frame.drop(columns=wishes.target))
            solution = table.name
    return made, solution


def _features(told: Roles, id_column: str) -> list[str]:
    columns = guesses.features(told, id_column)
    if not columns:
        raise UserError(
            f"train and test must share a column to learn from, and {told.train.name} and {told.test.name} share their "
            "ids alone: is there a file that goes with them?"
        )
    return columns


def _unused(found: Found, target: str, labelled: list[str], others: list[str]) -> list[str]:
    """What of the files is left aside, and why."""
    said = [f"{file} is no table: {why}" for file, why in found.others.items()]
    said += [
        f"{file} has {target!r} too and is not used: no kernel may see the target of other rows. If its rows are to be "
        "learned from, make `train:` under `files:` a list and name it under `source:`"
        for file in labelled
    ]
    if others:
        said.append(
            f"the sample asks for {', '.join(others)} too: a sample of {target!r} alone is made, and the columns of "
            "several submissions are joined by hand"
        )
    return said


def _form(told: Roles) -> dict[str, Any]:
    """The keys without which the files would be read otherwise."""
    forms = [table.form for table in (told.train, told.test, told.sample) if table is not None]
    quotes = next((form.quotes for form in forms if form.quotes is not None), None)
    return {"quotes": quotes} if quotes else {}


def _metric(told: Roles, target: str, task: str, named: str | None) -> Guess:
    if named is None:
        return guesses.metric(told, target, task)
    metrics.get(named).check_task(task)
    return Guess({"metric": named}, (f"metric {named}, as you said",))


def _known_models() -> set[str]:
    settings = params.load()
    return set(settings.train) & set(settings.tune)


def _names(told: Roles) -> set[str]:
    return {table.name for table in (told.train, told.test, told.sample) if table is not None}


def _files(told: Roles, also: list[str]) -> dict[str, Any]:
    sample = told.sample.name if told.sample else None
    given = (told.train, told.test, told.sample)
    formats = {table.format for table in given if table is not None} - {"csv"}
    if len(formats) > 1:
        raise UserError(
            f"files must be of one form beside CSV, found {' and '.join(sorted(formats))}: write some as CSV"
        )
    named: dict[str, Any] = {"format": formats.pop()} if formats else {}
    named |= {"train": told.train.name, "test": told.test.name, "sample": sample}
    return named | ({"also": also} if also else {})


def _seen(told: Roles) -> list[str]:
    said = []
    for role, table in (("train", told.train), ("test", told.test), ("sample", told.sample)):
        if table is None:
            said.append(f"{role}: no file; a sample of one constant value is made")
            continue
        rows, columns = table.frame.shape
        if table.format != "csv":
            said.append(
                f"{role}: {table.name}, {rows:,} rows of {columns} columns ({table.format})"
            )
            continue
        form = table.form
        written = f"{form.encoding}, {form.delimiter!r} between cells"
        comma = ", a comma before fractions" if form.decimal == "," else ""
        said.append(f"{role}: {table.name}, {rows:,} rows of {columns} columns ({written}{comma})")
        if form.quotes is not None:
            kind = "follow a backslash" if form.quotes == "backslash" else "are plain text"
            said.append(f"quotes within the cells of {table.name} {kind}")
    if not told.is_exact:
        said.append(
            "sample and test must have the same ids for a submission, and have not: is a part of test in another "
            "file, does an id stand twice, or is a row no row but a sum of others?"
        )
    if len(told.unseen) > 1:
        said.append(f"columns that test lacks: {', '.join(told.unseen)}")
    return said


def _refuse_pictures(found: Found) -> None:
    pictures = [name for name in found.files if name.lower().endswith(PICTURES)]
    if pictures:
        raise UserError(
            f"pictures must be columns of a table here, found {len(pictures)} picture files (first: {pictures[0]}): "
            "write the competition file by hand, see docs/competition-file.md"
        )
