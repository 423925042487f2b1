"""ensemble: every method on the pool, each scored nested, beside the best single member."""

import sys
import time

from pipelines.plumbing import atomic, paths, sources
from pipelines.plumbing.errors import MemberFailed
from pipelines.plumbing.printing import say
from pipelines.stages import all_or_nothing, run
from pipelines.tracking import mlflow_store, records
from pipelines.training import blending, pooling
from pipelines.training.blending import Blend
from pipelines.training.pooling import Pool


def ensemble(competition: str) -> None:
    """Write each method's predictions and record, what was chosen, and why."""
    pool, blends, failed = pooling.load(competition), [], {}
    with all_or_nothing(paths.ensembles(competition), paths.ensemble_score(competition)):
        for method in pool.settings.ensemble.methods if len(pool.usable) > 1 else ():
            try:
                blends.append(_blend(pool, method))
            except MemberFailed as error:
                failed[method] = str(error)
                say(f"ensembles/{method} left out: {error}")
        chosen, facts = pool.verdict(blends)
        chosen.save(paths.ensembles(competition) / "chosen.npz")
        atomic.write_json(paths.ensemble_score(competition), facts | {"failed": failed})
    missing = f"; missing: {', '.join(pool.missing)}" if pool.missing else ""
    say(facts.get("sentence", "no ensemble could be made"))
    say(f"chosen: {chosen.name}{missing}")


def _blend(pool: Pool, method: str) -> Blend:
    head = pooling.head_of(pool, method)
    with mlflow_store.running(head) as logged:
        started = time.monotonic()
        made = pool.blend(method)
        code = sources.closure(blending.__name__, plugins={"ensembles": [method]})
        what = {"seed": pool.settings.seed, "members": pool.content}
        key = atomic.content_hash({**what, **sources.identity(code)})
        seconds = time.monotonic() - started
        record, files = pooling.write(pool, head, made, key, seconds)
        logged.finish(records.archive(record, files))
    return made


if __name__ == "__main__":
    sys.exit(run(ensemble))
