import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.image import Pixels
from pipelines.plumbing.errors import MemberFailed

SHAPES = st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]))


@given(arrays(np.uint8, SHAPES))
def test_scaling_keeps_every_pixel_and_fits_0_to_1(X):
    scaled = Pixels(255).transform(X)
    assert scaled.shape == X.shape
    assert scaled.min(initial=0) >= 0
    assert scaled.max(initial=0) <= 1
    np.testing.assert_array_equal(np.rint(scaled * 255).astype(np.uint8), X)


@given(arrays(np.uint8, SHAPES), st.sampled_from([16.0, 255.0]))
def test_whole_numbers_and_floats_of_one_value_give_equal_bytes(X, maximum):
    pixels = Pixels(maximum)
    assert pixels.transform(X).tobytes() == pixels.transform(X.astype(np.float32)).tobytes()


def test_vector_runs_row_by_row_channels_last():
    X = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    vector = Pixels(1, "vector").transform(X)
    np.testing.assert_array_equal(vector, np.arange(36, dtype=np.float32).reshape(2, 18))


@pytest.mark.parametrize("X", [np.zeros((3, 64)), pd.DataFrame({"pixel0": [1]})])
def test_what_is_no_stack_of_pictures_is_refused(X):
    with pytest.raises(
        MemberFailed, match=r"must have shape \(n, height, width, channels\), found"
    ):
        Pixels().fit(X)
    with pytest.raises(MemberFailed, match="correct `image:`"):
        Pixels().transform(X)
