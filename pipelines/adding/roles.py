"""Which table is train, which test, which the sample submission: told by their columns and rows, hardly by names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import pandas as pd

from pipelines.adding.found_files import Table
from pipelines.plumbing.errors import UserError, did_you_mean

_MOST_TABLES = 12
_HINTS = (("train",), ("test",), ("sample", "submi"))
_ALIKE = 0.5  # of the sample's ids, where it holds more than test


@dataclass(frozen=True, eq=False)
class Roles:
    """The three tables of Kaggle's contract.

    Attributes:
        train, test, sample: as found; a platform may hand out no sample.
        sample_key: the sample's column of ids.
        test_key: the column of test with the same ids; None where they count its rows.
    """

    train: Table
    test: Table
    sample: Table | None = None
    sample_key: str | None = None
    test_key: str | None = None

    @property
    def unseen(self) -> list[str]:
        """The columns that train alone has, in its order."""
        known = set(self.test.columns)
        return [name for name in self.train.columns if name not in known]

    @property
    def values(self) -> list[str]:
        """The sample's columns to fill in."""
        if self.sample is None:
            return []
        return [name for name in self.sample.columns if name != self.sample_key]


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
    possible = [roles for roles in _possible(found) if _fits(roles, named)]
    if not possible:
        listed = ", ".join(f"{table.name} ({len(table.columns)} columns)" for table in found)
        because = "".join(f"\n{name}: {why}" for name, why in (unread or {}).items())
        raise UserError(
            "train must have every column of test and one that test lacks, and no two tables are so: found "
            f"{listed or 'no table'}: put both into the folder, or name them with --train and --test{because}"
        )
    best = max(possible, key=_rank)
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
    return best


def _possible(found: Sequence[Table]) -> list[Roles]:
    made = []
    for train, test in permutations(found, 2):
        shared = set(train.columns) & set(test.columns)
        alone = [name for name in test.columns if name not in shared]
        if not shared or len(shared) == len(train.columns):
            continue
        samples = [table for table in found if table is not train and table is not test]
        for sample in samples:
            for key, test_key in keys(test, sample):
                if all(name == test_key for name in alone):
                    made.append(Roles(train, test, sample, key, test_key))
        if not alone:
            made.append(Roles(train, test))
    return made


def keys(test: Table, sample: Table) -> list[tuple[str, str | None]]:
    """The first column of the sample that holds test's ids, with test's own; else the first that counts its rows."""
    for key in sample.columns:
        asked = sample.frame[key]
        if asked.dtype.kind == "f" or asked.isna().any() or asked.duplicated().any():
            continue
        ids = set(asked.astype(str))
        same = [key] if key in test.columns else []
        for name in [*same, *(other for other in test.columns if other != key)]:
            given = test.frame[name]
            if given.dtype.kind == "f" or not given.is_unique or len(given) > len(ids):
                continue
            if (
                ids.issuperset(given.astype(str))
                and len(given) >= _ALIKE * len(ids)
                and (len(given) == len(ids) or name == key)
            ):
                return [(key, name)]
    if len(sample.frame) == len(test.frame):
        for key in sample.columns:
            if counts(sample.frame[key]):
                return [(key, None)]
    return []


def counts(ids: "pd.Series") -> bool:
    """Whether they are first … first + n − 1, in any order, with a first of 0 or more."""
    if ids.dtype.kind not in "iu" or not len(ids) or ids.min() < 0:
        return False
    return bool(ids.is_unique and ids.max() - ids.min() == len(ids) - 1)


def _fits(roles: Roles, named: Sequence[str | None]) -> bool:
    tables = (roles.train, roles.test, roles.sample)
    return all(
        name is None or (table is not None and table.name == name)
        for table, name in zip(tables, named, strict=True)
    )


def _rank(roles: Roles) -> tuple[float, ...]:
    """Greater is likelier: a sample that fits and asks little, more columns shared, then what files are called."""
    has_sample = roles.sample is not None
    named = sum(
        any(hint in table.name.lower() for hint in hints)
        for table, hints in zip((roles.train, roles.test, roles.sample), _HINTS, strict=True)
        if table is not None
    )
    different = 0.0
    if roles.sample is not None and roles.values:
        values = [roles.sample.frame[name] for name in roles.values]
        different = sum(column.nunique() / max(len(column), 1) for column in values) / len(values)
    shared = len(set(roles.train.columns) & set(roles.test.columns))
    answers = all(name in roles.unseen for name in roles.values)
    return (
        has_sample, shared > 1 or roles.test_key is None, answers, shared, -len(roles.values), named, -different,
        len(roles.train.frame),
    )  # fmt: skip
