"""K-fold cross-validation: a fresh model per fold, every finished fold kept, the same bytes after a kill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.training import finished
from pipelines.training.fits import Fit, FitSpec
from pipelines.training.plan import Plan
from pipelines.values import cuts
from pipelines.values.predictions import Predictions
from pipelines.values.seeds import derive


@dataclass(frozen=True, eq=False)
class Tuned:
    """What tuning found: hyperparameters for all folds, or (nested) a set per fold beside them."""

    params: Mapping[str, Any]
    by_fold: Mapping[str, Mapping[str, Any]]

    def of(self, fold: int) -> dict[str, Any]:
        return dict(self.by_fold.get(str(fold), self.params))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a cross-validation gives.

    Attributes:
        history: a mapping per fold and epoch: fold, epoch, loss, …
        seconds: of all fits together, those of earlier, killed calls included.
    """

    predictions: Predictions
    history: list[dict[str, float]]
    seconds: float


def specs_of(plan: Plan, tuned: Tuned) -> list[FitSpec]:
    """Every fit of a cross-validation: the folds in order, the repeats of each together, then the refits."""
    folds, refit = plan.folds, plan.params(dict(tuned.params))
    with_refit = refit.test_from == "refit"
    specs = []
    for fold in range(folds.n_splits):
        params, valid = plan.params(tuned.of(fold)), folds.valid_rows(fold)
        for name in _repeated(f"fold {fold}", params.repeats):
            seed = derive(plan.settings.seed, "fit", name)
            # Where the test rows come from a refit, the fold models need not see them.
            specs.append(
                plan.spec(name, params, seed, folds.train_rows(fold), [valid], not with_refit)
            )
    for name in _repeated("refit", refit.repeats) if with_refit else ():
        everything = np.arange(len(plan.dataset.y))
        specs.append(plan.spec(name, refit, derive(plan.settings.seed, "fit", name), everything, (), True))  # fmt: skip
    return specs


def key_of(plan: Plan, specs: Sequence[FitSpec]) -> str:
    """The key of the work; it changes with whatever decides the numbers."""
    return plan.key(specs=[spec.content() for spec in specs])


def cross_validate(plan: Plan, specs: Sequence[FitSpec], work: Path) -> Outcome:
    """Run every fit and score every fold.

    Args:
        plan: model, data and folds.
        specs: as `specs_of` gives them.
        work: folder of finished and unfinished fits, held by this process alone.

    Returns:
        Predictions with an OOF row for every scored row, and the history.

    Raises:
        MemberFailed: the model failed on a fold; finished folds stay.
    """
    dataset, folds = plan.dataset, plan.folds
    fits = finished.run_all(specs, finished.Store(work), plan.settings.parallel, plan.name)
    by_name: dict[str, list[Fit]] = {}
    for spec, fit in zip(specs, fits, strict=True):
        by_name.setdefault(spec.name.partition(" repeat")[0], []).append(fit)
    oof = np.full((len(dataset.y), dataset.width), np.nan, np.float32)
    for fold in range(folds.n_splits):
        oof[folds.valid_rows(fold)] = _mean([fit.parts[0] for fit in by_name[f"fold {fold}"]])
    refits = by_name.get("refit")
    test = _mean([fit.parts[-1] for fit in refits or fits])
    plain = Predictions(
        f"models/{plan.name}", "probability" if dataset.is_classification else "value", oof, test,
        "refit" if refits else "folds", dataset.row_ids, dataset.test_ids, np.array(dataset.classes, dtype=np.str_),
        plan.metric.name, np.zeros(folds.n_splits), folds.hash, dataset.hash,
    )  # fmt: skip
    cut = cuts.with_cut(plain, plan.metric, dataset.y, folds)
    predictions = replace(cut, fold_scores=_fold_scores(plan, cut.oof))
    return Outcome(predictions, _history(by_name), sum(fit.seconds for fit in fits))


def _repeated(name: str, repeats: int) -> list[str]:
    """The names of a fit and its repeats, which are their seeds too."""
    return [name if number == 0 else f"{name} repeat {number}" for number in range(repeats)]


def _mean(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(parts).mean(axis=0, dtype=np.float64).astype(np.float32)


def _fold_scores(plan: Plan, oof: np.ndarray) -> np.ndarray:
    rows = [plan.folds.valid_rows(fold) for fold in range(plan.folds.n_splits)]
    return np.array(
        [plan.metric.score(plan.dataset.y[part], oof[part], plan.dataset.classes) for part in rows]
    )


def _history(by_name: Mapping[str, Sequence[Fit]]) -> list[dict[str, float]]:
    """Losses with their fold (the refit counts as one more) and epoch, both from 0; of repeats the first's."""
    return [
        {"fold": fold, "epoch": epoch, **losses}
        for fold, repeats in enumerate(by_name.values())
        for epoch, losses in enumerate(repeats[0].history)
    ]
