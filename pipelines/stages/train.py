"""train: cross-validate one model on the group's folds, and log the run."""

import sys

from pipelines.plumbing import atomic, paths
from pipelines.plumbing.printing import say
from pipelines.stages import all_or_nothing, run
from pipelines.tracking import mlflow_store, records
from pipelines.training import cross_validation as cv
from pipelines.training import finished, run_record
from pipelines.training import plan as plans


def train(competition: str, model: str) -> None:
    """Write predictions, record and learning curve of one model."""
    plan = plans.load(competition, model).on_its_backend()
    found = atomic.read_json(paths.tuned(competition, model))
    tuned = cv.Tuned(found["params"], found["by_fold"])
    specs = cv.specs_of(plan, tuned)
    key, head = cv.key_of(plan, specs), run_record.head_of(plan)
    outputs = [of(competition, model) for of in (paths.predictions, paths.score, paths.curve)]
    with (
        finished.working(key, f"train {model}") as work,
        all_or_nothing(*outputs),
        mlflow_store.running(head) as logged,
    ):
        outcome = cv.cross_validate(plan, specs, work)
        record, files = run_record.write(plan, head, tuned, found["mark"], key, outcome)
        logged.finish(records.archive(record, files))
    say(
        f"{model}: {plan.metric.title} {record.cv_mean:.4f} ± {record.cv_std:.4f} over {plan.folds.n_splits} folds"
    )


if __name__ == "__main__":
    sys.exit(run(train))
