"""What the ledger tells: each submission's CV beside its LB, where they disagree, and which two to choose at the end."""

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.submitting import gap, said
from pipelines.submitting.gap import Gap
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import competition as competitions
from pipelines.values import metrics, submission
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.metrics import Metric
from pipelines.values.seeds import derive

# Of the test rows, where nobody says how many are public: a usual share.
_ASSUMED_SHARE = 0.3
_NEARLY_THE_SAME = 0.99
_SEED = 0


@dataclass(frozen=True)
class Line:
    """A submission; `gap` is None where its LB or its OOF predictions are not known here."""

    row: LedgerRow
    gap: Gap | None = None


@dataclass(frozen=True)
class Pick:
    """One of the two final submissions, and why."""

    row: LedgerRow
    why: str


@dataclass(frozen=True)
class Report:
    """All of one competition.

    Attributes:
        lines: oldest first.
        public_rows: of the LB; `is_assumed` where nobody says.
        pairs: how many pairs of submissions have both scores.
        disagreements: the pairs of them that CV and LB put in another order, the better CV first.
        tau: Kendall's, of CV and LB: 1 the same order, -1 the reverse; None with fewer than 2 pairs.
        picks: two at most.
    """

    competition: str
    metric: Metric
    lines: list[Line]
    public_rows: int
    is_assumed: bool
    pairs: int
    disagreements: list[tuple[LedgerRow, LedgerRow]]
    tau: float | None
    picks: list[Pick]

    def as_json(self) -> dict[str, Any]:
        return {
            "competition": self.competition,
            "metric": self.metric.name,
            "public_rows": self.public_rows,
            "public_rows_assumed": self.is_assumed,
            "submissions": [
                {**line.row.model_dump(), "gap": line.gap and _finite(line.gap)}
                for line in self.lines
            ],
            "pairs": self.pairs,
            "disagreements": [[a.key, b.key] for a, b in self.disagreements],
            "kendall_tau": self.tau,
            "picks": [{"submission": pick.row.key, "why": pick.why} for pick in self.picks],
        }


def read(name: str, public_rows: int | None = None) -> Report:
    """Compare CV and LB of all submissions of a competition.

    Args:
        name: of the competition.
        public_rows: how many test rows the public LB is of, where the platform says it.

    Raises:
        UserError: the ledger or the dataset is damaged, or there is no dataset yet.
    """
    chosen = competitions.load(name)
    metric, rows = metrics.get(chosen.metric), ledger.submissions(name)
    dataset = Dataset.load(paths.dataset(name))
    known = public_rows or _public_rows(chosen)
    count = known or max(1, round(_ASSUMED_SHARE * len(dataset.test_ids)))
    lines = [Line(row, _gap(row, metric, dataset, count)) for row in rows]
    both = [row for row in rows if row.cv_mean is not None and row.lb_public is not None]
    pairs = list(combinations(both, 2))
    disagreements = [found for a, b in pairs if (found := _disagreement(a, b, metric))]
    tau = None
    if len(both) > 1:
        scores = [[row.cv_mean for row in both], [row.lb_public for row in both]]
        tau = float(kendalltau(*scores).statistic)
    return Report(
        name, metric, lines, count, known is None, len(pairs), disagreements,
        None if tau is None or math.isnan(tau) else tau, picks(chosen, lines, metric, dataset),
    )  # fmt: skip


def _public_rows(competition: Competition) -> int | None:
    solution = platforms.of(competition).solution()
    return None if solution is None else int((solution["usage"] == "Public").sum())


def _gap(row: LedgerRow, metric: Metric, dataset: Dataset, public_rows: int) -> Gap | None:
    found = said.judged(row, dataset) if row.lb_public is not None else None
    if found is None or row.lb_public is None:
        return None
    seed = derive(_SEED, "gap")
    return gap.between(metric, *found, dataset.classes, row.lb_public, public_rows, seed)


def _disagreement(a: LedgerRow, b: LedgerRow, metric: Metric) -> tuple[LedgerRow, LedgerRow] | None:
    cv, lb = (
        metric.gain(getattr(a, score), getattr(b, score)) for score in ("cv_mean", "lb_public")
    )
    if cv * lb >= 0:
        return None
    return (a, b) if cv > 0 else (b, a)


def picks(
    competition: Competition, lines: list[Line], metric: Metric, dataset: Dataset
) -> list[Pick]:
    """The two that would be chosen for the private leaderboard: the best CV, and one that fails in another way.

    The second is the best public score, unless it is the first, or says nearly the same.
    """
    rows = [line.row for line in lines if line.row.status in ("SENT", "COMPLETE")]
    by_cv = _ranked([row for row in rows if row.cv_mean is not None], "cv_mean", metric)
    by_lb = _ranked([row for row in rows if row.lb_public is not None], "lb_public", metric)
    if not by_cv:
        why = "the best public score; no CV is known, and the public rows alone may mislead"
        return [Pick(row, why) for row in by_lb[:2]]
    first = by_cv[0]
    found = [Pick(first, f"the best CV, {first.cv_mean:.4f}, of {len(dataset.y)} rows")]
    same = {row.key: _likeness(competition, row, first, dataset) for row in rows}
    for row, why in [
        *((row, f"the best public score of the others, {row.lb_public:.4f}") for row in by_lb[:3]),
        *((row, f"the next CV, {row.cv_mean:.4f}") for row in by_cv),
    ]:
        alike = same[row.key]
        if row.key != first.key and (alike is None or alike < _NEARLY_THE_SAME):
            likeness = "" if alike is None else f"; correlation with the first {alike:.3f}"
            return [*found, Pick(row, f"{why}: it fails where the first may not{likeness}")]
    return found


def _ranked(rows: list[LedgerRow], score: str, metric: Metric) -> list[LedgerRow]:
    return sorted(rows, key=lambda row: getattr(row, score), reverse=metric.greater_is_better)


def _likeness(
    competition: Competition, a: LedgerRow, b: LedgerRow, dataset: Dataset
) -> float | None:
    ids = submission.read(paths.sample(competition.name), competition)[competition.sample_id]
    pair = [said.test_matrix(competition, row, ids.tolist(), dataset.classes) for row in (a, b)]
    return None if pair[0] is None or pair[1] is None else said.likeness(pair[0], pair[1])


def _finite(found: Gap) -> dict[str, Any]:
    content = asdict(found) | {"is_noise": found.is_noise}
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in content.items()
    }
