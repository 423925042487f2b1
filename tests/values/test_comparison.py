import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.plumbing.errors import MemberFailed
from pipelines.values import metrics
from pipelines.values.comparison import Difference, paired_difference

CLASSES = ["0", "1", "2"]


def case(name: str, seed: int, rows: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, a, b: two imperfect predictions of something that the metric can judge."""
    generator = np.random.default_rng(seed)
    if metrics.get(name).needs == "value":
        value = generator.exponential(2, rows)
        a, b = np.abs(value + generator.normal(0, 1, (2, rows)))[:, :, np.newaxis]
        return value, a, b
    y = np.arange(rows) % 3
    raw = generator.exponential(1, (2, rows, 3))
    raw[:, np.arange(rows), y] += 0.7
    a, b = raw / raw.sum(axis=2, keepdims=True)
    return y, a, b


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to test with: 1,000 calls of a metric of scikit-learn take seconds."""
    monkeypatch.setattr("pipelines.values.comparison._RESAMPLES", 200)


@pytest.mark.parametrize("name", sorted(metrics.METRICS.keys() - {"f1_binary"}))
def test_positive_means_better_in_either_direction(name: str) -> None:
    y, _, b = case(name, 1)
    perfect = y[:, np.newaxis] if metrics.get(name).needs == "value" else np.eye(3)[y]
    found = paired_difference(metrics.get(name), y, perfect, b, CLASSES, 1)
    assert found.gain > 0
    assert 0 < found.low <= found.gain <= found.high
    assert found.sentence("A", "B").startswith("A is better than B (+")


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "mae", "rmse", "rmsle"])
def test_resampling_row_losses_is_resampling_the_metric(name: str) -> None:
    """The short way and the long way, on the same draws; an unknown name takes the long one."""
    y, a, b = case(name, 7, rows=40)
    metric = metrics.get(name)
    short = paired_difference(metric, y, a, b, CLASSES, 3)
    long = paired_difference(replace(metric, name="another"), y, a, b, CLASSES, 3)
    assert (short.low, short.high) == pytest.approx((long.low, long.high), abs=1e-12)
    assert short.gain == pytest.approx(long.gain)


def test_row_losses_of_log_loss_agree_at_the_edges() -> None:
    """Certain and wrong, certain and right, rows that do not sum to 1."""
    y = np.arange(12) % 3
    a = np.eye(3)[np.roll(y, 1)] * 0.9
    b = np.eye(3)[y] * 1.1 + 0.01
    metric = metrics.get("log_loss")
    short = paired_difference(metric, y, a, b, CLASSES, 3)
    long = paired_difference(replace(metric, name="another"), y, a, b, CLASSES, 3)
    assert (short.low, short.high) == pytest.approx((long.low, long.high))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["accuracy", "log_loss", "mae", "rmse"]))
def test_turning_the_question_round_turns_the_answer(seed: int, name: str) -> None:
    y, a, b = case(name, seed)
    there = paired_difference(metrics.get(name), y, a, b, CLASSES, seed)
    back = paired_difference(metrics.get(name), y, b, a, CLASSES, seed)
    assert there.gain == pytest.approx(-back.gain)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)
    assert there.is_tie == back.is_tie


def test_equal_predictions_tie_exactly() -> None:
    y, a, _ = case("accuracy", 0)
    surer = a**2  # the same labels
    found = paired_difference(metrics.get("accuracy"), y, a, surer, CLASSES, 0)
    assert found == Difference(0.0, 0.0, 0.0, 60)
    assert found.is_tie


def test_noise_is_called_a_tie_and_a_real_difference_is_not() -> None:
    """Two members that are right in 70 % of the rows tie; at 90 % against 70 % they do not."""
    generator = np.random.default_rng(1)
    y = generator.integers(0, 3, 500)

    def right_in(share: float) -> np.ndarray:
        return np.eye(3)[np.where(generator.random(500) < share, y, (y + 1) % 3)]

    good, a, b = right_in(0.9), right_in(0.7), right_in(0.7)
    accuracy = metrics.get("accuracy")
    assert paired_difference(accuracy, y, a, b, CLASSES, 0).is_tie
    better = paired_difference(accuracy, y, good, b, CLASSES, 0)
    assert not better.is_tie
    assert better.high - better.low < 0.15


def test_the_interval_covers_no_difference_about_95_times_in_100() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        y = np.zeros(80)
        a, b = generator.normal(size=(2, 80, 1))
        covered += paired_difference(metrics.get("mae"), y, a, b, [], 0).is_tie
    assert 178 <= covered <= 199  # binomial: 190 ± 3 standard deviations and a little


def test_the_same_seed_gives_the_same_interval() -> None:
    y, a, b = case("qwk", 4)
    first, again = (paired_difference(metrics.get("qwk"), y, a, b, CLASSES, 9) for _ in range(2))
    assert first == again
    assert first != paired_difference(metrics.get("qwk"), y, a, b, CLASSES, 10)


def test_resamples_that_lack_a_class_are_left_out() -> None:
    y = np.array([0, 1] * 10 + [2])
    _, a, b = case("roc_auc", 5, rows=21)
    found = paired_difference(metrics.get("roc_auc"), y, a, b, CLASSES, 0)
    assert math.isfinite(found.low)
    assert found.low <= found.gain <= found.high


def test_where_most_resamples_have_no_score_nothing_is_claimed() -> None:
    y = np.array([0] * 9 + [1, 2, 3])  # about a quarter of the resamples hold all classes
    a, b = np.random.default_rng(0).dirichlet(np.ones(4), (2, 12))
    found = paired_difference(metrics.get("roc_auc"), y, a, b, list("0123"), 0)
    assert found.is_tie
    assert found.sentence("A", "B").startswith("A and B tie (")
    assert "12 rows are too few for an interval" in found.sentence("A", "B")


def test_five_rows_decide_nothing_and_the_record_is_json() -> None:
    y = np.zeros(5, dtype=int)
    right, wrong = np.eye(3)[y], np.eye(3)[y + 1]
    found = paired_difference(metrics.get("accuracy"), y, right, wrong, CLASSES, 0)
    assert found.gain == 1.0
    assert found.is_tie
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert record == {"gain": 1.0, "low": None, "high": None, "rows": 5, "is_tie": True}


def test_many_rows_of_a_costly_metric_give_nearly_the_same_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, a, b = case("r2", 6, rows=2000)
    monkeypatch.setattr("pipelines.values.comparison._RESAMPLES", 1000)
    exact = paired_difference(metrics.get("r2"), y, a, b, [], 0)
    monkeypatch.setattr("pipelines.values.comparison._MANY_ROWS", 1000)
    quick = paired_difference(metrics.get("r2"), y, a, b, [], 0)
    width = exact.high - exact.low
    assert quick != exact
    assert (quick.low, quick.high) == pytest.approx((exact.low, exact.high), abs=0.2 * width)


def test_nan_and_a_score_that_does_not_exist_are_errors() -> None:
    y, a, b = case("accuracy", 0)
    with pytest.raises(MemberFailed, match="NaN or infinity in 60 rows"):
        paired_difference(metrics.get("accuracy"), y, a * np.nan, b, CLASSES, 0)
    with pytest.raises(MemberFailed, match="every class"):
        paired_difference(metrics.get("roc_auc"), y * 0, a, b, CLASSES, 0)


def test_the_sentence_names_the_worse_one() -> None:
    assert Difference(-0.02, -0.03, -0.01, 100).sentence("A", "B") == (
        "A is worse than B (-0.0200, 95 % interval -0.0300 … -0.0100 on 100 rows)"
    )
    assert Difference(0.01, -0.01, 0.03, 100).sentence("A", "B") == (
        "A and B tie (+0.0100, 95 % interval -0.0100 … +0.0300 on 100 rows)"
    )


def test_resamples_of_fewer_rows_give_nearly_the_same_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, a, b = case("f1_macro", 5, 12_000)
    whole = paired_difference(metrics.get("f1_macro"), y, a, b, CLASSES, 0)
    monkeypatch.setattr("pipelines.values.comparison._MOST_DRAWN", 3000)
    drawn = paired_difference(metrics.get("f1_macro"), y, a, b, CLASSES, 0)
    assert drawn.high - drawn.low == pytest.approx(whole.high - whole.low, rel=0.2)
    assert drawn.low != whole.low
