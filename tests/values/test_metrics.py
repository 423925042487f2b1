"""Metrics against scikit-learn, against their own direction, and against what they cannot judge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values.metrics import METRICS, Metric, get
from pipelines.values.predictions import one_hot

PATIENT = settings(max_examples=40, deadline=None)
CLASSES = ("0", "1", "2", "3")
LABELLED = [metric for metric in METRICS.values() if metric.task == "classification"]
VALUED = [metric for metric in METRICS.values() if metric.task == "regression"]


def classes_of(metric: Metric) -> tuple[str, ...]:
    return CLASSES[:2] if metric.name == "f1_binary" else CLASSES


def probabilities(generator: np.random.Generator, rows: int, width: int) -> np.ndarray:
    drawn = generator.random((rows, width)) + 0.01
    return (drawn / drawn.sum(axis=1, keepdims=True)).astype(np.float32)


def drawn_labels(generator: np.random.Generator, width: int) -> np.ndarray:
    return generator.permutation(np.arange(10 * width) % width)


REFERENCE = {
    "accuracy": lambda y, p: sk.accuracy_score(y, p.argmax(axis=1)),
    "f1_macro": lambda y, p: sk.f1_score(y, p.argmax(axis=1), average="macro"),
    "f1_binary": lambda y, p: sk.f1_score(y, p.argmax(axis=1), pos_label=1),
    "log_loss": sk.log_loss,
    "roc_auc": lambda y, p: sk.roc_auc_score(y, p, multi_class="ovr"),
    "qwk": lambda y, p: sk.cohen_kappa_score(y, p.argmax(axis=1), weights="quadratic"),
    "rmse": lambda y, p: sk.mean_squared_error(y, p[:, 0]) ** 0.5,
    "rmsle": lambda y, p: sk.mean_squared_log_error(y, p[:, 0]) ** 0.5,
    "mae": lambda y, p: sk.mean_absolute_error(y, p[:, 0]),
    "r2": lambda y, p: sk.r2_score(y, p[:, 0]),
}  # fmt: skip


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
@PATIENT
@given(seed=st.integers(0, 999))
def test_agrees_with_scikit_learn(metric: Metric, seed: int) -> None:
    generator = np.random.default_rng(seed)
    if metric.task == "classification":
        width = len(classes_of(metric))
        y, predicted = drawn_labels(generator, width), probabilities(generator, 10 * width, width)
    else:
        y, predicted = generator.random(30) * 9, generator.random((30, 1), np.float32) * 9
    expected = REFERENCE[metric.name](y, predicted)
    assert metric.score(y, predicted, classes_of(metric)) == pytest.approx(expected, rel=1e-5)


def test_two_classes_have_the_auc_of_the_last_ones_probability() -> None:
    y = np.array([0, 1, 0, 1, 1])
    p = np.array([0.1, 0.9, 0.6, 0.4, 0.8], np.float32)
    score = get("roc_auc").score(y, np.column_stack([1 - p, p]), ("no", "yes"))
    assert score == pytest.approx(sk.roc_auc_score(y, p))
    assert score == pytest.approx(5 / 6)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
@PATIENT
@given(seed=st.integers(0, 999))
def test_the_truth_is_the_best_prediction(metric: Metric, seed: int) -> None:
    generator = np.random.default_rng(seed)
    classes = classes_of(metric)
    if metric.task == "classification":
        y = drawn_labels(generator, len(classes))
        perfect = one_hot(y, len(classes))
        other = probabilities(generator, len(y), len(classes))
    else:
        y = generator.random(30).astype(np.float32) * 9
        perfect, other = y[:, None], generator.random((30, 1), np.float32) * 9
    best = metric.score(y, perfect, classes)
    assert best == pytest.approx(1 if metric.greater_is_better else 0, abs=1e-6)
    assert metric.better(best, metric.score(y, other, classes))


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
@PATIENT
@given(a=FINITE, b=FINITE)
def test_better_has_one_direction(metric: Metric, a: float, b: float) -> None:
    assert metric.better(a, b) + metric.better(b, a) == (a != b)
    assert (metric.gain(a, b) > 0) == metric.better(a, b)
    assert metric.better(max(a, b), min(a, b)) == (metric.direction == "maximize" and a != b)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_nan_is_never_judged(metric: Metric, hole: float) -> None:
    width = len(classes_of(metric)) if metric.task == "classification" else 1
    predicted = np.full((8, width), 0.5, np.float32)
    predicted[3, -1] = hole
    with pytest.raises(MemberFailed, match="found NaN or infinity in 1 rows"):
        metric.score(np.arange(8) % max(width, 2), predicted, classes_of(metric))


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_score_that_does_not_exist_is_no_score() -> None:
    with pytest.raises(MemberFailed, match="r2 must be defined on the judged rows, found nan"):
        get("r2").score(np.array([1.0]), np.array([[2.0]]))


def test_qwk_counts_a_rating_that_nobody_gave() -> None:
    """Ratings 0, 1 and 4: squared distances of the ratings, not of their places in the list."""
    y, p = np.array([0, 1, 2, 2, 0, 1]), np.array([0, 2, 2, 1, 0, 1])
    rating = np.array([0, 1, 4])
    expected = 1 - np.mean((rating[y] - rating[p]) ** 2) / np.mean(
        (rating[y][:, None] - rating[p][None, :]) ** 2
    )
    assert get("qwk").score(y, one_hot(p, 3), ("0", "1", "4")) == pytest.approx(expected)
    assert get("qwk").score(y, one_hot(p, 3), ("0", "1", "2")) != pytest.approx(expected)


@pytest.mark.parametrize("classes", [("a", "b"), ("1.5", "2"), ("²", "3"), ("--1", "2"), ("", "1")])
def test_qwk_needs_whole_numbers(classes: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"whole numbers, found .*use metric:"):
        get("qwk").check_classes(classes)
    get("qwk").check_classes(("-1", "+2", "10"))


def test_f1_takes_the_last_class_for_positive() -> None:
    y, p = np.array([1, 1, 1, 0]), np.array([1, 1, 0, 0])
    score = get("f1_binary").score(y, one_hot(p, 2), ("died", "survived"))
    assert score == pytest.approx(0.8)  # precision 1, recall 2/3
    turned = get("f1_binary").score(1 - y, one_hot(1 - p, 2), ("survived", "died"))
    assert turned == pytest.approx(2 / 3)


def test_f1_without_a_positive_row_is_0_and_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    nobody = one_hot(np.zeros(4, np.int64), 2)
    assert get("f1_binary").score(np.zeros(4, np.int64), nobody, ("a", "b")) == 0
    assert get("f1_binary").score(np.array([0, 1, 1, 0]), nobody, ("a", "b")) == 0
    assert not recwarn.list


def test_f1_macro_counts_a_class_that_nobody_predicted() -> None:
    y = np.array([0, 1, 2])
    score = get("f1_macro").score(y, one_hot(np.array([0, 1, 1]), 3), ("a", "b", "c"))
    assert score == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_f1_macro_counts_a_class_that_is_not_among_the_rows() -> None:
    """Else a fold without a rare class would be judged by another measure than the rest."""
    y = np.array([0, 1])
    assert get("f1_macro").score(y, one_hot(y, 3), ("a", "b", "c")) == pytest.approx(2 / 3)


def test_f1_of_two_needs_two() -> None:
    with pytest.raises(UserError, match="2 classes, found 3: use metric: f1_macro"):
        get("f1_binary").check_classes(("a", "b", "c"))


def test_auc_needs_every_class() -> None:
    with pytest.raises(MemberFailed, match=r"every class .* found 2 of 3"):
        get("roc_auc").score(np.array([0, 1, 0]), np.full((3, 3), 1 / 3), ("a", "b", "c"))


def test_auc_of_float32_rows_that_sum_to_nearly_1() -> None:
    generator = np.random.default_rng(0)
    predicted = probabilities(generator, 40, 4) * np.float32(0.99)
    y = drawn_labels(generator, 4)
    expected = get("roc_auc").score(y, predicted / predicted.sum(axis=1, keepdims=True), CLASSES)
    assert get("roc_auc").score(y, predicted, CLASSES) == pytest.approx(expected, abs=1e-6)


def test_log_loss_of_a_wrong_certainty_is_large_and_finite() -> None:
    score = get("log_loss").score(np.array([0, 1]), one_hot(np.array([1, 1]), 2), ("a", "b"))
    assert 10 < score < 40


@pytest.mark.parametrize(("y", "p"), [([1.0, 2.0], [-0.5, 1]), ([-1.0, 2.0], [0.5, 1])])
def test_rmsle_refuses_what_has_no_logarithm(y: list[float], p: list[float]) -> None:
    with pytest.raises(MemberFailed, match="0 or more, found -"):
        get("rmsle").score(np.array(y), np.array(p)[:, None])


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_row_loss_falls_as_the_prediction_gets_better(metric: Metric) -> None:
    if metric.task == "classification":
        y = np.array([0, 1])
        good, bad = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.6, 0.4], [1.0, 0.0]])
    else:
        y, good, bad = np.array([1.0, 2.0]), np.array([[1.1], [2.0]]), np.array([[3.0], [1.0]])
    losses = metric.row_losses(y, good)
    assert losses.shape == (2,)
    assert (losses < metric.row_losses(y, bad)).all()
    assert np.isfinite(metric.row_losses(y, bad)).all()


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_the_task_must_fit(metric: Metric) -> None:
    other = "regression" if metric.task == "classification" else "classification"
    metric.check_task(metric.task)
    with pytest.raises(
        UserError, match=f"{metric.name} is for {metric.task}: choose one of"
    ) as caught:
        metric.check_task(other)
    offered = str(caught.value).rpartition("choose one of ")[2].split(", ")
    assert {get(name).task for name in offered} == {other}


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UserError, match="found 'acuracy'; did you mean 'accuracy'"):
        get("acuracy")


def test_there_are_metrics_of_every_need() -> None:
    assert {metric.needs for metric in LABELLED} == {"label", "probability"}
    assert {metric.needs for metric in VALUED} == {"value"}
