from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.submitting import guards
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from pipelines.values.competition import Competition
from tests.conftest import Workshop, tiny_tables
from tests.submitting.small_competition import answers, preprocess, write

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def tiny(workshop: Workshop) -> Competition:
    return preprocess(workshop, daily_limit=2)


def sent(sha256: str, time: datetime = NOON, **changes: object) -> None:
    row = {
        "time": time.isoformat(), "competition": "tiny", "file": "submissions/old.csv", "sha256": sha256,
        "name": "models/knn", "member": "m01", "message": "", "status": "COMPLETE", "lb_public": 0.5,
    }  # fmt: skip
    ledger.append(LedgerRow.model_validate(row | changes))


def test_a_good_submission_passes_in_the_order_of_the_sample(tiny: Competition) -> None:
    shuffled = answers(wrong=3).sample(frac=1, random_state=1)
    checked = guards.check(tiny, write(shuffled))
    pd.testing.assert_frame_equal(checked.frame, answers(wrong=3))
    assert (checked.classes, checked.warnings) == (("c0", "c1", "c2"), ())
    assert checked.sha256 == guards.content_digest(tiny, answers(wrong=3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[:-1], r"mine\.csv: ids must be those of the sample"),
        (lambda frame: frame.rename(columns={"label": "Label"}), r"mine\.csv: columns must be"),
        (lambda frame: frame.assign(label="c9"), "labels must occur in training"),
        (lambda frame: tiny_tables()[2], "must differ from the sample"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(
    tiny: Competition, change: object, message: str
) -> None:
    assert callable(change)
    with pytest.raises(UserError, match=message):
        guards.check(tiny, write(change(answers(wrong=1))))


def test_a_file_that_is_not_there_is_refused(tiny: Competition) -> None:
    with pytest.raises(UserError, match=r"none\.csv must be a CSV file that can be read"):
        guards.check(tiny, Path("none.csv"))


def test_the_same_predictions_are_refused_whatever_their_order_and_spelling(
    tiny: Competition,
) -> None:
    first = guards.check(tiny, write(answers(wrong=3)))
    sent(first.sha256)
    again = write(answers(wrong=3).iloc[::-1], "again.csv")
    again.write_bytes(b"\xef\xbb\xbf" + again.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(UserError, match=r"must be new.*again.*submissions/old\.csv.*public 0\.5"):
        guards.check(tiny, again)
    guards.check(tiny, write(answers(wrong=4)))


def test_what_another_competition_got_or_the_platform_refused_may_be_sent(
    tiny: Competition,
) -> None:
    path = write(answers(wrong=3))
    digest = guards.check(tiny, path).sha256
    sent(digest, competition="other")
    sent(digest, status="ERROR", lb_public=None)
    assert guards.check(tiny, path).sha256 == digest
    sent(digest, NOON + timedelta(hours=1), status="PENDING", lb_public=None)
    with pytest.raises(UserError, match="PENDING"):
        guards.check(tiny, path)


def test_beyond_the_daily_limit_grading_here_warns(tiny: Competition) -> None:
    path = write(answers(wrong=3))
    sent("a" * 64)
    assert guards.check(tiny, path, now=NOON).warnings == ()
    sent("b" * 64, status="PENDING", lb_public=None)
    (warning,) = guards.check(tiny, path, now=NOON).warnings
    assert "found 2 of 2 sent on 2025-03-01 (UTC)" in warning


def test_only_what_was_spent_today_counts(tiny: Competition) -> None:
    path = write(answers(wrong=3))
    sent("a" * 64)
    sent("b" * 64, time=NOON - timedelta(days=1))
    sent("c" * 64, status="ERROR", lb_public=None)
    sent("d" * 64, competition="other")
    sent("a" * 64, time=NOON + timedelta(hours=1))  # its score came: the same submission
    assert guards.check(tiny, path, now=NOON).warnings == ()


def test_the_day_is_that_of_utc(tiny: Competition) -> None:
    path, midnight = write(answers(wrong=3)), datetime(2025, 3, 2, tzinfo=UTC)
    sent("a" * 64, time=midnight - timedelta(seconds=1))
    sent("b" * 64, time=midnight - timedelta(seconds=1))
    assert guards.check(tiny, path, now=midnight).warnings == ()
    # 08:59 in Seoul on the 2nd is still the 1st in UTC
    seoul = datetime(2025, 3, 2, 8, 59, tzinfo=timezone(timedelta(hours=9)))
    (warning,) = guards.check(tiny, path, now=seoul).warnings
    assert "2025-03-01" in warning


def test_a_damaged_ledger_stops_the_submission(tiny: Competition) -> None:
    sent("a" * 64)
    (row,) = paths.ledger("tiny").iterdir()
    row.write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(UserError, match="must be merged, and line 1 is a conflict marker"):
        guards.check(tiny, write(answers(wrong=3)))


@given(values=st.lists(st.integers(-99, 99), min_size=2, max_size=5, unique=True))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_digest_is_of_the_numbers_not_of_their_spelling(
    tiny: Competition, values: list[int]
) -> None:
    rmse = tiny.model_copy(update={"metric": "rmse", "task": "regression"})
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(len(values))], "label": values})
    digest = guards.content_digest(rmse, frame)
    assert guards.content_digest(rmse, frame.astype({"label": "float64"})) == digest
    assert guards.content_digest(rmse, frame.assign(label=frame["label"][::-1].tolist())) != digest
