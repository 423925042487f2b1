"""K-fold cross-validation: a fresh model per fold, every finished fold kept, the same bytes after a kill."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.models import ModelParams
from pipelines.plumbing import progress
from pipelines.plumbing.errors import MemberFailed
from pipelines.training.checkpoints import Fit, load_fit, save_fit
from pipelines.training.fitting import fit_and_predict, rows_of
from pipelines.training.plan import Plan
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


def key_of(plan: Plan, tuned: Tuned) -> str:
    """The key of the work; it changes with whatever decides the numbers."""
    params = {
        str(fold): plan.params(tuned.of(fold)).model_dump() for fold in range(plan.folds.n_splits)
    }
    return plan.key(__name__, params=params, refit=plan.params(dict(tuned.params)).model_dump())


def cross_validate(plan: Plan, tuned: Tuned, work: Path) -> Outcome:
    """Fit and score every fold, then the refit if the model wants one.

    Args:
        plan: model, data and folds.
        tuned: hyperparameters per fold.
        work: folder of finished and unfinished fits, held by this process alone.

    Returns:
        Predictions with an OOF row for every scored row, and the history.

    Raises:
        MemberFailed: the model failed on a fold; finished folds stay.
    """
    dataset, folds = plan.dataset, plan.folds
    refit_params = plan.params(dict(tuned.params))
    with_refit = refit_params.test_from == "refit"
    oof = np.full((len(dataset.y), dataset.width), np.nan, np.float32)
    fits: list[Fit] = []
    with progress.bar(f"{plan.name}", folds.n_splits + with_refit) as bar:
        for fold in range(folds.n_splits):
            params, valid = plan.params(tuned.of(fold)), folds.valid_rows(fold)
            # Where the test rows come from a refit, the fold models need not see them.
            targets = [rows_of(dataset.X_train, valid)] + ([] if with_refit else [dataset.X_test])
            fit = _fit_once(
                plan, params, f"fold {fold}", folds.train_rows(fold), targets, work, bar
            )
            oof[valid] = fit.parts[0]
            fits.append(fit)
        if with_refit:
            everything = np.arange(len(dataset.y))
            fits.append(
                _fit_once(plan, refit_params, "refit", everything, [dataset.X_test], work, bar)
            )
            test = fits[-1].parts[0]
        else:
            test = (
                np.stack([fit.parts[1] for fit in fits])
                .mean(axis=0, dtype=np.float64)
                .astype(np.float32)
            )
    predictions = Predictions(
        f"models/{plan.name}", "probability" if dataset.is_classification else "value", oof, test,
        refit_params.test_from, dataset.row_ids, dataset.test_ids, np.array(dataset.classes, dtype=np.str_),
        plan.metric.name, _fold_scores(plan, oof), folds.hash, dataset.hash,
    )  # fmt: skip
    return Outcome(predictions, _history(fits), sum(fit.seconds for fit in fits))


def _fit_once(
    plan: Plan,
    params: ModelParams,
    name: str,
    rows: np.ndarray,
    targets: list[Any],
    work: Path,
    bar: progress.Bar,
) -> Fit:
    """A finished fit from the work folder, or a new one that is put there."""
    path = work / f"{name.replace(' ', '-')}.npz"
    kept = load_fit(path)
    if kept is not None:
        bar.step(f"{name} kept")
        return kept
    unfinished = work / path.stem
    job = plan.job(
        derive(plan.settings.seed, "fit", name),
        unfinished,
        lambda note: bar.note(f"{name}: {note}"),
    )
    try:
        fit = fit_and_predict(plan, params, job, rows, targets)
    except MemberFailed as error:
        raise MemberFailed(f"{plan.name} failed on {name}: {error}") from error
    save_fit(path, fit)
    shutil.rmtree(unfinished, ignore_errors=True)
    bar.step(f"{name} done in {fit.seconds:.1f} s")
    return fit


def _fold_scores(plan: Plan, oof: np.ndarray) -> np.ndarray:
    rows = [plan.folds.valid_rows(fold) for fold in range(plan.folds.n_splits)]
    return np.array(
        [plan.metric.score(plan.dataset.y[part], oof[part], plan.dataset.classes) for part in rows]
    )


def _history(fits: list[Fit]) -> list[dict[str, float]]:
    """Losses with their fold (the refit counts as one more) and epoch, both from 0."""
    return [
        {"fold": fold, "epoch": epoch, **losses}
        for fold, fit in enumerate(fits)
        for epoch, losses in enumerate(fit.history)
    ]
