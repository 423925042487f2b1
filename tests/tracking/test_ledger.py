import csv
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from tests.conftest import Workshop

ROW = LedgerRow(
    time="2025-03-01T05:00:00+00:00", competition="tiny", file="submissions/tiny.csv", sha256="a" * 64,
    name="ensembles/mean", member="m01", message="첫 제출", cv_mean=0.987, status="COMPLETE",
    lb_public=0.98, lb_private=0.975, run_id="abc-1",
)  # fmt: skip


def row(**changes: object) -> LedgerRow:
    return LedgerRow.model_validate(ROW.model_dump() | changes)


def later(minutes: int) -> str:
    return (ROW.moment + timedelta(minutes=minutes)).isoformat()


def test_what_is_appended_is_read_back(workshop: Workshop) -> None:
    ledger.append(ROW)
    ledger.append(row(competition="other", lb_public=None, lb_private=None, cv_mean=None, status="PENDING"))  # fmt: skip
    assert ledger.rows("tiny") == [ROW]
    assert [found.competition for found in ledger.rows()] == ["tiny", "other"]
    assert ledger.rows("other")[0].cv_mean is None


def test_the_committed_ledger_is_an_empty_one() -> None:
    committed = Path(__file__).parents[2] / "submissions" / "ledger.csv"
    assert committed.read_text(encoding="utf-8").splitlines()[0] == ",".join(ledger.COLUMNS)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message=st.text(st.characters()), cv=st.floats(allow_nan=False, allow_infinity=False))
@example(message="=1+1", cv=0.0)
@example(message="'=1+1", cv=-0.0)
@example(message="''", cv=1e300)
@example(message="\\n \n \\u0041 \u2028", cv=-1.5)
@example(message="\ud800", cv=5e-324)
def test_any_message_round_trips_on_one_safe_line(
    workshop: Workshop, message: str, cv: float
) -> None:
    paths.ledger().unlink(missing_ok=True)
    wanted = row(message=message, cv_mean=cv)
    ledger.append(wanted)
    assert ledger.rows("tiny") == [wanted]
    text = paths.ledger().read_text(encoding="utf-8")
    assert len(text.splitlines()) == 2
    (_, cells) = csv.reader(text.splitlines())
    assert cells[6][:1] not in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def test_rows_before_keep_their_bytes(workshop: Workshop) -> None:
    ledger.append(ROW)
    unusual = paths.ledger().read_bytes().replace("첫 제출".encode(), '"첫 제출"'.encode()).rstrip()
    paths.ledger().write_bytes(unusual)
    ledger.append(row(sha256="b" * 64))
    assert paths.ledger().read_bytes().startswith(unusual + b"\n")
    assert len(ledger.rows("tiny")) == 2


def test_no_row_is_lost_between_writers(workshop: Workshop) -> None:
    digests = [f"{number:064x}" for number in range(12)]
    writers = [threading.Thread(target=ledger.append, args=[row(sha256=one)]) for one in digests]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(found.sha256 for found in ledger.rows("tiny")) == digests


GOOD = ",".join(ledger.COLUMNS) + "\n"
LINE = f"2025-03-01T05:00:00+00:00,tiny,f.csv,{'a' * 64},n,m01,hi,0.5,COMPLETE,0.5,0.5,abc-1\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin with the columns"),
        (GOOD.replace("member,", "").encode(), "must begin with the columns"),
        (
            (GOOD + "<<<<<<< HEAD\n" + LINE).encode(),
            "must be merged, and line 2 is a conflict marker",
        ),
        ((GOOD + LINE + LINE[:40]).encode(), "line 3 must have 12 cells"),
        ((GOOD + LINE.replace("COMPLETE", "DONE")).encode(), "line 2: status"),
        ((GOOD + LINE.replace("0.5", "nan", 1)).encode(), "line 2: cv_mean"),
        ((GOOD + LINE.replace("+00:00", "")).encode(), "line 2: time: must be UTC"),
        ((GOOD + LINE.replace("+00:00", "+09:00")).encode(), "line 2: time: must be UTC"),
        ((GOOD + LINE.replace("aaaa", "xxxx")).encode(), "line 2: sha256"),
        ((GOOD + LINE.replace("hi", '"hi')).encode(), "must be CSV"),
        ((GOOD + LINE.replace("hi", "첫 제출")).encode("cp949"), "must be UTF-8"),
    ],
)
def test_a_damaged_ledger_is_named_and_never_overwritten(
    workshop: Workshop, content: bytes, message: str
) -> None:
    paths.ledger().parent.mkdir()
    paths.ledger().write_bytes(content)
    with pytest.raises(UserError, match=message):
        ledger.rows("tiny")
    with pytest.raises(UserError, match=message):
        ledger.append(ROW)
    assert paths.ledger().read_bytes() == content


def test_a_ledger_saved_by_a_spreadsheet_is_read(workshop: Workshop) -> None:
    paths.ledger().parent.mkdir()
    paths.ledger().write_bytes(("\ufeff" + GOOD + LINE).replace("\n", "\r\n").encode())
    ledger.append(ROW)
    assert [found.message for found in ledger.rows("tiny")] == ["hi", "첫 제출"]


def test_a_score_that_comes_later_belongs_to_the_first_row(workshop: Workshop) -> None:
    waiting = row(status="PENDING", lb_public=None, lb_private=None)
    for found in (waiting, row(sha256="b" * 64, time=later(1)), row(time=later(2))):
        ledger.append(found)
    first, second = ledger.submissions("tiny")
    assert (first.status, first.lb_public, first.time) == ("COMPLETE", 0.98, ROW.time)
    assert second.sha256 == "b" * 64
    assert ledger.find("a" * 64, "tiny") == first
    assert ledger.find("c" * 64, "tiny") is None
    assert ledger.find("a" * 64, "other") is None


def test_what_was_refused_and_sent_again_was_sent_when_sent_again(workshop: Workshop) -> None:
    ledger.append(row(status="ERROR"))
    ledger.append(row(time=later(60)))
    (only,) = ledger.submissions("tiny")
    assert (only.time, only.status) == (later(60), "COMPLETE")


def test_now_is_utc_to_the_second() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= row(time=ledger.now()).moment <= datetime.now(UTC)
    assert ledger.now().endswith("+00:00")
