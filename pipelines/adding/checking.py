"""What `preprocess` will say of a competition, without training: its files read, checked and split."""

import tempfile
from pathlib import Path

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.values import competition as competitions
from pipelines.values import folds, params, raw
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset


def check(name: str) -> tuple[Dataset, list[str]]:
    """Read a competition's files as `preprocess` does; nothing is written.

    Returns:
        The dataset, and what there is to say of it, a sentence each.

    Raises:
        UserError: what `preprocess` would refuse.
    """
    chosen, settings = competitions.load(name), params.load()
    dataset, notes = _build(chosen)
    fold = folds.make(
        chosen.split, settings.folds.n_splits, dataset.y, settings.seed,
        dataset.groups, dataset.times, dataset.classes,
    )  # fmt: skip
    sizes = [int((fold == number).sum()) for number in range(settings.folds.n_splits)]
    said = f"{len(dataset.y):,} training rows in {len(sizes)} folds of {min(sizes):,} to {max(sizes):,}"
    return dataset, [*notes, f"{said}, {len(dataset.test_ids):,} test rows"]


def _build(chosen: Competition) -> tuple[Dataset, list[str]]:
    there = paths.raw(chosen.name)
    if there.is_dir():
        return raw.build(chosen, raw.read(chosen, there))
    with tempfile.TemporaryDirectory() as folder:
        platforms.of(chosen).download(Path(folder))
        return raw.build(chosen, raw.read(chosen, Path(folder)))
