"""The ledger of before, one CSV: whatever was done to it is named with what to do, and its rows are carried over."""

import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.tracking import ledger
from pipelines.tracking.old_ledger import COLUMNS
from tests.conftest import Workshop
from tests.tracking.test_ledger import ROW

GOOD = ",".join(COLUMNS) + "\n"
LINE = f"2025-03-01T05:00:00+00:00,tiny,f.csv,{'a' * 64},n,m01,hi,0.5,COMPLETE,0.5,0.5,abc-1\n"


def write(content: bytes) -> None:
    paths.old_ledger().parent.mkdir()
    paths.old_ledger().write_bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin with the columns"),
        (GOOD.replace("member,", "").encode(), "must begin with the columns"),
        ((GOOD + "<<<<<<< HEAD\n" + LINE).encode(), "line 2 is a conflict .*lines of both sides"),
        ((GOOD + LINE + LINE[:40]).encode(), "line 3 must have 12 cells.*mend that line"),
        ((GOOD + LINE.replace("COMPLETE", "DONE")).encode(), "line 2: status"),
        ((GOOD + LINE.replace("0.5", "nan", 1)).encode(), "line 2: cv_mean"),
        ((GOOD + LINE.replace("+00:00", "")).encode(), "line 2: time: must be UTC"),
        ((GOOD + LINE.replace("+00:00", "+09:00")).encode(), "line 2: time: must be UTC"),
        ((GOOD + LINE.replace("aaaa", "xxxx")).encode(), "line 2: sha256"),
        ((GOOD + LINE.replace("tiny", "../../up")).encode(), "line 2: competition"),
        ((GOOD + LINE.replace("hi", '"hi')).encode(), "must be CSV"),
        ((GOOD + LINE.replace("hi", "첫 제출")).encode("cp949"), "as cp949: save it .*CSV UTF-8"),
    ],
)
def test_damage_is_named_and_nothing_is_added(
    workshop: Workshop, content: bytes, message: str
) -> None:
    write(content)
    with pytest.raises(UserError, match=message):
        ledger.rows()
    with pytest.raises(UserError, match=message):
        ledger.append(ROW)
    assert paths.old_ledger().read_bytes() == content
    assert not paths.ledger().exists()


def test_one_that_a_spreadsheet_saved_is_read(workshop: Workshop) -> None:
    quoted = LINE.replace("hi", r"'=1+1\n").replace("aaaa", "bbbb")
    write(("\ufeff" + GOOD + LINE + quoted).replace("\n", "\r\n").encode())
    assert [found.message for found in ledger.rows("tiny")] == ["hi", "=1+1\n"]


def test_its_rows_become_files_once_and_it_may_then_go(workshop: Workshop) -> None:
    write((GOOD + LINE + LINE.replace("tiny", "other")).encode())
    before = ledger.rows()
    ledger.append(ROW)
    ledger.append(ROW.model_copy(update={"sha256": "b" * 64}))
    assert len(ledger.rows()) == 4
    paths.old_ledger().unlink()
    assert set(before) < set(ledger.rows())
    assert len(ledger.rows()) == 4
