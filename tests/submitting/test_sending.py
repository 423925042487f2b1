"""A submission is sent exactly once, whatever breaks: 200 random trials, and each fault by itself."""

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import Killed
from pipelines.submitting import guards, reconciling, sending
from pipelines.submitting.grading import Origin
from pipelines.submitting.sending import Wish
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from pipelines.values.competition import Competition
from tests.conftest import Workshop, tiny_tables
from tests.submitting.pretend_platform import FAULTS, Hours, Pretend
from tests.submitting.small_competition import answers, preprocess, write

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = Origin("m01", "models/knn", 0.9, "abc-1")


@pytest.fixture
def tiny(workshop: Workshop) -> Competition:
    return preprocess(workshop)


@pytest.fixture
def server(tmp_path: Path) -> Pretend:
    return Pretend(tmp_path / "server", Hours(NOON))


def wish(tiny: Competition, wrong: int = 3, origin: Origin = OURS) -> Wish:
    path = write(answers(wrong=wrong))
    return Wish(tiny, guards.form(tiny, path), str(path), "first", origin)


def send(
    found: Wish, server: Pretend, ask: Callable[[str], bool] = lambda question: False
) -> LedgerRow:
    return sending.send(found, server, ask, server.clock)


def test_it_is_sent_listed_and_scored(tiny: Competition, server: Pretend) -> None:
    row = send(wish(tiny), server)
    assert (row.status, row.ref, row.upload) == ("SENT", "1000", server.taken()[0])
    assert [one.status for one in ledger.rows("tiny")] == ["PENDING", "PENDING", "SENT"]
    scored = sending.watch(row, server, server.clock)
    assert (scored.status, scored.lb_public, scored.run_id) == ("COMPLETE", 0.75, "abc-1")
    with pytest.raises(UserError, match=r"must be new.*public 0\.75"):
        send(wish(tiny), server)
    assert len(server.taken()) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_with_one_submission(
    tiny: Competition, server: Pretend, fault: str
) -> None:
    found, server.faults = wish(tiny), [fault]
    try:
        row = send(found, server)
        assert row.status == {"limit": "ERROR", "500": "PENDING"}.get(fault, "SENT")
    except Killed:
        (row,) = ledger.submissions("tiny")
        assert row.status == "PENDING"
    if row.status == "PENDING":
        row = send(found, server)  # at once: it may be under way still
        assert row.status == ("SENT" if "after" in fault else "PENDING")
        assert isinstance(server.clock, Hours)
        server.clock.sleep(reconciling.LAG.total_seconds())
    if row.status != "SENT":
        row = send(found, server)
    assert (row.status, server.taken()) == ("SENT", [row.upload])


def test_200_random_trials_lose_none_and_double_none(
    tiny: Competition, server: Pretend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Faults at the upload, at any row of the ledger and at the list, which lags behind as it likes."""
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: None
    )  # no power is cut here, and a disk is slow
    monkeypatch.setattr(sending, "_UNTIL_LISTED", 2)
    found, append = wish(tiny), ledger.append
    doubled, lost, calls = [], [], 0
    for trial in range(200):
        dice = random.Random(trial)

        def perhaps(row: LedgerRow, dice: random.Random = dice) -> None:
            moment = dice.random()
            if moment < 0.1:
                raise Killed(15)
            append(row)
            if moment > 0.9:
                raise Killed(15)

        monkeypatch.setattr(ledger, "append", perhaps)
        rows, server.folder = tmp_path / f"ledger{trial}", tmp_path / f"server{trial}"
        monkeypatch.setattr(paths, "ledger", lambda name="", rows=rows: rows / name)
        server.clock = clock = Hours(NOON)
        server.lag = timedelta(seconds=dice.choice([0, 0, 20, 120, 600]))
        server.renames = dice.random() < 0.3
        server.list_fails = lambda dice=dice: dice.random() < 0.1
        for _ in range(100):
            calls += 1
            server.faults = [dice.choice([*FAULTS, None, None])]
            with suppress(Killed, UserError):
                if send(found, server).status in ("SENT", "COMPLETE"):
                    break
            clock.sleep(dice.choice([1, 400, 2000]))
        monkeypatch.setattr(ledger, "append", append)
        row = ledger.find(found.checked.sha256, "tiny")
        doubled += [trial] if len(server.taken()) > 1 else []
        is_known = row is not None and server.taken() == [row.upload] and row.ref == "1000"
        lost += [] if is_known else [trial]
    assert (doubled, lost) == ([], [])
    assert calls > 400


def test_what_the_platform_cannot_score_is_rejected_and_may_be_sent_again(
    tiny: Competition, server: Pretend
) -> None:
    server.score = lambda content: None  # type: ignore[assignment, return-value]
    row = sending.watch(send(wish(tiny), server), server, server.clock)
    assert (row.status, row.error) == ("ERROR", "no rows")
    server.score = lambda content: 0.5
    assert send(wish(tiny), server).status == "SENT"


def test_a_score_that_never_comes_ends_the_waiting(tiny: Competition, server: Pretend) -> None:
    server.grading = timedelta(days=1)
    row = sending.watch(send(wish(tiny), server), server, server.clock)
    assert (row.status, row.lb_public) == ("SENT", None)
    assert timedelta(minutes=15) <= server.clock.now() - NOON < timedelta(minutes=17)


class TestNothingIsSpent:
    def test_where_none_is_left(self, tiny: Competition, server: Pretend) -> None:
        server.per_day = 0
        with pytest.raises(UserError, match=r"found 0 of 5.*after 2026-03-02 00:00 UTC"):
            send(wish(tiny), server)
        assert not paths.ledger("tiny").exists()

    def test_where_the_platform_does_not_say_and_the_ledger_counts_none_left(
        self, tiny: Competition, server: Pretend
    ) -> None:
        server.per_day = None
        limited = tiny.model_copy(update={"daily_limit": 2})
        for wrong in (3, 4):
            send(wish(limited, wrong), server)
        with pytest.raises(UserError, match="found 0 of 2 by the ledger"):
            send(wish(limited, 5), server)
        assert isinstance(server.clock, Hours)
        server.clock.sleep(12 * 3600)
        assert send(wish(limited, 5), server).status == "SENT"

    def test_on_a_team_mates_submission_that_is_not_merged_yet(
        self, tiny: Competition, server: Pretend
    ) -> None:
        send(wish(tiny), server)
        shutil.rmtree(paths.ledger())
        with pytest.raises(UserError, match=r"lists mine\.csv already, as 1000 .*ledger rebuild"):
            send(wish(tiny), server)
        (row,) = reconciling.rebuild("tiny", server, server.clock)
        assert (row.upload, row.sha256, row.member) == (*server.taken(), row.sha256[:8], "unknown")
        with pytest.raises(UserError, match="must be new"):
            send(wish(tiny), server)

    def test_without_a_yes_where_the_cv_is_worse(self, tiny: Competition, server: Pretend) -> None:
        send(wish(tiny), server)
        worse = wish(tiny, 4, Origin("m01", "models/rnn", 0.8))
        with pytest.raises(UserError, match=r"CV, 0\.8000, is worse than .*knn \(0\.9000\)"):
            send(worse, server)
        assert send(worse, server, lambda question: True).status == "SENT"
        assert send(wish(tiny, 5, Origin("m01", "file")), server).status == "SENT"
        other_folds = Origin("m01", "models/rnn", 0.7, folds_hash="other")
        assert send(wish(tiny, 6, other_folds), server).status == "SENT"

    def test_without_a_yes_after_the_end(self, tiny: Competition, server: Pretend) -> None:
        server.deadline = NOON + timedelta(minutes=1)
        assert send(wish(tiny), server).status == "SENT"
        server.deadline = NOON - timedelta(minutes=1)
        with pytest.raises(
            UserError, match=r"tiny was over at 2026-03-01 11:59 UTC, and what is late"
        ):
            send(wish(tiny, 4), server)

    def test_without_a_yes_on_one_prediction_for_all(
        self, tiny: Competition, server: Pretend
    ) -> None:
        path = write(answers().assign(label="c1"))
        constant = Wish(tiny, guards.form(tiny, path), "mine.csv", "", OURS)
        with pytest.raises(UserError, match="every row has the same prediction"):
            send(constant, server)

    def test_without_a_yes_on_predictions_at_other_ids(
        self, workshop: Workshop, server: Pretend
    ) -> None:
        tables = [
            table.replace({"label": {"c0": 0, "c1": 1, "c2": 2}}) for table in tiny_tables()[:3]
        ]
        workshop.write_raw(*tables)
        values = preprocess(workshop, task="regression", metric="rmse", split={"kind": "plain"})
        frame = answers().assign(label=[number / 7 for number in range(20)])
        for name, table in (
            ("a", frame),
            ("b", frame.assign(label=frame["label"][::-1].to_numpy())),
        ):
            path = write(table, f"{name}.csv")
            last = Wish(values, guards.form(values, path), path.name, "", OURS)
            if name == "a":
                send(last, server)
        with pytest.raises(UserError, match="at other ids: were the rows sorted"):
            send(last, server)
        assert len(server.taken()) == 1

    def test_by_looking_what_would_be_sent(self, tiny: Competition, server: Pretend) -> None:
        worse = wish(tiny, 4, Origin("m01", "models/rnn", 0.8))
        assert sending.check(worse, server, server.clock) == ""
        send(wish(tiny), server)
        assert "it would ask: its CV" in sending.check(worse, server, server.clock)
        assert len(server.taken()) == 1


class TestAPlatformWithoutAList:
    @pytest.fixture
    def silent(self, server: Pretend) -> Pretend:
        server.lists, server.per_day = False, None
        return server

    def test_takes_it_and_tells_no_more(self, tiny: Competition, silent: Pretend) -> None:
        assert send(wish(tiny), silent).status == "SENT"

    @pytest.mark.parametrize("fault", ["killed after", "lost reply", "500"])
    def test_is_never_sent_to_twice_before_somebody_looked(
        self, tiny: Competition, silent: Pretend, fault: str
    ) -> None:
        from pipelines.submitting import submit

        found, silent.faults = wish(tiny), [fault]
        with suppress(Killed):
            assert send(found, silent).status == "PENDING"
        assert isinstance(silent.clock, Hours)
        silent.clock.sleep(24 * 3600)
        assert send(found, silent).status == "PENDING"
        submit.not_sent("tiny", found.checked.sha256[:8])
        assert send(found, silent).status == "SENT"
        assert len(silent.taken()) == (1 if fault == "500" else 2)
        with pytest.raises(UserError, match="that is PENDING, found SENT"):
            submit.not_sent("tiny", found.checked.sha256[:8])


@pytest.mark.parametrize("renames", [False, True])
def test_a_rebuilt_ledger_knows_all_and_says_so_once(
    tiny: Competition, server: Pretend, renames: bool
) -> None:
    server.renames = renames
    sent = [send(wish(tiny, wrong), server) for wrong in (3, 4)]
    with server._taken() as taken:
        by_hand = {"ref": "7", "name": "by-hand.csv", "message": "by hand", "score": 0.9}
        taken.append(taken[0] | by_hand)
    before: list[Any] = ledger.submissions("tiny")
    shutil.rmtree(paths.ledger())
    assert isinstance(server.clock, Hours)
    server.clock.sleep(600)
    assert len(reconciling.rebuild("tiny", server, server.clock)) == 3
    assert reconciling.rebuild("tiny", server, server.clock) == []
    found = {row.key: row for row in ledger.submissions("tiny")}
    assert {row.key for row in sent} < set(found)
    assert {row.message for row in found.values()} == {"first", "by hand"}
    assert (found["ref 7"].lb_public, found["ref 7"].sha256) == (0.9, "")
    # what this machine knows comes back when its own rows are merged again
    for row in before:
        ledger.append(row)
    assert {row.name for row in ledger.submissions("tiny")} == {"models/knn", "file"}
