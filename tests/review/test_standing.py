"""The standing: order by the metric's direction, LB scores from the ledger, who failed, who is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core import paths
from pipelines.core.errors import UserError
from pipelines.core.metrics import get
from pipelines.review import standing
from pipelines.review.standing import Entry
from pipelines.tracking import failures
from tests.conftest import Workshop
from tests.review.scored_competition import finish, record, submit, write

ENSEMBLE = {"methods": ["mean"], "choose": "best"}


def names() -> list[str]:
    return [entry.record.name for entry in standing.read("tiny").entries]


@pytest.fixture
def scored(workshop: Workshop) -> Workshop:
    """Two models and an ensemble, all finished."""
    workshop.write_params(models=["knn", "cnn"], ensemble=ENSEMBLE)
    write("models/knn", 0.90)
    write("models/cnn", 0.95)
    write("ensembles/mean", 0.93)
    finish()
    return workshop


def test_the_best_comes_first(scored: Workshop) -> None:
    assert names() == ["models/cnn", "ensembles/mean", "models/knn"]
    assert standing.read("tiny").is_whole


def test_of_a_loss_the_lowest_comes_first(scored: Workshop) -> None:
    scored.write_competition(metric="log_loss")
    assert names() == ["models/knn", "ensembles/mean", "models/cnn"]


def test_who_has_no_mean_comes_last_in_both_directions(scored: Workshop) -> None:
    write("models/cnn", None)
    assert names()[-1] == "models/cnn"
    scored.write_competition(metric="log_loss")
    assert names()[-1] == "models/cnn"


@given(
    scores=st.lists(st.none() | st.floats(0, 1), min_size=1),
    metric=st.sampled_from(["accuracy", "log_loss"]),
)
def test_nobody_stands_before_a_better_one(scores: list[float | None], metric: str) -> None:
    entries = [Entry(record("models/knn", score, metric)) for score in scores]
    entries.sort(key=lambda entry: standing._rank(entry, get(metric)))
    ranked = [entry.record.cv_mean for entry in entries]
    known = [score for score in ranked if score is not None]
    assert ranked[: len(known)] == known
    assert known == sorted(known, reverse=get(metric).greater_is_better)


def test_only_what_the_settings_list_is_shown(scored: Workshop) -> None:
    scored.write_params(models=["knn"], ensemble=ENSEMBLE)
    assert names() == ["ensembles/mean", "models/knn"]


def test_lb_scores_come_from_the_last_row_that_has_one(scored: Workshop) -> None:
    submit("models/cnn", 0.7)
    submit("models/cnn", 0.8, lb_private=0.75, message="better")
    submit("models/cnn", None, message="still waiting")
    submit("models/cnn", 0.9, message="by another run of that name", run_id="models/cnn of old-1")
    submit("models/cnn", 0.9, message="brought by hand", run_id=None)
    submit("models/knn", 0.5, competition="other")
    found = {
        entry.record.name: (entry.lb_public, entry.lb_private)
        for entry in standing.read("tiny").entries
    }
    assert found == {
        "models/cnn": (0.8, 0.75),
        "ensembles/mean": (None, None),
        "models/knn": (None, None),
    }


def test_nothing_has_run(workshop: Workshop) -> None:
    found = standing.read("tiny")
    assert (found.entries, found.failed, found.verdict) == ([], [], {})
    assert found.missing == ["knn", "ensemble", "submission"]
    assert not found.is_whole


def test_a_failure_is_shown_and_not_also_missing(scored: Workshop) -> None:
    paths.score("tiny", "cnn").unlink()
    failures.remember("the loss must stay finite", "train", "tiny", "cnn")
    found = standing.read("tiny")
    assert [(one.stage, one.reason) for one in found.failed] == [
        ("train@tiny-cnn", "the loss must stay finite")
    ]
    assert found.missing == []
    assert not found.is_whole


def test_a_failure_blames_only_its_own_model(scored: Workshop) -> None:
    scored.write_params(models=["knn", "knn-wide", "cnn"], ensemble=ENSEMBLE)
    paths.score("tiny", "knn").unlink()
    failures.remember("no", "train", "tiny", "knn-wide")
    assert standing.read("tiny").missing == ["knn"]


def test_a_failure_of_another_competition_or_of_a_dropped_model_is_not_shown(
    scored: Workshop,
) -> None:
    failures.remember("no", "train", "other", "knn")
    failures.remember("no", "train", "tiny", "densenet")
    assert standing.read("tiny").is_whole


def test_failures_stand_in_the_order_of_the_stages(scored: Workshop) -> None:
    scored.write_params(models=["knn", "cnn"], kernels=["m01/first"], ensemble=ENSEMBLE)
    for address in (
        ("review",),
        ("kernel", "m01/first"),
        ("train", "knn"),
        ("tune", "knn"),
        ("download",),
    ):
        stage, *rest = address
        failures.remember("no", stage, "tiny", *rest)
    assert [one.stage for one in standing.read("tiny").failed] == [
        "download@tiny", "tune@tiny-knn", "train@tiny-knn", "kernel@tiny-m01/first", "review@tiny",
    ]  # fmt: skip


def test_the_json_has_the_one_shape_of_a_score_and_the_retry_line(scored: Workshop) -> None:
    submit("models/cnn", 0.8)
    failures.remember("no", "train", "tiny", "knn")
    content = standing.read("tiny").as_json()
    assert content["greater_is_better"] is True
    best = content["scores"][0]
    assert set(best) == {
        "name", "kind", "member", "metric", "greater_is_better", "cv_mean", "cv_std", "cv_pooled", "fold0",
        "fold_scores", "seconds", "status", "run_id", "lb_public", "lb_private", "marks",
    }  # fmt: skip
    assert (best["name"], best["lb_public"]) == ("models/cnn", 0.8)
    assert content["failed"] == [
        {"stage": "train@tiny-knn", "reason": "no", "retry": "dvc repro -s -f train@tiny-knn"}
    ]


def test_an_unknown_competition_and_a_damaged_record_are_errors(scored: Workshop) -> None:
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        standing.read("tiney")
    paths.score("tiny", "cnn").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"cnn\.json must be JSON"):
        standing.read("tiny")
