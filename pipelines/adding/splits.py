"""How rows should fall into folds: as they fell into train and test."""

import re

import pandas as pd

from pipelines.adding import guesses
from pipelines.adding.guesses import Guess
from pipelines.adding.roles import Roles
from pipelines.plumbing.errors import UserError
from pipelines.values import dates, times

_FEWEST_GROUPS = 10
_YEARS = (1900, 2100)
# What stands before the first, the second or the third separator of an id may be its group: ^([^_]+)_
_PARTS = tuple(
    f"^({re.escape(mark).join([f'[^{mark}]+'] * fields)}){re.escape(mark)}"
    for fields in (1, 2, 3)
    for mark in "_-/.:| "
)


def guess(roles: Roles, names: list[str], task: str) -> Guess:
    """The split: by time where test is later than train, by group where test has groups of its own, else by chance.

    Args:
        roles: train and test.
        names: the feature columns.
        task: classification or regression.
    """
    said: list[str] = []
    dated = [name for name in names if _is_dated(roles.train.frame[name])]
    for name in [*dated, *_dated_ids(roles)]:
        later = _is_later(roles, name)
        if later:
            why = f"split by time: test begins where {name!r} of train ends"
            return Guess({"split": {"kind": "time", "time": name}}, (*said, why))
        said.append(
            f"{name!r} is dated, and test does not begin where train ends: rows are not split by it"
            if later is False
            else f"{name!r} looks dated and can be read in several ways: set split.time_format if rows are split by it"
        )
    gaps = [name for name in names if _is_dated_but_for_gaps(roles, name)]
    said += [
        f"{name!r} is dated and lacks {roles.train.frame[name].isna().sum()} cells of train, and test begins where train "
        f"ends: fill them, and set `split: {{kind: time, time: {name}}}`"
        for name in gaps
    ]
    kind = "stratified_group" if task == "classification" else "group"
    for name in names:
        train, test = roles.train.frame[name], roles.test.frame[name]
        if name not in dated and not dates.is_date(train) and _is_group(train, test):
            why = f"split by group: test has none of the values that several rows of train share in {name!r}"
            return Guess({"split": {"kind": kind, "group": name}}, (*said, why))
    if within := _within_ids(roles):
        key, part, example, shown = within
        why = f"split by group: ids in {key!r} begin with one, as {example!r} with {shown!r}, and test has groups of its own"
        return Guess({"split": {"kind": kind, "group": key, "group_part": part}}, (*said, why))
    kind = "stratified" if task == "classification" else "plain"
    other = "other " if gaps else ""
    why = f"split {kind}: no {other}column tells that test differs from train by time or by groups"
    return Guess({"split": {"kind": kind}}, (*said, why))


def _is_dated(column: "pd.Series") -> bool:
    """Whether a column without gaps may hold moments, or holds years as numbers."""
    if column.isna().any() or column.nunique() < 2:
        return False
    if column.dtype.kind in "iu":
        return bool(column.between(*_YEARS).all())
    return column.dtype.kind not in "fb" and dates.may_be_date(column)


def _dated_ids(roles: Roles) -> list[str]:
    """The column of ids where they are dates, and no row of test is earlier than train."""
    named = guesses.ids(roles).keys
    key = named["id_column"]
    is_key = "id" not in named and dates.may_be_date(roles.train.frame[key])
    return [key] if is_key and _is_later(roles, key) else []


def _is_dated_but_for_gaps(roles: Roles, name: str) -> bool:
    """Whether a column with gaps holds dates, and no row of test is earlier than train."""
    column = roles.train.frame[name]
    known = column.dropna()
    return len(known) < len(column) and _is_dated(known) and _is_later(roles, name) is True


def _is_later(roles: Roles, name: str) -> bool | None:
    """Whether no row of test is earlier than the last of train; None where dates cannot be read."""
    train, test = (table.frame[name].dropna() for table in (roles.train, roles.test))
    if not len(test):
        return None
    try:
        moments, _ = times.read(pd.concat([train, test]).astype(str).reset_index(drop=True))
    except UserError:
        return None
    return bool(moments[: len(train)].max() <= moments[len(train) :].min())


def _is_group(train: "pd.Series", test: "pd.Series") -> bool:
    """Whether rows share values, and test has none of train's."""
    if train.dtype.kind in "fb" or train.isna().any() or test.isna().any():
        return False
    groups = train.nunique()
    if not _FEWEST_GROUPS <= groups <= len(train) / 2 or test.nunique() > len(test) / 2:
        return False
    return set(train.unique()).isdisjoint(test.unique())


def _within_ids(roles: Roles) -> tuple[str, str, str, str] | None:
    """The column of ids, the part that is a group, an id and its group; None unless most groups have several rows."""
    named = guesses.ids(roles).keys
    key = named["id_column"]
    if "id" in named or dates.may_be_date(roles.train.frame[key]):
        return None
    train, test = (table.frame[key].astype(str) for table in (roles.train, roles.test))
    for part in _PARTS:
        here, there = (ids.str.extract(part, expand=False) for ids in (train, test))
        several = all(groups.value_counts().median() >= 2 for groups in (here, there))
        if several and not _is_dated(here) and _is_group(here, there):
            return key, part, train.iloc[0], here.iloc[0]
    return None
