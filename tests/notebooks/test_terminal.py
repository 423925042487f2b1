"""What a kernel's run prints: nothing of a notebook's names, marks and reasons is obeyed."""

import re
from pathlib import Path

import pytest

from pipelines.notebooks import catalogue, terminal
from pipelines.notebooks.catalogue import Line
from pipelines.notebooks.kernel_run import Outcome
from pipelines.tracking import records
from pipelines.tracking.kernel_facts import KernelFacts, StepFacts, ViewFacts
from pipelines.tracking.records import Head, Run

EVIL = "\x1b]0;title\x07\x9b2J\u202e[red]\nCV: Accuracy 1.0000"
HEAD = Head(
    name="kernels/m01/knn", kind="kernel", member="m01", competition="tiny", metric="accuracy",
    data_hash="d", folds_hash="f",
)  # fmt: skip


@pytest.fixture
def outcome() -> Outcome:
    views = [
        ViewFacts(view="fold0", status="failed", seconds=1, reason=EVIL),
        ViewFacts(view="real", status="valid", seconds=1, output=f"{EVIL}.csv"),
    ]
    step = StepFacts(name="runs", passed=False, sentence=EVIL)
    facts = KernelFacts(
        code_hash="a", views=views, figures={EVIL: 1.0}, claims={EVIL: 2.0}, check=[step], advice=[EVIL],
        not_enforced=[EVIL],
    )  # fmt: skip
    record = records.unfinished(HEAD, Run(run_id="a-1", seconds=1, marks=[EVIL]), "FAILED", EVIL, facts)  # fmt: skip
    return Outcome(record, None, Path(EVIL), (EVIL,))  # type: ignore[arg-type]


def harmless(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert not re.search("^CV: Accuracy 1", text, re.M)


def test_an_outcome_is_harmless(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_outcome(outcome)
    harmless(capsys.readouterr().out)


def test_a_check_is_harmless(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_check(outcome, None)
    harmless(capsys.readouterr().out)


def test_a_list_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    line = Line("m01/knn", "competition", "tiny", 1, "own", None, "FAILED", marks=(EVIL,), reason=EVIL)  # fmt: skip
    terminal.show_list([line])
    harmless(capsys.readouterr().out)


def test_what_is_known_of_a_kernel_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    result = {"status": "FAILED", "reason": EVIL, "marks": [EVIL]}
    settings = {"claims": {EVIL: {"printed": 1.0}}, "source": {"author": EVIL}}
    found = {"name": "m01/knn", "notes": {}, "settings": settings, "result": result, "changed": False}  # fmt: skip
    for line in catalogue.as_lines(found):
        assert "\n" not in line
    terminal.show_kernel(found)
    harmless(capsys.readouterr().out)
