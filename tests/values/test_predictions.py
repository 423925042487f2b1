"""The currency: it comes back from disk as it went, and nothing else passes for it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values.predictions import Predictions, one_hot

PATIENT = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
IDS = st.lists(st.text("가나다abc019 ,-", min_size=1, max_size=6), min_size=1, unique=True)


def made(**changes: Any) -> Predictions:
    content: dict[str, Any] = {
        "name": "models/knn",
        "kind": "probability",
        "oof": np.array([[0.25, 0.75], [np.nan, np.nan], [1, 0]], np.float32),
        "test": np.array([[0.5, 0.5], [0.1, 0.9]], np.float32),
        "test_from": "folds",
        "row_ids": np.array(["1", "02", "서울"]),
        "test_ids": np.array(["x", "y"]),
        "classes": np.array(["cat", "고양이"]),
        "metric": "accuracy",
        "fold_scores": np.array([0.5, 1.0]),
        "folds_hash": "f" * 16,
        "data_hash": "d" * 16,
    }
    return Predictions(**content | changes)


def assert_same(a: Predictions, b: Predictions) -> None:
    for field in fields(Predictions):
        left, right = getattr(a, field.name), getattr(b, field.name)
        assert type(left) is type(right), field.name
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, field.name
            assert left.shape == right.shape, field.name
            assert left.tobytes() == right.tobytes(), field.name
        else:
            assert left == right, field.name


@st.composite
def predictions(draw: st.DrawFn) -> Predictions:
    classes = draw(st.lists(st.text(min_size=1, max_size=4), max_size=4, unique=True))
    classes = [name.replace("\0", "0") for name in classes if name.isprintable()]
    classes = [] if len(classes) < 2 or len({*classes}) < len(classes) else classes
    width = len(classes) or 1
    row_ids, test_ids = draw(IDS), draw(IDS)
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    oof = generator.random((len(row_ids), width), np.float32)
    oof[draw(st.lists(st.integers(0, len(row_ids) - 1)))] = np.nan
    return made(
        kind="probability" if classes else "value",
        oof=oof,
        test=generator.random((len(test_ids), width), np.float32),
        test_from=draw(st.sampled_from(["folds", "refit"])),
        row_ids=np.array(row_ids),
        test_ids=np.array(test_ids),
        classes=np.array(classes),
        metric="accuracy" if classes else "rmse",
        fold_scores=generator.random(draw(st.integers(0, 5))),
    )


@PATIENT
@given(value=predictions())
def test_they_come_back_as_they_went_and_twice_as_the_same_bytes(
    tmp_path: Path, value: Predictions
) -> None:
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    value.save(first)
    found = Predictions.load(first)
    assert_same(found, value)
    found.save(second)
    assert first.read_bytes() == second.read_bytes()


def test_rows_nobody_predicted_stay_nan(tmp_path: Path) -> None:
    made().save(tmp_path / "knn.npz")
    oof = Predictions.load(tmp_path / "knn.npz").oof
    assert np.isnan(oof).all(axis=1).tolist() == [False, True, False]


def test_equal_values_are_equal_bytes_however_they_lie_in_memory(tmp_path: Path) -> None:
    plain = made()
    other = made(
        oof=np.asfortranarray(plain.oof.astype(np.float64)),
        test=plain.test.tolist(),
        row_ids=np.array(["1", "02", "서울", "a far longer id"])[:3],
        test_ids=np.array(["x", "y"], dtype=object),
        classes=("cat", "고양이"),
        fold_scores=[0.5, 1.0],
    )
    assert_same(plain, other)
    plain.save(tmp_path / "a.npz")
    other.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_saving_replaces_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "predictions" / "knn.npz"
    made().save(path)
    made(name="models/cnn").save(path)
    assert Predictions.load(path).name == "models/cnn"
    assert [entry.name for entry in path.parent.iterdir()] == ["knn.npz"]


@pytest.mark.parametrize("part", ["oof", "test"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (3,), (0, 2)])
def test_a_shape_that_does_not_fit_is_named(part: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(MemberFailed, match=rf"models/knn: {part} must have shape \("):
        made(**{part: np.zeros(shape)})


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf, 1e300])
def test_every_test_row_must_be_predicted(hole: float) -> None:
    test = np.array([[0.5, 0.5], [hole, 0.9]])
    with pytest.raises(MemberFailed, match="models/knn: every test row must be predicted"):
        made(test=test)


def test_infinity_is_no_missing_row() -> None:
    with pytest.raises(MemberFailed, match="found infinity in the OOF"):
        made(oof=np.full((3, 2), np.inf))


def without(path: Path, field: str) -> None:
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files if name != field}
    np.savez(path, **kept)


@pytest.mark.parametrize(
    "field", [field.name for field in fields(Predictions) if field.name != "cut"]
)
def test_a_file_that_lacks_a_field_is_refused(tmp_path: Path, field: str) -> None:
    path = tmp_path / "knn.npz"
    made().save(path)
    without(path, field)
    with pytest.raises(UserError, match=rf"knn\.npz must be predictions.*{field}"):
        Predictions.load(path)


def test_damaged_missing_and_pickled_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "knn.npz"
    with pytest.raises(UserError, match="was not found"):
        Predictions.load(path)
    made().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="delete it and rerun"):
        Predictions.load(path)
    np.savez(path, name=np.array([made], dtype=object))
    with pytest.raises(UserError, match="delete it and rerun"):
        Predictions.load(path)


def test_a_file_whose_parts_do_not_fit_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "knn.npz"
    made().save(path)
    with np.load(path) as stored:
        content = {name: stored[name] for name in stored.files}
    np.savez(path, **content | {"row_ids": np.array(["only one"])})
    with pytest.raises(UserError, match="oof must have shape"):
        Predictions.load(path)


def test_labels_are_pooled_only_where_labels_are_judged() -> None:
    assert made().is_pooled
    assert made(kind="label").is_pooled
    assert made(metric="log_loss").is_pooled
    assert not made(kind="label", metric="log_loss").is_pooled
    assert not made(kind="label", metric="roc_auc").is_pooled


@PATIENT
@given(indices=st.lists(st.integers(0, 4), max_size=20))
def test_one_hot_says_which_class(indices: list[int]) -> None:
    matrix = one_hot(np.array(indices, np.int64), 5)
    assert matrix.shape == (len(indices), 5)
    assert matrix.dtype == np.float32
    assert matrix.argmax(axis=1).tolist() == indices
    assert (matrix.sum(axis=1) == 1).all()
