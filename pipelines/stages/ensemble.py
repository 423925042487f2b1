"""ensemble: every method on the pool, each scored nested, beside the best single member."""

import sys
import time
from datetime import date
from typing import Any

from pipelines.core import atomic, curriculum, paths
from pipelines.core.errors import MemberFailed
from pipelines.stages import run
from pipelines.tracking import mlflow_store, records
from pipelines.training import pooling
from pipelines.training.blending import Blend
from pipelines.training.pooling import Pool


def ensemble(competition: str) -> None:
    """Write each method's predictions and record, what was chosen, and why."""
    pool = pooling.load(competition)
    blends: list[Blend] = []
    failed: dict[str, str] = {}
    for method in pool.settings.ensemble.methods:
        try:
            with mlflow_store.running(_head(pool, method)) as logged:
                blends.append(_blend(pool, method, logged))
        except MemberFailed as error:
            failed[method] = str(error)
            print(f"ensembles/{method} left out: {error}")
    chosen, facts = pool.verdict(blends)
    chosen.save(paths.ensembles(competition) / "chosen.npz")
    facts |= {"members": [member.name for member in pool.members], "missing": pool.missing, "failed": failed}
    atomic.write_json(paths.ensemble_score(competition), facts)
    print(facts.get("sentence", "no ensemble could be made"))
    print(f"chosen: {chosen.name}" + (f"; missing: {', '.join(pool.missing)}" if pool.missing else ""))


def _blend(pool: Pool, method: str, logged: Any) -> Blend:
    started = time.monotonic()
    made = pool.blend(method)
    head = _head(pool, method)
    inputs = {"method": method, "members": [member.name for member in pool.members], "seed": pool.settings.seed,
              "data": pool.dataset.hash, "folds": pool.folds.hash}  # fmt: skip
    kept = records.Run(
        run_id=records.run_id(inputs), seconds=round(time.monotonic() - started, 3),
        parameters=records.flat(made.description), marks=["nested"], environment=records.environment("numpy"),
    )  # fmt: skip
    record = records.make(head, kept, made.predictions, pool.dataset.y, pool.folds)
    stored = paths.ensembles(pool.competition) / f"{method}.npz"
    made.predictions.save(stored)
    records.write(stored.with_suffix(".json"), record)
    logged.finish(records.archive(record, {"predictions.npz": stored}))
    return made


def _head(pool: Pool, method: str) -> records.Head:
    week = curriculum.load().week_of(date.today())
    return records.Head(
        name=f"ensembles/{method}", kind="ensemble", member=pool.settings.member, competition=pool.competition,
        metric=pool.metric.name, week=week.week if week else None, git_commit=records.git_commit(),
        data_hash=pool.dataset.hash, folds_hash=pool.folds.hash,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(ensemble))
