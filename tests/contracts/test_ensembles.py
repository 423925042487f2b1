"""What every file of pipelines/ensembles must do; a new method is found and tested by itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from pipelines.ensembles import Method
from pipelines.plumbing import registry
from pipelines.plumbing.errors import MemberFailed
from pipelines.training.blending import blend
from pipelines.values import metrics
from pipelines.values.folds import Folds
from pipelines.values.metrics import Kind
from pipelines.values.predictions import Predictions, one_hot

ROWS, N_SPLITS, SEED = 150, 3, 5
# metric → kind of the members: one pair of each sort that the engine can meet
SITUATIONS: dict[str, tuple[str, Kind]] = {
    "accuracy": ("accuracy", "probability"),
    "votes": ("accuracy", "label"),
    "log_loss": ("log_loss", "probability"),
    "roc_auc": ("roc_auc", "probability"),
    "rmse": ("rmse", "value"),
    "mae": ("mae", "value"),
}


@cache
def folds(is_time: bool = False) -> Folds:
    fold = np.arange(ROWS) * (N_SPLITS + 1) // ROWS - 1 if is_time else np.arange(ROWS) % N_SPLITS
    return Folds(fold[::-1].copy(), is_time, f"time {is_time}")


@cache
def matrices(is_value: bool) -> tuple[np.ndarray, np.ndarray]:
    """OOF of three real models (3, rows, width) and the truth: digits 0 … 4, or diabetes."""
    if is_value:
        X, y = load_diabetes(return_X_y=True)
        models = [Ridge(), KNeighborsRegressor(), DecisionTreeRegressor(random_state=0)]
        X, y = X[:ROWS], y[:ROWS]
        oof = [cross_val_predict(m, X, y, cv=KFold(5))[:, np.newaxis] for m in models]
    else:
        X, y = load_digits(n_class=5, return_X_y=True)
        X, y = X[:ROWS], y[:ROWS]
        models = [
            KNeighborsClassifier(15),
            GaussianNB(var_smoothing=0.1),
            DecisionTreeClassifier(min_samples_leaf=5, random_state=0),
        ]
        cv = StratifiedKFold(5)
        oof = [cross_val_predict(m, X, y, cv=cv, method="predict_proba") for m in models]
    return np.stack(oof).astype(np.float32), y


def pool(situation: str, is_time: bool = False) -> tuple[list[Predictions], np.ndarray]:
    """Members whose test rows are some of their training rows, which no method may notice."""
    metric, kind = SITUATIONS[situation]
    oofs, y = matrices(kind == "value")
    if situation == "roc_auc":  # is it an even digit: the one metric here of two classes
        even = oofs[:, :, ::2].sum(axis=2)
        oofs, y = np.stack([1 - even, even], axis=2), (y % 2 == 0).astype(np.int64)
    if kind == "label":
        oofs = np.stack([one_hot(oof.argmax(axis=1), oof.shape[1]) for oof in oofs])
    classes = np.array([str(c) for c in range(oofs.shape[2])] if kind != "value" else [], dtype=str)
    ids = np.array([f"r{i}" for i in range(ROWS)])
    split = folds(is_time)
    members = [
        Predictions(
            name=f"models/{number}", kind=kind, oof=np.where(split.scored[:, None], oof, np.nan),
            test=oof[:40], test_from="folds", row_ids=ids, test_ids=ids[:40], classes=classes,
            metric=metric, fold_scores=np.zeros(N_SPLITS), folds_hash=split.hash, data_hash="d",
        )
        for number, oof in enumerate(oofs)
    ]  # fmt: skip
    return members, y


def stacked(members: list[Predictions]) -> np.ndarray:
    return np.stack([member.oof for member in members]).astype(np.float64)


def made(name: str, situation: str) -> Method:
    members, _ = pool(situation)
    metric = metrics.get(SITUATIONS[situation][0])
    return registry.load(Method, name)(metric, members[0].classes.tolist(), SEED)


def refusal(name: str, situation: str) -> str:
    """Why a method does not take members of this sort; empty where it does."""
    members, y = pool(situation)
    if members[0].kind not in registry.load(Method, name).kinds:
        return f"{name} takes no {members[0].kind}, found such members: use mean"
    try:
        made(name, situation).fit(stacked(members), y)
    except MemberFailed as error:
        return str(error)
    return ""


ALL = [(name, situation) for name in registry.names("ensembles") for situation in SITUATIONS]
REFUSED = {pair: reason for pair in ALL if (reason := refusal(*pair))}
SUITING = [pair for pair in ALL if pair not in REFUSED]

Fitted = tuple[Method, np.ndarray, np.ndarray]


def fit(name: str, situation: str) -> Fitted:
    """A method fitted on real members, the members and the truth."""
    members, y = pool(situation)
    return made(name, situation).fit(stacked(members), y), stacked(members), y


@pytest.fixture(params=SUITING, ids="-".join)
def fitted(request: pytest.FixtureRequest) -> Fitted:
    return fit(*request.param)


@pytest.mark.parametrize(("pair", "reason"), REFUSED.items())
def test_a_refusal_says_what_to_do_next(pair: tuple[str, str], reason: str) -> None:
    assert reason.startswith(pair[0])
    assert "use " in reason


@pytest.mark.parametrize("name", registry.names("ensembles"))
def test_suits_some_competition(name: str) -> None:
    assert name in {method for method, _ in SUITING}


class TestEveryMethod:
    def test_gives_a_row_for_each_row(self, fitted: Fitted) -> None:
        method, members, _ = fitted
        combined = method.combine(members)
        assert combined.shape == members[0].shape
        assert combined.dtype == np.float64
        assert np.isfinite(combined).all()
        if method.metric.needs != "value":
            assert combined.min() >= 0
            np.testing.assert_allclose(combined.sum(axis=1), 1, atol=1e-6)

    def test_weights_are_an_average(self, fitted: Fitted) -> None:
        method, members, _ = fitted
        weights = method.describe(["a", "b", "c"]).get("weights", {})
        assert list(weights) in ([], ["a", "b", "c"])
        if weights:
            assert min(weights.values()) >= 0
            assert sum(weights.values()) == pytest.approx(1)
            expected = np.tensordot(list(weights.values()), members, axes=1)
            np.testing.assert_allclose(method.combine(members), expected, atol=1e-9)

    def test_one_member_alone_comes_back_where_weights_are_all(self, fitted: Fitted) -> None:
        method, members, y = fitted
        fresh = type(method)(method.metric, method.classes, SEED)
        combined = fresh.fit(members[:1], y).combine(members[:1])
        if "weights" in fresh.describe(["a"]):
            np.testing.assert_array_equal(combined, members[0])
        else:
            np.testing.assert_array_equal(combined.shape, members[0].shape)

    def test_a_row_does_not_depend_on_the_rows_beside_it(self, fitted: Fitted) -> None:
        method, members, _ = fitted
        whole = method.combine(members)
        order = np.random.default_rng(0).permutation(ROWS)
        np.testing.assert_allclose(method.combine(members[:, order]), whole[order], atol=1e-12)
        np.testing.assert_allclose(method.combine(members[:, :1]), whole[:1], atol=1e-12)

    def test_members_are_left_as_they_were(self, fitted: Fitted) -> None:
        method, members, _ = fitted
        before = members.copy()
        method.combine(members)
        np.testing.assert_array_equal(members, before)

    def test_beats_the_worst_member(self, fitted: Fitted) -> None:
        method, members, y = fitted
        scores = [method.metric.score(y, member, method.classes) for member in members]
        worst = min(scores) if method.metric.greater_is_better else max(scores)
        mine = method.metric.score(y, method.combine(members), method.classes)
        assert method.metric.better(mine, worst)


def blended(
    name: str,
    situation: str,
    is_time: bool = False,
    change: Callable[[np.ndarray], np.ndarray] = lambda y: y,
) -> Predictions:
    members, y = pool(situation, is_time)
    metric = metrics.get(SITUATIONS[situation][0])
    return blend(name, members, change(y), folds(is_time), metric, SEED).predictions


@pytest.mark.parametrize(("name", "situation"), SUITING)
class TestNested:
    @pytest.mark.parametrize("is_time", [False, True])
    def test_the_truth_of_a_fold_does_not_reach_its_rows(
        self, name: str, situation: str, is_time: bool
    ) -> None:
        split, fold = folds(is_time), 1  # between the others: its truth could leak either way
        hidden = split.valid_rows(fold)

        def altered(y: np.ndarray) -> np.ndarray:
            y = y.copy()
            y[hidden] = np.roll(y[hidden], 7)
            return y

        before = blended(name, situation, is_time).oof
        after = blended(name, situation, is_time, altered).oof
        blind = split.fold >= fold if is_time else split.fold == fold
        assert before[blind].tobytes() == after[blind].tobytes()

    def test_gives_the_same_bytes_again(self, name: str, situation: str) -> None:
        first, again = blended(name, situation), blended(name, situation)
        assert first.oof.tobytes() == again.oof.tobytes()
        assert first.test.tobytes() == again.test.tobytes()

    def test_test_rows_do_not_reach_the_oof(self, name: str, situation: str) -> None:
        members, y = pool(situation)
        metric = metrics.get(SITUATIONS[situation][0])
        other = [replace(member, test=member.test[::-1]) for member in members]
        expected = blended(name, situation)
        found = blend(name, other, y, folds(), metric, SEED).predictions
        np.testing.assert_array_equal(found.oof, expected.oof)
        np.testing.assert_allclose(found.test, expected.test[::-1], atol=1e-6)

    def test_keeps_the_kind_and_fills_every_scored_row(self, name: str, situation: str) -> None:
        found = blended(name, situation, True)
        assert found.kind == SITUATIONS[situation][1]
        assert found.oof.dtype == found.test.dtype == np.float32
        np.testing.assert_array_equal(np.isfinite(found.oof).all(axis=1), folds(True).scored)


def test_a_method_that_learns_does_notice_other_truths() -> None:
    """Without this the test of nesting would pass for a truth that is never looked at."""
    before = blended("stack", "log_loss").oof
    after = blended("stack", "log_loss", change=lambda y: np.roll(y, 7)).oof
    assert not np.array_equal(before, after)
