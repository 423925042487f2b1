"""Raw files, checked and turned into a dataset. What is wrong with them is said here, once, for everybody."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values import (
    columns,
    ids,
    kinds,
    positive,
    rows,
    spelling,
    submission,
    tables,
    times,
    typed_files,
)
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset, Features, with_hash
from pipelines.values.metrics import get

_SHOWN = 5
_TARGET = "set `target:` in the competition file to the column that is to be predicted"


@dataclass(frozen=True, eq=False)
class RawTables:
    """The three tables of Kaggle's contract.

    Attributes:
        train, test, sample: ids and class labels are text as spelled in the files.
        spelled: the columns that split train into groups or by time, as text.
        notes: a sentence for each file that is not UTF-8, and whatever else a reader has to say.
        pictures: of train and test, uint8 (n, height, width, channels), where they are no columns.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    sample: pd.DataFrame
    spelled: Mapping[str, "pd.Series[str]"] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pictures: tuple[np.ndarray, np.ndarray] | None = None


def read(
    competition: Competition, raw: Path, other: Callable[[Path], pd.DataFrame] | None = None
) -> RawTables:
    """Read the files of a competition, each one table.

    Args:
        competition: names the files.
        raw: their folder.
        other: reads a file that is no CSV by its name; None where all are.

    Raises:
        UserError: a file is missing, empty or cut off, or lacks the id or the target column.
    """
    key, target, files = competition.id_column, competition.target, competition.files
    text = [key, target] if competition.task == "classification" else [key]
    splits = [name for name in (competition.split.group, competition.split.time) if name]
    notes: list[str] = []
    forms = _forms(competition, raw, other is None)
    train, test = (
        pd.concat(
            [
                rows.read(raw / name, [*text, *splits], forms.get(name), notes, other)
                for name in names
            ],
            ignore_index=True,
        )
        for names in (files.train_files, files.test_files)
    )
    sample = None
    if files.sample:
        in_text = submission.text_columns(competition)
        sample = rows.read(raw / files.sample, in_text, forms.get(files.sample), notes, other)
    train, test = ids.counted(competition, train, test, sample)
    need_columns(train, [key, target], files.train_files[0])
    need_columns(test, [key], files.test_files[0])
    if sample is None or not files.sample:
        sample = constant_sample(competition, train, test)
    else:
        need_columns(sample, [competition.sample_id], files.sample)
        test[key], said = ids.as_in_sample(test[key], sample[competition.sample_id])
        notes += said
    spelled = {name: train[name] for name in splits if name in train.columns}
    typed = [name for name in spelled if name not in text]
    train, test = (
        table.assign(**{name: _typed(table[name]) for name in typed if name in table.columns})
        for table in (train, test)
    )
    return RawTables(train, test, sample, spelled, tuple(notes))


def form_of(competition: Competition, path: Path) -> tables.Form:
    """The form of a competition's CSV, by the keys of its file or found out."""
    return tables.form_of(
        path, competition.encoding, competition.delimiter, competition.quotes, competition.decimal
    )


def _forms(competition: Competition, raw: Path, are_csv: bool) -> dict[str, tables.Form]:
    """The form of each file that is a CSV, by its name; train and test have one decimal mark."""
    files = competition.files
    names = [*files.train_files, *files.test_files, *([files.sample] if files.sample else [])]
    given = [name for name in names if are_csv or typed_files.is_csv(raw / name)]
    forms = {name: form_of(competition, raw / name) for name in given}
    return {name: tables.of_peers(form, forms.values()) for name, form in forms.items()}


def _typed(texts: "pd.Series[str]") -> "pd.Series":
    """Numbers where all that is known are some, as in any other feature."""
    numbers = pd.to_numeric(texts, errors="coerce")
    return numbers if (numbers.notna() == texts.notna()).all() else texts


def need_columns(table: pd.DataFrame, columns: list[str], name: str) -> None:
    """Refuse a table that lacks a column, by the name of its file.

    Raises:
        UserError: a column is missing.
    """
    for column in columns:
        if column not in table.columns:
            raise UserError(
                f"{name} must have a column {column!r}, found {list(table.columns)[:8]}"
                f"{did_you_mean(column, map(str, table.columns))} "
                "(set id_column and target in the competition file)"
            )


def constant_sample(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame
) -> pd.DataFrame:
    """The sample submission of a platform that hands out none: the test ids with one constant value.

    The value is the first class where the metric needs labels, the same probability for every class
    (a column each for more than two) where it needs those, and 0 for regression.
    """
    names = test[competition.id_column]
    if competition.task == "regression":
        return pd.DataFrame({competition.sample_id: names, competition.target: 0})
    classes = sorted(
        train[competition.target].dropna().astype(str).unique(), key=spelling.class_order
    )
    classes = classes or ["0"]  # a target that is missing everywhere is reported by `build`
    if get(competition.metric).needs == "label":
        return pd.DataFrame({competition.sample_id: names, competition.target: classes[0]})
    columns = classes if len(classes) > 2 else [competition.target]
    return pd.DataFrame({competition.sample_id: names, **dict.fromkeys(columns, 1 / len(classes))})


def build(competition: Competition, given: RawTables) -> tuple[Dataset, list[str]]:
    """Check the tables and turn them into a dataset.

    Returns:
        The dataset and notes, a sentence each (columns that are no features, how a file was read, …).

    Raises:
        UserError: ids twice, a target missing or constant, a sample of other ids, a test column that train
            lacks, an image column count that is no picture, a metric that does not fit the target, times that
            can be read in two ways.
    """
    train, test = given.train, given.test
    row_ids = ids.checked(train, competition.id_column, "train")
    test_ids = ids.checked(test, competition.id_column, "test")
    classes, y, notes = _target(competition, train[competition.target], given.sample)
    if competition.task == "classification":
        get(competition.metric).check_classes(classes)
    _check_sample(competition, given.sample, test_ids, classes)
    X_train: Features
    X_test: Features
    left_out: dict[str, str] = {}
    if given.pictures is not None:
        X_train, X_test = given.pictures
    else:
        features, left_out = columns.choose(competition, train, test)
        notes += kinds.compared(train[features], test[features])
        X_train, X_test = (_features(competition, table[features]) for table in (train, test))
    split = competition.split
    groups = ids.part(_split_column(given, split.group, "split.group"), split.group_part)
    moments = _split_column(given, split.time, "split.time")
    ordered, reading = (None, None) if moments is None else times.read(moments, split.time_format)
    dataset = Dataset(
        X_train, X_test, y, row_ids, test_ids, classes, competition.image,
        groups=None if groups is None else groups.to_numpy(dtype=np.str_),
        times=ordered, clip=_bounds(competition),
    )  # fmt: skip
    said = [*given.notes, *notes, *columns.notes(left_out), *([reading] if reading else [])]
    return with_hash(dataset), said


def _bounds(competition: Competition) -> tuple[float | None, float | None]:
    clip = competition.clip
    low = 0.0 if clip.low is None and competition.metric == "rmsle" else clip.low
    return low, clip.high


def _check_sample(
    competition: Competition, sample: pd.DataFrame, test_ids: np.ndarray, classes: tuple[str, ...]
) -> None:
    """What would fail at the very end, after hours of training, is said before they begin."""
    asked, given = set(sample[competition.sample_id]), set(test_ids.tolist())
    if asked != given:
        alone = [f"{len(rows)} {where} (first: {min(map(str, rows))!r})"
                 for rows, where in ((asked - given, "in the sample alone"), (given - asked, "in test alone")) if rows]  # fmt: skip
        raise UserError(
            f"the sample submission must have the ids of test, found {len(asked)} against {len(given)}: "
            f"{', '.join(alone)}: check `files:` in the competition file (a test in several files is a list there), "
            "or `id: position` where ids only count rows"
        )
    values = [str(name) for name in sample.columns if name != competition.sample_id]
    takes_probabilities = get(competition.metric).needs == "probability"
    is_matrix = len(classes) > 2 and takes_probabilities
    is_pair = len(classes) == 2 and len(values) == 2 and takes_probabilities
    if len(values) != (len(classes) if is_matrix else 1) and not is_pair:
        of_classes = f" of {len(classes)} classes" if len(classes) else ""
        index = ", or take out the index" if any(map(columns.is_nameless, values)) else ""
        raise UserError(
            f"the sample submission must have {len(classes) if is_matrix else 1} columns beside the id for "
            f"{competition.metric}{of_classes}, found {len(values)} ({', '.join(values[:_SHOWN])}): check `metric:`, "
            f"`id_column:` and `files:`{index}"
        )
    if len(values) > 1:
        submission.class_order(values, np.array(classes))


def _target(
    competition: Competition, column: "pd.Series[str]", sample: pd.DataFrame
) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """The classes, the targets as a dataset holds them, and notes."""
    missing = int(column.isna().sum())
    if missing:
        where, rows = "", ""
        if missing < len(column):
            where = f" (first: row {int(column.isna().to_numpy().argmax()) + 1} of {len(column)})"
            rows = "take such rows, which may be totals, out of the file and mend its `md5:`, or "
        raise UserError(
            f"target {competition.target!r} must be known for every training row, found {missing} missing{where}: "
            f"{rows}{_TARGET}"
        )
    if competition.task == "regression":
        _need_two_values(competition, column)
        return (), _values(competition, column), []
    asked = submission.labels_of(competition, sample)
    column, notes = spelling.as_in_sample(column, asked)
    _need_two_values(competition, column)
    classes = sorted(column.unique(), key=spelling.class_order)
    notes += spelling.like_gaps(classes)
    classes, said = positive.put_last(competition, classes, sample)
    notes += said
    index = {label: position for position, label in enumerate(classes)}
    return tuple(classes), column.map(index).to_numpy(np.int64), notes


def _need_two_values(competition: Competition, column: "pd.Series[str]") -> None:
    if column.nunique() < 2:
        raise UserError(
            f"target {competition.target!r} must have at least 2 different values, found only "
            f"{column.iloc[:1].tolist()[0]!r}: {_TARGET}"
        )


def _values(competition: Competition, column: "pd.Series[str]") -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise UserError(
            f"target {competition.target!r} must be finite numbers for regression, found "
            f"{str(column.iloc[wrong[0]])!r} ({len(wrong)} such rows): mend the file where it comes from and its `md5:`, or set "
            "`task: classification` in the competition file"
        )
    if competition.metric == "rmsle" and numbers.min() < 0:
        raise UserError(
            f"rmsle must have a target of 0 or more, found {numbers.min():g}: use metric: rmse in the competition file"
        )
    return numbers


def _features(competition: Competition, table: pd.DataFrame) -> Features:
    image = competition.image
    if image is None:
        return table.reset_index(drop=True)
    if len(table.columns) != image.size:
        raise UserError(
            f"pictures must have height × width × channels = {image.size} columns, found {len(table.columns)}"
            f"{_nearest_square(len(table.columns), image.channels)}: correct `image:` or `drop:`"
        )
    try:
        pixels = table.to_numpy(np.float32)
    except (ValueError, TypeError):
        raise UserError(
            "pixels must be numbers, and a column holds text: correct `image:` or `drop:`"
        ) from None
    if not np.isfinite(pixels).all():
        raise UserError(
            f"pixels must be known, found {int((~np.isfinite(pixels)).sum())} missing: "
            "download the files again, or correct `image:` or `drop:`"
        )
    whole = pixels.min() >= 0 and pixels.max() <= 255 and bool((pixels == np.rint(pixels)).all())
    return pixels.astype(np.uint8 if whole else np.float32).reshape(-1, *image.shape)


def _nearest_square(columns: int, channels: int) -> str:
    side = round((columns / channels) ** 0.5)
    if side * side * channels == columns:
        return f" (a picture of {side} × {side})"
    return " (no square picture)"


def _split_column(given: RawTables, column: str | None, what: str) -> "pd.Series[str] | None":
    """The column that splits the rows, as text, since `NA` may be a country."""
    if column is None:
        return None
    if column not in given.train.columns:
        raise UserError(
            f"{what} must be a column of train, found {column!r}{did_you_mean(column, given.train.columns)}"
        )
    texts = given.spelled.get(column, given.train[column])
    if texts.isna().any():
        raise UserError(
            f"{what} must be known for every row, found {int(texts.isna().sum())} missing: "
            f"set {what} to a column without gaps"
        )
    return texts.astype(str)
