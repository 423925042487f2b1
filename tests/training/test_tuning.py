"""Tuning: untouched rows, an honoured budget, pruning by rows, and the same result after a kill."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from pipelines.models import Choice, Model, ModelParams, Range
from pipelines.plumbing import registry
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.stages.preprocess import preprocess
from pipelines.training import plan as plans
from pipelines.training import tuning
from pipelines.training.plan import Plan
from pipelines.values import cuts, metrics
from tests.conftest import Workshop


class Params(ModelParams):
    right: float = 0.5
    mode: str = "steady"


class Sure(Params):
    right: float = 1.0


class Broken(Params):
    mode: str = "broken"


class Guesser(Model):
    """Gives the true class of a row the chance `right` on average; knows the truth through the pixels."""

    Params = Params
    space = {"right": Range(0.0, 1.0), "mode": Choice(("steady",))}
    asked: list[np.ndarray] = []
    fitted: list[np.ndarray] = []
    seconds = 0.0

    def fit(self, X: np.ndarray, y: np.ndarray, validation: Any) -> Self:
        self.fitted.append(X)
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            self.job.progress("working")
            time.sleep(0.01)
        if self.params.mode == "broken":
            raise MemberFailed("it is broken")
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        self.asked.append(X)
        truth = X.reshape(-1, 4, 4).sum(axis=2)[:, :3].argmax(axis=1)
        is_right = np.random.default_rng(0).random(len(X)) < self.params.right
        guess = np.where(is_right, truth, (truth + 1) % 3)
        return (0.02 + 0.94 * np.eye(3)[guess]).astype(np.float32)


class SureGuesser(Guesser):
    Params = Sure


@pytest.fixture
def plan(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Plan:
    preprocess("tiny")
    workshop.write_params(tune={"knn": {"minutes": 1}})
    Guesser.asked, Guesser.fitted, Guesser.seconds = [], [], 0.0
    known = registry.load
    monkeypatch.setattr(
        registry, "load", lambda base, name: Guesser if name == "guesser" else known(base, name)
    )
    return guessing()


def guessing() -> Plan:
    return replace(plans.load("tiny", "knn"), name="guesser", model=Guesser, fixed={})


def with_budget(plan: Plan, **changes: Any) -> Plan:
    tune = plan.settings.tune.get("guesser", plan.settings.tune["knn"]).model_copy(update=changes)
    return replace(plan, settings=plan.settings.model_copy(update={"tune": {"guesser": tune}}))


def study(plan: Plan, work: Path, trials: int = 6, held: int = 0, **changes: Any) -> tuning.Study:
    budgeted = with_budget(plan, **changes)
    return tuning.tune(budgeted, held, trials, budgeted.tune.minutes, work)


def rows(X: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in X}


def test_rows_of_the_held_fold_are_never_touched(plan: Plan, tmp_path: Path) -> None:
    study(plan, tmp_path / "work", trials=2)
    X = plan.dataset.X_train.reshape(60, -1).astype(np.float32) / 16
    held = rows(X[plan.folds.valid_rows(0)])
    assert not held & set.union(*map(rows, Guesser.fitted + Guesser.asked))
    assert set.union(*map(rows, Guesser.asked)) == rows(X) - held
    for fitted, asked in zip(Guesser.fitted, Guesser.asked, strict=True):
        assert not rows(fitted) & rows(asked)


def test_of_a_time_split_only_earlier_folds_are_used(plan: Plan) -> None:
    late = replace(plan, folds=replace(plan.folds, is_time=True))
    assert [tuning.inner_folds(late, held) for held in range(3)] == [[1, 2], [2], []]
    assert [tuning.inner_folds(plan, held) for held in range(3)] == [[1, 2], [0, 2], [0, 1]]


def test_a_study_finds_the_better_end(plan: Plan, tmp_path: Path) -> None:
    found = study(plan, tmp_path / "work", trials=12)
    assert found.params["right"] > 0.7
    assert found.finished + found.pruned == 12
    assert found.stopped_by == "trials"


def test_a_trial_is_scored_under_a_cut_where_the_model_will_be(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model that always finds class 0 likeliest, only a cut shows how much it knows."""
    shy = Guesser.predict
    monkeypatch.setattr(Guesser, "predict", lambda self, X: 0.1 * shy(self, X) + [0.9, 0, 0])
    monkeypatch.setattr(cuts, "_FEWEST_ROWS", 10)
    found = study(replace(plan, metric=metrics.get("f1_macro")), tmp_path / "work", trials=12)
    assert found.params["right"] > 0.7
    assert found.score is not None
    assert found.score > 0.4


def test_two_studies_of_one_seed_are_the_same(plan: Plan, tmp_path: Path) -> None:
    assert study(plan, tmp_path / "one") == study(plan, tmp_path / "two")


def test_a_study_goes_on_where_it_stopped(plan: Plan, tmp_path: Path) -> None:
    whole = study(plan, tmp_path / "whole", trials=7)
    study(plan, tmp_path / "parts", trials=3)
    before = len(Guesser.fitted)
    assert study(plan, tmp_path / "parts", trials=7) == whole
    assert len(Guesser.fitted) > before
    Guesser.fitted = []
    assert study(plan, tmp_path / "parts", trials=7) == whole
    assert not Guesser.fitted


def test_a_fixed_value_leaves_the_search(plan: Plan, tmp_path: Path) -> None:
    found = study(replace(plan, fixed={"mode": "steady"}), tmp_path / "work", trials=6)
    assert set(found.params) == {"right"}
    everything = replace(plan, fixed={"right": 0.4, "mode": "steady"})
    assert study(everything, tmp_path / "none") == tuning.Study({}, None, None, 0, 0, 0, "trials")


def test_the_models_own_values_stay_where_no_trial_is_better(plan: Plan, tmp_path: Path) -> None:
    best = replace(plan, model=SureGuesser)
    found = study(best, tmp_path / "work", trials=4)
    assert (found.params, found.score) == ({}, found.base)
    assert found.pruned > 0, "worse than the model's own values is hopeless from the first trial on"
    assert "nothing clearly better than the model's own" in found.sentence()
    usual = study(plan, tmp_path / "usual", trials=12)
    assert usual.score is not None
    assert usual.base is not None
    assert usual.score > usual.base


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro"])
def test_luck_is_no_gain(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    plan = replace(plan, metric=metrics.get(metric))

    def by_chance(self: Guesser, X: np.ndarray) -> np.ndarray:
        generator = np.random.default_rng(int(1e6 * self.params.right))
        return generator.dirichlet(np.ones(3), len(X)).astype(np.float32)

    monkeypatch.setattr(Guesser, "predict", by_chance)
    found = study(plan, tmp_path / "work", trials=20, prune=False)
    best = tuning._open_study(tmp_path / "work" / "study.journal", "maximize").best_value
    assert found.base is not None
    assert best > found.base
    assert found.params == {}


def test_own_values_that_fail_leave_the_trials_alone(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guesser, "Params", Broken)
    found = study(plan, tmp_path / "work", trials=3)
    assert found.base is None
    assert set(found.params) == {"right", "mode"}


def test_the_budget_ends_a_trial_in_its_middle(plan: Plan, tmp_path: Path) -> None:
    Guesser.seconds = 30.0
    started = time.monotonic()
    found = study(plan, tmp_path / "work", minutes=0.5 / 60)
    assert time.monotonic() - started < 20
    assert (found.finished, found.params, found.stopped_by) == (0, {}, "budget")


def test_a_budget_that_is_spent_stays_spent(plan: Plan, tmp_path: Path) -> None:
    Guesser.seconds = 0.2
    study(plan, tmp_path / "work", minutes=1 / 60, trials=100)
    Guesser.fitted = []
    assert study(plan, tmp_path / "work", minutes=1 / 60, trials=100).stopped_by == "budget"
    assert len(Guesser.fitted) <= 1


def test_a_clearly_worse_trial_is_pruned_after_its_first_split(plan: Plan, tmp_path: Path) -> None:
    found = study(plan, tmp_path / "with", trials=15)
    assert found.pruned > 0
    without = study(plan, tmp_path / "without", trials=15, prune=False)
    assert without.pruned == 0
    assert found.params["right"] == pytest.approx(without.params["right"], abs=0.2)


def test_a_trial_that_fails_counts_and_the_others_go_on(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Guesser, "space", {"right": Range(0.0, 1.0), "mode": Choice(("steady", "broken"))}
    )
    found = study(plan, tmp_path / "work", trials=10)
    assert found.failed > 0
    assert found.finished + found.pruned + found.failed == 10
    assert found.params["mode"] == "steady"


def test_a_metric_that_refuses_a_trial_fails_that_trial_alone(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Guesser.predict

    def refuse_some(self: Guesser, X: np.ndarray) -> np.ndarray:
        predicted = original(self, X)
        return predicted * np.nan if self.params.right < 0.3 else predicted

    monkeypatch.setattr(Guesser, "predict", refuse_some)
    found = study(plan, tmp_path / "work", trials=12)
    assert found.failed > 0
    assert found.finished + found.pruned + found.failed == 12


def test_fewer_trials_than_before_find_what_they_would_have_found(
    plan: Plan, tmp_path: Path
) -> None:
    few = study(plan, tmp_path / "few", trials=3)
    study(plan, tmp_path / "many", trials=9)
    assert study(plan, tmp_path / "many", trials=3) == few


def running_since_yesterday(plan: Plan, work: Path, **notes: int) -> None:
    """Leave a trial as a kill leaves it, ten hours ago."""
    from datetime import datetime, timedelta

    import optuna

    search = tuning._open_study(work / "study.journal", "maximize")
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING, params={"right": 0.9, "mode": "steady"}, user_attrs=notes,
        distributions={
            "right": optuna.distributions.FloatDistribution(0, 1),
            "mode": optuna.distributions.CategoricalDistribution(["steady"]),
        },
    )  # fmt: skip
    trial.datetime_start = datetime.now() - timedelta(hours=10)
    search.add_trial(trial)


def test_the_hours_until_a_dead_trial_was_found_cost_no_budget(plan: Plan, tmp_path: Path) -> None:
    running_since_yesterday(plan, tmp_path / "work")
    assert study(plan, tmp_path / "work", trials=2).stopped_by == "trials"
    assert study(plan, tmp_path / "work", trials=4).stopped_by == "trials"


def test_a_trial_that_dies_again_and_again_counts_as_failed(plan: Plan, tmp_path: Path) -> None:
    running_since_yesterday(plan, tmp_path / "work", deaths=2)
    found = study(plan, tmp_path / "work", trials=3)
    assert (found.failed, found.finished + found.pruned) == (1, 2)


def test_a_torn_journal_and_a_left_lock_are_mended(plan: Plan, tmp_path: Path) -> None:
    whole = study(plan, tmp_path / "whole", trials=5)
    work = tmp_path / "torn"
    study(plan, work, trials=3)
    with (work / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code":5,"worker_id":"abc","trial_')
    (work / "study.journal.lock").touch()
    assert study(plan, work, trials=5) == whole


@pytest.mark.parametrize(
    "damaged",
    [b"\0\0\0\n", b'{"op_code":5,"wor\n', b"\xff\xfe\n", b"[]\n", b'{"op_code": 4}\n'],
)
def test_a_journal_with_a_damaged_inner_line_is_named_and_may_be_deleted(
    plan: Plan, tmp_path: Path, damaged: bytes
) -> None:
    whole = study(plan, tmp_path, trials=3)
    journal = tmp_path / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:1], damaged, *lines[2:]]))
    before = journal.read_bytes()
    with pytest.raises(UserError) as caught:
        study(plan, tmp_path, trials=3)
    for part in (f"{journal} must hold one entry", ", and ", ": delete that file"):
        assert part in str(caught.value)
    assert journal.read_bytes() == before
    journal.unlink()
    assert study(plan, tmp_path, trials=3) == whole


def test_a_damaged_last_line_counts_as_torn(plan: Plan, tmp_path: Path) -> None:
    whole = study(plan, tmp_path, trials=3)
    with (tmp_path / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code":5,"worker_id":"abc","trial_\n')
    assert study(plan, tmp_path, trials=3) == whole


KILLED = """
import sys, time
from tests.training.test_tuning import Guesser, guessing, with_budget
from pipelines.plumbing import registry
from pipelines.training import tuning
from pathlib import Path
plan = guessing()
registry.load = lambda base, name: Guesser
Guesser.seconds = 0.4
tuning.tune(with_budget(plan), 0, 6, 1.0, Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_study_that_was_killed_ends_as_if_it_had_not_been(plan: Plan, tmp_path: Path) -> None:
    whole = study(plan, tmp_path / "whole", trials=6)
    work = tmp_path / "killed"
    project = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(work)], env=os.environ | {"PYTHONPATH": str(project)}
    )
    while not list(work.glob("rows-*.npz")):
        assert child.poll() is None
        time.sleep(0.05)
    time.sleep(0.6)  # into the middle of the next trial
    child.send_signal(signal.SIGKILL)
    child.wait()
    again = study(plan, work, trials=6)
    assert (again.params, again.score, again.finished, again.pruned) == (
        whole.params, whole.score, whole.finished, whole.pruned,
    )  # fmt: skip
