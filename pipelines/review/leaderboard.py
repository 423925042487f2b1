"""How a competition stands: one row per model, kernel and ensemble, who failed, and who is missing."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_json
from pipelines.plumbing.errors import UserError
from pipelines.tracking import failures, ledger, records
from pipelines.tracking.failures import Failure
from pipelines.tracking.kernel_facts import is_ranked
from pipelines.tracking.ledger import LedgerRow
from pipelines.tracking.records import Record
from pipelines.values import competition as competitions
from pipelines.values import folds, metrics
from pipelines.values import params as settings_file
from pipelines.values.competition import Competition
from pipelines.values.metrics import Metric
from pipelines.values.params import Params
from pipelines.values.tables import read_csv


@dataclass(frozen=True, eq=False)
class Entry:
    """A record, and the LB scores of the last submission that was made from it.

    Attributes:
        differs: of what the others are made and this one is not, of metric, data, folds; empty where its
            score is comparable.
        members: of an ensemble, models and kernels.
        tuned: those of them that were tuned on rows it is scored on: it inherits their optimism.
    """

    record: Record
    lb_public: float | None = None
    lb_private: float | None = None
    differs: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ()

    @property
    def marks(self) -> list[str]:
        """What a reader of the score must know."""
        marks = [mark for mark in self.record.marks if mark != "nested"]
        for what, names in (("of", self.members), ("of tuned", self.tuned)):
            # A kernel's name has a slash and a model's has none: which is which is seen without the kind.
            shown = [name.partition("/")[2] for name in names]
            marks += [f"{what} {', '.join(shown)}"] if shown else []
        return marks

    def as_json(self) -> dict[str, Any]:
        scores = {"lb_public": self.lb_public, "lb_private": self.lb_private}
        return {**self.record.score.model_dump(), **scores, "marks": self.marks}


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """All of one competition.

    Attributes:
        entries: best `cv_mean` first; those of another metric, other data or other folds last, and so those
            of kernels that know the answers or were not shown to learn.
        failed: stages of this competition whose last attempt failed, and which have no output since.
        missing: listed models and kernels, the ensemble and the submission, where there is neither a result
            nor a known failure.
        verdict: what the ensemble stage found (chosen, sentence, …); {} before it ran.
        others: submissions with a score that no entry predicted: files of one's own, and earlier runs.
    """

    competition: str
    metric: Metric
    entries: list[Entry]
    failed: list[Failure]
    missing: list[str]
    verdict: dict[str, Any]
    others: list[LedgerRow] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything that local.yaml lists has a result."""
        return not self.failed and not self.missing

    def as_json(self) -> dict[str, Any]:
        return {
            "competition": self.competition,
            "metric": self.metric.name,
            "greater_is_better": self.metric.greater_is_better,
            "scores": [entry.as_json() for entry in self.entries],
            "not_comparable": [
                {"name": entry.record.name, "differs": list(entry.differs)}
                for entry in self.entries
                if entry.differs
            ],
            "ensemble": self.verdict,
            "failed": [{**asdict(failure), "retry": failure.retry} for failure in self.failed],
            "missing": self.missing,
            "other_submissions": [row.model_dump() for row in self.others],
        }


def read(competition: str) -> Leaderboard:
    """Gather the leaderboard of a competition from its records, the ledger and the failures.

    Raises:
        UserError: the competition is unknown, or a record, the dataset or the fold file is damaged.
    """
    settings, chosen = settings_file.load(), competitions.load(competition)
    if competition != settings.competition:  # what local.yaml lists belongs to the active one
        own = {"models": chosen.baselines, "kernels": chosen.pool}
        settings = settings.model_copy(update=own)
    metric, present = metrics.get(chosen.metric), _present(chosen)
    sent = [row for row in ledger.submissions(competition) if row.lb_public is not None]
    found = [_entry(record, present, sent) for record in _records(competition, settings)]
    found = _with_members(found)
    found.sort(key=lambda entry: _rank(entry, metric))
    failed = _failed(competition, settings)
    verdict_file = paths.ensemble_score(competition)
    verdict = read_json(verdict_file) if verdict_file.is_file() else {}
    missing = _missing(competition, settings, failed)
    shown = {_without_attempt(entry.record.run_id) for entry in found}
    others = [row for row in sent if not row.run_id or _without_attempt(row.run_id) not in shown]
    return Leaderboard(competition, metric, found, failed, missing, verdict, others)


def _members(settings: Params) -> list[str]:
    return [*settings.models, *settings.kernels]


def _records(competition: str, settings: Params) -> list[Record]:
    """Of everything that local.yaml lists, and of the other kernels what their members committed.

    A committed record that cannot be read is its member's affair: `pilsa kernel list` shows it as broken.
    """
    files = [paths.score(competition, name) for name in _members(settings)]
    files += [
        paths.ensembles(competition) / f"{method}.json" for method in settings.ensemble.methods
    ]
    listed = [records.read(path) for path in files if path.is_file()]
    known = {record.name for record in listed}
    committed = [
        record
        for path in sorted(paths.kernels().glob("*/*/result.json"))
        if (record := records.read_or_none(path)) is not None
    ]
    return listed + [
        record
        for record in committed
        if record.competition == competition and record.name not in known
    ]


def _present(competition: Competition) -> dict[str, str]:
    """The metric and the hashes of data and folds that a score is compared under, as far as they are there."""
    meta, fold_file = paths.dataset(competition.name) / "meta.json", paths.folds(competition.name)
    found = {"metric": competition.metric}
    try:
        if meta.is_file():
            found["data"] = read_json(meta)["hash"]
        if fold_file.is_file():
            table = read_csv(fold_file, text_columns=["id"])
            found["folds"] = folds.hash_of(table["id"].to_numpy(), table["fold"].to_numpy())
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{meta} must hold a hash and {fold_file} the columns id and fold, and {error} is not there: "
            "delete both and run `dvc repro`"
        ) from None
    return found


def _differs(record: Record, present: dict[str, str]) -> tuple[str, ...]:
    made_of = {"metric": record.metric, "data": record.data_hash, "folds": record.folds_hash}
    return tuple(what for what, wanted in present.items() if made_of[what] != wanted)


def _entry(record: Record, present: dict[str, str], sent: list[LedgerRow]) -> Entry:
    """A record with the LB scores of the newest submission that it predicted; a later attempt is the same run."""
    ours = [
        row
        for row in sent
        if row.run_id and _without_attempt(row.run_id) == _without_attempt(record.run_id)
    ]
    scores = (ours[-1].lb_public, ours[-1].lb_private) if ours else (None, None)
    return Entry(record, *scores, differs=_differs(record, present))


def _with_members(entries: list[Entry]) -> list[Entry]:
    tuned = {entry.record.name for entry in entries if "tuned on" in " ".join(entry.record.marks)}
    found = []
    for entry in entries:
        listed = str(entry.record.parameters.get("members") or "").split(", ")
        members = tuple(listed) if entry.record.kind == "ensemble" and listed != [""] else ()
        optimists = tuple(name for name in members if name in tuned)
        found.append(replace(entry, members=members, tuned=optimists))
    return found


def _without_attempt(run_id: str) -> str:
    return run_id.rpartition("-")[0]


def _rank(entry: Entry, metric: Metric) -> tuple[bool, bool, float]:
    score = entry.record.cv_mean
    is_other = bool(entry.differs) or not is_ranked(entry.record.marks)
    if score is None:
        return (is_other, True, 0.0)
    return (is_other, False, -score if metric.greater_is_better else score)


def _stages(competition: str, settings: Params) -> dict[tuple[str, ...], Path]:
    """Every stage of the competition, in the order in which they run → what it leaves when it works."""
    found: dict[tuple[str, ...], Path] = {
        ("download", competition): paths.raw(competition),
        ("preprocess", competition): paths.folds(competition),
    }
    for model in settings.models:
        found["tune", competition, model] = paths.tuned(competition, model)
        found["train", competition, model] = paths.score(competition, model)
    for kernel in settings.kernels:
        found["kernel", competition, kernel] = paths.score(competition, kernel)
    found["ensemble", competition] = paths.ensemble_score(competition)
    found["submission", competition] = paths.submission(competition)
    found["review", competition] = paths.report(competition)
    return found


def _failed(competition: str, settings: Params) -> list[Failure]:
    """Failures of stages that have no output.

    DVC may bring an output back from its cache without running the stage, which then never forgets.
    """
    stages = _stages(competition, settings)
    found = [failures.find(*address) for address, output in stages.items() if not output.exists()]
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
