"""Which pictures are train and which test: told by the tables that name them, or by one folder per class."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.adding import guesses, picture_folders, roles, samples
from pipelines.adding.found_files import Found, Table
from pipelines.adding.guesses import Guess
from pipelines.adding.picture_folders import Naming, PictureFolder
from pipelines.adding.roles import Roles
from pipelines.plumbing.errors import UserError
from pipelines.values import picture_files
from pipelines.values.tables import Form

_SHOWN = 5
_APART = "test pictures must be named by a table (a sample submission is one), or lie in a folder of their own, and"


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the pictures of a competition are and what names them.

    Attributes:
        roles: the tables; train and test are made of folders where no file lists them.
        ids: as of `guesses.ids`.
        train, test: the folders; one may be both.
        labels: as `pictures.labels` of a competition file.
        column: as `pictures.column`.
        why: what was seen.
    """

    roles: Roles
    ids: Guess
    train: PictureFolder
    test: PictureFolder
    labels: str
    column: str | None
    why: tuple[str, ...]

    @cached_property
    def shown(self) -> list[str]:
        """The names of the test pictures below their folder, which tell no class."""
        train, key = self.roles.train.frame, self.ids.keys["id_column"]
        labels = [train[name].astype(str) for name in train.columns if name != key]
        cells = [self.roles.test.frame[name] for name in (key, self.column) if name in self.roles.test.frame]  # fmt: skip
        return picture_files.names_of_test(
            self.test.path, list(self.test.files), self.train.classes.union(*labels),
            (str(cell) for column in cells for cell in column),
        )  # fmt: skip

    @property
    def told_apart(self) -> list[str]:
        """A sentence about folders of test that are classes; none where there are none."""
        lie = [path.relative_to(self.test.path).as_posix() for path in self.test.files]
        if self.test is self.train or self.shown == lie:
            return []
        return [
            f"{self.test.name} holds folders that are classes: its pictures are kept without them, since no kernel may "
            "see the target of test"
        ]

    def keep(self, found: Found) -> dict[str, Any]:
        """Zip the folders where they are none, and give the keys `pictures:`."""
        names = [self.train.path.name, self.test.path.name]
        if names[0] == names[1] and self.train is not self.test:
            names = [
                f"{folder.path.parent.name} {folder.path.name}"
                for folder in (self.train, self.test)
            ]
        train = picture_folders.kept_as(self.train, found, names[0])
        is_one = self.train is self.test
        test = train if is_one else picture_folders.kept_as(self.test, found, names[1], self.shown)
        keys = {"train": train, "test": test}
        if self.labels != "column":
            keys["labels"] = self.labels
        return {**keys, **({"column": self.column} if self.column else {})}


def tell(found: Found, named: Sequence[str | None]) -> Layout | None:
    """Tell the roles of picture files; None where no table names them and no folders are classes.

    Args:
        named: train, test and sample, files or folders of pictures, where somebody has said so.

    Raises:
        UserError: which are the test pictures cannot be told, several could be train, or names lost their zeros.
    """
    known = picture_folders.folders(found)
    naming = picture_folders.namings(found, known)
    picture_folders.refuse_lost_zeros(found, known, naming)
    by_classes = [folder for folder in known if folder.classes]
    if len(naming) == 1 and any(folder.is_apart(naming[0].folder) for folder in by_classes):
        return _of_classes(found, naming, known, named)
    return _of_tables(found, naming, known, named) or _of_classes(found, naming, known, named)


def _of_tables(
    found: Found, naming: list[Naming], known: list[PictureFolder], named: Sequence[str | None]
) -> Layout | None:
    of = {each.table.name: each for each in naming}
    pairs = [
        (a, b) for a, b in permutations(naming, 2)
        if a.known.isdisjoint(b.known) and named[0] in (None, a.table.name)
    ]  # fmt: skip
    try:
        told = roles.tell(found.tables, named)
    except UserError:
        listed = None
    else:
        train, test = of.get(told.train.name), of.get(told.test.name)
        listed = (train, test) if train and test and (train, test) in pairs else None
    if listed and told.sample is not None:
        return _both_listed(told, *listed)
    with_sample = [pair for pair in pairs if _is_sample(*pair) and named[2] in (None, pair[1].table.name)]  # fmt: skip
    if with_sample:
        return _listed_by_sample(*max(with_sample, key=_rank))
    if listed:
        return _both_listed(told, *listed)
    return _in_a_folder(naming[0], known, named[1]) if len(naming) == 1 else None


def _is_sample(train: Naming, other: Naming) -> bool:
    values = [name for name in other.table.columns if name != other.column]
    return bool(values) and (len(values) > 1 or values[0] in train.table.columns)


def _rank(pair: tuple[Naming, Naming]) -> tuple[float, ...]:
    """Greater is likelier: a sample repeats itself and is called so."""
    train, other = pair
    named = "train" in train.table.name.lower(), "sub" in other.table.name.lower()
    return (-_variety(other), sum(named), len(train.table.frame))


def _both_listed(told: Roles, train: Naming, test: Naming) -> Layout:
    ids = guesses.ids(told)
    key = ids.keys["id_column"]
    if "id" in ids.keys and key in told.train.columns:
        ids = Guess({**ids.keys, "id": "key"}, (f"{key!r} names rows: it is a key",))
    if train.column != test.column:
        raise UserError(
            f"one column must name pictures in train and test, found {train.column!r} of {train.table.name} and "
            f"{test.column!r} of {test.table.name}: give both a column of one name"
        )
    column = None if train.column == key else train.column
    return Layout(told, ids, train.folder, test.folder, "column", column, (_named(train), _named(test)))  # fmt: skip


def _listed_by_sample(train: Naming, sample: Naming) -> Layout:
    key, asked = train.column, sample.column
    test = Table(sample.folder.path, sample.table.frame[[asked]].set_axis([key], axis=1), sample.table.form)  # fmt: skip
    told = Roles(train.table, test, sample.table, asked, key)
    return Layout(told, _ids(key, asked), train.folder, sample.folder, "column", None,
                  (_named(train), f"test has no table of its own: {_named(sample)}"))  # fmt: skip


def _in_a_folder(train: Naming, known: list[PictureFolder], wanted: str | None) -> Layout:
    apart = [folder for folder in known if folder.is_apart(train.folder)]
    tests = [folder for folder in _outermost(apart) if _is_called(folder, wanted)]
    if len(tests) != 1:
        raise UserError(
            f"{_APART} {_found(tests)} beside {train.folder.name}, whose pictures {train.table.name} names: add them, "
            "or name the folder with --test"
        )
    key, test = train.column, tests[0]
    names = pd.DataFrame({key: picture_files.own_names(test.path, list(test.files))})
    told = Roles(train.table, Table(test.path, names, Form()), None, None, key)
    return Layout(told, _ids(key, None), train.folder, test, "column", None, (_named(train), _counted(test)))  # fmt: skip


def _of_classes(
    found: Found, naming: list[Naming], known: list[PictureFolder], named: Sequence[str | None]
) -> Layout | None:
    by_classes = [folder for folder in known if folder.classes]
    options = []
    for train in (folder for folder in by_classes if _is_called(folder, named[0])):
        listed = {each.folder.path: each.folder for each in naming if each.folder.is_apart(train)}
        apart = list(listed.values()) or _outermost(
            [folder for folder in known if folder.is_apart(train)]
        )
        options += [(train, test) for test in apart if _is_called(test, named[1])]
    if not by_classes:
        return None
    if len(options) == 2 and set(options[0]) == set(options[1]):  # test has its classes too
        options = [max(options, key=lambda pair: ("train" in pair[0].name.lower(), len(pair[0].files)))]  # fmt: skip
    if len(options) != 1:
        raise UserError(
            f"{_APART} {_found([test for _, test in options])} beside {_found(by_classes)}, which hold a folder per "
            "class: name the two with --train and --test"
        )
    train, test = options[0]
    lists = [each for each in naming if each.folder is test]
    return _with_classes(train, test, lists, found.tables)


def _with_classes(
    train: PictureFolder, test: PictureFolder, lists: list[Naming], others: Sequence[Table]
) -> Layout:
    """The roles of a folder per class and a folder of test pictures, which a test table and a sample may list."""
    repeating = sorted((each for each in lists if _repeats_itself(each)), key=_variety)
    listing = next((each for each in lists if each not in repeating[:1]), None)
    sample, asked = (repeating[0].table, repeating[0].column) if repeating else (None, None)
    key = listing.column if listing else asked or "id"
    if listing is not None:  # the sample's ids may be those of the test table, and name no picture
        tables = [sample] if sample else [table for table in others if table is not listing.table]
        found = [
            (table, name, own)
            for table in tables
            for name, own, _ in samples.keys(listing.table, table)
        ]
        sample, asked, named = found[0] if found else (sample, asked, None)
        key = named or key
    values = [] if sample is None else [name for name in sample.columns if name != asked]
    target = values[0] if len(values) == 1 else "label" if key != "label" else "class"
    frame = pd.DataFrame({
        key: picture_files.own_names(train.path, list(train.files)),
        target: [path.parent.name for path in train.files],
    })  # fmt: skip
    if listing is not None:
        rows = listing.table
    else:
        ids = picture_files.own_names(test.path, list(test.files)) if sample is None else sample.frame[asked].tolist()  # fmt: skip
        rows = Table(test.path, pd.DataFrame({key: ids}), sample.form if sample else Form())
    told = Roles(Table(train.path, frame, rows.form), rows, sample, asked, key)
    column = listing.column if listing and listing.column != key else None
    why = (_counted(train), *(map(_named, lists) if lists else [_counted(test)]))
    return Layout(told, _ids(key, asked), train, test, "folders", column, why)


def _variety(naming: Naming) -> float:
    """Different values of the columns beside the names, on average; a sample has few."""
    return float(naming.table.frame.drop(columns=naming.column).nunique().mean())


def _repeats_itself(naming: Naming) -> bool:
    return len(naming.table.columns) > 1 and _variety(naming) <= len(naming.pictures) / 2


def _ids(key: str, asked: str | None) -> Guess:
    keys = {"id_column": key}
    if asked not in (None, key):
        keys["sample_id_column"] = str(asked)
    return Guess(keys, (f"{key!r} names pictures: it is a key",))


def _outermost(known: list[PictureFolder]) -> list[PictureFolder]:
    """Without those that lie in another one."""
    places = {folder.path for folder in known}
    return [folder for folder in known if places.isdisjoint(folder.path.parents)]


def _is_called(folder: PictureFolder, wanted: str | None) -> bool:
    return wanted is None or Path(wanted).name in (folder.path.name, folder.name)


def _found(folders: Sequence[PictureFolder]) -> str:
    return f"found {', '.join(sorted({folder.name for folder in folders})) or 'none'}"


def _named(naming: Naming) -> str:
    missing = sum(path is None for path in naming.pictures)
    lacking = f"; {missing} of them are not there, or there twice" if missing else ""
    return (
        f"{naming.column!r} of {naming.table.name} names {len(naming.pictures):,} pictures of "
        f"{naming.folder.name}{lacking}"
    )


def _counted(folder: PictureFolder) -> str:
    classes = sorted(folder.classes)
    shown = f"{', '.join(classes[:_SHOWN])}{' …' if len(classes) > _SHOWN else ''}"
    each = f" in {len(classes)} folders, one per class: {shown}" if classes else ""
    return f"{folder.name} holds {len(folder.files):,} pictures{each}"
