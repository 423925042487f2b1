"""Tuning with Optuna: a journal that outlives a kill, a budget that is honoured, pruning that knows folds.

Tuning never sees the rows it is judged on. The folds other than the held one are its inner splits: each
is predicted by a model of the rest, so groups, classes and time stay as the fold file has them.

The values that a model has without tuning are scored first, and only a trial that beats them beyond noise is
taken: the best of a dozen trials on 713 rows won 0.014 there and lost 0.009 on the rows kept back. Where a metric
has a cut, each split is scored under a cut of the others, as the model will be judged.

The same bytes after a restart: each trial gets a fresh sampler, seeded by how many trials have finished,
and a trial that a kill left running is failed and its values are tried again before the next are asked.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import wilcoxon

from pipelines.models import Choice, ModelParams, Range
from pipelines.plumbing import progress
from pipelines.plumbing.atomic import read_arrays, write_arrays
from pipelines.plumbing.errors import MemberFailed
from pipelines.training import fits, journal
from pipelines.training.fits import OutOfTime
from pipelines.training.plan import Plan
from pipelines.values import cuts
from pipelines.values.comparison import exact_losses, paired_difference
from pipelines.values.seeds import derive

if TYPE_CHECKING:
    import optuna

_CLEAR_BELOW_P = 0.05
_MOST_DEATHS = 3


@dataclass(frozen=True)
class Study:
    """What a study found, in numbers that a rerun repeats.

    Attributes:
        params: the best trial's values, or {} where it does not clearly beat the model's own.
        score: their mean over the inner splits; None where neither these nor a trial have one.
        base: the score of the model's own values; None where they failed.
        finished, pruned, failed: numbers of trials.
        stopped_by: trials (all were run) or budget (then a rerun may differ).
    """

    params: dict[str, Any]
    score: float | None
    base: float | None
    finished: int
    pruned: int
    failed: int
    stopped_by: str

    def sentence(self) -> str:
        """What came of it, in words."""
        ended = f"{self.finished} trials finished, {self.pruned} pruned, {self.failed} failed"
        late = "; the budget ran out" if self.stopped_by == "budget" else ""
        if self.score is None:
            return f"nothing found ({ended}{late})"
        if not self.params:
            return f"nothing clearly better than the model's own {self.score:.4f} ({ended}{late})"
        values = ", ".join(f"{name} {value}" for name, value in self.params.items())
        own = "" if self.base is None else f", the model's own {self.base:.4f}"
        return f"{values}: {self.score:.4f}{own} ({ended}{late})"


def key_of(plan: Plan, held: int) -> str:
    """The key of a study's work. How many trials and minutes are asked for is not part of it."""
    return plan.key(__name__, fixed=plan.fixed, held=held, prune=plan.tune.prune)


def inner_folds(plan: Plan, held: int) -> list[int]:
    """Folds that tuning may score on when fold `held` is kept for judging; of a time split, earlier ones."""
    others = [fold for fold in range(plan.folds.n_splits) if fold != held]
    return [fold for fold in others if not plan.folds.is_time or fold > held]


def tune(plan: Plan, held: int, trials: int, minutes: float, work: Path) -> Study:
    """Search the model's space on the rows outside fold `held`.

    Args:
        plan: model, data and folds.
        held: the fold whose rows are never touched.
        trials: how many trials shall end, earlier calls included.
        minutes: wall-clock budget, earlier calls included; what a kill cut off is not charged.
        work: folder of the journal, held by this process alone.
    """
    open_space = {name: part for name, part in plan.model.space.items() if name not in plan.fixed}
    inner = inner_folds(plan, held)
    if not open_space or not inner:
        return Study({}, None, None, 0, 0, 0, "trials")
    search = _Search(plan, held, inner, open_space, work)
    search.deadline = time.time() + 60 * minutes - search.seconds_spent()
    with progress.bar(f"tune {plan.name}", trials) as bar:
        stopped_by = search.run(trials, bar)
    return search.result(trials, stopped_by)


class _Search:
    """One study and what a trial needs."""

    def __init__(
        self, plan: Plan, held: int, inner: list[int], space: Mapping[str, Range | Choice],
        work: Path,
    ) -> None:  # fmt: skip
        self.plan, self.held, self.inner, self.space, self.work = plan, held, inner, space, work
        self.study = _open_study(work / "study.journal", plan.metric.direction)
        self.deadline = math.inf

    def run(self, trials: int, bar: progress.Bar) -> str:
        """Run what is missing of `trials`; return what ended it."""
        self._fail_interrupted()
        try:
            self._score_base(bar)
        except OutOfTime:
            return "budget"
        bar.step("kept", advance=len(self._over()))
        while (done := len(self._over())) < trials:
            if time.time() >= self.deadline:
                return "budget"
            self.study.sampler = _sampler(derive(self.plan.settings.seed, "tune", self.held, done))
            trial = self.study.ask()
            try:
                note = self._run_trial(trial, bar)
            except OutOfTime:
                trial.set_user_attr("out of time", True)
                self._tell(trial, "FAIL")
                return "budget"
            bar.step(note)
        return "trials"

    def result(self, trials: int, stopped_by: str) -> Study:
        """What the first `trials` trials found: more of them, asked for earlier, do not count."""
        over = sorted(self._over(), key=lambda trial: trial.number)[:trials]
        complete = [trial for trial in over if trial.state.name == "COMPLETE"]
        pruned = sum(trial.state.name == "PRUNED" for trial in over)
        counts = (len(complete), pruned, len(over) - len(complete) - pruned)
        base, pick = self._base, max if self.plan.metric.greater_is_better else min
        best = pick(complete, key=lambda trial: trial.value, default=None)  # of equals the first
        if best is None or not self._is_gain(best, len(complete)):
            return Study({}, base, base, *counts, stopped_by)
        return Study(dict(best.params), float(best.value), base, *counts, stopped_by)

    def _is_gain(self, trial: Any, tries: int) -> bool:
        """Whether the best of so many is better than the model's own values, beyond noise."""
        if self._base is None:
            return True
        before, now = (read_arrays(self._kept(name)) for name in ("base", trial.number))
        if "losses" in now:
            return _is_clearly_more(before["losses"], now["losses"], tries)
        rows = np.concatenate([self.plan.folds.valid_rows(fold) for fold in self.inner])
        data, seed = self.plan.dataset, self.plan.settings.seed
        both = now["predicted"], before["predicted"]
        found = paired_difference(self.plan.metric, data.y[rows], *both, data.classes, seed)
        return found.p_value < _CLEAR_BELOW_P / tries

    @property
    def _base(self) -> float | None:
        """The score of the model's own values, once it is known."""
        return self.study.user_attrs.get("base")

    def _score_base(self, bar: progress.Bar) -> None:
        """Score the values that the model has without tuning, once in the life of a study."""
        notes = self.study.user_attrs
        if "base" in notes:
            return
        started = time.time()
        try:
            scores, rows = self._over_splits(self.plan.params({}), "its own values", bar)
            write_arrays(self._kept("base"), rows)
            self.study.set_user_attr("base", float(np.mean(scores)))
        except MemberFailed:
            self.study.set_user_attr("base", None)
        finally:
            spent = notes.get("base seconds", 0.0) + time.time() - started
            self.study.set_user_attr("base seconds", spent)

    def _run_trial(self, trial: "optuna.Trial", bar: progress.Bar) -> str:
        values = {name: _suggest(trial, name, part) for name, part in self.space.items()}
        shown = ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                          for name, value in values.items())  # fmt: skip
        try:
            scores, rows = self._over_splits(self.plan.params(values), shown, bar, trial)
        except MemberFailed as error:
            trial.set_user_attr("reason", str(error)[:500])
            self._tell(trial, "FAIL")
            return f"failed: {error}"
        if len(scores) < len(self.inner):
            self._tell(trial, "PRUNED")
            return f"{shown}: pruned after {len(scores)} splits"
        write_arrays(self._kept(trial.number), rows)  # before it counts as complete
        self.study.tell(trial, float(np.mean(scores)))
        return f"{shown}: {np.mean(scores):.4f}"

    def _over_splits(
        self, params: ModelParams, shown: str, bar: progress.Bar,
        trial: "optuna.Trial | None" = None,
    ) -> tuple[list[float], dict[str, np.ndarray]]:  # fmt: skip
        """Scores of the inner splits (of a hopeless trial the first), and their losses, or predictions where there are none."""
        plan, parts = self.plan, dict[int, np.ndarray]()
        scores, losses = list[float](), list[np.ndarray]()
        for step, fold in enumerate(self.inner):
            bar.note(f"{shown}: split {step + 1} of {len(self.inner)}")
            predicted = parts[fold] = self._predict(params, fold)
            y = plan.dataset.y[plan.folds.valid_rows(fold)]
            scores.append(plan.metric.score(y, predicted, plan.dataset.classes))
            lost = exact_losses(plan.metric, y, predicted)
            losses += [] if lost is None else [lost]
            if trial is not None:
                trial.report(float(np.mean(scores)), step)
                if step + 1 < len(self.inner) and losses and self._is_hopeless(losses):
                    break
        if losses:
            return scores, {"losses": np.concatenate(losses)}
        if plan.metric.has_cut:
            y, classes = plan.dataset.y, plan.dataset.classes
            parts = cuts.under_others(plan.metric, classes, y, plan.folds, parts)
            rows_of = plan.folds.valid_rows
            scores = [plan.metric.score(y[rows_of(f)], part, classes) for f, part in parts.items()]
        return scores, {"predicted": np.concatenate(list(parts.values()))}

    def _predict(self, params: ModelParams, fold: int) -> np.ndarray:
        folds = self.plan.folds
        spec = self.plan.spec(
            f"split {fold}", params, derive(self.plan.settings.seed, "tune", fold),
            folds.train_rows(fold, without=self.held), [folds.valid_rows(fold)],
        )  # fmt: skip
        return fits.run(replace(spec, deadline=self.deadline)).parts[0]

    def _is_hopeless(self, losses: list[np.ndarray]) -> bool:
        """Whether these rows are significantly worse than the best so far: a paired test on the same rows.

        Fold means would give one pair per split, of which five cannot decide before the fourth; rows can
        after the first. A metric without losses per row (F1, AUC, QWK, R²) prunes nothing: a stand-in could drop its best.
        """
        leader = self._leader()
        if not self.plan.tune.prune or leader is None:
            return False
        found = np.concatenate(losses)
        best = read_arrays(self._kept(leader))["losses"]
        return _is_clearly_more(found, best[: len(found)])

    def _leader(self) -> int | str | None:
        """Whose losses are the best so far: the number of a trial, or `base`."""
        best = self.study.best_trial if self._in_state("COMPLETE") else None
        if best is None:
            return None if self._base is None else "base"
        is_base = self._base is not None and not self.plan.metric.better(best.value, self._base)
        return "base" if is_base else best.number

    def _kept(self, name: int | str) -> Path:
        """What is kept of the rows of a trial, by its number, or of the model's own values, `base`."""
        return self.work / f"rows-{name}.npz"

    def _fail_interrupted(self) -> None:
        """Fail trials that a kill left running, and queue their values again.

        A trial that is killed again and again (by its own need of memory, say) counts as failed.
        """
        for dead in self._in_state("RUNNING"):
            self._tell(dead.number, "FAIL")
            deaths = dead.user_attrs.get("deaths", 0) + 1
            if len(dead.params) == len(self.space) and deaths < _MOST_DEATHS:
                self.study.enqueue_trial(dead.params, user_attrs={"deaths": deaths})

    def _in_state(self, name: str) -> list[Any]:
        return [trial for trial in self.study.trials if trial.state.name == name]

    def _over(self) -> list[Any]:
        """Trials that count towards the number asked for: complete, pruned, or failed by themselves."""
        return [
            trial
            for trial in self.study.trials
            if trial.state.name in ("COMPLETE", "PRUNED")
            or (trial.state.name == "FAIL" and _is_own_failure(trial.user_attrs))
        ]

    def seconds_spent(self) -> float:
        """Of all trials that ended by themselves: a dead one's time includes the hours until it was found."""
        timed = [trial for trial in self.study.trials if trial.user_attrs.get("out of time")]
        base = self.study.user_attrs.get("base seconds", 0.0)
        return base + sum(
            trial.duration.total_seconds() for trial in self._over() + timed if trial.duration
        )

    def _tell(self, trial: Any, state: str) -> None:
        from optuna.trial import TrialState

        self.study.tell(trial, state=TrialState[state])


def _is_clearly_more(losses: np.ndarray, others: np.ndarray, tries: int = 1) -> bool:
    """Whether losses (n,) are higher than others of the same rows, on average and by Wilcoxon's signed-rank test.

    One-sided, p < 0.05 over all tries (Bonferroni); rows without a difference are left out.
    """
    difference = losses - others
    if difference.mean() <= 0:
        return False
    return bool(wilcoxon(difference, alternative="greater").pvalue < _CLEAR_BELOW_P / tries)


def _is_own_failure(notes: Mapping[str, Any]) -> bool:
    return "reason" in notes or (
        notes.get("deaths", 0) >= _MOST_DEATHS - 1 and "out of time" not in notes
    )


def _open_study(path: Path, direction: str) -> "optuna.Study":
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    journal.mend(path)
    file = JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path)))
    try:
        return optuna.create_study(
            storage=JournalStorage(file), study_name="tune", direction=direction, load_if_exists=True,
        )  # fmt: skip
    # Optuna trusts what it reads: anything may come of an entry that lacks a key.
    except Exception as error:
        raise journal.refusal(path, f"these do not fit together ({error!r})") from error


def _sampler(seed: int) -> "optuna.samplers.BaseSampler":
    import optuna

    # Set in words, since Optuna 5 changed both defaults.
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def _suggest(trial: "optuna.Trial", name: str, part: Range | Choice) -> Any:
    if isinstance(part, Choice):
        return trial.suggest_categorical(name, list(part.options))
    if part.whole:
        return trial.suggest_int(name, int(part.low), int(part.high), log=part.log)
    return trial.suggest_float(name, part.low, part.high, log=part.log)
