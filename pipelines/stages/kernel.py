"""kernel: cross-validate one member's notebook on its views, and log the run."""

import sys

from pipelines.notebooks import kernel_run
from pipelines.notebooks.kernel_run import Options
from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed
from pipelines.plumbing.printing import say
from pipelines.stages import all_or_nothing, run
from pipelines.tracking import records
from pipelines.tracking.kernel_facts import is_ranked


def kernel(competition: str, kernel: str) -> None:
    """Write predictions and record of one kernel of the pool."""
    stored, score = paths.predictions(competition, kernel), paths.score(competition, kernel)
    with all_or_nothing(stored, score):
        outcome = kernel_run.run(kernel, Options(wanted="all", as_stage=True))
        record = outcome.record
        if not is_ranked(record.marks):
            raise MemberFailed(
                f"{kernel} must be shown to learn from the training targets, and is marked {record.marks}: mend it, "
                f"or `pilsa kernel leave {kernel}`"
            )
        outcome.result.predictions().save(stored)
        records.write(score, record)
    say(
        f"{kernel}: {record.cv_mean:.4f} ± {record.cv_std:.4f} over {len(record.fold_scores)} folds"
    )


if __name__ == "__main__":
    sys.exit(run(kernel))
