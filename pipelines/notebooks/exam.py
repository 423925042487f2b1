"""A kernel's run: its views one after the other or side by side, and the record of what came of them.

Fold 0 comes first: the mock exam. A kernel that fails on it has no CV, and the other folds are not tried. The
first `cv` also shows the shuffled view, which a kernel that fits what it is given cannot do well on.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import psutil

from pipelines.core import comparison, progress, submission
from pipelines.core.errors import MemberFailed, UserError
from pipelines.core.predictions import Predictions, one_hot
from pipelines.notebooks import sitting, views
from pipelines.notebooks.sitting import Candidate, Sat
from pipelines.notebooks.views import REAL, SHUFFLED, STUDY, Field, fold_view
from pipelines.tracking.kernel_facts import ELSEWHERE, KNOWS, NETWORKED, QUICK, UNSHUFFLED

WANTED = ("fold0", "cv", "real", "all", "check")
_CLEARLY = 0.2  # of the gain over the best constant that a kernel has on true targets


@dataclass(frozen=True, eq=False)
class Result:
    """All views of a kernel that are known, of this call and of earlier ones.

    Attributes:
        sat: view → what became of it.
        ran_elsewhere: imported: nobody here has seen it run.
    """

    candidate: Candidate
    sat: dict[str, Sat]
    ran_elsewhere: bool = False

    @property
    def field(self) -> Field | None:
        return self.candidate.field

    @property
    def folds(self) -> list[Sat | None]:
        """Per fold, in order."""
        names = self.field.names if self.field else []
        return [self.sat.get(name) for name in names]

    @property
    def has_cv(self) -> bool:
        return bool(self.folds) and all(sat is not None and sat.is_valid for sat in self.folds)

    @property
    def fold_scores(self) -> np.ndarray:
        """float64 (n_folds,), NaN for a fold without a score."""
        scores = [sat.facts.score if sat else None for sat in self.folds]
        return np.array([np.nan if score is None else score for score in scores])

    @property
    def failure(self) -> Sat | None:
        """The first view that failed, fold 0 before the others; None where none did."""
        return next((sat for sat in self.sat.values() if not sat.is_valid), None)

    @property
    def failed_fold(self) -> Sat | None:
        """The first fold that failed: the reason why there is no CV."""
        return next((sat for sat in self.folds if sat is not None and not sat.is_valid), None)

    @property
    def is_finished(self) -> bool:
        """Whether a view ended well that a kernel is for: real, study, or any fold where no fold failed."""
        done = [name for name, sat in self.sat.items() if sat.is_valid and name != SHUFFLED]
        return REAL in done or STUDY in done or (bool(done) and self.failed_fold is None)

    @property
    def is_whole(self) -> bool:
        """Whether there is an answer for every fold and for the real view."""
        real = self.sat.get(REAL)
        return self.has_cv and real is not None and real.is_valid

    @property
    def shown(self) -> Sat | None:
        """The view that is looked at and shown: real or study, else the first that was run."""
        usual = (self.sat.get(name) for name in (REAL, STUDY, *self.sat))
        done = [sat for sat in usual if sat is not None and sat.facts.view != SHUFFLED]
        return next((sat for sat in done if sat.is_valid), done[0] if done else None)

    def oof(self) -> np.ndarray:
        """float32 (n_rows, width), NaN where no fold has an answer."""
        assert self.field is not None
        dataset, folds = self.field.dataset, self.field.folds
        oof = np.full((len(dataset.y), dataset.width), np.nan, np.float32)
        for fold, sat in enumerate(self.folds):
            if sat is not None and sat.matrix is not None:
                oof[folds.valid_rows(fold)] = sat.matrix
        return oof

    def cv_pooled(self) -> float | None:
        """The metric on all scored rows together; None without a CV."""
        if self.field is None or not self.has_cv:
            return None
        dataset, rows = self.field.dataset, self.field.folds.scored
        return self.field.metric.score(dataset.y[rows], self.oof()[rows], dataset.classes)

    def predictions(self) -> Predictions:
        """The currency, of all folds and the real view.

        Raises:
            MemberFailed: a fold or the real view has no answer; the reason is the view's.
        """
        real, field = self.sat.get(REAL), self.field
        if field is None or not self.is_whole or real is None or real.matrix is None:
            why = (
                f": {self.failure.facts.view}: {self.failure.facts.reason}" if self.failure else ""
            )
            raise MemberFailed(
                f"{self.candidate.kernel.name} must answer every fold and the real view to be pooled, and does not{why}"
            )
        kinds = {sat.kind for sat in self.sat.values() if sat.matrix is not None}
        return Predictions(
            self.candidate.kernel.run_name, real.kind if len(kinds) == 1 else "probability", self.oof(),
            real.matrix, "refit", field.dataset.row_ids, field.dataset.test_ids,
            np.array(field.dataset.classes, dtype=np.str_), field.metric.name, self.fold_scores,
            field.folds.hash, field.dataset.hash,
        )  # fmt: skip


def run(candidate: Candidate, wanted: str, jobs: int | None = None) -> Result:
    """Show a kernel the views that are wanted, and gather all that are known.

    Args:
        candidate: the kernel.
        wanted: fold0; cv (all folds and, once, the shuffled view); real; all; or check (what the self-check
            looks at: fold0, the shuffled view and real).
        jobs: views at a time; by default as many as processors and memory allow.

    Raises:
        MemberFailed: the competition has no views and only folds were asked for.
        UserError: the disk is full, or a file of the competition is damaged.
    """
    names = names_of(candidate, wanted)
    found: dict[str, Sat] = {}
    with progress.bar(candidate.kernel.name, len(names)) as bar:
        first, rest = names[:1], names[1:]
        found |= asyncio.run(_sit(candidate, first, 1, bar))
        if rest and first[0] == fold_view(0) and not found[first[0]].is_valid:
            rest = [name for name in rest if name == REAL]
        found |= asyncio.run(_sit(candidate, rest, jobs or _jobs(candidate), bar))
    return Result(candidate, _with_earlier(candidate, found))


def check_wanted(wanted: str) -> None:
    """Raise UserError where `wanted` is none of WANTED."""
    if wanted not in WANTED:
        raise UserError(f"views must be one of {', '.join(WANTED)}, found {wanted!r}")


def names_of(candidate: Candidate, wanted: str) -> list[str]:
    """The views that are wanted, in the order in which they are run.

    Raises:
        MemberFailed: the competition has no views and only folds were asked for.
    """
    if candidate.field is None:
        return [STUDY]
    folds = candidate.field.names
    if not folds and wanted in ("fold0", "cv"):
        raise MemberFailed(
            f"{candidate.field.competition.name} has no views ({candidate.field.competition.views}): run "
            f"`pilsa kernel run {candidate.kernel.name} --views real`"
        )
    shuffled = [SHUFFLED] if folds else []
    return {
        "fold0": folds[:1],
        "cv": [*folds, *shuffled],
        "real": [REAL],
        "all": [*folds, *shuffled, REAL],
        "check": [*folds[:1], *shuffled, REAL],
    }[wanted]


def _jobs(candidate: Candidate) -> int:
    by_memory = int(psutil.virtual_memory().available // candidate.limits.memory_bytes)
    return max(1, min(os.cpu_count() or 1, by_memory))


async def _sit(
    candidate: Candidate, names: Sequence[str], jobs: int, bar: progress.Bar
) -> dict[str, Sat]:
    """Sit views, at most `jobs` at a time. Where one raises, the others are ended before this does."""
    gate = asyncio.Semaphore(jobs)

    async def one(name: str) -> Sat:
        async with gate:
            sat = await sitting.sit(candidate, name, lambda note: bar.note(f"{name}: {note}"))
            bar.step(f"{name}: {_outcome(sat)}")
            return sat

    tasks = [asyncio.ensure_future(one(name)) for name in names]
    try:
        return dict(zip(names, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _outcome(sat: Sat) -> str:
    if not sat.is_valid:
        return f"failed: {sat.facts.reason}"
    return "valid" if sat.facts.score is None else f"{sat.facts.score:.4f}"


def _with_earlier(candidate: Candidate, found: dict[str, Sat]) -> dict[str, Sat]:
    """All views that are known, in their usual order."""
    order = [*candidate.field.names, SHUFFLED, REAL] if candidate.field else [STUDY]
    known = {name: found.get(name) or sitting.kept(candidate, name) for name in order}
    return {name: sat for name, sat in known.items() if sat is not None}


def known(candidate: Candidate, wanted: str) -> Result | None:
    """What earlier calls found, where they finished all that is wanted; None where something is to be run."""
    sat = _with_earlier(candidate, {})
    return Result(candidate, sat) if sat.keys() >= set(names_of(candidate, wanted)) else None


def marks(result: Result) -> list[str]:
    """What a reader of the score must know."""
    found = [QUICK] * result.candidate.is_quick + [ELSEWHERE] * result.ran_elsewhere
    if result.candidate.isolation.has_network and not result.ran_elsewhere:
        found.append(NETWORKED)
    if result.field is None:
        return found
    if knows_the_answers(result):
        found.append(KNOWS)
    if result.failed_fold is not None:
        facts = result.failed_fold.facts
        found.append(f"no CV: {facts.view}: {facts.reason}"[:200])
    for name, mark in ((SHUFFLED, UNSHUFFLED), (REAL, "no real view")):
        sat = result.sat.get(name)
        if sat is not None and not sat.is_valid:
            found.append(f"{mark}: {sat.facts.reason}"[:200])
    if not result.field.names:
        found.append(f"no CV: views {result.field.competition.views}")
    labels = any(sat.kind == "label" for sat in result.sat.values() if sat.matrix is not None)
    if labels and result.field.metric.needs == "probability":
        found.append("labels only")
    return found


def knows_the_answers(result: Result) -> bool:
    """Whether the kernel does clearly better than any constant although its training targets were shuffled.

    Clearly: beyond the interval of the rows, and by more than a fifth of what it gains on true targets. The
    rows alone would convict honest kernels: the model itself is drawn anew by the shuffling, and on data in
    clusters its score varies three times as much as that of independent rows (an SVM on digits: a standard
    deviation of 0.045 over twelve plain permutations, where the binomial has 0.016).
    """
    shuffled, true, field = result.sat.get(SHUFFLED), result.sat.get(fold_view(0)), result.field
    if shuffled is None or shuffled.matrix is None or field is None:
        return False
    metric, y = field.metric, field.dataset.y[field.folds.valid_rows(0)]
    classes, constants = field.dataset.classes, _constants(field, y)
    gaps = [
        comparison.paired_difference(metric, y, shuffled.matrix, constant, classes, field.seed)
        for constant in constants
    ]
    if not all(gap.low > 0 for gap in gaps):
        return False
    if true is None or true.matrix is None:
        return True
    score = metric.score(y, true.matrix, classes)
    honest = min(metric.gain(score, metric.score(y, constant, classes)) for constant in constants)
    return all(gap.gain > _CLEARLY * honest for gap in gaps)


def _constants(field: Field, y: np.ndarray) -> list[np.ndarray]:
    """Every constant submission worth trying on these rows, as prediction matrices."""
    width = field.dataset.width
    if field.metric.needs == "value":
        centres = [np.mean(y), np.median(y)] + (
            [np.expm1(np.log1p(y).mean())] if y.min() >= 0 else []
        )
        return [np.full((len(y), 1), centre) for centre in centres]
    if field.metric.needs == "probability":
        return [np.tile(np.bincount(y, minlength=width) / len(y), (len(y), 1))]
    return [one_hot(np.full(len(y), index), width) for index in range(width)]


def sample_score(field: Field) -> float | None:
    """What the sample submission's constant scores on fold 0; None where it names no class."""
    rows, dataset = field.folds.valid_rows(0), field.dataset
    sample = views.constant(field, pd.Series(dataset.row_ids[rows]))
    try:
        sample = submission.in_form(field.competition, sample, sample, dataset.classes)
    except UserError:
        return None
    matrix, _ = submission.matrix_of(field.competition, sample, dataset.classes)
    return field.metric.score(dataset.y[rows], matrix, dataset.classes)


def exam_interval(result: Result) -> tuple[float, float] | None:
    """95 % interval of the mock exam's score; None where fold 0 has no answer."""
    sat, field = result.sat.get(fold_view(0)), result.field
    if field is None or sat is None or sat.matrix is None:
        return None
    y = field.dataset.y[field.folds.valid_rows(0)]
    low, high = comparison.score_interval(
        field.metric, y, sat.matrix, field.dataset.classes, field.seed
    )
    return (low, high) if np.isfinite([low, high]).all() else None
