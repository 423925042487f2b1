"""The public and the private half of a hidden solution."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.platforms import draw_usage


@given(target=st.lists(st.sampled_from("abc"), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_every_class_is_halved(target: list[str], seed: int) -> None:
    usage = draw_usage(np.array(target), seed)
    counts = Counter(zip(target, usage.tolist(), strict=True))
    assert set(usage.tolist()) <= {"Public", "Private"}
    assert abs((usage == "Public").sum() - (usage == "Private").sum()) <= 1
    for label in set(target):
        # A pair may reach across each end of a class.
        assert abs(counts[label, "Public"] - counts[label, "Private"]) <= 2


@given(st.integers(0, 99))
def test_values_are_spread_evenly(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=50)
    is_public = draw_usage(values, seed) == "Public"
    assert is_public[np.argsort(values)].reshape(25, 2).sum(axis=1).tolist() == [1] * 25


def test_the_seed_decides_and_the_order_does_not_show() -> None:
    target = np.repeat(["a", "b"], 100)
    first = draw_usage(target, 0)
    np.testing.assert_array_equal(first, draw_usage(target, 0))
    assert (first != draw_usage(target, 1)).any()
    flips = (first[1:] != first[:-1]).mean()
    assert 0.35 < flips < 0.65
