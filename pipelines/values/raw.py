"""Raw files, checked and turned into a dataset. What is wrong with them is said here, once, for everybody."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset, Features, with_hash
from pipelines.values.metrics import get
from pipelines.values.tables import read_csv, read_idx


@dataclass(frozen=True, eq=False)
class RawTables:
    """The three tables of Kaggle's contract; ids and class labels are text as spelled in the files."""

    train: pd.DataFrame
    test: pd.DataFrame
    sample: pd.DataFrame


def read(competition: Competition, raw: Path) -> RawTables:
    """Read the files of a competition as tables in Kaggle's form; idx files become pixel columns.

    Raises:
        UserError: a file is missing, empty or cut off, or lacks the id or the target column.
    """
    if competition.files.format == "idx":
        return _read_idx_tables(competition, raw)
    text = [competition.id_column]
    if competition.task == "classification":
        text.append(competition.target)
    train, test = (
        pd.concat([_read_rows(raw / name, text) for name in names], ignore_index=True)
        for names in (competition.files.train_files, competition.files.test_files)
    )
    _need_columns(
        train, [competition.id_column, competition.target], competition.files.train_files[0]
    )
    _need_columns(test, [competition.id_column], competition.files.test_files[0])
    if competition.files.sample:
        # Labels are spelled as in train; probabilities and values stay numbers.
        spelled = text if get(competition.metric).needs == "label" else text[:1]
        sample = _read_rows(raw / competition.files.sample, spelled)
        _need_columns(sample, [competition.id_column], competition.files.sample)
        return RawTables(train, test, sample)
    return RawTables(train, test, constant_sample(competition, train, test))


def _read_rows(path: Path, text: list[str]) -> pd.DataFrame:
    table = read_csv(path, text)
    if table.empty:
        raise UserError(f"{path} must hold rows and has only a header: download it again")
    return table


def _need_columns(table: pd.DataFrame, columns: list[str], name: str) -> None:
    for column in columns:
        if column not in table.columns:
            raise UserError(
                f"{name} must have a column {column!r}, found {list(table.columns)[:8]}"
                f"{did_you_mean(column, map(str, table.columns))} "
                "(set id_column and target in the competition file)"
            )


def _read_idx_tables(competition: Competition, raw: Path) -> RawTables:
    if len(competition.files.train_files) != 2 or len(competition.files.test_files) != 1:
        raise UserError(
            "idx files must be `train: [images, labels]` and `test: [images]` in the competition file"
        )
    images, labels = (read_idx(raw / name) for name in competition.files.train_files)
    test_images = read_idx(raw / competition.files.test_files[0])
    axes = (images.ndim, labels.ndim, test_images.ndim)
    if axes != (3, 1, 3):
        raise UserError(
            f"idx files must be images (3 axes), labels (1) and test images (3), found {axes} axes: "
            "check the order in `files:`"
        )
    if len(images) != len(labels):
        raise UserError(
            f"images and labels must be as many, found {len(images)} and {len(labels)}: check `files:`"
        )
    tables = []
    for pictures in (images, test_images):
        flat = pictures.reshape(len(pictures), -1)
        table = pd.DataFrame(flat, columns=[f"pixel{i}" for i in range(flat.shape[1])])
        ids = pd.Series(np.arange(1, len(flat) + 1).astype(str), name=competition.id_column)
        tables.append(pd.concat([ids, table], axis=1))
    train, test = tables
    train.insert(1, competition.target, labels.astype(str))
    return RawTables(train, test, constant_sample(competition, train, test))


def constant_sample(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame
) -> pd.DataFrame:
    """The sample submission of a platform that hands out none: the test ids with one constant value.

    The value is the first class where the metric needs labels, the same probability for every class
    (a column each for more than two) where it needs those, and 0 for regression.
    """
    ids = test[competition.id_column]
    if competition.task == "regression":
        return pd.DataFrame({competition.id_column: ids, competition.target: 0})
    classes = sorted(train[competition.target].dropna().astype(str).unique(), key=_class_order)
    classes = classes or ["0"]  # a target that is missing everywhere is reported by `build`
    if get(competition.metric).needs == "label":
        return pd.DataFrame({competition.id_column: ids, competition.target: classes[0]})
    columns = classes if len(classes) > 2 else [competition.target]
    return pd.DataFrame({competition.id_column: ids, **dict.fromkeys(columns, 1 / len(classes))})


def build(competition: Competition, tables: RawTables) -> tuple[Dataset, list[str]]:
    """Check the tables and turn them into a dataset.

    Returns:
        The dataset and warnings, a sentence each (columns that were dropped, …).

    Raises:
        UserError: ids twice, a target missing or constant, a sample of other ids, a test column that train
            lacks, an image column count that is no picture, a metric that does not fit the target.
    """
    train, test = tables.train, tables.test
    row_ids = _ids(train, competition.id_column, "train")
    test_ids = _ids(test, competition.id_column, "test")
    classes, y = _target(competition, train[competition.target])
    if competition.task == "classification":
        get(competition.metric).check_classes(classes)
    _check_sample(competition, tables.sample, test_ids, len(classes))
    columns, notes = _feature_columns(competition, train, test)
    X_train, X_test = (_features(competition, table[columns]) for table in (train, test))
    split = competition.split
    dataset = Dataset(
        X_train, X_test, y, row_ids, test_ids, classes, competition.image,
        groups=_column(train, split.group, "split.group"),
        times=_times(train, split.time),
    )  # fmt: skip
    return with_hash(dataset), notes


def _ids(table: pd.DataFrame, column: str, part: str) -> np.ndarray:
    ids = table[column]
    if ids.isna().any():
        raise UserError(
            f"every {part} row must have an id, found {int(ids.isna().sum())} without {column!r}: "
            "set id_column to the column that names rows"
        )
    twins = ids[ids.duplicated()]
    if len(twins):
        raise UserError(
            f"ids must be unique, found {len(twins)} repeated in {part} (first: {twins.iloc[0]!r}): "
            "set id_column to the column that names rows, or remove the duplicates"
        )
    return ids.to_numpy(dtype=np.str_)


def _check_sample(
    competition: Competition, sample: pd.DataFrame, test_ids: np.ndarray, n_classes: int
) -> None:
    """What would fail at the very end, after hours of training, is said before they begin."""
    wanted = set(sample[competition.id_column])
    lacking = wanted.symmetric_difference(test_ids.tolist())
    if lacking:
        raise UserError(
            f"the sample submission must have the ids of test, found {len(wanted)} against {len(test_ids)} "
            f"(first that differs: {sorted(map(str, lacking))[0]!r}): check `files:` in the competition file"
        )
    columns = len(sample.columns) - 1
    is_matrix = n_classes > 2 and get(competition.metric).needs == "probability"
    if columns != (n_classes if is_matrix else 1) and not (n_classes == 2 and columns == 2):
        raise UserError(
            f"the sample submission must have {n_classes if is_matrix else 1} columns beside the id for "
            f"{competition.metric} of {n_classes or 'no'} classes, found {columns}: check `metric:` and `files:`"
        )


def _target(
    competition: Competition, column: "pd.Series[str]"
) -> tuple[tuple[str, ...], np.ndarray]:
    advice = "set `target:` in the competition file to the column that is to be predicted"
    missing = int(column.isna().sum())
    if missing:
        raise UserError(
            f"target {competition.target!r} must be known for every training row, found {missing} missing: {advice}"
        )
    if column.nunique() < 2:
        raise UserError(
            f"target {competition.target!r} must have at least 2 different values, found only "
            f"{column.iloc[0]!r}: {advice}"
        )
    if competition.task == "regression":
        return (), _values(competition, column)
    classes = sorted(column.unique(), key=_class_order)
    if competition.positive is not None:
        if competition.positive not in classes or len(classes) != 2:
            raise UserError(
                f"positive must be one of two classes, found {competition.positive!r} of {classes[:5]}: "
                "correct or remove `positive:` in the competition file"
            )
        classes.sort(key=lambda label: label == competition.positive)
    index = {label: position for position, label in enumerate(classes)}
    return tuple(classes), column.map(index).to_numpy(np.int64)


def _values(competition: Competition, column: "pd.Series[str]") -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise UserError(
            f"target {competition.target!r} must be finite numbers for regression, found "
            f"{str(column.iloc[wrong[0]])!r} ({len(wrong)} such rows): correct the file, or set "
            "`task: classification` in the competition file"
        )
    if competition.metric == "rmsle" and numbers.min() < 0:
        raise UserError(
            f"rmsle must have a target of 0 or more, found {numbers.min():g}: use metric: rmse in the competition file"
        )
    return numbers


def _class_order(label: str) -> tuple[int, float, str]:
    """Numbers by value first, then words."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def _feature_columns(
    competition: Competition, train: pd.DataFrame, test: pd.DataFrame
) -> tuple[list[str], list[str]]:
    for name in competition.drop:
        if name not in train.columns and name not in test.columns:
            raise UserError(
                f"`drop:` must list columns of train or test, found {name!r}{did_you_mean(name, train.columns)}"
            )
    apart = {competition.id_column, competition.target, *competition.drop}
    in_train = [column for column in train.columns if column not in apart]
    in_test = [column for column in test.columns if column not in apart]
    extra = [column for column in in_test if column not in train.columns]
    if extra:
        raise UserError(
            f"every test column must be in train too, found {extra[:5]} only in test"
            f"{did_you_mean(extra[0], in_train)} (list it under `drop:` if it is no feature)"
        )
    only_train = [column for column in in_train if column not in test.columns]
    notes = []
    if only_train:
        notes.append(f"columns only in train are dropped: {', '.join(map(str, only_train))}")
    columns = [column for column in in_train if column in test.columns]
    if not columns:
        raise UserError(
            "train and test must share at least one feature column, found none: check `drop:`"
        )
    return columns, notes


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


def _column(table: pd.DataFrame, column: str | None, what: str) -> np.ndarray | None:
    if column is None:
        return None
    if column not in table.columns:
        raise UserError(
            f"{what} must be a column of train, found {column!r}{did_you_mean(column, table.columns)}"
        )
    if table[column].isna().any():
        raise UserError(
            f"{what} must be known for every row, found {int(table[column].isna().sum())} missing: "
            f"set {what} to a column without gaps"
        )
    return table[column].to_numpy(dtype=np.str_)


def _times(table: pd.DataFrame, column: str | None) -> np.ndarray | None:
    values = _column(table, column, "split.time")
    if values is None or column is None:
        return None
    if pd.api.types.is_numeric_dtype(table[column]):
        return table[column].to_numpy(np.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that each cell is parsed by itself
            return pd.to_datetime(table[column]).to_numpy("datetime64[ns]").astype(np.int64)
    except (ValueError, TypeError):
        raise UserError(
            f"split.time must be numbers or dates, found {str(values[0])!r} in {column!r}: set it to another column"
        ) from None
