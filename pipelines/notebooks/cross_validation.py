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

from pipelines.notebooks import revival, view_run, views
from pipelines.notebooks.view_run import PreparedKernel, ViewResult
from pipelines.notebooks.views import CompetitionData
from pipelines.plumbing import progress
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.tracking.kernel_facts import ELSEWHERE, KNOWS, NETWORKED, QUICK, UNSHUFFLED
from pipelines.values import comparison, submission
from pipelines.values.kernel import REAL, SHUFFLED, STUDY, fold_view
from pipelines.values.predictions import Predictions, one_hot

WANTED = ("fold0", "cv", "real", "all", "check")
_CLEARLY = 0.2  # of the gain over the best constant that a kernel has on true targets


@dataclass(frozen=True, eq=False)
class Result:
    """All views of a kernel that are known, of this call and of earlier ones.

    Attributes:
        views: view → what became of it.
        ran_elsewhere: imported: nobody here has seen it run.
    """

    prepared: PreparedKernel
    views: dict[str, ViewResult]
    ran_elsewhere: bool = False

    @property
    def data(self) -> CompetitionData | None:
        return self.prepared.data

    @property
    def folds(self) -> list[ViewResult | None]:
        """Per fold, in order."""
        names = self.data.names if self.data else []
        return [self.views.get(name) for name in names]

    @property
    def has_cv(self) -> bool:
        return bool(self.folds) and all(seen is not None and seen.is_valid for seen in self.folds)

    @property
    def fold_scores(self) -> np.ndarray:
        """float64 (n_folds,), NaN for a fold without a score."""
        scores = [seen.facts.score if seen else None for seen in self.folds]
        return np.array([np.nan if score is None else score for score in scores])

    @property
    def failure(self) -> ViewResult | None:
        """The first view that failed, fold 0 before the others; None where none did."""
        return next((seen for seen in self.views.values() if not seen.is_valid), None)

    @property
    def failed_fold(self) -> ViewResult | None:
        """The first fold that failed: the reason why there is no CV."""
        return next((seen for seen in self.folds if seen is not None and not seen.is_valid), None)

    @property
    def is_finished(self) -> bool:
        """Whether a view ended well that a kernel is for: real, study, or any fold where no fold failed."""
        done = [name for name, seen in self.views.items() if seen.is_valid and name != SHUFFLED]
        return REAL in done or STUDY in done or (bool(done) and self.failed_fold is None)

    @property
    def is_whole(self) -> bool:
        """Whether there is an answer for every fold and for the real view."""
        real = self.views.get(REAL)
        return self.has_cv and real is not None and real.is_valid

    @property
    def shown(self) -> ViewResult | None:
        """The view that is looked at and shown: real or study, else the first that was run."""
        usual = (self.views.get(name) for name in (REAL, STUDY, *self.views))
        done = [seen for seen in usual if seen is not None and seen.facts.view != SHUFFLED]
        return next((seen for seen in done if seen.is_valid), done[0] if done else None)

    def oof(self) -> np.ndarray:
        """float32 (n_rows, width), NaN where no fold has an answer."""
        assert self.data is not None
        dataset, folds = self.data.dataset, self.data.folds
        oof = np.full((len(dataset.y), dataset.width), np.nan, np.float32)
        for fold, seen in enumerate(self.folds):
            if seen is not None and seen.matrix is not None:
                oof[folds.valid_rows(fold)] = seen.matrix
        return oof

    def cv_pooled(self) -> float | None:
        """The metric on all scored rows together; None without a CV."""
        if self.data is None or not self.has_cv:
            return None
        dataset, rows = self.data.dataset, self.data.folds.scored
        return self.data.metric.score(dataset.y[rows], self.oof()[rows], dataset.classes)

    def predictions(self) -> Predictions:
        """The currency, of all folds and the real view.

        Raises:
            MemberFailed: a fold or the real view has no answer; the reason is the view's.
        """
        real, data = self.views.get(REAL), self.data
        if data is None or not self.is_whole or real is None or real.matrix is None:
            why = (
                f": {self.failure.facts.view}: {self.failure.facts.reason}" if self.failure else ""
            )
            raise MemberFailed(
                f"{self.prepared.kernel.name} must answer every fold and the real view to be pooled, and does not{why}"
            )
        kinds = {seen.kind for seen in self.views.values() if seen.matrix is not None}
        return Predictions(
            self.prepared.kernel.run_name, real.kind if len(kinds) == 1 else "probability", self.oof(),
            real.matrix, "refit", data.dataset.row_ids, data.dataset.test_ids,
            np.array(data.dataset.classes, dtype=np.str_), data.metric.name, self.fold_scores,
            data.folds.hash, data.dataset.hash,
        )  # fmt: skip


def run(prepared: PreparedKernel, wanted: str, jobs: int | None = None) -> Result:
    """Show a kernel the views that are wanted, and gather all that are known.

    Args:
        prepared: the kernel.
        wanted: fold0; cv (all folds and, once, the shuffled view); real; all; or check (what the self-check
            looks at: fold0, the shuffled view and real).
        jobs: views at a time; by default as many as processors and memory allow.

    Raises:
        MemberFailed: the competition has no views and only folds were asked for.
        UserError: the disk is full, or a file of the competition is damaged.
    """
    names = names_of(prepared, wanted)
    found: dict[str, ViewResult] = {}
    with progress.bar(prepared.kernel.name, len(names)) as bar:
        first, rest = names[:1], names[1:]
        found |= asyncio.run(_run_views(prepared, first, 1, bar))
        if rest and first[0] == fold_view(0) and not found[first[0]].is_valid:
            rest = [name for name in rest if name == REAL]
        found |= asyncio.run(_run_views(prepared, rest, jobs or _jobs(prepared), bar))
    return Result(prepared, _with_earlier(prepared, found))


def check_wanted(wanted: str) -> None:
    """Raise UserError where `wanted` is none of WANTED."""
    if wanted not in WANTED:
        raise UserError(f"views must be one of {', '.join(WANTED)}, found {wanted!r}")


def names_of(prepared: PreparedKernel, wanted: str) -> list[str]:
    """The views that are wanted, in the order in which they are run.

    Raises:
        MemberFailed: the competition has no views and only folds were asked for.
    """
    if prepared.data is None:
        return [STUDY]
    folds = prepared.data.names
    if not folds and wanted in ("fold0", "cv"):
        raise MemberFailed(
            f"{prepared.data.competition.name} has no views ({prepared.data.competition.views}): run "
            f"`pilsa kernel run {prepared.kernel.name} --views real`"
        )
    shuffled = [SHUFFLED] if folds else []
    return {
        "fold0": folds[:1],
        "cv": [*folds, *shuffled],
        "real": [REAL],
        "all": [*folds, *shuffled, REAL],
        "check": [*folds[:1], *shuffled, REAL],
    }[wanted]


def _jobs(prepared: PreparedKernel) -> int:
    by_memory = int(psutil.virtual_memory().available // prepared.limits.memory_bytes)
    return max(1, min(os.cpu_count() or 1, by_memory))


async def _run_views(
    prepared: PreparedKernel, names: Sequence[str], jobs: int, bar: progress.Bar
) -> dict[str, ViewResult]:
    """Run views, at most `jobs` at a time. Where one raises, the others are ended before this does."""
    gate = asyncio.Semaphore(jobs)

    async def one(name: str) -> ViewResult:
        async with gate:
            seen = await view_run.run_view(prepared, name, lambda note: bar.note(f"{name}: {note}"))
            bar.step(f"{name}: {_outcome(seen)}")
            return seen

    tasks = [asyncio.ensure_future(one(name)) for name in names]
    try:
        return dict(zip(names, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _outcome(seen: ViewResult) -> str:
    if not seen.is_valid:
        return f"failed: {seen.facts.reason}"
    return "valid" if seen.facts.score is None else f"{seen.facts.score:.4f}"


def _with_earlier(prepared: PreparedKernel, found: dict[str, ViewResult]) -> dict[str, ViewResult]:
    """All views that are known, in their usual order."""
    order = [*prepared.data.names, SHUFFLED, REAL] if prepared.data else [STUDY]
    known = {name: found.get(name) or view_run.kept(prepared, name) for name in order}
    return {name: seen for name, seen in known.items() if seen is not None}


def known(prepared: PreparedKernel, wanted: str) -> Result | None:
    """What earlier calls found, where they finished all that is wanted; None where something is to be run."""
    seen = _with_earlier(prepared, {})
    return Result(prepared, seen) if seen.keys() >= set(names_of(prepared, wanted)) else None


def marks(result: Result) -> list[str]:
    """What a reader of the score must know."""
    found = [QUICK] * result.prepared.is_quick + [ELSEWHERE] * result.ran_elsewhere
    if result.prepared.isolation.has_network and not result.ran_elsewhere:
        found.append(NETWORKED)
    if result.is_finished:
        packages = result.prepared.environment.packages
        changed = revival.changed_silently(result.prepared.kernel.code, packages)
        found += [f"changed silently: {line}"[:200] for line in changed]
    if result.data is None:
        return found
    if knows_the_answers(result):
        found.append(KNOWS)
    if result.failed_fold is not None:
        facts = result.failed_fold.facts
        found.append(f"no CV: {facts.view}: {facts.reason}"[:200])
    for name, mark in ((SHUFFLED, UNSHUFFLED), (REAL, "no real view")):
        seen = result.views.get(name)
        if seen is not None and not seen.is_valid:
            found.append(f"{mark}: {seen.facts.reason}"[:200])
    if not result.data.names:
        found.append(f"no CV: views {result.data.competition.views}")
    labels = any(seen.kind == "label" for seen in result.views.values() if seen.matrix is not None)
    if labels and result.data.metric.needs == "probability":
        found.append("labels only")
    return found


def knows_the_answers(result: Result) -> bool:
    """Whether the kernel does clearly better than any constant although its training targets were shuffled.

    Clearly: beyond the interval of the rows, and by more than a fifth of what it gains on true targets. The
    rows alone would convict honest kernels: the model itself is drawn anew by the shuffling, and on data in
    clusters its score varies three times as much as that of independent rows (an SVM on digits: a standard
    deviation of 0.045 over twelve plain permutations, where the binomial has 0.016).
    """
    shuffled, true, data = result.views.get(SHUFFLED), result.views.get(fold_view(0)), result.data
    if shuffled is None or shuffled.matrix is None or data is None:
        return False
    metric, y = data.metric, data.dataset.y[data.folds.valid_rows(0)]
    classes, constants = data.dataset.classes, _constants(data, y)
    gaps = [
        comparison.paired_difference(metric, y, shuffled.matrix, constant, classes, data.seed)
        for constant in constants
    ]
    if not all(gap.low > 0 for gap in gaps):
        return False
    if true is None or true.matrix is None:
        return True
    score = metric.score(y, true.matrix, classes)
    honest = min(metric.gain(score, metric.score(y, constant, classes)) for constant in constants)
    return all(gap.gain > _CLEARLY * honest for gap in gaps)


def _constants(data: CompetitionData, y: np.ndarray) -> list[np.ndarray]:
    """Every constant submission worth trying on these rows, as prediction matrices."""
    width = data.dataset.width
    if data.metric.needs == "value":
        centres = [np.mean(y), np.median(y)] + (
            [np.expm1(np.log1p(y).mean())] if y.min() >= 0 else []
        )
        return [np.full((len(y), 1), centre) for centre in centres]
    if data.metric.needs == "probability":
        return [np.tile(np.bincount(y, minlength=width) / len(y), (len(y), 1))]
    return [one_hot(np.full(len(y), index), width) for index in range(width)]


def sample_score(data: CompetitionData) -> float | None:
    """What the sample submission's constant scores on fold 0; None where it names no class."""
    rows, dataset = data.folds.valid_rows(0), data.dataset
    sample = views.constant(data, pd.Series(dataset.row_ids[rows]))
    try:
        sample = submission.in_form(data.competition, sample, sample, dataset.classes)
    except UserError:
        return None
    matrix, _ = submission.matrix_of(data.competition, sample, dataset.classes)
    return data.metric.score(dataset.y[rows], matrix, dataset.classes)


def fold0_interval(result: Result) -> tuple[float, float] | None:
    """95 % interval of the mock exam's score; None where fold 0 has no answer."""
    seen, data = result.views.get(fold_view(0)), result.data
    if data is None or seen is None or seen.matrix is None:
        return None
    y = data.dataset.y[data.folds.valid_rows(0)]
    low, high = comparison.score_interval(
        data.metric, y, seen.matrix, data.dataset.classes, data.seed
    )
    return (low, high) if np.isfinite([low, high]).all() else None
