"""What a kernel answers: the one CSV in its working folder that fits the sample, whatever its name."""

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values import submission, submission_file
from pipelines.values.competition import Competition
from pipelines.values.metrics import Kind, get

_MOST_FILES = 200
_MOST_COLUMNS = 100
_DEEPEST = 8  # folders below the working one
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Answer:
    """A submission that fits.

    Attributes:
        output: its path, from the working folder.
        frame: in the sample's form and order, ids and labels as text; of probabilities where labels are asked
            for, the likeliest class.
        matrix: float32 (n, n_classes) or (n, 1), in the sample's order.
        kind: label (one-hot), probability or value.
    """

    output: str
    frame: pd.DataFrame
    matrix: np.ndarray
    kind: Kind


def find(
    working: Path,
    competition: Competition,
    sample: pd.DataFrame,
    classes: tuple[str, ...],
    output: str | None = None,
    beside: Path | None = None,
) -> Answer:
    """Find and check the submission among the files that a kernel left.

    Args:
        working: its working folder; only regular files in it are opened, never links.
        competition: metric and column names.
        sample: the view's sample submission.
        classes: the labels that occur in training; empty for regression.
        output: the file that kernel.yaml names; None takes the one that fits.
        beside: a second folder that it could write to, as `../output`.

    Raises:
        MemberFailed: no CSV fits, two with different content do, `output` is not there, or the one that
            fits has missing values, unknown labels or numbers that are none.
    """
    files = chain(_files(working), _files(beside) if beside else ())
    found = dict(_tables(files, working, competition, sample, classes))
    if output is not None:
        if output not in found:
            raise MemberFailed(
                f"`output: {output}` in kernel.yaml must be a CSV that the kernel writes, found "
                f"{_listed(found)}: correct it"
            )
        return _checked(output, found[output], competition, sample, classes)
    columns = list(sample.columns)
    fitting = [name for name, frame in found.items() if _fits(frame, competition, sample, columns)]
    fitting = fitting or [
        name
        for name, frame in found.items()
        if _has_classes(list(frame.columns), competition, classes)
        and _fits(frame, competition, sample, list(frame.columns))
    ]
    if not fitting:
        raise MemberFailed(_why_none(found, competition, sample))
    name = _only_one({name: found[name] for name in fitting}, competition, sample)
    return _checked(name, found[name], competition, sample, classes)


def _only_one(
    fitting: dict[str, pd.DataFrame], competition: Competition, sample: pd.DataFrame
) -> str:
    """The first of the files that fit, which must all say the same.

    A copy of the sample beside a real answer is no second answer.
    """
    filled = {name: each for name, each in fitting.items() if not _same(each, sample, competition)}
    answers = filled or fitting
    first, *others = answers
    if any(not _same(answers[name], answers[first], competition) for name in others):
        raise MemberFailed(
            f"one CSV must fit the sample, and {_listed(answers)} do: write `output: {first}` (or the other) "
            "into kernel.yaml"
        )
    return first


def _checked(
    name: str,
    frame: pd.DataFrame,
    competition: Competition,
    sample: pd.DataFrame,
    classes: tuple[str, ...],
) -> Answer:
    try:
        numbers = _probabilities(frame, competition, sample, classes)
        if numbers is not None:
            return _likeliest(name, numbers, competition, sample, classes)
        ordered = submission.in_form(competition, frame, sample, classes)
        matrix, kind = submission.matrix_of(competition, ordered, classes)
        return Answer(name, ordered, matrix.astype(np.float32), kind)
    except UserError as error:
        raise MemberFailed(f"{name}: {error}") from None


def _probabilities(
    frame: pd.DataFrame, competition: Competition, sample: pd.DataFrame, classes: tuple[str, ...]
) -> pd.DataFrame | None:
    """An answer of probabilities, as numbers, where the metric asks for labels; None where it is none.

    They are those of the second of two classes, in the sample's own column, or have a column for each class.
    """
    key = competition.sample_id
    if get(competition.metric).needs != "label" or key not in frame:
        return None
    cells = frame.drop(columns=key)
    numbers = cells.apply(pd.to_numeric, errors="coerce")
    if not _has_classes(list(frame.columns), competition, classes):
        is_between = (numbers > 0) & (numbers < 1)
        may_be = len(classes) == 2 and list(frame.columns) == list(sample.columns)
        is_number = bool((is_between | numbers.isin([0, 1])).all(axis=None))
        if not (may_be and is_number and is_between.any(axis=None)) or cells.isin(classes).all(
            axis=None
        ):
            return None
    return frame.assign(**{str(name): numbers[name] for name in numbers})


def _likeliest(
    name: str,
    frame: pd.DataFrame,
    competition: Competition,
    sample: pd.DataFrame,
    classes: tuple[str, ...],
) -> Answer:
    """Probabilities where the metric asks for labels: graded by the likeliest class, pooled as they are.

    Raises:
        UserError: they are not as a metric of probabilities wants them.
    """
    asked = competition.model_copy(update={"metric": "log_loss"})
    form = sample[[competition.sample_id]].reindex(columns=frame.columns)
    matrix, _ = submission.matrix_of(
        asked, submission.in_form(asked, frame, form, classes), classes
    )
    likeliest = np.array(classes)[matrix.argmax(axis=1)]
    labels = dict.fromkeys(submission.target_columns(competition, sample), likeliest)
    return Answer(name, sample.assign(**labels), matrix.astype(np.float32), "probability")


def _has_classes(columns: list[str], competition: Competition, classes: tuple[str, ...]) -> bool:
    """Whether a file has a column for each class, where the metric asks for labels."""
    names = [name for name in columns if name != competition.sample_id]
    if get(competition.metric).needs != "label" or len(names) != len(columns) - 1:
        return False
    return len(names) == len(classes) > 1 and all(
        any(name == label or name.endswith(f"_{label}") for name in names) for label in classes
    )


def _tables(
    files: Iterable[Path],
    working: Path,
    competition: Competition,
    sample: pd.DataFrame,
    classes: tuple[str, ...],
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every CSV that can be read, by its path below `working`, in alphabetical order.

    Of a file with other columns than the sample's only the header is read, and of no file more than the
    sample could need: what a stranger's notebook leaves may be made to keep a reader busy for hours.
    """
    wanted = [str(column) for column in sample.columns]
    most = submission_file.most_bytes(sample)
    for path in islice(files, _MOST_FILES):
        name = Path(os.path.relpath(path, working)).as_posix()
        try:
            header = submission_file.header(path)
            if header != wanted and not _has_classes(header, competition, classes):
                yield name, pd.DataFrame(columns=header[:_MOST_COLUMNS])
            elif path.stat().st_size <= most * (len(header) - 1):
                yield name, submission.read(path, competition)
        except (UserError, ValueError, OverflowError, MemoryError, OSError, csv.Error):
            continue  # no table: it cannot be the submission


def _files(working: Path) -> Iterator[Path]:
    """Regular files named .csv, never through a link."""
    for folder, folders, files in os.walk(working, followlinks=False):
        depth = len(Path(folder).relative_to(working).parts)
        deeper = folders if depth < _DEEPEST else []
        folders[:] = sorted(name for name in deeper if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix.lower() == ".csv" and not path.is_symlink() and path.is_file():
                yield path


def _fits(
    frame: pd.DataFrame, competition: Competition, sample: pd.DataFrame, columns: list[str]
) -> bool:
    """Whether the columns are those, and the ids the sample's."""
    key = competition.sample_id
    return (
        list(frame.columns) == columns
        and len(frame) == len(sample)
        and set(frame[key]) == set(sample[key])
    )


def _same(a: pd.DataFrame, b: pd.DataFrame, competition: Competition) -> bool:
    """Whether two tables that fit say the same, their rows in any order."""
    a, b = (table.set_index(competition.sample_id).sort_index().astype(str) for table in (a, b))
    return a.equals(b)


def _why_none(
    found: dict[str, pd.DataFrame], competition: Competition, sample: pd.DataFrame
) -> str:
    wanted = f"columns {list(sample.columns)[:8]} and the {len(sample)} ids of the test file"
    if not found:
        return f"a kernel must write a CSV with {wanted}, and wrote no CSV"
    reasons = []
    for name, frame in list(found.items())[:_SHOWN]:
        if list(frame.columns) != list(sample.columns):
            reasons.append(f"{name} has the columns {list(map(str, frame.columns))[:8]}")
        elif len(frame) != len(sample):
            reasons.append(f"{name} has {len(frame)} rows")
        else:
            unknown = sorted(set(frame[competition.sample_id]) - set(sample[competition.sample_id]))
            reasons.append(f"{name} has other ids (such as {unknown[:1]})")
    return f"one CSV must fit the sample ({wanted}), and none does: {'; '.join(reasons)}"


def _listed(names: dict[str, pd.DataFrame]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return shown + (" …" if len(names) > _SHOWN else "") or "no CSV"
