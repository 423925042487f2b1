"""How rows should fall into folds: as they fell into train and test."""

import re

import pandas as pd

from pipelines.adding.guesses import Guess
from pipelines.adding.roles import Roles
from pipelines.plumbing.errors import UserError
from pipelines.values import times

_DATED = re.compile(r"\s*\d{1,4}\s*[-/.년]\s*\d{1,2}\s*[-/.월]\s*\d{1,4}.*")
_LOOKED_AT = 100
_FEWEST_GROUPS = 10


def guess(roles: Roles, names: list[str], task: str) -> Guess:
    """The split: by time where test is later than train, by group where test has groups of its own, else by chance.

    Args:
        roles: train and test.
        names: the feature columns.
        task: classification or regression.
    """
    said: list[str] = []
    for name in names:
        if not _is_dated(roles.train.frame[name]):
            continue
        later = _is_later(roles, name)
        if later:
            why = f"split by time: test begins where {name!r} of train ends"
            return Guess({"split": {"kind": "time", "time": name}}, (*said, why))
        said.append(
            f"{name!r} is dated, and its days are those of train and test alike"
            if later is False
            else f"{name!r} looks dated and can be read in several ways: set split.time_format if rows are split by it"
        )
    for name in names:
        if _is_group(roles.train.frame[name], roles.test.frame[name]):
            kind = "stratified_group" if task == "classification" else "group"
            why = f"split by group: test has none of the values that several rows of train share in {name!r}"
            return Guess({"split": {"kind": kind, "group": name}}, (*said, why))
    kind = "stratified" if task == "classification" else "plain"
    why = f"split {kind}: no column tells that test differs from train by time or by groups"
    return Guess({"split": {"kind": kind}}, (*said, why))


def _is_dated(column: "pd.Series") -> bool:
    if column.dtype.kind in "iufb" or column.isna().any() or column.nunique() < 2:
        return False
    return bool(column.head(_LOOKED_AT).astype(str).map(_DATED.fullmatch).notna().all())


def _is_later(roles: Roles, name: str) -> bool | None:
    """Whether no row of test is earlier than the last of train; None where dates cannot be read."""
    train, test = roles.train.frame[name], roles.test.frame[name].dropna()
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
