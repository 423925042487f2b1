"""When a rerun has moved, from records alone."""

import pytest

from pipelines.notebooks import run_record
from pipelines.tracking import records
from pipelines.tracking.kernel_facts import UNSEEDED, KernelFacts
from pipelines.tracking.records import Head, Record, Run
from pipelines.values.scores import of_folds

HEAD = Head(
    name="kernels/m01/knn", kind="kernel", member="m01", competition="tiny", metric="accuracy",
    data_hash="d", folds_hash="f",
)  # fmt: skip


def record(fold0: float, *marks: str, code: str = "a", is_quick: bool = False) -> Record:
    facts = KernelFacts(code_hash=code, views=[], fold0_interval=(0.4, 0.6), is_quick=is_quick)
    run = Run(run_id="key-1", seconds=1, marks=list(marks))
    return records.scored(HEAD, run, of_folds([fold0], None), None, facts)


@pytest.mark.parametrize(
    ("before", "now", "is_marked"),
    [
        (record(0.5), record(0.61), True),
        (record(0.5), record(0.39), True),
        (record(0.5), record(0.59), False),  # inside the score's own interval
        (record(0.5, UNSEEDED), record(0.5), True),  # until the code changes
        (record(0.5, UNSEEDED, code="b"), record(0.9), False),
        (record(0.5, is_quick=True), record(0.9), False),
        (None, record(0.9), False),
    ],
)
def test_a_rerun_that_moves_out_of_the_interval_is_marked(
    before: Record | None, now: Record, is_marked: bool
) -> None:
    assert run_record._marked(now, before).marks == [UNSEEDED] * is_marked
