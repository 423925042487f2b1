"""Our figures beside the printed ones."""

import math

import pytest

from pipelines.transcription.reproduction import reached
from pipelines.values.kernel import Claim

CLAIM = Claim(printed=0.88, tolerance=0.003, where="p. 12")


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [(0.88, "reached"), (0.883, "reached"), (0.877, "reached"), (0.8831, "not reached"), (0.5, "not reached"),
     (math.nan, "not measured"), (math.inf, "not measured")],
)  # fmt: skip
def test_within_the_tolerance_is_reached(ours: float, outcome: str) -> None:
    assert [answer.outcome for answer in reached({"acc": CLAIM}, {"acc": ours})] == [outcome]


def test_without_tolerance_only_the_very_figure_is_reached() -> None:
    claim = {"n": Claim(printed=1_035_146)}
    assert reached(claim, {"n": 1_035_146})[0].outcome == "reached"
    assert reached(claim, {"n": 1_035_147})[0].outcome == "not reached"


def test_every_claim_is_answered_in_a_sentence() -> None:
    said = [
        str(answer)
        for answer in reached({"a": CLAIM, "b": CLAIM, "c": CLAIM}, {"a": 0.88, "b": 0.85, "d": 1})
    ]
    assert said == [
        "a: reached: 0.88 here, 0.88 ± 0.003 printed (p. 12)",
        "b: not reached: 0.85 here, 0.88 ± 0.003 printed (p. 12), 0.03 below",
        "c: not measured: 0.88 ± 0.003 printed (p. 12), no figure here",
    ]
