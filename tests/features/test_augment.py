import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from features.augment import Augmenter
from pipelines.plumbing.errors import MemberFailed


def digits(n: int = 40) -> np.ndarray:
    return (load_digits().images[:n, ..., None] / 16).astype(np.float32)


def centres(X: np.ndarray) -> np.ndarray:
    """Centre of mass (x, y) of each picture, in pixels."""
    y, x = np.mgrid[: X.shape[1], : X.shape[2]]
    mass = X[..., 0].sum(axis=(1, 2))
    return np.stack([(X[..., 0] * axis).sum(axis=(1, 2)) / mass for axis in (x, y)], axis=1)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(0, 4), st.integers(2, 12), st.integers(2, 12), st.sampled_from([1, 3])),
    st.floats(0, 1),
    st.integers(0, 2**31 - 1),
)
def test_shape_type_range_and_bytes_are_kept(shape, strength, seed):
    X = np.random.default_rng(1).random(shape, dtype=np.float32)
    before = X.tobytes()
    moved = Augmenter(strength, seed)(X)
    assert (moved.shape, moved.dtype) == (X.shape, X.dtype)
    assert moved.min(initial=0) >= 0
    assert moved.max(initial=0) <= 1
    assert X.tobytes() == before
    assert Augmenter(strength, seed)(X).tobytes() == moved.tobytes()


def test_a_part_of_the_rows_moves_as_in_the_whole():
    whole, augment = Augmenter(0.7, seed=3)(digits()), Augmenter(0.7, seed=3)
    parts = [augment(digits()[first : first + 16], first) for first in (0, 16, 32)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_calling_twice_gives_the_same_bytes():
    augment = Augmenter(0.5, seed=3)
    assert augment(digits()).tobytes() == augment(digits()).tobytes()


def test_strength_0_returns_the_input_itself():
    X = digits()
    assert Augmenter(0, seed=3)(X) is X


def test_another_seed_gives_other_pictures():
    assert not np.array_equal(Augmenter(0.5, 3)(digits()), Augmenter(0.5, 4)(digits()))


def test_every_row_gets_a_map_of_its_own_that_does_not_hang_on_the_others():
    same = np.repeat(digits(1), 30, axis=0)
    moved = Augmenter(0.5, seed=3)(same)
    assert len(np.unique(moved.reshape(30, -1), axis=0)) == 30
    np.testing.assert_array_equal(Augmenter(0.5, seed=3)(same[:7]), moved[:7])


def test_more_strength_moves_more():
    X = digits()
    change = [np.abs(Augmenter(strength, 3)(X) - X).mean() for strength in (0.1, 0.4, 1.0)]
    assert 0 < change[0] < change[1] < change[2]


def test_tiny_pictures_shift_by_parts_of_a_pixel():
    y, x = np.mgrid[:8, :8] - 3.5
    blob = np.exp(-(x**2 + y**2) / 2).astype(np.float32)
    X = np.repeat(blob[None, ..., None], 300, axis=0)
    shift = np.abs(centres(Augmenter(1, seed=3)(X)) - centres(X))
    assert shift.max() < 1.0
    assert 0.3 < shift.mean() < 0.5  # uniform in ± 0.8; whole pixels only would give 0


def test_the_edge_is_continued_so_a_plain_picture_stays_plain():
    X = np.full((20, 8, 8, 3), 0.7, dtype=np.float32)
    np.testing.assert_allclose(Augmenter(1, seed=3)(X), X, atol=1e-5)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_0_to_1_is_refused(strength):
    with pytest.raises(MemberFailed, match=r"must lie in 0 … 1, found .*params.yaml"):
        Augmenter(strength, seed=3)
