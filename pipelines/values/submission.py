"""The submission: built from the sample file, then checked as the platform would check it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.values.competition import Competition
from pipelines.values.metrics import Kind, get
from pipelines.values.predictions import Predictions, one_hot
from pipelines.values.spelling import as_classes
from pipelines.values.tables import Columns, read_csv

_SHOWN = 3


def build(competition: Competition, sample: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    """Fill the sample submission with predictions.

    Args:
        competition: names the columns and the metric, which decides between labels and probabilities.
        sample: ids as text, in the order that the platform wants.
        predictions: its `test_ids` may come in any order.

    Returns:
        A table with the sample's columns, ids and order.

    Raises:
        UserError: a sample id was not predicted, or the columns do not stand for the classes.
    """
    position = {name: row for row, name in enumerate(predictions.test_ids.tolist())}
    ids = sample[competition.sample_id].tolist()
    missing = [name for name in ids if name not in position]
    if missing:
        raise UserError(
            f"every id of the sample submission must be predicted, found {len(missing)} without "
            f"(first: {missing[0]!r}): check that test and sample belong together"
        )
    test = predictions.test[[position[name] for name in ids]]
    filled = sample.copy()
    columns = target_columns(competition, sample)
    if len(columns) > 1:
        filled[columns] = test[:, class_order(columns, predictions.classes)].astype(np.float64)
        return filled
    if get(competition.metric).needs == "label":
        filled[columns[0]] = predictions.classes[test.argmax(axis=1)]
        return filled
    if test.shape[1] > 2:
        raise UserError(
            f"the sample must have a column per class for {competition.metric}, found one ({columns[0]!r}) and "
            f"{test.shape[1]} classes: check `metric:` and `files.sample` in the competition file"
        )
    filled[columns[0]] = test[:, -1].astype(np.float64)
    return filled


def target_columns(competition: Competition, sample: pd.DataFrame) -> list[str]:
    """The columns to fill in: all but the ids."""
    return [str(column) for column in sample.columns if column != competition.sample_id]


def text_columns(competition: Competition) -> Columns:
    """What is read as text in a submission or a sample: ids, and labels, whose column may have any name."""
    return "all" if get(competition.metric).needs == "label" else [competition.sample_id]


def labels_of(competition: Competition, sample: pd.DataFrame) -> list[str]:
    """The labels that a sample holds, each once; none where the metric is given probabilities or values."""
    if get(competition.metric).needs != "label":
        return []
    columns = target_columns(competition, sample)
    return sample[columns[0]].dropna().astype(str).unique().tolist() if columns else []


def class_order(columns: list[str], classes: np.ndarray) -> list[int]:
    """The class that each column of probabilities stands for, as positions.

    Raises:
        UserError: they are not one column for each class.
    """
    order = []
    for column in columns:
        place = class_named(column, classes.tolist())
        if place is None:
            raise UserError(
                f"column {column!r} of the sample must name one class, found classes {classes.tolist()[:8]}: check "
                "`id_column` and `target` in the competition file"
            )
        order.append(place)
    if sorted(order) != list(range(len(classes))):
        raise UserError(
            f"the sample must have one column for each of {len(classes)} classes, found {columns[:8]}: check "
            "`id_column` and `files.sample` in the competition file"
        )
    return order


def class_named(column: str, classes: Sequence[str]) -> int | None:
    """The class that a probability column stands for, as a position: its name is the class, or ends with it.

    Of two endings the longer counts: `p_not_spam` is `not_spam`, beside a class `spam`. Numbers count by value:
    `Class_1` stands for the class `1.0`. None where it names no class, or more than one.
    """
    (ending,) = as_classes(pd.Series([column.rpartition("_")[2]]), classes)
    endings = [index for index, name in enumerate(classes) if f"_{column}".endswith(f"_{name}")]
    fitting = sorted(endings, key=lambda index: len(classes[index]))[-1:] or [
        index for index, name in enumerate(classes) if ending == name
    ]
    return fitting[0] if len(fitting) == 1 else None


def text_of(frame: pd.DataFrame) -> str:
    """CSV with line feeds; numbers in the shortest form that reads back the same."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def save(path: Path, frame: pd.DataFrame) -> None:
    """Write `text_of` the frame in UTF-8."""
    write_text(path, text_of(frame))


def read(path: Path, competition: Competition) -> pd.DataFrame:
    """Read a submission or sample: ids as text and, where labels are asked for, labels as text."""
    return read_csv(path, text_columns(competition))


def validate(
    competition: Competition, frame: pd.DataFrame, sample: pd.DataFrame, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Check a submission against the sample and return it in the sample's order.

    Beyond what a platform checks, refuses what nobody hands in on purpose: the untouched sample, and labels
    where the metric is given probabilities.

    Args, Raises: as `in_form`.
    """
    ordered = in_form(competition, frame, sample, classes)
    columns = target_columns(competition, sample)
    if _same_values(ordered[columns], sample[columns]):
        raise UserError(
            "a submission must differ from the sample file, and this is the sample: fill in predictions"
        )
    if get(competition.metric).needs == "probability" and are_labels(ordered[columns]):
        raise UserError(
            f"{competition.metric} must be given probabilities, found only 0 and 1: submit probabilities, not labels"
        )
    return ordered


def in_form(
    competition: Competition, frame: pd.DataFrame, sample: pd.DataFrame, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Check that a platform would take a submission, and return it in the sample's order.

    Args:
        competition: metric and column names.
        frame: the submission; its rows may be in another order.
        sample: the sample submission.
        classes: the labels that occur in training; empty for regression.

    Returns:
        The submission, its labels as the classes are spelled: `1.0` is the class `1`.

    Raises:
        UserError: columns or ids differ, a value is missing or of the wrong kind, or a label is unknown.
    """
    if list(frame.columns) != list(sample.columns):
        raise UserError(
            f"columns must be {list(sample.columns)}, found {list(frame.columns)}: rename or reorder them"
        )
    key = competition.sample_id
    _check_ids(frame[key], sample[key])
    ordered = frame.set_index(key).loc[sample[key]].reset_index()[list(sample.columns)]
    columns = target_columns(competition, sample)
    empty = ordered[key][ordered[columns].isna().any(axis=1)]
    if len(empty):
        raise UserError(
            f"every row must have a prediction, found {len(empty)} rows with missing values (first: id "
            f"{empty.iloc[0]!r}): fill them"
        )
    if get(competition.metric).needs == "label":
        ordered[columns[0]] = as_classes(ordered[columns[0]], classes)
        _check_labels(ordered[columns[0]], classes)
    else:
        _check_numbers(competition, ordered[columns])
    return ordered


def are_labels(columns: pd.DataFrame) -> bool:
    """Whether what should be probabilities is only 0 and 1."""
    return bool(np.isin(columns.to_numpy(np.float64), (0.0, 1.0)).all())


def matrix_of(
    competition: Competition, ordered: pd.DataFrame, classes: tuple[str, ...]
) -> tuple[np.ndarray, Kind]:
    """What a submission says, as a prediction matrix: the reverse of `build`.

    Args:
        competition: metric and column names.
        ordered: what `in_form` returned.
        classes: class names, in the order of the matrix' columns; empty for regression.

    Returns:
        float64 (n, n_classes) or (n, 1), and its kind: labels are one-hot, also where the metric is given
        probabilities and found only 0 and 1.
    """
    columns = target_columns(competition, ordered)
    needs = get(competition.metric).needs
    if needs == "label":
        y = class_indices(ordered[columns[0]], classes)
        return one_hot(y, len(classes)).astype(np.float64), "label"
    values = ordered[columns].to_numpy(np.float64)
    if needs == "value":
        return values, "value"
    kind: Kind = "label" if are_labels(ordered[columns]) else "probability"
    if len(columns) == 1:
        return np.hstack([1 - values, values]), kind
    matrix = np.empty_like(values)
    matrix[:, class_order(columns, np.array(classes))] = values
    sums = matrix.sum(axis=1, keepdims=True)  # platforms normalise rows before they grade them
    return matrix / np.where(sums > 0, sums, 1), kind


def class_indices(labels: "pd.Series[str]", classes: tuple[str, ...]) -> np.ndarray:
    """Labels as positions among the classes, int64 (n,).

    Raises:
        UserError: a label is no class.
    """
    known = as_classes(labels, classes)
    _check_labels(known, classes)
    return known.map({label: place for place, label in enumerate(classes)}).to_numpy(np.int64)


def truth_of(
    competition: Competition, frame: pd.DataFrame, solution: pd.DataFrame, classes: tuple[str, ...]
) -> tuple[pd.DataFrame, np.ndarray]:
    """What a submission, or a sample, is graded by.

    Args:
        competition: names the columns.
        frame: its ids count.
        solution: columns `id` and `target` of the same rows.
        classes: the labels that occur in training; empty for regression.

    Returns:
        The solution's rows in the order of the frame, and their targets (n,): int64 positions, or float64.

    Raises:
        UserError: the solution has other ids, or a label that is no class.
    """
    ids, known = frame[competition.sample_id], solution.set_index("id")
    missing = ids[~ids.isin(known.index)]
    if len(missing) or len(known) != len(ids):
        raise UserError(
            f"the solution of {competition.name} must have the {len(ids)} ids of the sample, found {len(known)} "
            f"({len(missing)} missing): delete data/{competition.name} and run `dvc repro`"
        )
    truth = known.loc[ids]
    target = truth["target"]
    return truth, class_indices(target, classes) if classes else target.to_numpy(np.float64)


def _check_ids(found: "pd.Series[str]", wanted: "pd.Series[str]") -> None:
    twins = found[found.duplicated()]
    if len(twins):
        raise UserError(
            f"each id must occur once, found {twins.iloc[0]!r} again ({len(twins)} repeated): drop the duplicates"
        )
    present, asked = set(found), set(wanted)  # of a million texts pandas' own look-up takes seconds
    missing = [name for name in wanted if name not in present]
    extra = [name for name in found if name not in asked]
    if missing or extra:
        raise UserError(
            f"ids must be those of the sample ({len(wanted)}), found {len(found)}: "
            f"{len(missing)} missing {missing[:_SHOWN]}, {len(extra)} unknown {extra[:_SHOWN]}: predict exactly "
            "the rows of the test file"
        )


def _check_labels(column: "pd.Series[str]", classes: tuple[str, ...]) -> None:
    found = set(column)
    unknown = sorted(found - set(classes))
    if not unknown:
        return
    if found.isdisjoint(classes) and all(_is_number(label) for label in unknown):
        raise UserError(
            f"the metric must be given labels ({', '.join(classes[:5])} …), found numbers such as {unknown[0]}: "
            "write a class per row, spelled as in train, and no probabilities"
        )
    raise UserError(
        f"labels must occur in training ({', '.join(classes[:8])}), found {unknown[:_SHOWN]}: spell them as in "
        "train"
    )


def _check_numbers(competition: Competition, columns: pd.DataFrame) -> None:
    texts = [name for name in columns if not pd.api.types.is_numeric_dtype(columns[name])]
    if texts:
        raise UserError(
            f"{competition.metric} must be given numbers, found text in {texts[0]!r} "
            f"({columns[texts[0]].iloc[0]!r}): write numbers"
        )
    values = columns.to_numpy(np.float64)
    if not np.isfinite(values).all():
        raise UserError("predictions must be finite numbers, found infinity: check the model")
    if competition.metric == "rmsle" and values.min() < 0:
        raise UserError(f"rmsle must be given 0 or more, found {values.min():g}: clip at 0")
    if competition.task == "regression":
        return
    if values.min() < 0 or values.max() > 1:
        raise UserError(
            f"probabilities must lie in 0 … 1, found {values.min():g} … {values.max():g}: submit probabilities"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _same_values(frame: pd.DataFrame, sample: pd.DataFrame) -> bool:
    """Whether every value is equal: numbers as numbers (0 is 0.0), the rest as text."""
    pairs = [(frame[name], sample[name]) for name in frame]
    return all(
        np.array_equal(a.to_numpy(np.float64), b.to_numpy(np.float64), equal_nan=True)
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b)
        else a.astype(str).tolist() == b.astype(str).tolist()
        for a, b in pairs
    )
