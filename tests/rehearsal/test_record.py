"""Only what passed as it is now may be submitted."""

from typing import Any

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.rehearsal import record
from pipelines.rehearsal.fault import Fault, distinct
from pipelines.rehearsal.record import Rehearsal, Subject, Tried
from pipelines.values.code_rules import Code
from tests.conftest import Workshop

SUBJECT = Subject(code_hash="a", wheelhouse="b", data="c", rules=Code())
TRIED = Tried(name="grown", rows=22, learned=38, seconds=1, output="submission.csv")
FAULT = Fault(kind="time", must="m", found="f", do="d", cell=2)


def keep(**changes: Any) -> None:
    found = {"name": "m01/one", "time": "2026-01-01T00:00:00+00:00", "subject": SUBJECT, "public_rows": 20, "tried": [TRIED]}  # fmt: skip
    record.save(Rehearsal(**found | changes))


def test_a_rehearsal_that_passed_lets_the_same_kernel_on(workshop: Workshop) -> None:
    keep()
    assert record.passed("m01/one", SUBJECT).output == "submission.csv"


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        (None, SUBJECT, "found none"),
        ({"faults": [FAULT]}, SUBJECT, "failed"),
        ({"is_incomplete": True}, SUBJECT, "not rehearsed"),
        ({"tried": []}, SUBJECT, "not rehearsed"),
        ({}, SUBJECT.model_copy(update={"code_hash": "x"}), "its code changed"),
        ({}, SUBJECT.model_copy(update={"wheelhouse": "x"}), "its wheels changed"),
        ({}, SUBJECT.model_copy(update={"rules": Code(hours=1)}), "`code:` of the competition changed"),
    ],
)  # fmt: skip
def test_nothing_else_is_let_on(
    workshop: Workshop, changes: dict[str, Any] | None, subject: Subject, words: str
) -> None:
    if changes is not None:
        keep(**changes)
    with pytest.raises(UserError, match="pilsa kernel rehearse m01/one") as refused:
        record.passed("m01/one", subject)
    assert words in str(refused.value)


def test_the_same_fault_in_front_of_two_tests_is_one() -> None:
    again = FAULT.model_copy(update={"test": "grown"})
    other = FAULT.model_copy(update={"cell": 3})
    assert distinct([FAULT, again, other]) == [FAULT, other]
