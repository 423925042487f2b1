"""What the tables say of a competition: ids, target, task, metric, pictures, models. Each guess has its reason."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.text import is_free_text
from pipelines.adding.found_files import MOST_CLASSES
from pipelines.adding.roles import Roles
from pipelines.adding.samples import counts
from pipelines.plumbing import registry
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values.columns import is_nameless

_ROWS_PER_CLASS = 5
_FEW_WORDS = 0.05  # of a target's cells: such numbers were spoilt, and are no classes
_RARE = 0.2  # the smallest class against the largest
_SKEWED = 1.0
_FEWEST_PIXELS = 64
_MOST_ROWS_FOR_KNN = 50_000
_FOR_TABLES = ("lightgbm", "catboost", "hist_gbdt", "forest", "linear")
_TREE_PER_CLASS = ("lightgbm", "catboost", "hist_gbdt")
_MOST_TREES = 100  # in a round: with 500 a fold of 1,000 rows took a minute
_FOR_TEXT = ("tfidf_linear", "naive_bayes")
_FOR_PICTURES = ("cnn",)
# Networks take many times as long as the rest, and help most beside them, in an ensemble.
_SLOWER = {"texts": "text_cnn", "tables": "mlp", "pictures": "densenet"}


@dataclass(frozen=True)
class Guess:
    """Keys of a competition file, and why they are so.

    Attributes:
        keys: as in the file.
        why: a sentence each.
    """

    keys: dict[str, Any]
    why: tuple[str, ...]


def ids(roles: Roles) -> Guess:
    """The column that names rows, and whether it only counts them."""
    key, asked = roles.test_key, roles.sample_key
    if roles.sample is None:
        named = sorted(roles.test.columns, key=is_nameless)
        key = next((name for name in named if _names_rows(roles, name)), None)
        asked = key
    if key is None:
        name = asked or _new_name(roles)
        said = f"no column of {roles.test.name} names its rows: {name!r} counts them"
        return Guess({"id_column": name, "id": "position"}, (said,))
    keys: dict[str, Any] = {"id_column": key}
    if asked not in (None, key):
        keys["sample_id_column"] = asked
    test = roles.test.frame[key]
    if key not in roles.train.columns:
        if not counts(test):
            raise UserError(
                f"train must have the column of ids, and {roles.train.name} lacks {key!r}: add one to the file"
            )
        return Guess(
            {**keys, "id": "position"}, (f"{key!r} counts the rows of test, and train lacks it",)
        )
    train = roles.train.frame[key]
    if counts(train) and counts(test) and train.min() == test.min():
        said = f"{key!r} counts the rows of both files from {train.min()}: it is a position"
        return Guess({**keys, "id": "position"}, (said,))
    where = f"test and {roles.sample.name}" if roles.sample else "train and test"
    return Guess(keys, (f"{key!r} names the rows of {where}: it is a key",))


def _names_rows(roles: Roles, name: str) -> bool:
    if name not in roles.train.columns:
        return False
    parts = [roles.train.frame[name], roles.test.frame[name]]
    if any(part.dtype.kind == "f" or not part.is_unique or part.isna().any() for part in parts):
        return False
    apart = set(parts[0]).isdisjoint(parts[1])
    return apart or all(map(counts, parts))


def _new_name(roles: Roles) -> str:
    taken = {*roles.train.columns, *roles.test.columns}
    return next(name for name in ("id", "row", "row_number", "row_of_file") if name not in taken)


def target(roles: Roles, named: str | None = None) -> Guess:
    """The column to predict: what train alone has and the sample asks for.

    Raises:
        UserError: the named column is none of train's own, or several are asked for.
    """
    unseen = roles.unseen
    if named is not None:
        if named not in unseen:
            raise UserError(
                f"the target must be a column that test lacks{did_you_mean(named, unseen)}"
            )
        return Guess({"target": named}, (f"target {named!r}, as you said",))
    asked = roles.asked
    if len(asked) > 1:
        raise UserError(
            f"a competition here predicts one column, and the sample asks for {', '.join(asked)}: add one of another "
            f"name for each (--target {asked[0]!r} and so on), and join their submissions by hand"
        )
    if asked:
        return Guess({"target": asked[0]}, (f"target {asked[0]!r}: train and the sample have it",))
    if len(unseen) == 1:
        return Guess({"target": unseen[0]}, (f"target {unseen[0]!r}: test lacks it alone",))
    of_classes = [name for name in unseen if _is_asked_by_class(roles, name)]
    listed = f"of {', '.join(unseen)}, which test lacks"
    if of_classes:
        name, reason = of_classes[0], "the sample has a column for each of its values"
    else:
        fitting, example = _holding_cells(roles)
        name, reason = [*unseen, *fitting][-1], f"a guess, the last {listed}"
        if len(fitting) == 1:
            reason = f"{listed}, it alone holds the cells of the sample, such as {example!r}"
        elif fitting:
            reason = f"a guess, the last {listed}, that holds the cells of the sample"
    return Guess({"target": name}, (f"target {name!r}: {reason}",))


def _holding_cells(roles: Roles) -> tuple[list[str], str]:
    """The columns that train alone has and whose values include every cell of the sample's one column; such a cell."""
    if roles.sample is None or len(roles.values) != 1:
        return [], ""
    cells = set(_spelled(roles.sample.frame[roles.values[0]]))
    held = [name for name in roles.unseen if cells <= set(_spelled(roles.train.frame[name]))]
    return (held, min(cells)) if cells else ([], "")


def _spelled(column: "pd.Series") -> "pd.Series[str]":
    """Known cells as text, `1.0` as `1`."""
    known = column.dropna()
    return known.map(lambda cell: f"{cell:.15g}") if known.dtype.kind in "iuf" else known.astype(str)  # fmt: skip


def _is_asked_by_class(roles: Roles, name: str) -> bool:
    classes = set(roles.train.frame[name].dropna().astype(str))
    asked = {column.rpartition("_")[2] for column in roles.values} | set(roles.values)
    return len(roles.values) > 1 and classes <= asked


def task(roles: Roles, name: str) -> Guess:
    """Classes or numbers."""
    column = roles.train.frame[name].dropna()
    n = column.nunique()
    if column.dtype.kind not in "iuf":
        numbers = pd.to_numeric(column, errors="coerce")
        odd = column[numbers.isna()]
        if 0 < len(odd) <= _FEW_WORDS * len(column) and numbers.nunique() > MOST_CLASSES:
            said = f"regression: {name!r} holds numbers but for {len(odd)} cells, such as {odd.iloc[0]!r}: mend these"
            return Guess({"task": "regression"}, (said,))
        said = f"classification: {name!r} is no number ({n} values)"
        return Guess({"task": "classification"}, (said,))
    if _is_asked_by_class(roles, name):
        return Guess({"task": "classification"}, ("classification: the sample has its classes",))
    whole = bool((column % 1 == 0).all()) and bool(np.isfinite(column).all())
    if whole and n <= MOST_CLASSES and len(column) >= _ROWS_PER_CLASS * n:
        said = f"classification: {name!r} has {n} whole values"
        return Guess({"task": "classification"}, (said,))
    return Guess({"task": "regression"}, (f"regression: {name!r} has {n} different numbers",))


def metric(roles: Roles, name: str, kind: str) -> Guess:
    """A guess by the sample's cells; only the competition's page knows."""
    column = roles.train.frame[name].dropna()
    sample = roles.sample.frame[roles.values] if roles.sample else pd.DataFrame()
    if kind == "regression":
        values = pd.to_numeric(column, errors="coerce").dropna().astype(np.float64)
        is_log = bool(values.min() >= 0 and _skew(values) > _SKEWED)
        is_log = is_log and abs(_skew(pd.Series(np.log1p(values)))) < _SKEWED / 2
        found, why = (
            ("rmsle", "its logarithm is no longer skewed")
            if is_log
            else ("rmse", "the usual of numbers")
        )
    elif len(roles.values) > 1:
        found, why = "log_loss", "the sample has a column of probabilities for each class"
    elif any(_has_fractions(sample[value]) for value in sample) and column.nunique() == 2:
        found, why = "roc_auc", "the sample holds probabilities"
    else:
        sizes = column.value_counts()
        is_rare = len(sizes) > 2 and sizes.min() < _RARE * sizes.max()
        found, why = (
            ("f1_macro", "classes of different size") if is_rare else ("accuracy", "labels")
        )
    said = f"metric {found} is a GUESS ({why}): read the competition's page and correct it"
    return Guess({"metric": found}, (said,))


def _skew(values: "pd.Series[float]") -> float:
    return float(str(values.skew()))


def _has_fractions(column: "pd.Series") -> bool:
    return column.dtype.kind == "f" and bool((column.dropna() % 1 != 0).any())


def features(roles: Roles, id_column: str) -> list[str]:
    """The columns that train and test share, without the ids."""
    return [
        name
        for name in roles.test.columns
        if name in roles.train.columns and name not in (id_column, roles.test_key)
    ]


def picture(roles: Roles, names: list[str]) -> Guess:
    """Height and width where all columns are pixels of a square picture."""
    part = roles.train.frame[names]
    if len(names) < _FEWEST_PIXELS or not all(kind.kind in "iu" for kind in part.dtypes):
        return Guess({}, ())
    low, high = int(part.min().min()), int(part.max().max())
    for channels in (1, 3):
        side = round((len(names) / channels) ** 0.5)
        if side * side * channels == len(names) and low >= 0 and 1 <= high <= 255:
            maximum = next(top for top in (1, 16, 255) if high <= top)
            keys = {"height": side, "width": side, "channels": channels, "maximum": maximum}
            said = f"pictures: {len(names)} columns of whole numbers 0 … {high} are {side} × {side} × {channels} pixels"
            return Guess({"image": keys}, (said,))
    return Guess({}, ())


def baselines(
    roles: Roles, names: list[str], is_picture: bool, known: set[str], n_classes: int = 0
) -> Guess:
    """The models for such data, of those that are here and have sections in params.yaml."""
    texts = [name for name in names if is_text(roles.train.frame[name])]
    wanted = _FOR_PICTURES if is_picture else (*(_FOR_TEXT if texts else ()), *_FOR_TABLES)
    here = set(registry.names("models")) & known
    chosen = [name for name in wanted if name in here]
    if len(roles.train.frame) <= _MOST_ROWS_FOR_KNN or not chosen:
        chosen.append("knn")
        why = []
    else:
        why = [
            f"knn is left out: over {_MOST_ROWS_FOR_KNN:,} rows it takes longer than all the rest"
        ]
    slow = [name for name in chosen if name in _TREE_PER_CLASS and n_classes > _MOST_TREES]
    if slow and len(slow) < len(chosen):
        chosen = [name for name in chosen if name not in slow]
        why.append(
            f"{', '.join(slow)}: left out, since they grow a tree for each of {n_classes} classes in every round"
        )
    said = [f"text: {', '.join(map(repr, texts))}"] if texts else []
    slower = _SLOWER["pictures" if is_picture else "texts" if texts else "tables"]
    if slower in here:
        why.append(f"{slower}, a network, is slower and left to you: add it under `baselines:`")
    return Guess({"baselines": chosen}, (*said, f"models: {', '.join(chosen)}", *why))


def is_text(column: "pd.Series") -> bool:
    """Whether models will read cells as sentences rather than as categories."""
    return column.dtype.kind not in "iufb" and is_free_text(column)
