"""preprocess: check the raw files, store the dataset, draw the folds, profile the data."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from pipelines import readers
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.stages import all_or_nothing, run
from pipelines.training import checks, profile
from pipelines.training.checks import adversarial
from pipelines.values import columns, folds, params, raw, submission
from pipelines.values import competition as competitions
from pipelines.values import dataset as datasets
from pipelines.values.competition import Clip, Competition
from pipelines.values.dataset import Dataset
from pipelines.values.seeds import derive


def preprocess(competition: str) -> None:
    """Write dataset/, sample_submission.csv, folds.csv and profile/."""
    settings, chosen = params.load(), competitions.load(competition)
    with tempfile.TemporaryDirectory(dir=paths.dataset(competition).parent) as scratch:
        _preprocess(competition, settings, chosen, Path(scratch))


def _preprocess(
    competition: str, settings: params.Params, chosen: Competition, scratch: Path
) -> None:
    tables = readers.of(chosen).read(paths.raw(competition), scratch)
    dataset, notes = raw.build(chosen, tables)
    notes += _on_clip(chosen, dataset)
    for sentence in notes:  # before the first that can fail by what they tell
        say(f"note: {sentence}")
    dataset = _subset(dataset, settings.preprocess.max_rows, settings.seed, scratch)
    fold = folds.make(
        chosen.split, settings.folds.n_splits, dataset.y, settings.seed,
        dataset.groups, dataset.times, dataset.classes,
    )  # fmt: skip
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


def _on_clip(competition: Competition, dataset: Dataset) -> list[str]:
    """Offer to cut predictions where no target is negative; RMSLE does it by itself."""
    is_offered = competition.clip == Clip() and competition.metric != "rmsle"
    if dataset.is_classification or not is_offered or dataset.y.min() < 0:
        return []
    return [
        f"no {competition.target} is negative: `clip: {{low: 0}}` in the competition file keeps predictions at 0 or more"
    ]


def _subset(dataset: Dataset, max_rows: int, seed: int, scratch: Path) -> Dataset:
    """At most `max_rows` training rows, classes in their shares; the order of the file is kept."""
    if not 0 < max_rows < len(dataset.y):
        return dataset
    classes = dataset.y if dataset.is_classification else None
    everything, random_state = np.arange(len(dataset.y)), derive(seed, "subset")
    try:
        rows, _ = train_test_split(
            everything, train_size=max_rows, stratify=classes, random_state=random_state
        )
    except ValueError as error:
        raise UserError(
            f"preprocess.max_rows must leave every class its share, found {max_rows} ({error}): "
            "raise it in params.yaml, or set it to 0"
        ) from None
    return datasets.subset(dataset, np.sort(rows), scratch / "subset.npy")


if __name__ == "__main__":
    sys.exit(run(preprocess))
