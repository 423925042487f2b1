"""train: cross-validate one model on the group's folds, and log the run."""

import sys
from typing import Any

import pandas as pd

from pipelines.core import atomic, paths
from pipelines.stages import all_or_nothing, run
from pipelines.tracking import mlflow_store, records
from pipelines.training import checkpoints, gallery
from pipelines.training import cross_validation as cv
from pipelines.training import plan as plans
from pipelines.training.plan import Plan


def train(competition: str, model: str) -> None:
    """Write predictions, record and learning curve of one model."""
    plan = plans.load(competition, model)
    found = atomic.read_json(paths.tuned(competition, model))
    tuned = cv.Tuned(found["params"], found["by_fold"])
    if plan.is_network:
        from pipelines.training import backend

        backend.prepare(plan.settings.backend, plan.settings.device)
    key = cv.key_of(plan, tuned)
    head = records.opened(
        plan.competition,
        f"models/{model}",
        "baseline",
        plan.settings.member,
        plan.dataset.hash,
        plan.folds.hash,
    )
    outputs = [of(competition, model) for of in (paths.predictions, paths.score, paths.curve)]
    with (
        checkpoints.working(key, f"train {model}") as work,
        all_or_nothing(*outputs),
        mlflow_store.running(head) as logged,
    ):
        outcome = cv.cross_validate(plan, tuned, work)
        kept = _run(plan, tuned, found["mark"], key, outcome.seconds)
        record = records.make(head, kept, outcome.predictions, plan.dataset.y, plan.folds)
        outcome.predictions.save(paths.predictions(competition, model))
        records.write(paths.score(competition, model), record)
        curve = gallery.curve(outcome, plan)
        atomic.write_text(
            paths.curve(competition, model), curve.to_csv(index=False, lineterminator="\n")
        )
        files: dict[str, Any] = {"predictions.npz": paths.predictions(competition, model)}
        files["history.csv"] = pd.DataFrame(outcome.history).to_csv(index=False).encode()
        files |= gallery.pictures_of(outcome, plan)
        logged.finish(records.archive(record, files))
    print(
        f"{model}: {plan.metric.title} {record.cv_mean:.4f} ± {record.cv_std:.4f} over {plan.folds.n_splits} folds"
    )


def _run(plan: Plan, tuned: cv.Tuned, mark: str | None, key: str, seconds: float) -> records.Run:
    settings = plan.settings
    engine: dict[str, Any] = {"seed": settings.seed, "n_splits": plan.folds.n_splits}
    if plan.is_network:
        engine |= {"backend": settings.backend, "device": settings.device}
    return records.Run(
        run_id=records.run_id({"key": key}), seconds=round(seconds, 3), marks=[mark] if mark else [],
        parameters=records.flat(plan.params(tuned.of(0)).model_dump() | engine),
        environment=records.environment(settings.backend),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(train))
