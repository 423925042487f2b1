"""The ledger: a file per row, which any git merges; the rows of a submission are one."""

import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.tracking import ledger, old_ledger
from pipelines.tracking.ledger import LedgerRow
from tests.conftest import Workshop

ROW = LedgerRow(
    time="2025-03-01T05:00:00+00:00", competition="tiny", file="submissions/tiny.csv", sha256="a" * 64,
    name="ensembles/mean", member="m01", message="첫 제출", cv_mean=0.987, status="COMPLETE",
    lb_public=0.98, lb_private=0.975, run_id="abc-1",
)  # fmt: skip
UPLOAD = "tiny-aaaaaaaa-123456.csv"


def row(**changes: object) -> LedgerRow:
    return LedgerRow.model_validate(ROW.model_dump() | changes)


def pending(**changes: object) -> LedgerRow:
    return row(**{"status": "PENDING", "lb_public": None, "lb_private": None} | changes)


def later(minutes: int) -> str:
    return (ROW.moment + timedelta(minutes=minutes)).isoformat()


def test_what_is_appended_is_read_back(workshop: Workshop) -> None:
    ledger.append(ROW)
    ledger.append(pending(competition="other", cv_mean=None))
    assert ledger.rows("tiny") == [ROW]
    assert {found.competition for found in ledger.rows()} == {"tiny", "other"}
    assert ledger.rows("other")[0].cv_mean is None
    (file,) = paths.ledger("tiny").iterdir()
    assert file.name.startswith("20250301T050000Z-aaaaaaaa-m01-")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message=st.text(st.characters()), cv=st.floats(allow_nan=False, allow_infinity=False))
@example(message="\ud800", cv=5e-324)
@example(message="<<<<<<< HEAD\n", cv=0.0)
def test_any_message_round_trips(workshop: Workshop, message: str, cv: float) -> None:
    wanted = row(message=message, cv_mean=cv)
    ledger.append(wanted)
    assert wanted in ledger.rows("tiny")


@pytest.mark.parametrize("name", ["../../up", "a/b", "", "한글", "x" * 300])
def test_no_member_leads_out_of_the_folder(workshop: Workshop, name: str) -> None:
    ledger.append(row(member=name))
    (found,) = paths.ledger("tiny").iterdir()
    assert (found.suffix, ledger.rows("tiny")[0].member) == (".json", name)


def test_no_row_is_lost_between_writers(workshop: Workshop) -> None:
    digests = [f"{number:064x}" for number in range(12)]
    writers = [threading.Thread(target=ledger.append, args=[row(sha256=one)]) for one in digests]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(found.sha256 for found in ledger.rows("tiny")) == digests


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:40], r"must be a row .*JSON.*restore it .*ledger rebuild"),
        (lambda text: text.replace("COMPLETE", "DONE"), "restore it .*status"),
        (lambda text: text.replace("tiny", "other"), "must be a row of tiny and is none"),
        (lambda text: f"<<<<<<< HEAD\n{text}", "must be merged, and line 1 is a conflict"),
        (lambda text: text.replace("제출", "\udcff"), "must be a row .*utf-8"),
        (lambda text: "[]", "must be a row of tiny and is none"),
    ],
)
def test_a_damaged_row_is_named_and_nothing_is_added(
    workshop: Workshop, damage: object, message: str
) -> None:
    ledger.append(ROW)
    (file,) = paths.ledger("tiny").iterdir()
    assert callable(damage)
    file.write_bytes(damage(file.read_text(encoding="utf-8")).encode(errors="surrogateescape"))
    for attempt in (ledger.rows, lambda: ledger.append(row(sha256="b" * 64))):
        with pytest.raises(UserError, match=message) as caught:
            attempt()
        assert file.name in str(caught.value)
    assert list(paths.ledger("tiny").iterdir()) == [file]


class TestStatesOfOneSubmission:
    def test_are_one_with_the_time_of_the_first(self, workshop: Workshop) -> None:
        for found in (
            pending(upload=UPLOAD),
            row(sha256="b" * 64, time=later(1)),
            pending(upload=UPLOAD, status="SENT", ref="17", time=later(1)),
            row(upload=UPLOAD, lb_private=None, time=later(2)),
        ):
            ledger.append(found)
        first, second = ledger.submissions("tiny")
        assert (first.status, first.ref, first.lb_public) == ("COMPLETE", "17", 0.98)
        assert (first.time, second.sha256) == (ROW.time, "b" * 64)
        assert ledger.find("a" * 64, "tiny") == first
        assert ledger.find("c" * 64, "tiny") is None
        assert ledger.find("a" * 64, "other") is None

    def test_are_in_order_whatever_the_clock_of_who_wrote_them(self, workshop: Workshop) -> None:
        ledger.append(pending(upload=UPLOAD))
        ledger.append(row(upload=UPLOAD, time=later(-60)))
        (only,) = ledger.submissions("tiny")
        assert (only.status, only.lb_public, ledger.waiting("tiny")) == ("COMPLETE", 0.98, [])

    def test_a_second_attempt_counts_before_one_that_was_refused(self, workshop: Workshop) -> None:
        ledger.append(row(upload=UPLOAD))
        ledger.append(row(upload="other.csv", status="ERROR", error="no", time=later(60)))
        found = ledger.find("a" * 64, "tiny")
        assert found is not None
        assert (found.upload, found.error, len(ledger.submissions("tiny"))) == (UPLOAD, None, 2)

    def test_what_was_refused_and_sent_again_was_sent_when_sent_again(
        self, workshop: Workshop
    ) -> None:
        ledger.append(row(status="ERROR", error="no"))
        ledger.append(row(time=later(60)))
        (only,) = ledger.submissions("tiny")
        assert (only.time, only.status, only.error) == (later(60), "COMPLETE", None)

    def test_of_which_only_the_first_digits_are_known(self, workshop: Workshop) -> None:
        ledger.append(row(sha256="a" * 8, upload=UPLOAD))
        ledger.append(row(sha256="", ref="3"))
        found = ledger.find("a" * 64, "tiny")
        assert found is not None
        assert found.upload == UPLOAD
        assert ledger.find("b" * 64, "tiny") is None


def test_two_members_ledgers_merge_in_a_git_without_configuration(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where both learnt the same score, or one the private score too, and both carried over old rows."""
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def git(*words: str) -> None:
        who = ["-c", "user.name=m01", "-c", "user.email=m01@example.org"]
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    def commit(*found: LedgerRow) -> None:
        for one in found:
            ledger.append(one)
        git("add", "submissions")
        git("commit", "-q", "-m", "rows")

    old = f"{old_ledger.HEADER}2025-01-01T05:00:00+00:00,tiny,f.csv,{'c' * 64},n,m01,hi,,COMPLETE,0.5,,\n"
    Path("submissions").mkdir()
    paths.old_ledger().write_text(old, encoding="utf-8")
    git("init", "-q", "-b", "main")
    git("add", "submissions")
    git("commit", "-q", "-m", "start")
    git("checkout", "-q", "-b", "m02")
    git("checkout", "-q", "main")
    commit(pending(upload=UPLOAD), row(upload=UPLOAD, lb_private=None, time=later(1)))
    git("checkout", "-q", "m02")
    commit(pending(upload=UPLOAD), row(upload=UPLOAD, time=later(2)))
    commit(row(upload="m02.csv", sha256="b" * 64, member="m02", time=later(3)))
    git("merge", "-q", "--no-edit", "main")
    assert not any("<<<<" in path.read_text() for path in paths.ledger("tiny").iterdir())
    found = {one.key: one for one in ledger.submissions("tiny")}
    assert set(found) == {UPLOAD, "m02.csv", "c" * 64}
    assert (found[UPLOAD].lb_public, found[UPLOAD].lb_private) == (0.98, 0.975)


def test_now_is_utc() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert before <= row(time=ledger.now()).moment <= datetime.now(UTC)
    assert ledger.now().endswith("+00:00")
