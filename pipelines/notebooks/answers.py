"""What a kernel answers: the one CSV in its working folder that fits the sample, whatever its name."""

import codecs
import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values import submission
from pipelines.values.competition import Competition
from pipelines.values.metrics import Kind

_MOST_FILES = 200
_LEAST_BYTES = 1 << 20
_TIMES_THE_SAMPLE = 20  # seventeen digits for each `0`, and quotes
_LONGEST_HEADER = 1 << 20
_MOST_COLUMNS = 100
_DEEPEST = 8  # folders below the working one
_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Answer:
    """A submission that fits.

    Attributes:
        output: its path below the working folder.
        frame: in the sample's order, ids and labels as text.
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
) -> Answer:
    """Find and check the submission among the files that a kernel left.

    Args:
        working: its working folder; only regular files in it are opened, never links.
        competition: metric and column names.
        sample: the view's sample submission.
        classes: the labels that occur in training; empty for regression.
        output: the file that kernel.yaml names; None takes the one that fits.

    Raises:
        MemberFailed: no CSV fits, two with different content do, `output` is not there, or the one that
            fits has missing values, unknown labels or numbers that are none.
    """
    found = dict(_tables(working, competition, sample))
    if output is not None:
        if output not in found:
            raise MemberFailed(
                f"`output: {output}` in kernel.yaml must be a CSV that the kernel writes, found "
                f"{_listed(found)}: correct it"
            )
        return _checked(output, found[output], competition, sample, classes)
    fitting = [name for name, frame in found.items() if _fits(frame, competition, sample)]
    if not fitting:
        raise MemberFailed(_why_none(found, competition, sample))
    answers = {name: found[name] for name in fitting}
    untouched = [name for name in fitting if _same(found[name], sample, competition)]
    if len(untouched) < len(
        fitting
    ):  # a copy of the sample beside a real answer is no second answer
        answers = {name: frame for name, frame in answers.items() if name not in untouched}
    first, *others = answers
    differing = [name for name in others if not _same(answers[name], answers[first], competition)]
    if differing:
        raise MemberFailed(
            f"one CSV must fit the sample, and {_listed(answers)} do: write `output: {first}` (or the other) "
            "into kernel.yaml"
        )
    return _checked(first, answers[first], competition, sample, classes)


def _checked(
    name: str,
    frame: pd.DataFrame,
    competition: Competition,
    sample: pd.DataFrame,
    classes: tuple[str, ...],
) -> Answer:
    try:
        ordered = submission.in_form(competition, frame, sample, classes)
        matrix, kind = submission.matrix_of(competition, ordered, classes)
        return Answer(name, ordered, matrix.astype(np.float32), kind)
    except UserError as error:
        raise MemberFailed(f"{name}: {error}") from None


def _tables(
    working: Path, competition: Competition, sample: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every CSV that can be read, by its path below `working`, in alphabetical order.

    Of a file with other columns than the sample's only the header is read, and of no file more than the
    sample could need: what a stranger's notebook leaves may be made to keep a reader busy for hours.
    """
    wanted = [str(column) for column in sample.columns]
    most = max(_LEAST_BYTES, _TIMES_THE_SAMPLE * len(submission.text_of(sample).encode()))
    for path in islice(_files(working), _MOST_FILES):
        name = path.relative_to(working).as_posix()
        try:
            header = _header(path)
            if header != wanted:
                yield name, pd.DataFrame(columns=header[:_MOST_COLUMNS])
            elif path.stat().st_size <= most:
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


def _header(path: Path) -> list[str]:
    """The names in the first line of a CSV; of a line without end its beginning, which is no sample's."""
    line = path.open("rb").readline(_LONGEST_HEADER).removeprefix(codecs.BOM_UTF8)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp949")
    return next(csv.reader([text]), [])


def _fits(frame: pd.DataFrame, competition: Competition, sample: pd.DataFrame) -> bool:
    """Whether columns and ids are those of the sample."""
    key = competition.id_column
    return (
        list(frame.columns) == list(sample.columns)
        and len(frame) == len(sample)
        and set(frame[key]) == set(sample[key])
    )


def _same(a: pd.DataFrame, b: pd.DataFrame, competition: Competition) -> bool:
    """Whether two tables that fit say the same, their rows in any order."""
    a, b = (table.set_index(competition.id_column).sort_index().astype(str) for table in (a, b))
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
            unknown = sorted(set(frame[competition.id_column]) - set(sample[competition.id_column]))
            reasons.append(f"{name} has other ids (such as {unknown[:1]})")
    return f"one CSV must fit the sample ({wanted}), and none does: {'; '.join(reasons)}"


def _listed(names: dict[str, pd.DataFrame]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return shown + (" …" if len(names) > _SHOWN else "") or "no CSV"
