"""One label, one spelling: that of the sample submission. `0`, `0.0` and `0.00` are one class."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from unicodedata import normalize

import pandas as pd

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_CODE = re.compile(r"[+-]?0\d.*", re.ASCII)  # leading zeros mean something: `01` beside `1`

_LIKE_GAPS = ("na", "n/a", "nan", "none", "null")


def class_order(label: str) -> tuple[int, float, str]:
    """Numbers by value first, then words."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def as_classes(labels: "pd.Series[str]", classes: Sequence[str]) -> "pd.Series[str]":
    """Labels of a submission or a solution in the spelling of the classes.

    Args:
        labels: text or numbers (n,).
        classes: their names.

    Returns:
        Text (n,): `1.0` becomes the class `1`, as every platform takes it. What equals no class by its
        value, or two, stays as it is.
    """
    by_value = _by_value(classes)

    def one(label: str) -> str:
        value = None if label in classes else _value(label)
        fitting = [] if value is None else by_value.get(value, [])
        return fitting[0] if len(fitting) == 1 else label

    texts = labels.astype(str)
    return texts.map({label: one(label) for label in texts.unique()})


def as_in_sample(
    labels: "pd.Series[str]", sample: Sequence[str]
) -> tuple["pd.Series[str]", list[str]]:
    """Training labels in the sample's spelling.

    Args:
        labels: text (n,), as in the training file.
        sample: the labels of the sample submission; empty where it holds none.

    Returns:
        Text (n,), and notes: labels that were respelled, and those that differ by blanks or case alone.
    """
    asked = {_value(label): label for label in reversed(sample)}
    model = next((label for label in sample if _value(label) is not None), None)
    new: dict[str, str] = {}
    for value, names in _by_value(labels.dropna().unique().tolist()).items():
        if len(names) > 1 and any(map(_CODE.fullmatch, names)):
            continue  # `01` beside `1`: codes, and two classes
        written = asked.get(value) or _written(value, model, min(names, key=len))
        new |= {name: written for name in names if name != written}
    reason = "as the sample submission spells it" if model else "since both are one number"
    notes = [f"label {old!r} of train is {name!r} here, {reason}" for old, name in new.items()]
    respelled = (
        labels.map({name: new.get(name, name) for name in labels.unique()}) if new else labels
    )
    return respelled, notes + _alike([*respelled.dropna().unique(), *sample])


def plain(name: str) -> str:
    """A label or an id without blanks and case, in one of the forms that Unicode has for it."""
    return "".join(normalize("NFKC", name).casefold().split())


def like_gaps(classes: Iterable[str]) -> list[str]:
    """A note for each class that other programs take for a missing value."""
    return [
        f"label {name!r} is a class here, although it may mean a gap: if it does, take its rows out of the file and "
        "mend its `md5:`"
        for name in classes
        if name.strip("<>#-").casefold() in _LIKE_GAPS
    ]


def _written(value: Decimal, model: str | None, otherwise: str) -> str:
    """A number with the decimal places and leading zeros of a model, where they hold it."""
    if model is None:
        return otherwise
    written = f"{value:.{len(model.partition('.')[2])}f}"
    padded = written.zfill(len(model)) if _CODE.fullmatch(model) else written
    return padded if Decimal(written) == value else otherwise


def _alike(names: Iterable[str]) -> list[str]:
    groups = defaultdict(list)
    for name in dict.fromkeys(names):
        groups[plain(name)].append(name)
    return [
        f"labels {', '.join(map(repr, group))} of train and the sample submission differ only by blanks or case, "
        "and count as different classes: clean them in a kernel if they are one"
        for group in groups.values()
        if len(group) > 1
    ]


def _by_value(names: Sequence[str]) -> dict[Decimal, list[str]]:
    found = defaultdict(list)
    for name in names:
        if (value := _value(name)) is not None:
            found[value].append(name)
    return found


def _value(label: str) -> Decimal | None:
    """Exact, since two long numbers may be one float."""
    return Decimal(label.strip()) if _NUMBER.fullmatch(label.strip()) else None
