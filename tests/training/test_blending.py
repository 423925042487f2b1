from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from pipelines.ensembles.stack import Stack
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.training.against_single import compare, compare_at_equal_threshold
from pipelines.training.blending import (
    best_single,
    blend,
    choose,
    cv_pooled,
)
from pipelines.values import metrics
from pipelines.values.folds import Folds
from pipelines.values.predictions import Predictions, one_hot

ROWS, SEED = 600, 3
ACCURACY, LOG_LOSS = metrics.get("accuracy"), metrics.get("log_loss")
FOLDS = Folds(np.arange(ROWS) % 3, False, "folds")


def member(oof: np.ndarray, name: str = "models/a", **changes: object) -> Predictions:
    """A member that predicts its first ten training rows as test rows."""
    ids = np.array([f"r{i}" for i in range(len(oof))])
    made = Predictions(
        name=name, kind="probability", oof=oof.astype(np.float32),
        test=np.nan_to_num(oof[:10]).astype(np.float32),
        test_from="folds", row_ids=ids, test_ids=ids[:10],
        classes=np.array([str(i) for i in range(oof.shape[1])]), metric="accuracy",
        fold_scores=np.zeros(3), folds_hash="folds", data_hash="data",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def digits() -> tuple[list[Predictions], np.ndarray]:
    """Three real baselines on 600 real digits, cross-validated on FOLDS."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:ROWS] / 16, y[:ROWS]
    cv = [(np.flatnonzero(FOLDS.fold != i), FOLDS.valid_rows(i)) for i in range(3)]
    models = {
        "bayes": GaussianNB(var_smoothing=0.1),
        "knn": KNeighborsClassifier(9),
        "linear": LogisticRegression(max_iter=300),
    }
    members = [
        member(cross_val_predict(model, X, y, cv=cv, method="predict_proba"), f"models/{name}")
        for name, model in models.items()
    ]
    return members, y


def guesses(count: int, rows: int = ROWS, classes: int = 3) -> tuple[list[Predictions], np.ndarray]:
    """Members that know nothing, and a truth that nobody could know."""
    generator = np.random.default_rng(SEED)
    members = [
        member(generator.dirichlet(np.ones(classes), rows), f"models/{i}") for i in range(count)
    ]
    return members, generator.integers(0, classes, rows)


class TestBlend:
    def test_real_members_blend_to_better_than_the_worst_and_say_how(
        self, digits: tuple[list[Predictions], np.ndarray]
    ) -> None:
        members, y = digits
        made = blend("weighted", members, y, FOLDS, ACCURACY, SEED)
        found = made.predictions
        assert found.name == "ensembles/weighted"
        assert found.kind == "probability"
        assert (found.metric, found.folds_hash, found.data_hash) == ("accuracy", "folds", "data")
        worst = min(cv_pooled(m, y, FOLDS, ACCURACY) for m in members)
        assert cv_pooled(found, y, FOLDS, ACCURACY) > worst
        assert made.description["members"] == ["models/bayes", "models/knn", "models/linear"]
        weights = made.description["learned"]["weights"]
        assert sum(weights.values()) == pytest.approx(1)
        expected = sum(weights[m.name] * m.test.astype(float) for m in members)
        np.testing.assert_allclose(found.test, expected, atol=1e-6)

    def test_fold_scores_are_the_metric_on_each_folds_rows(
        self, digits: tuple[list[Predictions], np.ndarray]
    ) -> None:
        members, y = digits
        found = blend("mean", members, y, FOLDS, ACCURACY, SEED).predictions
        labels = np.mean([m.oof for m in members], axis=0).argmax(axis=1)
        expected = [(labels == y)[FOLDS.fold == i].mean() for i in range(3)]
        np.testing.assert_allclose(found.fold_scores, expected)
        assert cv_pooled(found, y, FOLDS, ACCURACY) == pytest.approx((labels == y).mean())

    @pytest.mark.parametrize("name", ["stack", "hill_climb", "weighted"])
    def test_members_that_know_nothing_score_like_chance(self, name: str) -> None:
        members, y = guesses(40, rows=300)
        found = blend(name, members, y, Folds(np.arange(300) % 3, False, "folds"), ACCURACY, SEED)
        score = cv_pooled(found.predictions, y, Folds(np.arange(300) % 3, False, "folds"), ACCURACY)
        assert score < 1 / 3 + 3 * np.sqrt(2 / 9 / 300)

    def test_the_same_members_look_good_where_they_were_fitted(self) -> None:
        """The score that nesting keeps out; without it the test above would prove nothing."""
        members, y = guesses(40, rows=300)
        stacked = np.stack([m.oof for m in members]).astype(np.float64)
        fitted = Stack(ACCURACY, ["0", "1", "2"], SEED).fit(stacked, y)
        assert ACCURACY.score(y, fitted.combine(stacked)) > 1 / 3 + 3 * np.sqrt(2 / 9 / 300)

    def test_a_useless_member_does_not_help(
        self, digits: tuple[list[Predictions], np.ndarray]
    ) -> None:
        members, y = digits
        useless, _ = guesses(1, classes=10)
        pool = [members[1], useless[0]]
        weights = blend("weighted", pool, y, FOLDS, ACCURACY, SEED).description["learned"][
            "weights"
        ]
        assert weights["models/0"] < 0.05

    def test_labels_vote_and_give_labels(self) -> None:
        votes = np.array([[0, 1, 2] * 2, [0, 1, 1] * 2, [0, 0, 2] * 2])
        members = [member(one_hot(vote, 3), f"kernels/m0{i}/a", kind="label", test=one_hot(vote[:1], 3),
                          test_ids=np.array(["t"])) for i, vote in enumerate(votes)]  # fmt: skip
        folds = Folds(np.arange(6) % 2, False, "folds")
        found = blend("mean", members, np.array([0, 1, 2] * 2), folds, ACCURACY, SEED).predictions
        assert found.kind == "label"
        np.testing.assert_array_equal(found.oof, one_hot(np.array([0, 1, 2] * 2), 3))
        assert found.fold_scores.tolist() == [1.0, 1.0]

    def test_labels_are_left_out_and_named_where_chances_are_needed(self) -> None:
        members, y = guesses(2)
        members = [replace(m, metric="log_loss") for m in members]
        label = replace(members[1], kind="label", oof=one_hot(y, 3), name="kernels/m01/a")
        made = blend("mean", [*members, label], y, FOLDS, LOG_LOSS, SEED)
        assert made.description["left_out"] == ["kernels/m01/a"]
        np.testing.assert_allclose(made.predictions.oof, (members[0].oof + members[1].oof) / 2)
        with pytest.raises(MemberFailed, match="2 members, found 1 of 2 that log_loss can use"):
            blend("mean", [members[0], label], y, FOLDS, LOG_LOSS, SEED)

    def test_a_chance_among_labels_gives_chances(self) -> None:
        members, y = guesses(2)
        label = replace(members[1], kind="label", oof=one_hot(y, 3), test_from="refit")
        found = blend("mean", [label, members[0]], y, FOLDS, ACCURACY, SEED).predictions
        assert found.kind == "probability"
        assert found.test_from == "folds"

    @pytest.mark.parametrize("bounds", [(0.0, 100.0), (None, 100.0), (35.0, None)])
    def test_a_line_through_bounded_members_stays_within_the_bounds(
        self, bounds: tuple[float | None, float | None]
    ) -> None:
        generator = np.random.default_rng(SEED)
        y = generator.uniform(0, 100, ROWS)
        # Two members that shrink: the line through them goes beyond what each of them says.
        pool = [
            member((50 + share * (y - 50))[:, None], f"models/{share}", kind="value", metric="rmse",
                   classes=np.array([], np.str_)) for share in (0.4, 0.5)
        ]  # fmt: skip
        for each in pool:
            each.test[:2] = [[0.0], [100.0]]
        given = ("stack", pool, y, FOLDS, metrics.get("rmse"), SEED)
        free, kept = blend(*given).predictions, blend(*given, bounds).predictions
        for part in ("oof", "test"):
            np.testing.assert_array_equal(
                getattr(kept, part), np.clip(getattr(free, part), *bounds)
            )
        assert (kept.test != free.test).any()


class TestTimeSplit:
    """Blocks of 20 rows in time: −1, then folds 2, 1 and 0."""

    FOLDS = Folds(np.repeat([-1, 2, 1, 0], 20), True, "folds")

    def pool(self) -> tuple[list[Predictions], np.ndarray]:
        """Member 0 is right in fold 2 only, member 1 in folds 1 and 0."""
        y = np.arange(80) % 3
        sure = 0.9 * one_hot(y, 3) + 0.1 / 3
        wrong = np.roll(sure, 1, axis=1)
        early = (self.FOLDS.fold == 2)[:, np.newaxis]
        oofs = [np.where(early, sure, wrong), np.where(early, wrong, sure)]
        for oof in oofs:
            oof[self.FOLDS.fold == -1] = np.nan
        test = sure[:10].astype(np.float32)
        members = [member(oof, f"models/{i}", test=test) for i, oof in enumerate(oofs)]
        return members, y

    def test_a_fold_learns_from_earlier_rows_only(self) -> None:
        members, y = self.pool()
        made = blend("weighted", members, y, self.FOLDS, ACCURACY, SEED)
        oof, fold = made.predictions.oof, self.FOLDS.fold
        mean = (members[0].oof + members[1].oof) / 2
        np.testing.assert_allclose(oof[fold == 2], mean[fold == 2], atol=1e-6)
        np.testing.assert_allclose(oof[fold == 1], members[0].oof[fold == 1], atol=1e-3)
        assert np.isnan(oof[fold == -1]).all()
        # fold 0 has seen one block for each member: neither rules
        np.testing.assert_allclose(oof[fold == 0], mean[fold == 0], atol=1e-3)
        assert made.description["equal_weights_in"] == [2]
        assert made.description["learned"]["weights"]["models/1"] > 0.6


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"row_ids": np.array([f"x{i}" for i in range(ROWS)])}, "training rows"),
            ({"test_ids": np.array([f"x{i}" for i in range(10)])}, "test rows"),
            ({"classes": np.array(["0", "1", "x"])}, "classes"),
            ({"data_hash": "other"}, "data"),
            ({"folds_hash": "other"}, "present folds"),
            ({"metric": "log_loss"}, "present metric"),
        ],
    )
    def test_members_that_are_not_comparable(self, change: dict[str, object], word: str) -> None:
        members, y = guesses(3)
        members[2] = replace(members[2], **change)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=rf"models/2 .*{word}.*not comparable, run `dvc repro`"):
            blend("mean", members, y, FOLDS, ACCURACY, SEED)

    def test_a_member_with_gaps_is_named_with_their_number(self) -> None:
        members, y = guesses(3)
        members[1].oof[[4, 7]] = np.nan
        members[2].oof[9, 0] = np.inf
        with pytest.raises(
            MemberFailed,
            match=r"models/1 lacks 2, models/2 lacks 1: rerun it, or take it out of local\.yaml",
        ):
            blend("mean", members, y, FOLDS, ACCURACY, SEED)

    def test_a_method_that_does_not_suit_names_itself_and_the_members(self) -> None:
        members, y = guesses(2)
        members[1] = replace(members[1], kind="label", oof=one_hot(y, 3))
        with pytest.raises(
            MemberFailed,
            match=r"ensembles/rank_mean of models/0, models/1: .*models/1 gives a label",
        ):
            blend("rank_mean", members, y, FOLDS, ACCURACY, SEED)

    def test_an_unknown_method_names_the_nearest(self) -> None:
        members, y = guesses(2)
        with pytest.raises(UserError, match="did you mean 'hill_climb'"):
            blend("hillclimb", members, y, FOLDS, ACCURACY, SEED)


class TestChoosing:
    def test_best_single_knows_the_direction_and_the_first_of_equals(self) -> None:
        members, y = guesses(1)
        good = member(0.8 * one_hot(y, 3) + 0.2 / 3, "models/good", metric="log_loss")
        poor = replace(members[0], metric="log_loss")
        assert best_single([poor, good], y, FOLDS, LOG_LOSS).name == "models/good"
        twin = replace(good, name="models/twin")
        assert best_single([poor, good, twin], y, FOLDS, LOG_LOSS).name == "models/good"

    def test_best_single_passes_over_gaps_and_labels(self) -> None:
        members, y = guesses(1)
        honest = replace(members[0], metric="log_loss")
        perfect = one_hot(y, 3)
        gap = member(perfect, "models/gap", metric="log_loss")
        gap.oof[0] = np.nan
        label = member(perfect, "kernels/m01/a", metric="log_loss", kind="label")
        assert best_single([gap, label, honest], y, FOLDS, LOG_LOSS) is honest
        with pytest.raises(MemberFailed, match="found none of 2"):
            best_single([gap, label], y, FOLDS, LOG_LOSS)

    @pytest.mark.parametrize(
        ("wanted", "name"),
        [("best", "models/good"), ("mean", "ensembles/mean"), ("models/0", "models/0")],
    )
    def test_choose(self, wanted: str, name: str) -> None:
        members, y = guesses(1)
        good = member(one_hot(y, 3), "models/good")
        candidates = [members[0], good, replace(good, name="ensembles/mean")]
        assert choose(wanted, candidates, y, FOLDS, ACCURACY).name == name

    def test_choose_what_does_not_exist(self) -> None:
        members, y = guesses(1)
        with pytest.raises(UserError, match=r"found 'models/O'; did you mean 'models/0'\?"):
            choose("models/O", members, y, FOLDS, ACCURACY)

    def test_a_gap_in_a_score_names_the_member(self) -> None:
        members, y = guesses(1)
        members[0].oof[3] = np.nan
        with pytest.raises(MemberFailed, match=r"models/0: predictions must be finite.* 1 rows"):
            cv_pooled(members[0], y, FOLDS, ACCURACY)


class TestCompare:
    def test_an_ensemble_of_equals_ties_and_a_good_one_does_not(self) -> None:
        members, y = guesses(2)
        twin = replace(members[0], name="models/twin")
        same = blend("mean", [members[0], twin], y, FOLDS, ACCURACY, SEED).predictions
        difference = compare(same, members[:1], y, FOLDS, ACCURACY, SEED)
        assert difference.is_tie
        assert difference.rows == ROWS
        good = member(one_hot(y, 3), "ensembles/good")
        difference = compare(good, members, y, FOLDS, ACCURACY, SEED)
        assert difference.gain == pytest.approx(
            1 - max(cv_pooled(m, y, FOLDS, ACCURACY) for m in members)
        )
        assert difference.low > 0

    @pytest.mark.parametrize(
        ("knows_more", "positives"), [(False, 60), (True, 60), (False, 200), (True, 200)]
    )
    def test_a_moved_threshold_is_told_from_a_better_model(
        self, knows_more: bool, positives: int
    ) -> None:
        """Chances that are too small find few of the rare class; twice as large they rank no row anew."""
        generator, f1 = np.random.default_rng(SEED), metrics.get("f1_binary")
        y = (np.arange(ROWS) < positives).astype(np.int64)
        chance = 1 / (1 + np.exp(-generator.normal(3 * y - 1.5, 1.2)))
        single = member(np.stack([1 - chance / 3, chance / 3], axis=1), metric="f1_binary")
        shown = chance + 0.3 * (y - 0.5) if knows_more else chance
        good = member(np.stack([1 - shown, shown], axis=1), "ensembles/good", metric="f1_binary")
        assert compare(good, [single], y, FOLDS, f1, SEED).low > 0
        fair = compare_at_equal_threshold(good, single, y, FOLDS, f1, SEED)
        assert fair is not None
        assert (fair.low > 0) == knows_more

    def test_there_is_no_threshold_where_labels_are_given_or_chances_wanted(self) -> None:
        members, y = guesses(2)
        label = replace(members[1], kind="label", oof=one_hot(y, 3))
        assert compare_at_equal_threshold(*members, y, FOLDS, LOG_LOSS, SEED) is None
        assert compare_at_equal_threshold(members[0], label, y, FOLDS, ACCURACY, SEED) is None

    def test_only_scored_rows_count(self) -> None:
        members, y = guesses(2)
        folds = Folds(np.where(np.arange(ROWS) < 100, -1, np.arange(ROWS) % 2), True, "folds")
        for each in members:
            each.oof[:100] = np.nan
        assert compare(members[0], members, y, folds, ACCURACY, SEED).rows == ROWS - 100


def test_the_cut_of_an_ensemble_hangs_on_no_row_of_the_fold_that_it_is_for() -> None:
    generator = np.random.default_rng(SEED)
    y = (generator.random(ROWS) < 0.2).astype(int)
    chances = np.clip(0.15 + 0.25 * y + generator.normal(0, 0.1, (2, ROWS)), 0.01, 0.99)
    members = [
        member(np.stack([1 - p, p], axis=1), f"models/{i}", metric="f1_binary")
        for i, p in enumerate(chances)
    ]
    f1 = metrics.get("f1_binary")
    turned = np.where(FOLDS.fold == 1, 1 - y, y)
    first, second = (
        blend("mean", members, truth, FOLDS, f1, SEED).predictions.cut for truth in (y, turned)
    )
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], second[0])
