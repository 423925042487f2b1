"""What models take: from a dataset's X to what a model takes."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import features
from pipelines.plumbing.errors import MemberFailed
from pipelines.values.competition import Image

DIGITS = Image(height=8, width=8, maximum=16)


def test_pictures_as_image_and_as_vector():
    X = load_digits().images[:50].astype(np.uint8)[..., None]
    image = features.pictures(DIGITS).fit_transform(X)
    vector = features.vectors(DIGITS).fit_transform(X)
    assert image.shape == (50, 8, 8, 1)
    assert image.max() == 1.0  # 16 is white here
    np.testing.assert_array_equal(vector, load_digits().data[:50].astype(np.float32) / 16)


def test_table_as_vector():
    table = pd.DataFrame({"a": [1.0, 2.0, None], "b": ["x", "y", "x"]})
    vector = features.vectors(None).fit_transform(table)
    assert vector.shape == (3, 4)  # a, where a was missing, b = x, b = y


def test_table_as_image_says_which_models_suit():
    with pytest.raises(MemberFailed, match=r"must have pictures.*such as knn.*`image:`"):
        features.pictures(None)


def test_importing_the_rooms_loads_no_heavy_library():
    code = (
        "import sys, features, features.augment, pipelines.training.pictures, pipelines.training.profile;"
        "print([m for m in ('albumentations', 'cv2', 'matplotlib', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
