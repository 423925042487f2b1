"""A first competition file: what was seen in the files, written down with the reasons, and the files kept."""

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.adding import (  # fmt: skip
    beside,
    checking,
    draft_file,
    found_files,
    guesses,
    idx_files,
    picture_folders,
    picture_roles,
    roles,
    samples,
    splits,
)
from pipelines.adding.draft_file import Draft, Wishes, place_of, source_of, write
from pipelines.adding.found_files import Found, Table
from pipelines.adding.guesses import Guess
from pipelines.adding.roles import Roles
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors, writing
from pipelines.plumbing.errors import UserError
from pipelines.values import competition as competitions
from pipelines.values import ids, metrics, params
from pipelines.values.tables import left_out


def add(slug: str, given: Path, wishes: Wishes) -> Draft:
    """Look at a folder or a zip, write `competitions/<slug>.yaml` and keep the files where `dvc repro` finds them.

    Where somebody else has written that file, it stays, and its files are kept if they have its hashes.

    Raises:
        UserError: there is such a file already, of other files, the name is none, or the files are no competition.
    """
    place = place_of(slug)
    known = _known_files(slug) if place.exists() else None
    if known == {}:
        raise _is_there(place)
    with found_files.opened(given) as found:
        draft = make(slug, found, wishes)
        if known is not None and not found.holds(known):
            raise _is_there(place)
        _keep(slug, found)
    if known is not None:
        unheard = draft_file.ignored(
            wishes, draft_file.read(slug, draft.keys), competitions.load(slug)
        )
        return replace(draft, is_new=False, why=(*draft.why, *unheard))
    write(place, draft)
    return replace(draft, why=(*draft.why, *checking.foreseen(slug)))


def _is_there(place: Path) -> UserError:
    return UserError(
        f"{place.relative_to(paths.root())} must not be there yet or list these files with their hashes, and does "
        "neither: choose another name, or remove it"
    )


def _known_files(slug: str) -> dict[str, str | None]:
    source = competitions.load(slug).source
    listed = source.get("files", {}) if source["platform"] in ("files", "dacon") else {}
    return {name: (file or {}).get("md5") for name, file in listed.items()}


def _keep(slug: str, found: Found) -> None:
    with disk_errors(paths.added(slug)):
        for name, path in found.files.items():
            kept = paths.added(slug) / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            with writing(kept) as temporary:
                shutil.copyfile(path, temporary)


@dataclass(frozen=True)
class _Understood:
    """What files are.

    Attributes:
        chosen: guesses of keys.
        used: names of the files that these keys use.
        seen: sentences.
        hidden: names of the files that nobody may see, since they hold targets of other rows.
    """

    chosen: list[Guess]
    used: set[str]
    seen: list[str]
    hidden: set[str] = field(default_factory=set)


def make(slug: str, found: Found, wishes: Wishes) -> Draft:
    """Draft a competition file of the files, in memory; folders of pictures become zips in `found`.

    Raises:
        UserError: the files are no competition.
    """
    understood = _arrays(found, wishes) or _pictures(found, wishes) or _tables(found, wishes)
    keys: dict[str, Any] = {"title": slug}
    keys |= {"url": wishes.page} if wishes.page else {}
    for guess in understood.chosen:
        keys |= guess.keys
    also, aside = beside.sort_out(found, set(found.files) - understood.used - understood.hidden)
    if also:
        keys["files"] = {**keys["files"], "also": also}
    keys["source"] = {
        **source_of(slug, wishes), **keys.pop("source", {}),
        "files": found.md5([*sorted(understood.used), *also]),
    }  # fmt: skip
    keys["baselines"] = keys.pop("baselines")
    draft_file.read(slug, keys)
    why = [
        *understood.seen,
        *(f"{file} is no table: {why}" for file, why in found.others.items()),
        *aside,
    ]
    return Draft(keys, (*why, *(sentence for guess in understood.chosen for sentence in guess.why)))


def _tables(found: Found, wishes: Wishes) -> _Understood:
    """Files that are tables: features are their columns."""
    tables, solution = _without_labels(found.tables, wishes)
    told = roles.tell(tables, _named(wishes), _unread(found))
    target = guesses.target(told, wishes.target).keys["target"]
    told = replace(told, train=found_files.with_spelled_gaps(told.train, target))
    others = [name for name in told.asked if name != target] if target in told.asked else []
    told = told.of_one(target)
    name = guesses.ids(told)
    columns = _features(told, name.keys["id_column"])
    picture = guesses.picture(told, columns)
    chosen = _asked(told, wishes, name, columns, picture)
    n_classes = told.train.frame[target].nunique() if chosen[0].keys["task"] == "classification" else 0  # fmt: skip
    models = guesses.baselines(told, columns, bool(picture.keys), _known_models(), n_classes)
    files = _files(told) | ({"sample": None} if others else {})
    keys = {"files": files} | ({"source": {"solution": solution}} if solution else {})
    labelled = {table.name for table in found.tables if target in table.columns} - _names(told)
    seen = [*_seen(told), *_left_aside(target, sorted(labelled), others), *found.idle_pictures()]
    return _Understood([*chosen, models, Guess(keys, ())], _names(told), seen, labelled)


def _pictures(found: Found, wishes: Wishes) -> _Understood | None:
    """Picture files, named by tables or in one folder per class; None where they are neither."""
    layout = picture_roles.tell(found, _named(wishes)) if found.pictures else None
    if layout is None:
        return None
    told = layout.roles
    beside = guesses.features(told, layout.ids.keys["id_column"])
    beside = [name for name in beside if name != layout.column]
    picture = picture_folders.image(layout.train.files)
    models = guesses.baselines(told, [], True, _known_models())
    keys = {"files": {"format": "images", **_files(told)}, "pictures": layout.keep(found)}
    seen = [*_seen(told), *layout.why, *layout.told_apart]
    if beside:
        seen.append(f"columns beside the pictures are not used by models: {', '.join(beside)}")
    return _Understood(
        [*_asked(told, wishes, layout.ids, beside, picture), models, Guess(keys, ())],
        _names(told) | {keys["pictures"]["train"], keys["pictures"]["test"]}, seen,
    )  # fmt: skip


def _arrays(found: Found, wishes: Wishes) -> _Understood | None:
    """Pictures and labels in MNIST's form; None where there are none."""
    arrays = idx_files.tell(found)
    if arrays is None:
        return None
    told = arrays.roles
    models = guesses.baselines(told, [], True, _known_models())
    return _Understood(
        [*_asked(told, wishes, guesses.ids(told), [], arrays.image), models, arrays.files],
        arrays.used, list(arrays.why),
    )  # fmt: skip


def _asked(
    told: Roles, wishes: Wishes, name: Guess, columns: list[str], picture: Guess
) -> list[Guess]:
    """What is to be predicted, how it is judged, and how rows fall into folds."""
    asked = guesses.target(told, wishes.target)
    target = asked.keys["target"]
    kind = _task(told, target, wishes.metric)
    task = kind.keys["task"]
    split = splits.guess(told, columns, task)
    form = Guess(_form(told), ())
    return [kind, _metric(told, target, task, wishes.metric), name, asked, picture, split, form]


def _task(told: Roles, target: str, metric: str | None) -> Guess:
    """What the target looks like; whole numbers of few values may be either, and a known metric tells."""
    guessed = guesses.task(told, target)
    task = metrics.get(metric).task if metric else guessed.keys["task"]
    if task == guessed.keys["task"] or told.train.frame[target].dtype.kind not in "iuf":
        return guessed
    return Guess({"task": task}, (f"{task}: {target!r} is numbers, and {metric} is for {task}",))


def _named(wishes: Wishes) -> tuple[str | None, str | None, str | None]:
    return (wishes.train, wishes.test, wishes.sample)


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


def _left_aside(target: str, labelled: list[str], others: list[str]) -> list[str]:
    """What of the tables is not used, and why."""
    said = [
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
    return {table.name for table in (told.train, told.test, told.sample) if table and table.is_file}


def _files(told: Roles) -> dict[str, Any]:
    given = [table for table in (told.train, told.test, told.sample) if table and table.is_file]
    formats = {table.format for table in given} - {"csv"}
    if len(formats) > 1:
        raise UserError(
            f"files must be of one form beside CSV, found {' and '.join(sorted(formats))}: write some as CSV"
        )
    train, test = (table.name if table.is_file else [] for table in (told.train, told.test))
    sample = told.sample.name if told.sample else None
    kind = {"format": formats.pop()} if formats else {}
    return kind | {"train": train, "test": test, "sample": sample}


def _seen(told: Roles) -> list[str]:
    said = []
    for role, table in (("train", told.train), ("test", told.test), ("sample", told.sample)):
        if table is None:
            said.append(f"{role}: no file; a sample of one constant value is made")
            continue
        if not table.is_file:
            continue
        rows, columns = table.frame.shape
        if table.format != "csv":
            said.append(
                f"{role}: {table.name}, {rows:,} rows of {columns} columns ({table.format})"
            )
            continue
        said += left_out(table.name, table.frame)
        form = table.form
        written = f"{form.encoding}, {form.delimiter!r} between cells"
        comma = ", a comma before fractions" if form.decimal == "," else ""
        said.append(f"{role}: {table.name}, {rows:,} rows of {columns} columns ({written}{comma})")
        if form.quotes is not None:
            kind = "follow a backslash" if form.quotes == "backslash" else "are plain text"
            said.append(f"quotes within the cells of {table.name} {kind}")
    said += _respelled(told)
    if told.sample is not None and told.test_key is not None:
        said += [
            f"{told.test_key!r} of {told.test.name} is taken for the ids, and {name!r} holds the same"
            for name in samples.twins(told.test, told.test_key)
        ]
    if not told.is_exact:
        said.append(
            "sample and test must have the same ids for a submission, and have not: is a part of test in another "
            "file, does an id stand twice, or is a row no row but a sum of others?"
        )
    if len(told.unseen) > 1:
        said.append(f"columns that test lacks: {', '.join(told.unseen)}")
    return said


def _respelled(told: Roles) -> list[str]:
    """An id that the sample spells otherwise than test."""
    if told.sample is None or told.sample_key is None or told.test_key is None:
        return []
    given, asked = (
        samples.as_ids(column)
        for column in (told.test.frame[told.test_key], told.sample.frame[told.sample_key])
    )
    return [] if given is None or asked is None else ids.as_in_sample(given, asked)[1]


def _unread(found: Found) -> dict[str, str]:
    """Which files are no tables, and why; pictures that nothing names are one entry together."""
    said = "; ".join(found.idle_pictures())
    return {**found.others, **dict.fromkeys(["picture files"] * bool(said), said)}
