"""The leaderboard: order by the metric's direction, LB scores from the ledger, who failed, who is missing."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_json
from pipelines.plumbing.errors import UserError
from pipelines.review import leaderboard
from pipelines.review.leaderboard import Entry
from pipelines.tracking import failures, records
from pipelines.tracking.kernel_facts import KNOWS, UNSHUFFLED
from pipelines.values import folds
from pipelines.values.metrics import get
from tests.conftest import Workshop
from tests.review.scored_competition import finish, record, submit, write

ENSEMBLE = {"methods": ["mean"], "choose": "best"}
IDS, FOLD = np.array(["행0", "b", "007"]), np.array([0, 1, -1])


def names() -> list[str]:
    return [entry.record.name for entry in leaderboard.read("tiny").entries]


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
    assert leaderboard.read("tiny").is_whole


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
    entries.sort(key=lambda entry: leaderboard._rank(entry, get(metric)))
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
        for entry in leaderboard.read("tiny").entries
    }
    assert found == {
        "models/cnn": (0.8, 0.75),
        "ensembles/mean": (None, None),
        "models/knn": (None, None),
    }


def test_nothing_has_run(workshop: Workshop) -> None:
    found = leaderboard.read("tiny")
    assert (found.entries, found.failed, found.verdict) == ([], [], {})
    assert found.missing == ["knn", "ensemble", "submission"]
    assert not found.is_whole


def test_of_another_competition_its_own_models_count(scored: Workshop) -> None:
    scored.write_competition(baselines=["cnn", "mlp"])
    scored.write_params(competition="another", models=["knn"], ensemble=ENSEMBLE)
    assert leaderboard.read("tiny").missing == ["mlp"]
    assert names() == ["models/cnn", "ensembles/mean"]


def test_a_failure_is_shown_and_not_also_missing(scored: Workshop) -> None:
    paths.score("tiny", "cnn").unlink()
    failures.remember("the loss must stay finite", "train", "tiny", "cnn")
    found = leaderboard.read("tiny")
    assert [(one.stage, one.reason) for one in found.failed] == [
        ("train@tiny-cnn", "the loss must stay finite")
    ]
    assert found.missing == []
    assert not found.is_whole


def test_a_failure_blames_only_its_own_model(scored: Workshop) -> None:
    scored.write_params(models=["knn", "knn-wide", "cnn"], ensemble=ENSEMBLE)
    paths.score("tiny", "knn").unlink()
    failures.remember("no", "train", "tiny", "knn-wide")
    assert leaderboard.read("tiny").missing == ["knn"]


def test_a_failure_of_another_competition_or_of_a_dropped_model_is_not_shown(
    scored: Workshop,
) -> None:
    failures.remember("no", "train", "other", "knn")
    failures.remember("no", "train", "tiny", "densenet")
    assert leaderboard.read("tiny").is_whole


def leave_nothing(*outputs: Path) -> None:
    for path in outputs:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def bring_back(path: Path) -> None:
    if path == paths.folds("tiny"):
        folds.save(path, IDS, FOLD)
    else:
        write_json(path, {})


def failed() -> list[str]:
    return [failure.stage for failure in leaderboard.read("tiny").failed]


def test_a_failure_counts_only_while_the_output_is_missing(scored: Workshop) -> None:
    outputs: dict[tuple[str, ...], Path] = {
        ("download", "tiny"): paths.raw("tiny"),
        ("preprocess", "tiny"): paths.folds("tiny"),
        ("tune", "tiny", "knn"): paths.tuned("tiny", "knn"),
        ("train", "tiny", "knn"): paths.score("tiny", "knn"),
        ("kernel", "tiny", "m01/first"): paths.score("tiny", "m01/first"),
        ("ensemble", "tiny"): paths.ensemble_score("tiny"),
        ("submission", "tiny"): paths.submission("tiny"),
        ("review", "tiny"): paths.report("tiny"),
    }
    scored.write_params(models=["knn"], kernels=["m01/first"], ensemble=ENSEMBLE)
    for address in outputs:
        failures.remember("no", *address)
    write("kernels/m01/first", 0.9)
    for address, path in outputs.items():
        if not path.exists():
            assert failures.address(*address) in failed()
            # as DVC brings it back from its cache
            bring_back(path)
        assert failures.address(*address) not in failed()
    assert leaderboard.read("tiny").is_whole


def test_failures_stand_in_the_order_of_the_stages(scored: Workshop) -> None:
    scored.write_params(models=["knn", "cnn"], kernels=["m01/first"], ensemble=ENSEMBLE)
    leave_nothing(paths.raw("tiny"), paths.score("tiny", "knn"))
    for address in (
        ("review",),
        ("kernel", "m01/first"),
        ("train", "knn"),
        ("tune", "knn"),
        ("download",),
    ):
        stage, *rest = address
        failures.remember("no", stage, "tiny", *rest)
    assert [one.stage for one in leaderboard.read("tiny").failed] == [
        "download@tiny", "tune@tiny-knn", "train@tiny-knn", "kernel@tiny-m01/first", "review@tiny",
    ]  # fmt: skip


def test_the_json_has_the_one_shape_of_a_score_and_the_retry_line(scored: Workshop) -> None:
    submit("models/cnn", 0.8)
    leave_nothing(paths.score("tiny", "knn"))
    failures.remember("no", "train", "tiny", "knn")
    content = leaderboard.read("tiny").as_json()
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


@pytest.fixture
def present(scored: Workshop) -> Workshop:
    """Dataset and folds are there, and every record is of them."""
    write_json(paths.dataset("tiny") / "meta.json", {"classes": [], "image": None, "hash": "d"})
    folds.save(paths.folds("tiny"), IDS, FOLD)
    for name, score in (("models/knn", 0.90), ("models/cnn", 0.95), ("ensembles/mean", 0.93)):
        write(name, score, folds_hash=folds.hash_of(IDS, FOLD))
    return scored


def test_scores_of_one_metric_data_and_folds_are_comparable(present: Workshop) -> None:
    assert names() == ["models/cnn", "ensembles/mean", "models/knn"]
    found = leaderboard.read("tiny")
    assert [entry.differs for entry in found.entries] == [(), (), ()]
    assert found.as_json()["not_comparable"] == []


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"folds_hash": "f"}, ("folds",)),
        ({"data_hash": "other"}, ("data",)),
        ({"metric": "log_loss"}, ("metric",)),
        ({"data_hash": "other", "folds_hash": "f"}, ("data", "folds")),
    ],
)
def test_a_score_of_something_else_stands_last_and_keeps_its_lb(
    present: Workshop, change: dict[str, str], differs: tuple[str, ...]
) -> None:
    write("models/knn", None, folds_hash=folds.hash_of(IDS, FOLD))
    write("models/cnn", 0.95, **({"folds_hash": folds.hash_of(IDS, FOLD)} | change))
    submit("models/cnn", 0.8)
    assert names() == ["ensembles/mean", "models/knn", "models/cnn"]
    found = leaderboard.read("tiny")
    assert (found.entries[-1].differs, found.entries[-1].lb_public) == (differs, 0.8)
    content = found.as_json()
    assert content["not_comparable"] == [{"name": "models/cnn", "differs": list(differs)}]


def test_new_folds_leave_every_older_score_behind(present: Workshop) -> None:
    folds.save(paths.folds("tiny"), IDS, FOLD[::-1])
    assert [entry.differs for entry in leaderboard.read("tiny").entries] == [("folds",)] * 3


@pytest.mark.parametrize("lost", ["meta.json", "folds.csv"])
def test_what_is_not_there_is_not_compared(present: Workshop, lost: str) -> None:
    (present_file,) = (present.root / "data").rglob(lost)
    present_file.unlink()
    write("models/cnn", 0.95, data_hash="other", folds_hash="f")
    (differing,) = [entry for entry in leaderboard.read("tiny").entries if entry.differs]
    assert differing.differs == (("folds",) if lost == "meta.json" else ("data",))


@pytest.mark.parametrize(
    ("file", "text"), [("dataset/meta.json", "{}"), ("folds.csv", "row,fold\n1,0\n")]
)
def test_damaged_data_are_an_error(present: Workshop, file: str, text: str) -> None:
    (paths.data("tiny") / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"delete both and run `dvc repro`"):
        leaderboard.read("tiny")


def test_an_unknown_competition_and_a_damaged_record_are_errors(scored: Workshop) -> None:
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        leaderboard.read("tiney")
    paths.score("tiny", "cnn").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"cnn\.json must be JSON"):
        leaderboard.read("tiny")


def test_an_ensemble_names_its_members_and_which_were_tuned(scored: Workshop) -> None:
    write("models/knn", 0.9, marks=["tuned on folds 1…2"])
    write(
        "ensembles/mean", 0.91, marks=["nested"],
        parameters={"members": "models/cnn, models/knn, kernels/m01/rule"},
    )  # fmt: skip
    marks = {entry.record.name: entry.marks for entry in leaderboard.read("tiny").entries}
    assert marks["ensembles/mean"] == ["of cnn, knn, m01/rule", "of tuned knn"]
    assert marks["models/knn"] == ["tuned on folds 1…2"]
    assert marks["models/cnn"] == []


def commit(name: str, score: float, *marks: str) -> None:
    """A member's result.json beside a kernel that is not in the pool."""
    found = record(f"kernels/{name}", score).model_copy(update={"marks": list(marks)})
    records.write(paths.kernel(name) / "result.json", found)


def test_a_committed_result_of_a_kernel_stands_beside_the_others(scored: Workshop) -> None:
    commit("m01/knn", 0.94)
    assert names() == ["models/cnn", "kernels/m01/knn", "ensembles/mean", "models/knn"]
    other = record("kernels/m02/else", 0.99).model_copy(update={"competition": "other"})
    records.write(paths.kernel("m02/else") / "result.json", other)
    assert len(names()) == 4
    scored.write_params(models=["knn", "cnn"], kernels=["m01/knn"], ensemble=ENSEMBLE)
    write("kernels/m01/knn", 0.92)  # what the DAG made of it counts, and once
    assert names() == ["models/cnn", "ensembles/mean", "kernels/m01/knn", "models/knn"]


@pytest.mark.parametrize("mark", [KNOWS, f"{UNSHUFFLED}: it failed there"])
def test_who_is_not_shown_to_learn_is_listed_last(scored: Workshop, mark: str) -> None:
    commit("m01/rule", 0.99, mark)
    assert names()[-1] == "kernels/m01/rule"


def test_a_score_that_nobody_here_predicted_is_listed_too(scored: Workshop) -> None:
    submit("file", 0.75, run_id=None, file="mine.csv")
    submit("models/knn", 0.7, run_id="an-earlier-1")
    submit("models/knn", 0.8)
    board = leaderboard.read("tiny")
    assert [(row.file, row.lb_public) for row in board.others] == [
        ("mine.csv", 0.75),
        ("submissions/tiny.csv", 0.7),
    ]
    assert [row["lb_public"] for row in board.as_json()["other_submissions"]] == [0.75, 0.7]
