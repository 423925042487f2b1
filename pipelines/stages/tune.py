"""tune: search a model's hyperparameters on the rows outside the fold that judges them."""

import sys
from dataclasses import asdict
from typing import Any

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_json
from pipelines.plumbing.printing import say
from pipelines.stages import run
from pipelines.training import plan as plans
from pipelines.training.plan import Plan
from pipelines.values import params as settings_file

_NOTHING: dict[str, Any] = {"params": {}, "by_fold": {}, "studies": {}, "mark": None}


def tune(competition: str, model: str) -> None:
    """Write `tuned/<model>.json`: the values found, per fold too where `nested` asks for it."""
    settings = settings_file.load()
    settings.check_sections(model)
    if settings.tune[model].trials == 0:
        write_json(paths.tuned(competition, model), _NOTHING)
        say(f"{model}: 0 trials asked, the defaults and what train.{model} fixes are used")
        return
    plan = plans.load(competition, model).on_its_backend()
    write_json(paths.tuned(competition, model), _search(plan))


def _search(plan: Plan) -> dict[str, Any]:
    from pipelines.training import tuning
    from pipelines.training.finished import working

    held = range(plan.folds.n_splits) if plan.tune.nested else range(1)
    minutes = plan.tune.minutes / len(held)
    studies = {}
    for fold in held:
        with working(tuning.key_of(plan, fold), f"tune {plan.name} without fold {fold}") as work:
            study = tuning.tune(plan, fold, plan.tune.trials, minutes, work)
        studies[str(fold)] = study
        say(f"{plan.name} without fold {fold}: {study.sentence()}")
    found = {fold: study.params for fold, study in studies.items()}
    where = "inside every fold" if plan.tune.nested else f"on folds 1…{plan.folds.n_splits - 1}"
    return {
        "params": found["0"],
        "by_fold": found if plan.tune.nested else {},
        "studies": {fold: asdict(study) for fold, study in studies.items()},
        "mark": f"tuned {where}" if any(found.values()) else None,
    }


if __name__ == "__main__":
    sys.exit(run(tune))
