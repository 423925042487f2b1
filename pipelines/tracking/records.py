"""Records: what one run was and what it scored. They are the truth; the run store only mirrors them."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import Strict, validate
from pipelines.tracking import curriculum, provenance, reasons
from pipelines.tracking.kernel_facts import KernelFacts
from pipelines.tracking.parameters import Plain
from pipelines.values import metrics
from pipelines.values.competition import Competition
from pipelines.values.predictions import Predictions, TestFrom
from pipelines.values.scores import Scores

RunKind = Literal["baseline", "kernel", "ensemble", "study"]
Status = Literal["FINISHED", "FAILED", "KILLED"]
STUDY = "study"  # stands for the competition of kernels that have none


class Head(Strict):
    """What is known of a run before it starts.

    Attributes:
        name: unique within its kind: `models/knn`, `kernels/m01/first-cnn`, `ensembles/mean`.
        competition: its name; `study` for a study kernel, which has none.
        metric: a name of `pipelines.values.metrics`; None for a study kernel.
        week: of the curriculum; None outside it.
        git_commit: as `provenance.git_commit()` gives it.
        data_hash, folds_hash: what it is made of; scores under other hashes are not comparable.
    """

    name: str
    kind: RunKind
    member: str
    competition: str
    metric: str | None
    week: int | None = None
    git_commit: str | None = None
    data_hash: str
    folds_hash: str


class Run(Strict):
    """What is known of a run when it has ended.

    Attributes:
        run_id: as `run_id()` gives it.
        seconds: of the work, that of earlier, killed calls included.
        parameters: flat; `parameters.flat` makes one of a nested mapping.
        marks: what a reader of the score must know, such as `tuned on folds 1…`.
        environment: as `provenance.environment()` gives it.
    """

    run_id: str
    seconds: float
    parameters: dict[str, Plain] = {}
    marks: list[str] = []
    environment: dict[str, str] = {}


class Score(Strict):
    """The one shape of a score.

    Attributes:
        cv_mean, cv_std: mean and sample standard deviation of the fold scores.
        cv_pooled: the metric on all scored rows together.
        fold0: the mock exam.
        fold_scores: per fold; None for a fold that has no score.
        seconds: of the work.

    A run without a prediction for every scored row has no `cv_mean`, `cv_std`, `cv_pooled`: None.
    """

    name: str
    kind: RunKind
    member: str
    metric: str | None
    greater_is_better: bool | None
    cv_mean: float | None
    cv_std: float | None
    cv_pooled: float | None
    fold0: float | None
    fold_scores: list[float | None]
    seconds: float
    status: Status
    run_id: str


class Record(Score):
    """One run: its score, and all that is needed to read the score or to repeat it.

    Attributes:
        test_from: how the test rows were predicted; None where they were not.
        reason: why it is not FINISHED; None where it is.
        kernel: what only a kernel has; None for all others.
    """

    competition: str
    week: int | None
    git_commit: str | None
    data_hash: str
    folds_hash: str
    test_from: TestFrom | None
    parameters: dict[str, Plain]
    marks: list[str]
    environment: dict[str, str]
    reason: str | None = None
    kernel: KernelFacts | None = None

    @property
    def score(self) -> Score:
        return Score(**{name: getattr(self, name) for name in Score.model_fields})

    @property
    def head(self) -> Head:
        return Head(**{name: getattr(self, name) for name in Head.model_fields})


def opened(
    competition: Competition | None,
    name: str,
    kind: RunKind,
    member: str,
    data_hash: str,
    folds_hash: str,
    week: int | None = None,
) -> Head:
    """The head of a run that starts now, from the commit that is checked out.

    Args:
        competition, week: None for a study kernel, and for the week that the curriculum gives the competition.

    Raises:
        UserError: curriculum.yaml is missing or has an unknown key.
    """
    where = competition.name if competition else STUDY
    return Head(
        name=name, kind=kind, member=member, competition=where, week=week or curriculum.week_today(where),
        metric=competition.metric if competition else None, git_commit=provenance.git_commit(),
        data_hash=data_hash, folds_hash=folds_hash,
    )  # fmt: skip


def make(head: Head, run: Run, predictions: Predictions, scores: Scores) -> Record:
    """The record of a run that ended well.

    Args:
        head, run: what it was.
        predictions: what came of it.
        scores: of these predictions.

    Raises:
        UserError: the predictions were made of other data, under other folds or for another metric.
    """
    _check_same(head, predictions)
    return scored(head, run, scores, predictions.test_from)


def scored(
    head: Head,
    run: Run,
    scores: Scores,
    test_from: TestFrom | None,
    kernel: KernelFacts | None = None,
) -> Record:
    """The record of a run that ended well, from its scores.

    Args:
        head, run: what it was.
        scores: as `values.scores` computed them.
        test_from: None where the test rows were not predicted.
        kernel: what only a kernel has.
    """
    return Record(
        **head.model_dump(), **run.model_dump(), status="FINISHED", test_from=test_from, kernel=kernel,
        greater_is_better=_direction(head), cv_mean=scores.cv_mean, cv_std=scores.cv_std,
        cv_pooled=scores.cv_pooled, fold0=scores.fold0, fold_scores=scores.fold_scores,
    )  # fmt: skip


def _direction(head: Head) -> bool | None:
    return None if head.metric is None else metrics.get(head.metric).greater_is_better


def _check_same(head: Head, predictions: Predictions) -> None:
    pairs = (
        ("folds", head.folds_hash, predictions.folds_hash),
        ("data", head.data_hash, predictions.data_hash),
        ("metric", head.metric, predictions.metric),
    )
    for what, wanted, found in pairs:
        if wanted != found:
            raise UserError(
                f"{head.name}: a score must be of one {what}, found {wanted} in the run and {found} in its "
                "predictions: run `dvc repro`"
            )


def unfinished(
    head: Head, run: Run, status: Status, reason: str, kernel: KernelFacts | None = None
) -> Record:
    """The record of a run that failed or was killed: no scores, and the reason.

    Args:
        head, run: what it was.
        status: FAILED or KILLED.
        reason: in a sentence, such as `reasons.of` gives; what looks like a secret is taken out.
        kernel: what only a kernel has.
    """
    return Record(
        **head.model_dump(), **run.model_dump(), status=status, reason=reasons.shown(reason),
        greater_is_better=_direction(head), test_from=None, kernel=kernel,
        cv_mean=None, cv_std=None, cv_pooled=None, fold0=None, fold_scores=[],
    )  # fmt: skip


def write(path: Path, record: Record) -> None:
    """Write a record as JSON."""
    atomic.write_json(path, record.model_dump())


def read(path: Path) -> Record:
    """Read what `write` wrote.

    Raises:
        UserError: the file is missing, is no JSON, or is no record.
    """
    content = atomic.read_json(path)
    if not isinstance(content, dict):
        raise UserError(
            f"{path} must be a record, found {type(content).__name__}: delete it and rerun"
        )
    return validate(Record, content, str(path))


def read_or_none(path: Path) -> Record | None:
    """What `read` reads; None where there is no file, or one that is no record."""
    try:
        return read(path) if path.is_file() else None
    except UserError:
        return None


def run_id(parts: Mapping[str, Any]) -> str:
    """A run's name in the history: hash of what decides its numbers, and which attempt this is.

    Args:
        parts: data, folds, parameters and code, by their hashes or values.
    """
    stem, attempts = _attempts(parts)
    return f"{stem}-{attempts + 1}"


def last_run_id(parts: Mapping[str, Any]) -> str | None:
    """The name of the last run with these parts; None where the history has none."""
    stem, attempts = _attempts(parts)
    return f"{stem}-{attempts}" if attempts else None


def _attempts(parts: Mapping[str, Any]) -> tuple[str, int]:
    stem = atomic.content_hash(dict(parts))
    earlier = [folder.name.rpartition("-")[2] for folder in paths.history().glob(f"{stem}-*")]
    # The highest, not the count: with a gap the next after the count would be a run that exists.
    return stem, max((int(number) for number in earlier if number.isdigit()), default=0)


def archive(record: Record, files: Mapping[str, Path | bytes]) -> Path:
    """Put a run into the history, whole or not at all.

    Args:
        record: it becomes `record.json`, and its `run_id` names the folder.
        files: name inside the folder (`predictions.npz`, `history.csv`, `pictures/loss.png`) → what to
            copy, or the bytes themselves.

    Returns:
        The folder.

    Raises:
        UserError: the history has a run of that id, a file is missing, or the disk is full or read-only.
    """
    folder = paths.history() / record.run_id
    if folder.exists():
        raise UserError(
            f"a run must be archived once, and {folder} exists: rerun, and the run gets the next number"
        )
    temporary = folder.with_name(f".{record.run_id}.partial")
    shutil.rmtree(temporary, ignore_errors=True)  # of a call that was killed
    try:
        write(temporary / "record.json", record)
        for name, content in files.items():
            _place(temporary, name, content)
        with atomic.disk_errors(folder):
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _place(folder: Path, name: str, content: Path | bytes) -> None:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or name == "record.json":
        raise UserError(
            f"a file of a run must have a name inside its folder, found {name!r}: rename it"
        )
    if isinstance(content, bytes):
        atomic.write_bytes(folder / name, content)
        return
    if not content.is_file():
        raise UserError(f"{content} must exist to be archived and was not found: rerun")
    with atomic.writing(folder / name) as target:
        shutil.copyfile(content, target)
