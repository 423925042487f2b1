"""What the record of a kernel's run holds beside its score."""

from typing import Any, Literal

from pydantic import model_validator

from pipelines.plumbing.schema import Strict

# Marks that a reader of a kernel's score must know; see `records.Run.marks`.
KNOWS = (
    "knows the answers"  # does well on shuffled training targets: listed, never ranked or pooled
)
UNSEEDED = "unseeded"  # a rerun moved by more than the score's interval
ELSEWHERE = "run elsewhere"  # nobody here has seen it run
QUICK = "quick"
UNSHUFFLED = "no shuffled view"  # it failed there: nobody knows whether it learns from the targets
NETWORKED = "with network"  # it could have fetched the answers


def is_ranked(marks: list[str]) -> bool:
    """Whether a score with these marks may be ranked and pooled: its kernel is shown to learn."""
    return not any(mark == KNOWS or mark.startswith(UNSHUFFLED) for mark in marks)


class ViewFacts(Strict):
    """One view that a kernel was shown.

    Attributes:
        view: fold0, fold1, …, shuffled, real, or study.
        status: valid (a submission that fits, or a study kernel that ran to its end), or failed.
        score: the metric on this view's rows; None for real, study and failed ones.
        seconds: of the execution.
        output: name of the CSV that was taken.
        reason: why it failed.
    """

    view: str
    status: Literal["valid", "failed"]
    score: float | None = None
    seconds: float
    output: str | None = None
    reason: str | None = None


class StepFacts(Strict):
    """One step of the self-check: its name, whether it passed, and the sentence that says so or what is missing."""

    name: str
    passed: bool
    sentence: str


class KernelFacts(Strict):
    """What only a kernel's record has.

    Attributes:
        code_hash: of kernel.py and kernel.yaml; another one, and this record is of an older kernel.
        views: in the order in which they were run.
        constant: what the sample submission (one constant value) scores on fold 0.
        fold0_interval: 95 % interval of fold 0's score, (low, high).
        shuffled: the score of the shuffled view.
        figures: claimed variable → our figure.
        claims: claimed variable → the original's figure.
        coverage: share of the original's cells that were transcribed, 0 … 1; None without an original.
        check: the self-check's steps as far as they came; the last one may have failed.
        advice: sentences that never fail a kernel.
        packages: name → version of what the kernel ran with.
        not_enforced: of the isolation, what this machine could not do.
        is_quick: run with the `quick:` values of kernel.yaml.
        ran_elsewhere: imported from Colab or Kaggle: nobody here has seen it run.
    """

    code_hash: str
    views: list[ViewFacts]
    constant: float | None = None
    fold0_interval: tuple[float, float] | None = None
    shuffled: float | None = None
    figures: dict[str, float] = {}
    claims: dict[str, float] = {}
    coverage: float | None = None
    check: list[StepFacts] = []
    advice: list[str] = []
    packages: dict[str, str] = {}
    not_enforced: list[str] = []
    is_quick: bool = False
    ran_elsewhere: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_no_longer_kept(cls, content: Any) -> Any:
        """Records of before hold what a kernel logged to MLflow by itself."""
        if isinstance(content, dict):
            return {key: value for key, value in content.items() if key != "own_metrics"}
        return content

    @property
    def check_passed(self) -> bool | None:
        """None where the kernel was not checked."""
        return all(step.passed for step in self.check) if self.check else None
