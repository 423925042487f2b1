"""Did a transcription reach what the original prints?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.values.kernel import Claim

Outcome = Literal["reached", "not reached", "not measured"]
# 0.883 - 0.88 is 0.0030000000000000027: a difference that only the machine's arithmetic made is none.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Answer:
    """What became of one claim; as text it is a sentence.

    Attributes:
        variable: of the kernel, that holds our figure.
        ours: None where it was not measured: there is no figure of ours, or it is no finite number.
    """

    variable: str
    claim: Claim
    ours: float | None

    @property
    def outcome(self) -> Outcome:
        """Reached: within the tolerance of the printed figure, on either side.

        A claim has no better side (it may be a number of parameters).
        """
        if self.ours is None:
            return "not measured"
        printed, tolerance = self.claim.printed, self.claim.tolerance
        slack = _ROUNDING * max(1.0, abs(printed), abs(self.ours)) if tolerance else 0.0
        return "reached" if abs(self.ours - printed) <= tolerance + slack else "not reached"

    def __str__(self) -> str:
        """Such as `accuracy: not reached: 0.8512 here, 0.88 ± 0.01 printed (p. 12), 0.0288 below`."""
        printed = f"{self.claim.printed:.7g}"
        if self.claim.tolerance:
            printed += f" ± {self.claim.tolerance:.7g}"
        printed += " printed" + (f" ({self.claim.where})" if self.claim.where else "")
        if self.ours is None:
            return f"{self.variable}: {self.outcome}: {printed}, no figure here"
        difference = self.ours - self.claim.printed
        apart = f", {abs(difference):.4g} {'above' if difference > 0 else 'below'}"
        return f"{self.variable}: {self.outcome}: {self.ours:.7g} here, {printed}" + (
            "" if self.outcome == "reached" else apart
        )


def reached(claims: Mapping[str, Claim], figures: Mapping[str, float]) -> tuple[Answer, ...]:
    """Hold a kernel's figures against what its original prints.

    Args:
        claims: variable → the original's figure.
        figures: variable → ours; more than the claims ask for is no harm.

    Returns:
        One answer per claim, in their order.
    """
    finite = {name: figure for name, figure in figures.items() if math.isfinite(figure)}
    return tuple(Answer(name, claim, finite.get(name)) for name, claim in claims.items())
