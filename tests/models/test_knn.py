"""kNN: votes, ties, and that one long search answers every shorter one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from pipelines.models import Job, knn
from pipelines.models.knn import KNearestNeighbours, Params, count_votes, vote_weights

CLASSES = Job(width=10, is_classification=True, seed=0)
VALUES = Job(width=1, is_classification=False, seed=0)


def votes(labels: list[int], voting: str, n_classes: int = 2) -> np.ndarray:
    """Votes of neighbours at distances 1, 2, 3 … with these labels, before the tie-break is seen."""
    distances = np.arange(1.0, len(labels) + 1)[None]
    return count_votes(np.array([labels]), vote_weights(distances, voting), n_classes)[0]


def test_inverted_index_keeps_near_neighbours_in_charge_at_large_k() -> None:
    """Red has the ranks 1 2 3 4 6: a plain vote of 11 flips to green, an inverted-index vote does not."""
    red, green = 0, 1
    seven = [red, red, red, red, green, red, green]
    eleven = [*seven, green, green, green, green]
    weights = vote_weights(np.ones((1, 11)), "inverted_index")[0]
    assert weights[[0, 1, 2, 3, 5]].sum() == pytest.approx(2.25)
    assert weights[[4, 6]].sum() == pytest.approx(0.343, abs=5e-4)
    assert weights[[4, 6, 7, 8, 9, 10]].sum() == pytest.approx(0.770, abs=5e-4)
    winners = [
        votes(ranks, voting).argmax()
        for voting in ("uniform", "inverted_index")
        for ranks in (seven, eleven)
    ]
    assert winners == [red, green, red, red]


@pytest.mark.parametrize("voting", ["uniform", "inverted_index"])
def test_a_tie_goes_to_the_class_of_the_nearest(voting: str) -> None:
    assert votes([2, 0, 1], "uniform", 3).argmax() == 2
    assert votes([1, 0, 0, 1], "uniform").argmax() == 1
    assert votes([1, 0], voting).argmax() == 1


def test_a_neighbour_at_distance_zero_decides_alone() -> None:
    weights = vote_weights(np.array([[0.0, 0.0, 1.0], [1.0, 2.0, 4.0]]), "distance")
    assert weights.tolist() == [[1, 1, 0], [1, 0.5, 0.25]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 10_000))
def test_votes_are_probabilities_and_only_ties_differ_from_the_plain_count(
    k: int, n: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, n, (20, k))
    found = count_votes(labels, np.ones(labels.shape), n)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    for row, counted in zip(labels, found, strict=True):
        counts = np.bincount(row, minlength=n)
        winners = np.flatnonzero(counts == counts.max())
        assert counted.argmax() == next(label for label in row if label in winners)


@pytest.mark.parametrize("voting", ["uniform", "distance"])
def test_agrees_with_scikit_learn_where_there_is_no_tie(voting: str) -> None:
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    ours = (
        KNearestNeighbours(Params(k=5, voting=voting), CLASSES)
        .fit(X[:1200], y[:1200], None)
        .predict(X[1200:])
    )
    theirs = (
        KNeighborsClassifier(5, weights=voting, algorithm="brute")
        .fit(X[:1200], y[:1200])
        .predict_proba(X[1200:])
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_regression_is_the_weighted_mean() -> None:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(80, 3)).astype(np.float32), generator.normal(size=80)
    ours = (
        KNearestNeighbours(Params(k=4, voting="distance"), VALUES)
        .fit(X[:60], y[:60], None)
        .predict(X[60:])
    )
    theirs = KNeighborsRegressor(4, weights="distance").fit(X[:60], y[:60]).predict(X[60:])
    np.testing.assert_allclose(ours[:, 0], theirs, rtol=1e-4)


def test_the_rule_of_thumb_is_the_root_of_the_rows_and_k_never_exceeds_them() -> None:
    X = np.arange(10, dtype=np.float32)[:, None]
    assert KNearestNeighbours(Params(k="sqrt"), VALUES).fit(X, X[:, 0], None).k == 3
    assert KNearestNeighbours(Params(k=40), VALUES).fit(X, X[:, 0], None).k == 10


def test_one_search_serves_every_k_of_the_search_space(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    search = knn._brute_force
    monkeypatch.setattr(knn, "_brute_force", lambda *a: asked.append(a[2]) or search(*a))
    X = np.random.default_rng(3).normal(size=(150, 2)).astype(np.float32)
    y = np.arange(150) % 10
    for k in (7, 3, 50, 9, 1):
        KNearestNeighbours(Params(k=k), CLASSES).fit(X[:120], y[:120], None).predict(X[120:])
        wanted = (
            KNeighborsClassifier(k, algorithm="brute").fit(X[:120], y[:120]).kneighbors(X[120:])[1]
        )
        np.testing.assert_array_equal(knn._search(X[:120], X[120:], k, CLASSES)[1], wanted)
    assert asked == [64]


@pytest.mark.parametrize("k", [1, 5, 20])
def test_of_rows_at_one_distance_the_earlier_is_nearer_whatever_was_asked_before(k: int) -> None:
    """Few different points: nearly every distance occurs many times, also around the k-th neighbour."""
    X = np.random.default_rng(k).integers(0, 2, (60, 3)).astype(np.float32)
    rows, queries = X[:40], X[40:]
    distance = np.sqrt(((queries[:, None] - rows[None]) ** 2).sum(axis=2))
    wanted = np.lexsort((np.broadcast_to(np.arange(40), distance.shape), distance), axis=1)[:, :k]
    for before in (1, 30):
        knn._kept.clear()
        knn._search(rows, queries, before, CLASSES)
        np.testing.assert_array_equal(knn._search(rows, queries, k, CLASSES)[1], wanted)
