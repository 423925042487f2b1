"""The pool: who is in it, every ensemble method tried on it, and what is to be submitted."""

from dataclasses import dataclass
from typing import Any

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.tracking import parameters, provenance, records
from pipelines.tracking.records import Head, Record, Run
from pipelines.training import against_single, blending, gallery
from pipelines.training.blending import Blend
from pipelines.values import competition as competitions
from pipelines.values import folds as fold_files
from pipelines.values import metrics, scores
from pipelines.values import params as settings_file
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.folds import Folds
from pipelines.values.metrics import Metric
from pipelines.values.params import Params
from pipelines.values.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Pool:
    """The members of one competition that have predictions.

    Attributes:
        members: in the order of local.yaml, models first.
        missing: names that local.yaml lists and that have no predictions.
        content: name → hash of the member's predictions, which hold the data's and the folds' hashes too.
    """

    competition: Competition
    settings: Params
    metric: Metric
    dataset: Dataset
    folds: Folds
    members: list[Predictions]
    missing: list[str]
    content: dict[str, str]

    @property
    def usable(self) -> list[str]:
        """Names of the members that an ensemble may take."""
        return [member.name for member in self.members if member.is_pooled]

    def blend(self, method: str) -> Blend:
        """Combine the pool; see `blending.blend`."""
        return blending.blend(
            method, self.members, self.dataset.y, self.folds, self.metric, self.settings.seed,
            self.dataset.clip,
        )  # fmt: skip

    def verdict(self, blends: list[Blend]) -> tuple[Predictions, dict[str, Any]]:
        """What to submit, and the numbers behind it: the best ensemble against the best single member.

        Raises:
            UserError: `ensemble.choose` names nobody.
        """
        y, folds, metric = self.dataset.y, self.folds, self.metric
        ensembles = [made.predictions for made in blends]
        wanted = self.settings.ensemble.choose if len(self.usable) > 1 else "best"
        chosen = blending.choose(wanted, [*self.members, *ensembles], y, folds, metric)
        single = blending.best_single(self.members, y, folds, metric)
        facts: dict[str, Any] = {
            "chosen": chosen.name,
            "cv_mean": float(chosen.fold_scores.mean()),
            "cv_std": float(chosen.fold_scores.std(ddof=1)),
            "cv_pooled": blending.cv_pooled(chosen, y, folds, metric),
            "members": [member.name for member in self.members],
            "usable": self.usable,
            "missing": self.missing,
            "best_single": single.name,
            "best_single_cv_pooled": blending.cv_pooled(single, y, folds, metric),
        }
        if ensembles:
            facts |= self._comparison(blending.best_single(ensembles, y, folds, metric), single)
        elif len(self.usable) == 1:
            facts["sentence"] = f"an ensemble takes two members, and {single.name} is the only one"
        return chosen, facts

    def _comparison(self, best: Predictions, single: Predictions) -> dict[str, Any]:
        """The best ensemble against the best single member, in numbers and in a sentence."""
        given = (self.dataset.y, self.folds, self.metric, self.settings.seed)
        gap = against_single.compare(best, self.members, *given)
        facts: dict[str, Any] = {"best_ensemble": best.name, "difference": gap.record()}
        facts["sentence"] = gap.sentence(best.name, single.name)
        fair = (
            against_single.compare_at_equal_threshold(best, single, *given) if gap.low > 0 else None
        )
        if fair is not None and fair.low <= 0:
            facts["at_equal_threshold"] = fair.record()
            facts["sentence"] = (
                f"{best.name} and {single.name} differ by their threshold, not as models: {gap.gain:+.4f} as "
                f"they are, {fair.gain:+.4f} where both give each class as many rows"
            )
        return facts


def load(competition: str) -> Pool:
    """Read the predictions of every listed model and kernel.

    Raises:
        UserError: nobody has predictions, or somebody's are damaged.
    """
    settings, chosen = settings_file.load(), competitions.load(competition)
    dataset = Dataset.load(paths.dataset(competition), with_features=False)
    folds = fold_files.load(paths.folds(competition), dataset.row_ids, chosen.split)
    names = [*settings.models, *settings.kernels]
    present = [name for name in names if paths.predictions(competition, name).is_file()]
    if not present:
        raise UserError(
            f"an ensemble must have at least one member, and none of {', '.join(names) or 'an empty list'} "
            "has predictions: `pilsa scores` says why"
        )
    files = [paths.predictions(competition, name) for name in present]
    members = [Predictions.load(file) for file in files]
    return Pool(
        chosen, settings, metrics.get(chosen.metric), dataset, folds, members,
        missing=[name for name in names if name not in present],
        content={member.name: file_hash(file) for member, file in zip(members, files, strict=True)},
    )  # fmt: skip


def head_of(pool: Pool, method: str) -> Head:
    return records.opened(
        pool.competition, f"ensembles/{method}", "ensemble", pool.settings.member,
        pool.dataset.hash, pool.folds.hash,
    )  # fmt: skip


def write(
    pool: Pool, head: Head, made: Blend, key: str, seconds: float
) -> tuple[Record, dict[str, Any]]:
    """Write an ensemble's predictions and record; return what to archive."""
    kept = Run(
        run_id=records.run_id({"key": key}), seconds=round(seconds, 3), marks=["nested"],
        parameters=parameters.flat(made.description), environment=provenance.environment("numpy"),
    )  # fmt: skip
    record = records.make(
        head, kept, made.predictions, scores.of(made.predictions, pool.dataset.y, pool.folds)
    )
    stored = paths.ensembles(pool.competition.name) / f"{made.description['method']}.npz"
    made.predictions.save(stored)
    records.write(stored.with_suffix(".json"), record)
    drawn = gallery.pictures_of(made.predictions, pool.dataset, pool.folds)
    return record, {"predictions.npz": stored, **drawn}
