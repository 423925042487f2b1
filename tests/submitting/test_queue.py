"""The team's queue: order and reasons; nothing is sent by it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.submitting import queue, sending
from pipelines.submitting.grading import Origin
from pipelines.values.competition import Competition
from tests.conftest import Workshop
from tests.submitting.pretend_platform import Hours, Pretend
from tests.submitting.small_competition import answers, preprocess, write
from tests.submitting.test_sending import send, wish


@pytest.fixture
def server(tmp_path: Path) -> Pretend:
    return Pretend(tmp_path / "server", Hours(datetime(2026, 3, 1, 12, tzinfo=UTC)), per_day=3)


@pytest.fixture
def tiny(workshop: Workshop, server: Pretend, monkeypatch: pytest.MonkeyPatch) -> Competition:
    here = type("Here", (), {"remote": lambda self: server})
    monkeypatch.setattr(platforms, "of", lambda found: here())
    return preprocess(workshop)


def add(tiny: Competition, wrong: int, cv: float | None, member: str = "m01") -> queue.Candidate:
    return queue.add(tiny, write(answers(wrong=wrong)), "", Origin(member, f"models/x{wrong}", cv))


def order(tiny: Competition, server: Pretend) -> list[tuple[str, bool]]:
    left, places = queue.order(tiny, server.clock)
    assert left.left == server.allowance().left
    return [(place.candidate.name, place.is_today) for place in places]


def test_the_best_new_cv_first_and_what_is_left_is_spent_today(
    tiny: Competition, server: Pretend
) -> None:
    send(wish(tiny), server)
    for wrong, cv, member in (
        (9, 0.7, "m02"),
        (12, None, "m02"),
        (14, 0.9, "m02"),
        (8, 0.7, "m01"),
    ):
        add(tiny, wrong, cv, member)
    # of two equal CVs the one of the member who sent none today
    expected = ["models/x14", "models/x9", "models/x8", "models/x12"]
    assert order(tiny, server) == list(zip(expected, [True, True, False, False], strict=True))
    _, places = queue.order(tiny, server.clock)
    assert places[0].why.startswith("CV 0.9000; correlation with models/knn (")
    assert places[2].why.endswith("m01 spent 1 today")
    assert places[3].why.startswith("no CV")
    assert len(server.taken()) == 1


def test_what_repeats_a_submission_comes_last(
    tiny: Competition, server: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_NEARLY_THE_SAME", 0.8)
    send(wish(tiny), server)
    add(tiny, 4, 0.99)
    add(tiny, 12, 0.5)
    assert [name for name, _ in order(tiny, server)] == ["models/x12", "models/x4"]


def test_who_is_sent_leaves_it(tiny: Competition, server: Pretend) -> None:
    add(tiny, 3, 0.9)
    with pytest.raises(UserError, match="waits already, from m01"):
        add(tiny, 3, 0.9)
    send(wish(tiny), server)
    assert order(tiny, server) == []
    with pytest.raises(UserError, match="must be new"):
        add(tiny, 3, 0.9)


def test_without_anything_sent_likeness_is_not_known(tiny: Competition, server: Pretend) -> None:
    assert add(tiny, 3, 0.9).likeness is None
    _, (only,) = queue.order(tiny, server.clock)
    assert "is not known" in only.why


@pytest.mark.parametrize("content", ["{", "[]", '{"time": 1}', "<<<<<<< HEAD\n"])
def test_a_damaged_candidate_is_named(tiny: Competition, server: Pretend, content: str) -> None:
    add(tiny, 3, 0.9)
    (file,) = paths.queue("tiny").iterdir()
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=f"{file.name}.*delete it"):
        queue.read("tiny")


def test_nothing_of_the_queue_counts_as_sent(tiny: Competition, server: Pretend) -> None:
    add(tiny, 3, 0.9)
    assert not paths.ledger("tiny").exists()
    assert sending.check(wish(tiny), server, server.clock) == ""
