"""Which table is train, which test, which the sample submission: told by their columns and rows, hardly by names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import NoReturn

import pandas as pd

from pipelines.adding import samples
from pipelines.adding.found_files import Table
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values.columns import is_nameless
from pipelines.values.ids import bare

_MOST_TABLES = 12
_HINTS = (("train",), ("test",), ("sample", "submi"))


@dataclass(frozen=True, eq=False)
class Roles:
    """The three tables of Kaggle's contract.

    Attributes:
        train, test, sample: as found; a platform may hand out no sample.
        sample_key: the sample's column of ids.
        test_key: the column of test with the same ids; None where they count its rows.
        is_exact: whether sample and test have the same ids.
    """

    train: Table
    test: Table
    sample: Table | None = None
    sample_key: str | None = None
    test_key: str | None = None
    is_exact: bool = True

    @property
    def unseen(self) -> list[str]:
        """The columns that train alone has, in its order."""
        known = set(self.test.columns)
        return [name for name in self.train.columns if name not in known]

    @property
    def shared(self) -> int:
        """How many columns train and test have in common."""
        return len(set(self.train.columns) & set(self.test.columns))

    @property
    def values(self) -> list[str]:
        """The sample's columns to fill in."""
        if self.sample is None:
            return []
        return [
            name
            for name in self.sample.columns
            if name != self.sample_key and not is_nameless(name)
        ]

    @property
    def asked(self) -> list[str]:
        """Those of them that train alone has: the targets."""
        unseen = set(self.unseen)
        return [name for name in self.values if name in unseen]

    @property
    def may_be_labels(self) -> bool:
        """Whether the sample may hold the labels of test instead, by the rule of `samples`."""
        pairs = [(name, name) for name in self.asked]
        if not pairs and len(self.values) == len(self.unseen) == 1:
            pairs = [(self.values[0], self.unseen[0])]
        if self.sample is None or self.sample_key is None:
            return False
        pairs = [(asked, name) for asked, name in pairs if self.sample.frame[asked].nunique() > 1]
        if not pairs:
            return False
        rows = _in_order_of_test(self.test, self.sample, self.sample_key, self.test_key)
        features = self.test.frame.drop(columns=self.test_key or [])
        return all(
            samples.may_be_labels(rows[asked], self.train.frame[name], features)
            for asked, name in pairs
        )

    def of_one(self, target: str) -> "Roles":
        """The same with a sample that asks for this target alone, where it asks for several."""
        if self.sample is None or self.sample_key is None or len(self.asked) < 2:
            return self
        frame = self.sample.frame[[self.sample_key, target]]
        return replace(self, sample=replace(self.sample, frame=frame))


def _in_order_of_test(test: Table, sample: Table, key: str, test_key: str | None) -> pd.DataFrame:
    """The sample's rows, one for each of test."""
    if test_key is None:
        return sample.frame.sort_values(key, ignore_index=True)
    names, wanted = (
        column.astype(str).map(bare) for column in (sample.frame[key], test.frame[test_key])
    )
    known = sample.frame.set_axis(names)
    return known[~known.index.duplicated()].reindex(wanted).reset_index(drop=True)


def tell(
    found: Sequence[Table],
    named: Sequence[str | None] = (None, None, None),
    unread: Mapping[str, str] | None = None,
) -> Roles:
    """Tell the roles apart.

    Args:
        found: every table.
        unread: files that are none, and why.
        named: the files that are train, test and sample, where somebody has said so.

    Raises:
        UserError: no two tables could be train and test, two could be train alike, or a named file is no table.
    """
    known = [table.name for table in found]
    for name in named:
        if name is not None and name not in known:
            raise UserError(f"a named file must be a table{did_you_mean(name, known)}")
    if len(found) > _MOST_TABLES:
        raise UserError(
            f"at most {_MOST_TABLES} tables can be told apart, found {len(found)}: give a folder with train, test "
            "and sample alone"
        )
    samples.refuse_labelled_test(found, named)
    possible = [roles for roles in _possible(found) if _fits(roles, named)]
    if not any(roles.sample and roles.shared > 1 for roles in possible):
        possible = [roles for roles in _possible(found, is_loose=True) if _fits(roles, named)]
    if not possible:
        _refuse_nearer(found, None, named)
        _refuse_all(found, unread or {})
    widest = max(roles.shared for roles in possible)
    # A test that shares one column, where two others share several, is a sample without ids.
    best = max((r for r in possible if r.shared > 1 or widest <= 2), key=_rank)
    _refuse_nearer(found, best, named)
    if best.sample is None and named[1] is None:
        samples.refuse_as_test(best.test, best.unseen)
    _refuse_twins(best, possible)
    if named[2] is None and best.may_be_labels:
        best = _without_labels(best, possible)
    if best.sample is None:
        samples.refuse_without_ids(best.train, best.test, _others(found, best.train, best.test))
    return best


def _refuse_twins(best: Roles, possible: Sequence[Roles]) -> None:
    twins = {
        roles.train.name
        for roles in possible
        if set(roles.train.columns) == set(best.train.columns)
    }
    twins -= {best.test.name, best.sample.name if best.sample else ""}
    if len(twins) > 1:
        raise UserError(
            f"one file must be train, and {', '.join(sorted(twins))} have the same columns: name one with --train "
            "(several that belong together are a list under `files:` `train:` afterwards)"
        )


def _refuse_all(found: Sequence[Table], unread: Mapping[str, str]) -> NoReturn:
    listed = ", ".join(f"{table.name} ({len(table.columns)} columns)" for table in found)
    widths = [frozenset(table.columns) for table in found]
    is_labelled = len(set(widths)) < len(widths)
    labels = ", and of a test that holds its labels these by --target" if is_labelled else ""
    because = "".join(f"\n{name}: {why}" for name, why in unread.items())
    raise UserError(
        "train must have every column of test and one that test lacks, and no two tables are so: found "
        f"{listed or 'no table'}: put both into the folder, or name them with --train and --test{labels}{because}"
    )


def _possible(found: Sequence[Table], is_loose: bool = False) -> list[Roles]:
    made = []
    for train, test in permutations(found, 2):
        shared = set(train.columns) & set(test.columns)
        alone = [name for name in test.columns if name not in shared]
        if not shared or len(shared) == len(train.columns):
            continue
        for sample in _others(found, train, test):
            for key, test_key, is_exact in samples.keys(test, sample, is_loose):
                told = Roles(train, test, sample, key, test_key, is_exact)
                if told.values and all(name == test_key for name in alone):
                    made.append(told)
        if not alone:
            made.append(Roles(train, test))
    return made


def _others(found: Sequence[Table], train: Table, test: Table) -> list[Table]:
    return [table for table in found if table is not train and table is not test]


def _without_labels(best: Roles, possible: Sequence[Roles]) -> Roles:
    """The likeliest with a sample that cannot be the labels of test.

    Raises:
        UserError: none is so.
    """
    sure = [
        roles
        for roles in possible
        if (roles.train, roles.test) == (best.train, best.test)
        and roles.sample is not None
        and not roles.may_be_labels
    ]
    if not sure:
        assert best.sample is not None  # it may be labels
        raise samples.either(best.sample)
    return max(sure, key=_rank)


def _refuse_nearer(found: Sequence[Table], best: Roles | None, named: Sequence[str | None]) -> None:
    """Refuse roles where two other tables share more columns, and are no train and test by a few alone.

    Raises:
        UserError: so they do; it names the columns.
    """
    if any(named[:2]):
        return
    shared = best.shared if best else 1
    nearest = (shared, 0, 0)
    said = None
    for train, test in permutations(found, 2):
        known, there = set(train.columns), {_bare(name) for name in train.columns}
        common = [name for name in test.columns if _bare(name) in there]
        alone = [name for name in test.columns if name not in known]
        could_be = len(train.columns) > len(common) and 2 * len(common) > len(test.columns)
        rank = (len(common), -len(alone), len(train.frame))
        if alone and could_be and rank > nearest:
            nearest, said = rank, (train, test, alone[0])
    if said is not None:
        train, test, name = said
        raise UserError(
            f"train must have every column of test, and {test.name}, which looks like test, has {name!r}, which "
            f"{train.name} lacks{did_you_mean(name, train.columns)}: rename it in one of the files or take it out, or "
            "name others with --train and --test"
        )


def _bare(name: str) -> str:
    return name.strip().casefold()


def _fits(roles: Roles, named: Sequence[str | None]) -> bool:
    tables = (roles.train, roles.test, roles.sample)
    return all(
        name is None or (table is not None and table.name == name)
        for table, name in zip(tables, named, strict=True)
    )


def _rank(roles: Roles) -> tuple[float, ...]:
    """Greater is likelier: a sample that fits and asks little, more columns shared, then what files are called."""
    has_sample = (roles.sample is not None) + (roles.sample is not None and roles.is_exact)
    named = sum(
        any(hint in table.name.lower() for hint in hints)
        for table, hints in zip((roles.train, roles.test, roles.sample), _HINTS, strict=True)
        if table is not None
    )
    different = 0.0
    if roles.sample is not None and roles.values:
        values = [roles.sample.frame[name] for name in roles.values]
        different = sum(column.nunique() / max(len(column), 1) for column in values) / len(values)
    shared = roles.shared
    answers = all(name in roles.unseen for name in roles.values)
    return (
        has_sample, shared > 1 or roles.test_key is None, answers, shared, -len(roles.values), named, -different,
        len(roles.train.frame),
    )  # fmt: skip
