"""What a rerun must leave: one file of the required name, the required columns, and a row for each hidden id."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.notebooks import answers
from pipelines.plumbing.errors import MemberFailed, PilsaError, UserError
from pipelines.rehearsal.fault import Fault
from pipelines.rehearsal.hidden import Hidden
from pipelines.values import submission, submission_file
from pipelines.values.comparison import paired_difference
from pipelines.values.metrics import Metric, get

_SHOWN = 4
_FEWEST_ROWS = 10  # fewer may well have one answer
_BY_CHANCE = 1e-3


def check(
    working: Path, hidden: Hidden, required: str | None, public_ids: Iterable[str]
) -> tuple[str | None, Fault | None]:
    """Look at what a run left.

    Args:
        working: its working folder.
        hidden: the test that was asked for.
        required: the file's name; None takes the one that fits, where nobody demands a name.
        public_ids: ids of the public test.

    Returns:
        The file's name where it is good, else why it is not.
    """
    name = required or _fitting(working, hidden) or "submission.csv"
    path = working / name
    if path.is_symlink() or not path.is_file():
        return None, _no_such_file(working, name)
    try:
        fault = (
            _columns(path, name, hidden)
            or _rows(path, name, hidden, set(public_ids))
            or _values(path, name, hidden)
        )
    except (PilsaError, ValueError, OSError) as error:
        fault = Fault(
            kind="values", must=f"{name} must be a CSV that can be read", found=str(error), do="write it with to_csv"
        )  # fmt: skip
    return (None, fault) if fault else (name, None)


def _fitting(working: Path, hidden: Hidden) -> str | None:
    """The CSV that fits, whatever its name; else the only CSV."""
    data = hidden.data
    try:
        return answers.find(
            working, data.competition, hidden.view.sample, data.dataset.classes
        ).output
    except PilsaError:
        tables = _tables(working)
        return tables[0] if len(tables) == 1 else None


def _tables(working: Path) -> list[str]:
    found = (path for path in working.rglob("*") if path.suffix.lower() in (".csv", ".parquet"))
    return sorted(path.relative_to(working).as_posix() for path in found if path.is_file())


def _no_such_file(working: Path, name: str) -> Fault:
    found = _tables(working)
    shown = ", ".join(found[:_SHOWN]) if found else "no table"
    return Fault(
        kind="output name", must=f"the run must leave {name} in its working folder (/kaggle/working)", found=shown,
        do=f"write the submission to {name!r}",
    )  # fmt: skip


def _columns(path: Path, name: str, hidden: Hidden) -> Fault | None:
    wanted, found = list(map(str, hidden.view.sample.columns)), submission_file.header(path)
    if found == wanted:
        return None
    more, lacking = (
        [each for each in found if each not in wanted],
        [each for each in wanted if each not in found],
    )
    problem = (
        f"too many ({more[:_SHOWN]})" if more and not lacking
        else f"{found[: 2 * _SHOWN]}"
    )  # fmt: skip
    is_index = bool(more) and more[0] in ("", "Unnamed: 0", "index")
    return Fault(
        kind="columns", must=f"{name} must have exactly the columns {wanted[: 2 * _SHOWN]}, in this order",
        found=problem,
        do="add index=False to to_csv" if is_index else f"write table[{wanted[: 2 * _SHOWN]}]",
    )  # fmt: skip


def _rows(path: Path, name: str, hidden: Hidden, public: set[str]) -> Fault | None:
    """The ids, each once; where they differ the public test often looks out of it."""
    sample, competition = hidden.view.sample, hidden.data.competition
    if path.stat().st_size > submission_file.most_bytes(sample) * len(sample.columns):
        return _wrong_rows(name, hidden, "a file far larger than these rows")
    ids = submission.read(path, competition)[competition.sample_id].astype(str)
    wanted = set(sample[competition.sample_id].astype(str))
    given = set(ids)
    if len(ids) == len(sample) and given == wanted:
        return None
    if len(ids) == len(public) != len(sample):
        return _wrong_rows(name, hidden, f"{len(ids)} rows, as many as the public test has")
    if len(ids) != len(sample):
        return _wrong_rows(name, hidden, f"{len(ids)} rows")
    strays = sorted(given - wanted)
    if strays and set(strays) <= public:
        return _wrong_rows(name, hidden, f"ids of the public test ({strays[0]})")
    return _wrong_rows(name, hidden, f"other or repeated ids ({(strays or sorted(given))[0]})")


def _wrong_rows(name: str, hidden: Hidden, found: str) -> Fault:
    return Fault(
        kind="row count", must=f"{name} must have one row for each of the {hidden.rows} ids of this hidden test",
        found=found, do="take count and ids from the test file that is there (len(test), not a number)",
    )  # fmt: skip


def _values(path: Path, name: str, hidden: Hidden) -> Fault | None:
    competition, sample = hidden.data.competition, hidden.view.sample
    frame = submission.read(path, competition)
    columns = submission.target_columns(competition, frame)
    empty = frame[columns].isna().any(axis=1)
    must = f"{name} must have a prediction in every row"
    if empty.any():
        count = f"{int(empty.sum())} of {len(frame)} rows without one"
        if empty.mean() > 0.5:  # what was known of the public test alone
            return Fault(
                kind="public test", must=must, found=count,
                do="do not look predictions up by the ids of the public test: predict every row",
            )  # fmt: skip
        return Fault(kind="values", must=must, found=count, do="fill them")
    try:
        ordered = submission.in_form(competition, frame, sample, hidden.data.dataset.classes)
    except UserError as error:
        return Fault(kind="values", must=f"{name} must be taken by the site", found=str(error), do="correct it")  # fmt: skip
    if _is_sample(ordered[columns], sample[columns]):
        return Fault(
            kind="public test", must=must, found="the constant of the sample submission in every row",
            do="do not copy the sample's values: in the hidden rerun it holds no answers",
        )  # fmt: skip
    return _says_nothing(name, hidden, ordered)


def _says_nothing(name: str, hidden: Hidden, ordered: pd.DataFrame) -> Fault | None:
    """Answers that were looked up, or that a cell fell back to where something failed quietly: training rows know better."""
    competition, dataset = hidden.data.competition, hidden.data.dataset
    values = ordered[submission.target_columns(competition, ordered)]
    must = f"{name} must tell the rows of a new test apart"
    if len(values) >= _FEWEST_ROWS and len(values.drop_duplicates()) == 1:
        return Fault(
            kind="values", must=must, found=f"one answer in every row ({', '.join(map(str, values.iloc[0]))})",
            do="look what the code falls back to where a file, a download or a device is not there",
        )  # fmt: skip
    if fault := _given_up(name, hidden, values):
        return fault
    if hidden.is_joined:
        return None
    metric, rows = get(competition.metric), hidden.view.rows
    predicted, _ = submission.matrix_of(competition, ordered, dataset.classes)
    plain = np.tile(
        _one_answer(metric, np.delete(dataset.y, rows), dataset.classes), (len(rows), 1)
    )
    try:
        scores = [
            metric.score(dataset.y[rows], each, dataset.classes) for each in (predicted, plain)
        ]
        found = paired_difference(
            metric, dataset.y[rows], predicted, plain, dataset.classes, hidden.data.seed
        )
    except MemberFailed:  # these rows have no score
        return None
    if found.high >= 0:
        return None
    return Fault(
        kind="public test", must=must, do="predict every row from its columns, not by ids or rows of the public test",
        found=f"{metric.title} {scores[0]:.4f} on rows of train, clearly worse than one answer for all ({scores[1]:.4f})",
    )  # fmt: skip


def _given_up(name: str, hidden: Hidden, values: pd.DataFrame) -> Fault | None:
    """One answer for all rows beyond as many as the public test has, where it is rare before them."""
    count = len(hidden.data.sample)
    said = values.astype(str).agg(" ".join, axis=1)
    before, beyond = said[:count], said[count:]
    if len(beyond) < _FEWEST_ROWS or beyond.nunique() > 1:
        return None
    if (before == beyond.iloc[0]).mean() ** len(beyond) > _BY_CHANCE:
        return None
    return Fault(
        kind="row count", must=f"{name} must tell all rows apart, however many there are",
        found=f"one answer ({beyond.iloc[0]}) in each of the {len(beyond)} rows after the first {count}, as many as the public test has",
        do="find the count in the code, also as a product or a number of batches, and take len(test)",
    )  # fmt: skip


def _one_answer(metric: Metric, y: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The shares of the classes, or the mean: of logarithms under RMSLE."""
    if classes:
        return np.bincount(y, minlength=len(classes)) / len(y)
    return np.array([np.expm1(np.log1p(y).mean()) if metric.name == "rmsle" else y.mean()])


def _is_sample(values: pd.DataFrame, sample: pd.DataFrame) -> bool:
    return values.astype(str).to_numpy().tolist() == sample.astype(str).to_numpy().tolist()
