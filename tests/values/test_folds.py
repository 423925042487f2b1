"""What must hold of every split, over drawn data; and what a user reads where none is possible."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.plumbing.errors import UserError
from pipelines.values import folds as fold_files
from pipelines.values.competition import Split
from pipelines.values.folds import ONLY_TRAINS, Folds, inner_validation, make

PATIENT = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PLAIN = Split(kind="plain")
STRATIFIED = Split(kind="stratified")
GROUP = Split(kind="group", group="patient")
STRATIFIED_GROUP = Split(kind="stratified_group", group="patient")
TIME = Split(kind="time", time="day")
N_SPLITS = st.integers(2, 6)
SEEDS = st.integers(0, 2**31 - 1)


@st.composite
def labels(draw: st.DrawFn, n_splits: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class indices in any order, each class as large as the folds need it at least."""
    sizes = draw(st.lists(st.integers(n_splits, 3 * n_splits), min_size=2, max_size=4))
    y = np.repeat(np.arange(len(sizes)), sizes)
    order = draw(st.permutations(range(len(y))))
    return y[list(order)], tuple(f"c{number}" for number in range(len(sizes)))


@st.composite
def moments(draw: st.DrawFn, n_splits: int) -> np.ndarray:
    """Times in any order, up to three rows of one moment, enough moments for every block."""
    counts = draw(st.lists(st.integers(1, 3), min_size=4 * n_splits + 4, max_size=40))
    times = np.repeat(np.cumsum(counts) * 10, counts)
    return np.random.default_rng(draw(SEEDS)).permutation(times)


def check_partition(folds: Folds, n_splits: int) -> None:
    """Every scored row is in exactly one fold; what trains for a fold is not scored in it."""
    parts = [folds.valid_rows(number) for number in range(n_splits)]
    assert all(len(part) for part in parts)
    assert sorted(np.concatenate(parts)) == np.flatnonzero(folds.scored).tolist()
    assert folds.n_splits == n_splits
    for number, part in enumerate(parts):
        train = folds.train_rows(number)
        assert len(train)
        assert not set(train) & set(part)


@PATIENT
@given(data=st.data(), n_splits=N_SPLITS, seed=SEEDS)
def test_stratified_folds_hold_each_class_in_its_share(
    data: st.DataObject, n_splits: int, seed: int
) -> None:
    y, classes = data.draw(labels(n_splits))
    fold = make(STRATIFIED, n_splits, y, seed, classes=classes)
    folds = Folds(fold, is_time=False, hash="")
    check_partition(folds, n_splits)
    assert folds.scored.all()
    for number in range(n_splits):
        found = np.bincount(y[folds.valid_rows(number)], minlength=len(classes))
        assert (np.abs(found - np.bincount(y) / n_splits) < 1).all()
        both = np.concatenate([folds.train_rows(number), folds.valid_rows(number)])
        assert sorted(both) == list(range(len(y)))


@PATIENT
@given(rows=st.integers(12, 60), n_splits=N_SPLITS, seed=SEEDS)
def test_plain_folds_are_of_equal_size(rows: int, n_splits: int, seed: int) -> None:
    fold = make(PLAIN, n_splits, np.linspace(0, 1, rows), seed)
    check_partition(Folds(fold, is_time=False, hash=""), n_splits)
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= 1


@PATIENT
@given(data=st.data(), n_splits=N_SPLITS, seed=SEEDS)
def test_a_group_is_never_split(data: st.DataObject, n_splits: int, seed: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=2 * n_splits, max_size=20))
    groups = np.repeat([f"p{number}" for number in range(len(sizes))], sizes)
    groups = groups[list(data.draw(st.permutations(range(len(groups)))))]
    fold = make(GROUP, n_splits, np.zeros(len(groups)), seed, groups=groups)
    check_partition(Folds(fold, is_time=False, hash=""), n_splits)
    for name in np.unique(groups):
        assert len(np.unique(fold[groups == name])) == 1


@PATIENT
@given(n_splits=st.integers(2, 4), per_class=st.integers(8, 12), seed=SEEDS)
def test_stratified_groups_keep_groups_whole_and_classes_near_their_share(
    n_splits: int, per_class: int, seed: int
) -> None:
    y = np.tile([0, 1, 1], per_class)
    groups = np.repeat([f"p{number:02}" for number in range(per_class)], 3)
    fold = make(STRATIFIED_GROUP, n_splits, y, seed, groups=groups, classes=("a", "b"))
    check_partition(Folds(fold, is_time=False, hash=""), n_splits)
    for name in np.unique(groups):
        assert len(np.unique(fold[groups == name])) == 1
    for number in range(n_splits):
        assert 0.3 < y[fold != number].mean() < 0.9


@PATIENT
@given(data=st.data(), n_splits=N_SPLITS)
def test_time_folds_count_backwards(data: st.DataObject, n_splits: int) -> None:
    times = data.draw(moments(n_splits))
    fold = make(TIME, n_splits, np.zeros(len(times)), 0, times=times)
    folds = Folds(fold, is_time=True, hash="")
    check_partition(folds, n_splits)
    assert times[fold == 0].max() == times.max()
    for number in range(n_splits):
        assert times[folds.train_rows(number)].max() < times[folds.valid_rows(number)].min()
    for moment in np.unique(times):
        assert len(np.unique(fold[times == moment])) == 1
    first = np.flatnonzero(fold == ONLY_TRAINS)
    assert times[first].max() < times[folds.scored].min()
    assert set(first) <= set(folds.train_rows(n_splits - 1))


def test_time_blocks_of_different_moments_are_of_equal_size() -> None:
    times = np.random.default_rng(0).permutation(60).astype(np.float64)
    fold = make(TIME, 5, np.zeros(60), 0, times=times)
    assert np.bincount(fold + 1).tolist() == [10] * 6


def test_without_keeps_one_more_fold_out() -> None:
    folds = Folds(np.array([0, 0, 1, 1, 2, 2]), is_time=False, hash="")
    assert folds.train_rows(1).tolist() == [0, 1, 4, 5]
    assert folds.train_rows(1, without=0).tolist() == [4, 5]
    timed = Folds(np.array([-1, 2, 1, 0]), is_time=True, hash="")
    assert timed.train_rows(0).tolist() == [0, 1, 2]
    assert timed.train_rows(0, without=1).tolist() == [0, 1]


SPLITS: dict[str, tuple[Split, dict[str, Any]]] = {
    "plain": (PLAIN, {}),
    "stratified": (STRATIFIED, {"classes": ("a", "b")}),
    "group": (GROUP, {"groups": np.repeat(np.arange(30), 4).astype(str)}),
    "stratified_group": (
        STRATIFIED_GROUP,
        {"groups": np.repeat(np.arange(30), 4).astype(str), "classes": ("a", "b")},
    ),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_the_seed_decides_and_nothing_else(kind: str) -> None:
    split, more = SPLITS[kind]
    y = np.arange(120) % 2
    first = make(split, 5, y, 1, **more)
    assert np.array_equal(first, make(split, 5, y, 1, **more))
    assert not np.array_equal(first, make(split, 5, y, 2, **more))


def refused(split: Split, n_splits: int, y: np.ndarray, **more: object) -> str:
    with pytest.raises(UserError) as caught:
        make(split, n_splits, y, 0, **more)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_rare_class_is_named_with_what_to_do() -> None:
    y = np.array([0] * 20 + [1] * 3)
    message = refused(STRATIFIED, 5, y, classes=("cat", "dog"))
    assert "class 'dog' has 3 rows" in message
    assert "5 folds" in message
    assert "lower folds.n_splits to 3 or less" in message
    make(STRATIFIED, 3, y, 0, classes=("cat", "dog"))  # the advice works


def test_a_class_of_one_row_gets_no_advice_that_cannot_work() -> None:
    message = refused(STRATIFIED, 2, np.array([0] * 20 + [1]), classes=("cat", "dog"))
    assert "class 'dog' has 1 rows" in message
    assert "take the class out of train" in message
    assert "lower" not in message


def test_too_few_rows_are_counted() -> None:
    message = refused(PLAIN, 5, np.zeros(9))
    assert "5 folds" in message
    assert "found 9 rows" in message


def test_too_few_groups_are_counted() -> None:
    message = refused(GROUP, 5, np.zeros(30), groups=np.repeat(["a", "b", "c"], 10))
    assert "group of 'patient'" in message
    assert "found 3 groups" in message


def test_a_class_within_one_group_can_train_no_model_of_its_fold() -> None:
    y, groups = np.repeat([0, 1, 0], 10), np.repeat(["a", "b", "c"], 10)
    message = refused(GROUP, 3, y, groups=groups, classes=("cat", "dog"))
    assert "have no 'dog'" in message


def test_a_fold_without_rows_is_refused() -> None:
    uneven = Folds(np.array([0, 0, 2, 2]), is_time=False, hash="")
    with pytest.raises(UserError, match="fold 1 has none"):
        fold_files._check_folds(uneven, 3, np.zeros(4), ())


def test_too_few_moments_are_counted() -> None:
    message = refused(TIME, 5, np.zeros(40), times=np.repeat(np.arange(5), 8))
    assert "at least 6 different moments, found 5" in message


def test_a_moment_that_fills_two_blocks_is_refused() -> None:
    times = np.array([0.0] * 50 + [1, 2, 3, 4])
    assert "one moment holds too many rows" in refused(TIME, 4, np.zeros(54), times=times)


def test_a_class_that_comes_late_cannot_be_learned_before() -> None:
    y = np.array([0] * 10 + [1] * 30)
    message = refused(TIME, 3, y, times=np.arange(40.0), classes=("old", "new"))
    assert "fold 2 have no 'new'" in message


def check_split(rows: np.ndarray, fitted: np.ndarray, validation: np.ndarray) -> None:
    assert len(fitted)
    assert len(validation)
    assert sorted([*fitted, *validation]) == sorted(rows)


@PATIENT
@given(data=st.data(), share=st.floats(0.05, 0.5), seed=SEEDS)
def test_validation_rows_are_drawn_evenly_from_the_classes(
    data: st.DataObject, share: float, seed: int
) -> None:
    y, classes = data.draw(labels(4))
    folds = Folds(make(STRATIFIED, 4, y, 0, classes=classes), is_time=False, hash="")
    rows = folds.train_rows(0)
    fitted, validation = inner_validation(folds, rows, share, y, seed, None)
    check_split(rows, fitted, validation)
    assert len(validation) == max(1, round(share * len(rows)))
    wanted = np.bincount(y[rows]) * len(validation) / len(rows)
    assert (np.abs(np.bincount(y[validation], minlength=len(classes)) - wanted) <= 1.5).all()


@PATIENT
@given(data=st.data(), share=st.floats(0.05, 0.5), seed=SEEDS)
def test_validation_groups_are_whole(data: st.DataObject, share: float, seed: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=2, max_size=15))
    groups = np.repeat([f"p{number}" for number in range(len(sizes))], sizes)
    groups = groups[list(data.draw(st.permutations(range(len(groups)))))]
    folds = Folds(np.zeros(len(groups), np.int64), is_time=False, hash="")
    rows = np.arange(len(groups))
    fitted, validation = inner_validation(folds, rows, share, np.zeros(len(rows)), seed, groups)
    check_split(rows, fitted, validation)
    assert not set(groups[fitted]) & set(groups[validation])
    wanted = max(1, round(share * len(rows)))
    assert abs(len(validation) - wanted) <= max(sizes)


@PATIENT
@given(times=moments(3), share=st.floats(0.05, 0.5))
def test_the_latest_rows_validate_and_equal_moments_together(
    times: np.ndarray, share: float
) -> None:
    fold = make(TIME, 3, np.zeros(len(times)), 0, times=times)
    folds = Folds(fold, is_time=True, hash="")
    rows = folds.train_rows(0)
    fitted, validation = inner_validation(folds, rows, share, np.zeros(len(times)), 0, None, times)
    check_split(rows, fitted, validation)
    assert times[fitted].max() < times[validation].min()
    fitted, validation = inner_validation(folds, rows, share, np.zeros(len(times)), 0, None)
    check_split(rows, fitted, validation)
    age = np.where(folds.fold == ONLY_TRAINS, 3, folds.fold)
    assert age[fitted].min() >= age[validation].max(), (
        "without times: no later fold than the validation"
    )


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(30), 3).astype(str)])
def test_watching_follows_the_seed(groups: np.ndarray | None) -> None:
    y = np.arange(90) % 3
    folds = Folds(np.repeat(np.arange(30), 3) % 5, is_time=False, hash="")
    rows = folds.train_rows(2)
    first = inner_validation(folds, rows, 0.2, y, 1, groups)[1]
    assert first.tolist() == inner_validation(folds, rows, 0.2, y, 1, groups)[1].tolist()
    assert first.tolist() != inner_validation(folds, rows, 0.2, y, 2, groups)[1].tolist()


def test_one_group_cannot_validate_and_be_fitted() -> None:
    folds = Folds(np.zeros(8, np.int64), is_time=False, hash="")
    with pytest.raises(UserError, match="holds all 8: set validation: 0 under train"):
        inner_validation(folds, np.arange(8), 0.2, np.zeros(8), 0, np.array(["a"] * 8))


ROW_IDS = np.array(["1", "02", "서울 3", 'a"b', "c,d", "-1"])


def test_the_fold_file_comes_back_as_it_went(tmp_path: Path) -> None:
    fold = np.array([0, 1, 2, 0, 1, -1])
    fold_files.save(tmp_path / "folds.csv", ROW_IDS, fold)
    found = fold_files.load(tmp_path / "folds.csv", ROW_IDS, TIME)
    assert found.fold.tolist() == fold.tolist()
    assert found.is_time
    assert found.hash == fold_files.hash_of(ROW_IDS, fold)
    assert not fold_files.load(tmp_path / "folds.csv", ROW_IDS, PLAIN).is_time


def test_the_hash_sees_ids_and_folds() -> None:
    fold = np.array([0, 1, 2, 0, 1, -1])
    hashes = {
        fold_files.hash_of(ROW_IDS, fold),
        fold_files.hash_of(ROW_IDS[::-1], fold),
        fold_files.hash_of(ROW_IDS, fold[::-1]),
    }
    assert len(hashes) == 3


def test_a_fold_file_of_other_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    fold_files.save(path, ROW_IDS, np.zeros(6, np.int64))
    for ids in (ROW_IDS[:5], ROW_IDS[::-1]):
        with pytest.raises(UserError, match="exactly the training rows in order: delete it"):
            fold_files.load(path, ids, PLAIN)
    with pytest.raises(UserError, match="was not found"):
        fold_files.load(tmp_path / "none.csv", ROW_IDS, PLAIN)


@pytest.mark.parametrize("column", [["0", "1", ""], ["0", "x", "1"], ["0", "2", "2"],
                                    ["0", "1", "-2"], ["0", "1", "0.5"], ["-1", "-1", "-1"]])  # fmt: skip
def test_what_is_no_fold_is_refused(tmp_path: Path, column: list[str]) -> None:
    path = tmp_path / "folds.csv"
    lines = [f"r{number},{value}" for number, value in enumerate(column)]
    path.write_text("\n".join(["id,fold", *lines]) + "\n")
    with pytest.raises(UserError, match="must number its folds 0, 1, 2"):
        fold_files.load(path, np.array(["r0", "r1", "r2"]), PLAIN)
