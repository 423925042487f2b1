"""preprocess: check the raw files, store the dataset, draw the folds, profile the data."""

import sys
import tempfile
from pathlib import Path

from pipelines import readers
from pipelines.plumbing import paths
from pipelines.plumbing.printing import say
from pipelines.stages import all_or_nothing, run
from pipelines.training import checks, profile
from pipelines.training.checks import adversarial
from pipelines.values import columns, folds, params, preparation, submission
from pipelines.values import competition as competitions
from pipelines.values.competition import Competition


def preprocess(competition: str) -> None:
    """Write dataset/, sample_submission.csv, folds.csv and profile/."""
    settings, chosen = params.load(), competitions.load(competition)
    with tempfile.TemporaryDirectory(dir=paths.dataset(competition).parent) as scratch:
        _preprocess(competition, settings, chosen, Path(scratch))


def _preprocess(
    competition: str, settings: params.Params, chosen: Competition, scratch: Path
) -> None:
    tables = readers.of(chosen).read(paths.raw(competition), scratch)
    dataset, notes = preparation.build(chosen, tables)
    for sentence in notes:  # before the first that can fail by what they tell
        say(f"note: {sentence}")
    dataset, fold = preparation.split(chosen, settings, dataset, scratch)
    apart = adversarial.validate(dataset, settings.seed)
    findings = checks.findings_of(
        chosen, dataset, settings.seed, settings.folds.n_splits, fold, tables, apart
    )
    parts = (paths.dataset, paths.sample, paths.folds, paths.profile)
    with all_or_nothing(*(of(competition) for of in parts)):
        dataset.save(paths.dataset(competition))
        submission.save(paths.sample(competition), tables.sample)
        folds.save(paths.folds(competition), dataset.row_ids, fold)
        left_out: dict[str, str] = {}
        if tables.pictures is None:
            _, left_out = columns.choose(chosen, tables.train, tables.test)
        said = profile.write(
            paths.profile(competition), dataset, notes, settings.seed, left_out, findings, apart
        )
    for sentence in said[len(notes) :]:
        say(f"note: {sentence}")
    for line in checks.lines(findings):
        say(line)
    say(
        f"{len(dataset.y):,} training rows in {settings.folds.n_splits} folds, {len(dataset.test_ids):,} test rows"
    )


if __name__ == "__main__":
    sys.exit(run(preprocess))
