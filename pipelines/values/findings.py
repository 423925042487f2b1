"""What the checks of the data found: kinds with their sentences, which the terminal and the page both say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["loud", "note"]

# kind → what was found, and what to do.
SENTENCES = {
    "leak": (
        "Column %(column)s alone tells the target (%(score)s of its variance, out of sample), such as %(example)s.",
        "Ask whether it is known when a prediction is made; if not, list it under `drop:`.",
    ),
    "id_order": (
        "The order of the rows or their ids tells %(score)s of the target's variance, such as %(example)s.",
        "Find out what the order means (a time, a source) before you use it; it may not hold in test.",
    ),
    "duplicates": (
        "%(rows)s training rows repeat an earlier one, such as %(example)s.",
        "Split by a group that holds the copies, or take them out: in two folds they flatter the score.",
    ),
    "twins": (
        "%(rows)s test rows also stand in train, such as %(example)s.",
        "Compare their targets: a model may only remember them, and the leaderboard may reward that.",
    ),
    "conflicts": (
        "%(rows)s training rows are equal to a row of another target, such as %(example)s.",
        "Look at some: labels are noisy, or a column that tells them apart is missing.",
    ),
    "near_pictures": (
        "%(pairs)s pairs of pictures are nearly equal, %(across)s of them across train and test, %(split)s across "
        "folds, among %(rows)s looked at, such as %(example)s.",
        "Split by a group that holds the copies, or take them out of train.",
    ),
    "groups": (
        "Column %(column)s groups rows: %(folds)s of them find their own value in the other folds, but only "
        "%(test)s of the test rows find theirs in train, such as %(example)s.",
        "Split by it (`kind: group` and `group:` under `split:`, or `time` where it orders the rows).",
    ),
    "adversarial": (
        "Test differs from train (AUC %(auc)s), most in these columns: %(columns)s.",
        "Look at them first: `drop:` what only tells the parts apart, or split by time or group.",
    ),
    "categories": (
        "Column %(column)s: %(test_only)s categories stand in test only and %(train_only)s in train only; "
        "%(rows)s test rows have a new one, such as %(example)s.",
        "Nothing, where models treat a new category as unknown; else merge rare ones in a kernel.",
    ),
    "empty": (
        "%(columns)s columns have no value in %(part)s, such as %(example)s.",
        "List them under `drop:`, or look for the values: no model can use such a column.",
    ),
    "infinite": (
        "%(cells)s cells of column %(column)s in %(part)s are no finite number, such as %(example)s.",
        "They count as missing; if they mean something, replace them in a kernel.",
    ),
    "totals": (
        "The last row of %(part)s looks like a row of totals: %(example)s.",
        "Take the row out of the file where it comes from, and mend its `md5:`.",
    ),
    "far_target": (
        "%(rows)s targets lie far outside all others, such as %(example)s.",
        "Ask whether they mean a missing value; take the rows out where the file comes from.",
    ),
    "rare_classes": (
        "%(classes)s classes have fewer rows than the %(folds)s folds, such as %(example)s.",
        "Lower folds.n_splits in params.yaml, or merge rare classes where the file comes from.",
    ),
    "sampled": (
        "Of %(rows)s training and %(test)s test rows these checks looked at a sample: %(checks)s.",
        "Nothing; what only a few rows show may have been missed.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        kind: a key of `SENTENCES`.
        severity: loud where a score may lie or a fit will fail, else note.
        counts: what the sentence says in numbers and names.
        example: a row, a cell or a class of it.
    """

    kind: str
    severity: Severity
    counts: Mapping[str, Any]
    example: str = ""

    @property
    def sentence(self) -> str:
        return SENTENCES[self.kind][0] % {**self.counts, "example": self.example}

    @property
    def advice(self) -> str:
        return SENTENCES[self.kind][1]

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "severity": self.severity, "sentence": self.sentence,
            "counts": dict(self.counts), "example": self.example, "advice": self.advice,
        }  # fmt: skip


def lines(findings: Sequence[Finding]) -> list[str]:
    """A line for the terminal each."""
    return [
        f"{'warning' if found.severity == 'loud' else 'note'}: {found.sentence} {found.advice}"
        for found in findings
    ]


def loud_lines(recorded: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each loud finding of a `profile.json`."""
    return [
        f"warning: {found['sentence']} {found['advice']}"
        for found in recorded
        if found["severity"] == "loud"
    ]
