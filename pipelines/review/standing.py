"""How a competition stands: one row per model, kernel and ensemble, who failed, and who is missing."""

from dataclasses import asdict, dataclass
from typing import Any

from pipelines.core import competition as competitions
from pipelines.core import metrics, paths
from pipelines.core import params as settings_file
from pipelines.core.atomic import read_json
from pipelines.core.metrics import Metric
from pipelines.core.params import Params
from pipelines.tracking import failures, ledger, records
from pipelines.tracking.failures import Failure
from pipelines.tracking.records import Record


@dataclass(frozen=True, eq=False)
class Entry:
    """A record, and the LB scores of the last submission that was made from it."""

    record: Record
    lb_public: float | None = None
    lb_private: float | None = None

    def as_json(self) -> dict[str, Any]:
        scores = {"lb_public": self.lb_public, "lb_private": self.lb_private}
        return {**self.record.score.model_dump(), **scores, "marks": self.record.marks}


@dataclass(frozen=True, eq=False)
class Standing:
    """All of one competition.

    Attributes:
        entries: best `cv_mean` first.
        failed: stages of this competition whose last attempt failed.
        missing: listed models, kernels and the ensemble without a result and without a known failure.
        verdict: what the ensemble stage found (chosen, sentence, …); {} before it ran.
    """

    competition: str
    metric: Metric
    entries: list[Entry]
    failed: list[Failure]
    missing: list[str]
    verdict: dict[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether everything that params.yaml lists has a result."""
        return not self.failed and not self.missing

    def as_json(self) -> dict[str, Any]:
        return {
            "competition": self.competition,
            "metric": self.metric.name,
            "greater_is_better": self.metric.greater_is_better,
            "scores": [entry.as_json() for entry in self.entries],
            "ensemble": self.verdict,
            "failed": [{**asdict(failure), "retry": failure.retry} for failure in self.failed],
            "missing": self.missing,
        }


def read(competition: str) -> Standing:
    """Gather the standing of a competition from its records, the ledger and the failures.

    Raises:
        UserError: the competition is unknown, or a record is damaged.
    """
    settings, chosen = settings_file.load(), competitions.load(competition)
    metric = metrics.get(chosen.metric)
    found = [_entry(record) for record in _records(competition, settings)]
    found.sort(key=lambda entry: _rank(entry, metric))
    failed = _failed(competition, settings)
    verdict_file = paths.ensemble_score(competition)
    verdict = read_json(verdict_file) if verdict_file.is_file() else {}
    missing = _missing(competition, settings, failed)
    return Standing(competition, metric, found, failed, missing, verdict)


def _members(settings: Params) -> list[str]:
    return [*settings.models, *settings.kernels]


def _records(competition: str, settings: Params) -> list[Record]:
    files = [paths.score(competition, name) for name in _members(settings)]
    files += [
        paths.ensembles(competition) / f"{method}.json" for method in settings.ensemble.methods
    ]
    return [records.read(path) for path in files if path.is_file()]


def _entry(record: Record) -> Entry:
    """A record with the LB scores of the newest submission that it predicted; a later attempt is the same run."""
    sent = [
        row
        for row in ledger.submissions(record.competition)
        if row.lb_public is not None
        and row.run_id
        and _without_attempt(row.run_id) == _without_attempt(record.run_id)
    ]
    return Entry(record, sent[-1].lb_public, sent[-1].lb_private) if sent else Entry(record)


def _without_attempt(run_id: str) -> str:
    return run_id.rpartition("-")[0]


def _rank(entry: Entry, metric: Metric) -> tuple[bool, float]:
    score = entry.record.cv_mean
    if score is None:
        return (True, 0.0)
    return (False, -score if metric.greater_is_better else score)


def _addresses(competition: str, settings: Params) -> list[tuple[str, ...]]:
    """Every stage of the competition, in the order in which they run."""
    models = [(stage, competition, name) for name in settings.models for stage in ("tune", "train")]
    kernels = [("kernel", competition, name) for name in settings.kernels]
    before, after = ("download", "preprocess"), ("ensemble", "submission", "review")
    return [
        *((stage, competition) for stage in before),
        *models,
        *kernels,
        *((stage, competition) for stage in after),
    ]


def _failed(competition: str, settings: Params) -> list[Failure]:
    found = [failures.find(*address) for address in _addresses(competition, settings)]
    return [failure for failure in found if failure is not None]


def _missing(competition: str, settings: Params, failed: list[Failure]) -> list[str]:
    blamed = {failure.stage for failure in failed}
    wanted = [
        (name, paths.score(competition, name), _addresses_of(name, competition))
        for name in _members(settings)
    ]
    wanted += [
        (
            "ensemble",
            paths.ensemble_score(competition),
            {failures.address("ensemble", competition)},
        ),
        (
            "submission",
            paths.submission(competition),
            {failures.address("submission", competition)},
        ),
    ]
    return [
        name for name, path, stages in wanted if not path.is_file() and blamed.isdisjoint(stages)
    ]


def _addresses_of(name: str, competition: str) -> set[str]:
    return {failures.address(stage, competition, name) for stage in ("tune", "train", "kernel")}
