"""submission: what was chosen, in the form of the sample file, checked as the platform would check it.

Building is a stage; uploading is not: `dvc repro` never spends a daily submission.
"""

import sys

from pipelines.plumbing import paths
from pipelines.plumbing.printing import say
from pipelines.stages import run
from pipelines.values import competition as competitions
from pipelines.values import submission as submissions
from pipelines.values.predictions import Predictions


def submission(competition: str) -> None:
    """Write `submissions/<competition>.csv`."""
    chosen = competitions.load(competition)
    sample = submissions.read(paths.sample(competition), chosen)
    predictions = Predictions.load(paths.ensembles(competition) / "chosen.npz")
    frame = submissions.build(chosen, sample, predictions)
    checked = submissions.validate(chosen, frame, sample, tuple(predictions.classes.tolist()))
    target = paths.submission(competition)
    submissions.save(target, checked)
    say(
        f"{target.relative_to(paths.root())}: {len(checked):,} rows from {predictions.name}; `pilsa submit` hands it in"
    )


if __name__ == "__main__":
    sys.exit(run(submission))
