"""ensemble: every method on the pool, each scored nested, beside the best single member."""

import sys
import time

from pipelines.core import atomic, paths
from pipelines.core.errors import MemberFailed
from pipelines.stages import all_or_nothing, run
from pipelines.tracking import mlflow_store, records
from pipelines.training import blending, pooling
from pipelines.training.blending import Blend
from pipelines.training.checkpoints import job_key
from pipelines.training.pooling import Pool


def ensemble(competition: str) -> None:
    """Write each method's predictions and record, what was chosen, and why."""
    with all_or_nothing(paths.ensembles(competition), paths.ensemble_score(competition)):
        _blend_all(pooling.load(competition))


def _blend_all(pool: Pool) -> None:
    competition = pool.competition.name
    blends: list[Blend] = []
    failed: dict[str, str] = {}
    for method in pool.settings.ensemble.methods:
        head = records.opened(
            pool.competition,
            f"ensembles/{method}",
            "ensemble",
            pool.settings.member,
            pool.dataset.hash,
            pool.folds.hash,
        )
        try:
            with mlflow_store.running(head) as logged:
                blends.append(_blend(pool, method, head, logged))
        except MemberFailed as error:
            failed[method] = str(error)
            print(f"ensembles/{method} left out: {error}")
    chosen, facts = pool.verdict(blends)
    chosen.save(paths.ensembles(competition) / "chosen.npz")
    facts |= {
        "members": [member.name for member in pool.members],
        "missing": pool.missing,
        "failed": failed,
    }
    atomic.write_json(paths.ensemble_score(competition), facts)
    print(facts.get("sentence", "no ensemble could be made"))
    print(
        f"chosen: {chosen.name}" + (f"; missing: {', '.join(pool.missing)}" if pool.missing else "")
    )


def _blend(pool: Pool, method: str, head: records.Head, logged: mlflow_store.Running) -> Blend:
    started = time.monotonic()
    made = pool.blend(method)
    code = f"pipelines.ensembles.{method}", blending.__name__
    key = job_key(*code, seed=pool.settings.seed, members=pool.content)
    kept = records.Run(
        run_id=records.run_id({"key": key}), seconds=round(time.monotonic() - started, 3),
        parameters=records.flat(made.description), marks=["nested"], environment=records.environment("numpy"),
    )  # fmt: skip
    record = records.make(head, kept, made.predictions, pool.dataset.y, pool.folds)
    stored = paths.ensembles(pool.competition.name) / f"{method}.npz"
    made.predictions.save(stored)
    records.write(stored.with_suffix(".json"), record)
    logged.finish(records.archive(record, {"predictions.npz": stored}))
    return made


if __name__ == "__main__":
    sys.exit(run(ensemble))
