import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.tracking import records
from pipelines.tracking.kernel_facts import KernelFacts
from pipelines.tracking.parameters import flat
from pipelines.tracking.records import Record
from pipelines.values import competition as competitions
from pipelines.values import scores
from tests.conftest import Workshop
from tests.tracking.finished_run import Work

SHAPE = [
    "name", "kind", "member", "metric", "greater_is_better", "cv_mean", "cv_std", "cv_pooled", "fold0",
    "fold_scores", "seconds", "status", "run_id",
]  # fmt: skip


@pytest.fixture
def work(workshop: Workshop) -> Work:
    return Work()


def test_a_score_has_the_one_shape(work: Work) -> None:
    assert list(work.record().score.model_dump()) == SHAPE


def test_scores_are_those_of_scikit_learn_on_the_scored_rows(work: Work) -> None:
    record, chosen = work.record(), work.predictions.oof.argmax(axis=1)
    by_fold = [
        accuracy_score(work.y[rows], chosen[rows])
        for rows in (work.folds.valid_rows(fold) for fold in range(3))
    ]
    assert record.fold_scores == by_fold
    assert record.fold0 == by_fold[0]
    assert record.cv_mean == pytest.approx(np.mean(by_fold))
    assert record.cv_std == pytest.approx(np.std(by_fold, ddof=1))
    assert record.cv_pooled == accuracy_score(work.y[1:], chosen[1:])
    assert (record.status, record.greater_is_better, record.test_from) == (
        "FINISHED",
        True,
        "folds",
    )


def test_a_mock_exam_alone_has_no_cv(work: Work) -> None:
    oof = work.predictions.oof.copy()
    oof[work.folds.fold != 0] = np.nan
    work.predictions = replace(
        work.predictions, oof=oof, fold_scores=np.array([0.5, np.nan, np.nan])
    )
    record = work.record()
    assert (record.fold0, record.fold_scores) == (0.5, [0.5, None, None])
    assert (record.cv_mean, record.cv_std, record.cv_pooled) == (None, None, None)


def test_one_unpredicted_row_leaves_no_cv(work: Work) -> None:
    work.predictions.oof[5] = np.nan
    assert work.record().cv_pooled is None


@pytest.mark.parametrize(
    "change", [{"folds_hash": "other"}, {"data_hash": "other"}, {"metric": "log_loss"}]
)
def test_predictions_of_something_else_are_refused(work: Work, change: dict[str, str]) -> None:
    work.predictions = replace(work.predictions, **change)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"found .*other|found .*log_loss"):
        work.record()


def test_a_record_round_trips_through_its_file(work: Work) -> None:
    record = work.record()
    records.write(Path("record.json"), record)
    assert records.read(Path("record.json")) == record
    assert record.parameters == {"k": 5, "weights": "rank", "학습률": 0.1, "p": None}
    assert record.head == work.head


LONG = "a number too long to be written"


def test_a_kernels_record_of_before_is_read_without_what_is_no_longer_kept(work: Work) -> None:
    facts = KernelFacts(code_hash="a", views=[])
    record = work.record().model_copy(update={"kernel": facts})
    content = record.model_dump()
    content["kernel"]["own_metrics"] = {"own score": 0.75}
    Path("result.json").write_text(json.dumps(content), encoding="utf-8")
    assert records.read(Path("result.json")) == record


def test_types_of_parameters_survive(work: Work) -> None:
    given = flat(
        {
            "a": {"b": True, "c": np.int64(3)},
            "d": 1.0,
            "e": (1, 2),
            "f": None,
            "g": 1j,
            "h": 1e999,
            "\ud800": "\ud800",
            "i": 1 << 20_000,
            "j": [1 << 20_000],
            "k": 10**18,
        }
    )
    assert given == {
        "a.b": True, "a.c": 3, "d": 1.0, "e": "1, 2", "f": None, "g": "1j", "h": "inf",
        "?": "?", "i": LONG, "j": LONG, "k": 10**18,
    }  # fmt: skip
    kept = records.make(
        work.head, work.run().model_copy(update={"parameters": given}), work.predictions, scores.of(work.predictions, work.y, work.folds)
    )  # fmt: skip
    records.write(Path("record.json"), kept)
    read = records.read(Path("record.json")).parameters
    assert {name: type(value) for name, value in read.items()} == {
        "a.b": bool, "a.c": int, "d": float, "e": str, "f": type(None), "g": str, "h": str,
        "?": str, "i": str, "j": str, "k": int,
    }  # fmt: skip


def test_nan_is_refused_and_the_old_file_stays(work: Work) -> None:
    records.write(Path("record.json"), work.record())
    before = Path("record.json").read_bytes()
    broken = work.record().model_copy(update={"cv_mean": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        records.write(Path("record.json"), broken)
    assert Path("record.json").read_bytes() == before


@pytest.mark.parametrize("text", ["{", "[1]", '{"name": "x"}', '{"nmae": "x"}'])
def test_what_is_no_record_is_refused(work: Work, text: str) -> None:
    Path("record.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"record\.json"):
        records.read(Path("record.json"))


def test_attempts_count_up_even_over_a_gap(work: Work) -> None:
    stem, _, first = records.run_id({"data": 1}).rpartition("-")
    assert first == "1"
    work.archive(f"{stem}-1")
    assert records.run_id({"data": 1}) == f"{stem}-2"
    work.archive(f"{stem}-10")
    assert records.run_id({"data": 1}) == f"{stem}-11"
    assert records.run_id({"data": 2}).endswith("-1")


def test_an_archive_holds_everything(work: Work) -> None:
    folder = work.archive()
    assert folder == paths.history() / work.record(folder.name).run_id
    found = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    assert found == ["history.csv", "pictures/loss.png", "predictions.npz", "record.json"]
    assert (folder / "predictions.npz").read_bytes() == Path("predictions.npz").read_bytes()
    assert records.read(folder / "record.json").cv_pooled == work.record().cv_pooled


@pytest.mark.parametrize("name", ["../out.csv", "/out.csv", "record.json", ""])
def test_files_stay_inside_the_archive(work: Work, name: str) -> None:
    with pytest.raises(UserError, match="name inside its folder"):
        records.archive(work.record(), {name: b"x"})
    assert list(paths.history().iterdir()) == []


def test_a_failing_archive_leaves_nothing(work: Work) -> None:
    with pytest.raises(UserError, match="was not found"):
        records.archive(work.record(), {"good.csv": b"x", "gone.csv": Path("gone.csv")})
    assert list(paths.history().iterdir()) == []


def test_a_killed_archive_is_made_anew(work: Work) -> None:
    record = work.record()
    left = paths.history() / f".{record.run_id}.partial"
    left.mkdir(parents=True)
    (left / "half.csv").touch()
    folder = records.archive(record, {"a.csv": b"a"})
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "record.json"]
    assert not left.exists()


def test_an_archived_run_is_never_replaced(work: Work) -> None:
    folder = work.archive()
    with pytest.raises(UserError, match="archived once"):
        records.archive(work.record(folder.name), {})
    assert (folder / "history.csv").is_file()


def test_an_unfinished_run_has_a_reason_and_no_score(work: Work) -> None:
    record = records.unfinished(work.head, work.run(), "FAILED", "no GPU " * 100)
    assert (record.status, record.cv_mean, record.fold_scores) == ("FAILED", None, [])
    assert record.reason is not None
    assert record.reason.startswith("no GPU")
    assert len(record.reason) == 500
    assert Record.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("competition", "named", "week"),
    [("tiny", None, 5), ("tiny", 2, 2), ("other", None, None), (None, None, None), (None, 3, 3)],
)
def test_the_week_is_the_kernels_or_the_competitions_and_not_todays(
    workshop: Workshop, competition: str | None, named: int | None, week: int | None
) -> None:
    weeks = (
        "weeks:\n  - {week: 4, date: 2999-01-01, topic: a}\n"
        "  - {week: 5, date: 2026-01-01, topic: b, competition: tiny}\n"
    )
    (workshop.root / "curriculum.yaml").write_text(weeks, encoding="utf-8")
    workshop.write_competition("other")
    chosen = competitions.load(competition) if competition else None
    assert records.opened(chosen, "kernels/m01/a", "kernel", "m01", "d", "f", named).week == week
