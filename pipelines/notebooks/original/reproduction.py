"""Did a transcription reach what the original prints?"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.notebooks.kernel import Claim

Outcome = Literal["reached", "beyond", "not reached", "not measured"]
# 0.883 - 0.88 is 0.0030000000000000027: a difference that only the machine's arithmetic made is none.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Answer:
    """What became of one claim; as text it is a sentence.

    Attributes:
        variable: of the kernel, that holds our figure.
        outcome: reached: within the tolerance of the printed figure. beyond: outside it on the better
            side, where the caller says which side that is. not reached: outside it otherwise. not
            measured: there is no figure of ours, or it is no finite number.
        ours: None where it was not measured.
    """

    variable: str
    claim: Claim
    outcome: Outcome
    ours: float | None

    def __str__(self) -> str:
        """Such as `accuracy: not reached: 0.8512 here, 0.88 ± 0.01 printed (p. 12), 0.0288 below`."""
        printed = f"{self.claim.printed:.7g}"
        if self.claim.tolerance:
            printed += f" ± {self.claim.tolerance:.7g}"
        printed += " printed" + (f" ({self.claim.where})" if self.claim.where else "")
        if self.ours is None:
            return f"{self.variable}: not measured: {printed}, no figure here"
        difference = self.ours - self.claim.printed
        apart = f", {abs(difference):.4g} {'above' if difference > 0 else 'below'}"
        return f"{self.variable}: {self.outcome}: {self.ours:.7g} here, {printed}" + (
            "" if self.outcome == "reached" else apart
        )


def reached(
    claims: Mapping[str, Claim],
    figures: Mapping[str, float],
    greater_is_better: Collection[str] = (),
    less_is_better: Collection[str] = (),
) -> tuple[Answer, ...]:
    """Hold a kernel's figures against what its original prints.

    A claim has no direction of its own (it may be a number of parameters), so a figure outside the
    tolerance is `not reached` on either side; only of variables named in `greater_is_better` or
    `less_is_better` the better side is `beyond`.

    Args:
        claims: variable → the original's figure.
        figures: variable → ours; more than the claims ask for is no harm.

    Returns:
        One answer per claim, in their order.
    """
    answers = []
    for variable, claim in claims.items():
        ours = _number(figures.get(variable))
        outcome: Outcome = "not measured"
        if ours is not None:
            difference = ours - claim.printed
            slack = _ROUNDING * max(1.0, abs(claim.printed), abs(ours)) if claim.tolerance else 0.0
            is_better = variable in (greater_is_better if difference > 0 else less_is_better)
            if abs(difference) <= claim.tolerance + slack:
                outcome = "reached"
            else:
                outcome = "beyond" if is_better else "not reached"
        answers.append(Answer(variable, claim, outcome, ours))
    return tuple(answers)


def _number(figure: object) -> float | None:
    """A finite figure; what a notebook leaves behind may be anything."""
    try:
        number = float(figure)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
