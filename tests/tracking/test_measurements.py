from pathlib import Path

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.tracking import measurements, records
from tests.conftest import Workshop
from tests.tracking.finished_run import Work


@pytest.fixture
def work(workshop: Workshop) -> Work:
    return Work()


def test_scores_and_curves_become_series(work: Work) -> None:
    Path("history.csv").write_text(
        "fold,epoch,loss,watch loss\n0,0,2,\n2,7,0.5,inf\n", encoding="utf-8"
    )
    record = work.record()
    found = measurements.of(record, Path("history.csv"))
    assert [(point.step, point.value) for point in found if point.name == "fold_score"] == list(
        enumerate(record.fold_scores)
    )
    assert [point for point in found if "/" in point.name] == [
        ("fold0/loss", 2.0, 0),
        ("fold2/loss", 0.5, 7),
    ]
    assert ("cv_pooled", record.cv_pooled, 0) in found


def test_a_failed_run_measured_its_seconds_only(work: Work) -> None:
    record = records.unfinished(work.head, work.run(), "FAILED", "no rows")
    assert measurements.of(record, Path("none.csv")) == [("seconds", 1.5, 0)]


@pytest.mark.parametrize("text", ["", "\n", '""\n'])
def test_an_empty_history_has_no_curves(work: Work, text: str) -> None:
    Path("history.csv").write_text(text, encoding="utf-8")
    assert not [p for p in measurements.of(work.record(), Path("history.csv")) if "/" in p.name]


def test_a_history_without_epochs_is_refused(work: Work) -> None:
    Path("history.csv").write_text("fold,loss\n0,1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"without \['epoch'\]"):
        measurements.of(work.record(), Path("history.csv"))
