"""A submission that is right comes through; each way to spoil it is refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.plumbing.errors import UserError
from pipelines.values import submission
from pipelines.values.competition import Competition
from pipelines.values.predictions import Predictions, one_hot

PATIENT = settings(max_examples=40, deadline=None)
IDS = ["r1", "02", "서울", "r,4", "r5", "r6"]
CLASSES = ("01", "고양이", "dog")
SPLIT = {"kind": "plain"}


def competition(metric: str, task: str = "classification", **changes: Any) -> Competition:
    content: dict[str, Any] = {
        "name": "tiny", "title": "Tiny", "task": task, "metric": metric, "id_column": "id",
        "target": "label", "split": SPLIT, "source": {"platform": "bundled"},
    }  # fmt: skip
    return Competition(**content | changes)


def predictions(matrix: np.ndarray, ids: list[str], classes: tuple[str, ...] = ()) -> Predictions:
    width = len(classes) or 1
    return Predictions(
        "models/knn", "probability" if classes else "value", np.zeros((0, width)), matrix, "folds",
        np.array([], dtype=np.str_), np.array(ids), np.array(classes, dtype=np.str_), "accuracy",
        np.zeros(0), "", "",
    )  # fmt: skip


LABELS = competition("accuracy")
LABEL_SAMPLE = pd.DataFrame({"id": IDS, "label": "dog"})
BINARY = competition("roc_auc")
BINARY_SAMPLE = pd.DataFrame({"id": IDS, "label": 0.5})
MANY = competition("log_loss")
MANY_SAMPLE = pd.DataFrame({"id": IDS, "Status_dog": 0.0, "Status_01": 0.0, "고양이": 1.0})
VALUES = competition("rmsle", "regression")
VALUE_SAMPLE = pd.DataFrame({"id": IDS, "label": 0})


def matrix(width: int) -> np.ndarray:
    drawn = np.random.default_rng(1).random((len(IDS), width), np.float32) + 0.1
    return drawn / drawn.sum(axis=1, keepdims=True) if width > 1 else drawn


def valid(asked: Competition, sample: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    width = {"roc_auc": 2, "rmsle": 1}.get(asked.metric, 3)
    names = classes if asked.task == "classification" else ()
    return submission.build(asked, sample, predictions(matrix(width), IDS, names))


KINDS = {
    "labels": (LABELS, LABEL_SAMPLE, CLASSES),
    "binary": (BINARY, BINARY_SAMPLE, CLASSES[:2]),
    "many": (MANY, MANY_SAMPLE, CLASSES),
    "values": (VALUES, VALUE_SAMPLE, ()),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@PATIENT
@given(order=st.permutations(range(len(IDS))))
def test_the_sample_decides_the_order(kind: str, order: list[int]) -> None:
    asked, sample, classes = KINDS[kind]
    plain = valid(asked, sample, classes)
    width = {"roc_auc": 2, "rmsle": 1}.get(asked.metric, 3)
    shuffled = predictions(matrix(width)[order], [IDS[row] for row in order], classes)
    pd.testing.assert_frame_equal(submission.build(asked, sample, shuffled), plain)
    assert plain["id"].tolist() == IDS
    assert list(plain.columns) == list(sample.columns)


def test_labels_are_the_likeliest_classes() -> None:
    rows = one_hot(np.array([0, 1, 2, 2, 1, 0]), 3) * 0.4 + 0.2
    frame = submission.build(LABELS, LABEL_SAMPLE, predictions(rows, IDS, CLASSES))
    assert frame["label"].tolist() == ["01", "고양이", "dog", "dog", "고양이", "01"]


def test_each_class_finds_its_column() -> None:
    rows = matrix(3)
    frame = submission.build(MANY, MANY_SAMPLE, predictions(rows, IDS, CLASSES))
    for column, place in (("Status_01", 0), ("고양이", 1), ("Status_dog", 2)):
        np.testing.assert_array_equal(frame[column], rows[:, place].astype(np.float64))


def test_a_column_names_its_class_by_value() -> None:
    sample = pd.DataFrame({"id": IDS, "Class_1": 0.0, "Class_0": 0.0})
    frame = submission.build(MANY, sample, predictions(matrix(2), IDS, ("0.0", "1.0")))
    np.testing.assert_array_equal(frame["Class_1"], matrix(2)[:, 1].astype(np.float64))


def test_of_two_classes_that_end_alike_a_column_names_the_longer() -> None:
    sample = pd.DataFrame({"id": IDS, "p_spam": 0.5, "p_not_spam": 0.5})
    frame = submission.build(MANY, sample, predictions(matrix(2), IDS, ("not_spam", "spam")))
    np.testing.assert_array_equal(frame["p_spam"], matrix(2)[:, 1].astype(np.float64))


def test_labels_are_taken_by_value_and_spelled_as_the_classes() -> None:
    sample = pd.DataFrame({"id": IDS, "label": "0"})
    frame = sample.assign(label=["1.0", "0", "1", "0.0", "0", "0"])
    ordered = submission.in_form(LABELS, frame, sample, ("0", "1"))
    assert ordered["label"].tolist() == ["1", "0", "1", "0", "0", "0"]
    found, kind = submission.matrix_of(LABELS, ordered, ("0", "1"))
    assert (found.argmax(axis=1).tolist(), kind) == ([1, 0, 1, 0, 0, 0], "label")


@every_kind
def test_a_submission_says_what_was_predicted(kind: str) -> None:
    asked, sample, classes = KINDS[kind]
    frame = submission.in_form(asked, valid(asked, sample, classes), sample, classes)
    said, _ = submission.matrix_of(asked, frame, classes)
    predicted = matrix({"roc_auc": 2, "rmsle": 1}.get(asked.metric, 3))
    if kind == "labels":
        predicted = one_hot(predicted.argmax(axis=1), 3)
    np.testing.assert_allclose(said, predicted, atol=1e-6)


def test_a_class_is_not_mistaken_for_another_one_that_ends_like_it() -> None:
    sample = pd.DataFrame({"id": IDS, "Class_11": 0.0, "Class_1": 0.0})
    frame = submission.build(MANY, sample, predictions(matrix(2), IDS, ("1", "11")))
    np.testing.assert_array_equal(frame["Class_1"], matrix(2)[:, 0].astype(np.float64))


def test_one_column_holds_the_last_classs_probability() -> None:
    frame = submission.build(BINARY, BINARY_SAMPLE, predictions(matrix(2), IDS, CLASSES[:2]))
    np.testing.assert_array_equal(frame["label"], matrix(2)[:, 1].astype(np.float64))


@pytest.mark.parametrize(
    "columns", [["Status_01", "Status_cat", "고양이"], ["Status_01", "01", "dog"], ["01", "dog"]]
)
def test_columns_that_are_not_the_classes_are_refused(columns: list[str]) -> None:
    sample = pd.DataFrame({"id": IDS, **dict.fromkeys(columns, 0.0)})
    with pytest.raises(UserError, match="the sample must"):
        submission.build(MANY, sample, predictions(matrix(3), IDS, CLASSES))


def test_one_column_cannot_hold_three_probabilities() -> None:
    with pytest.raises(UserError, match="a column per class for roc_auc, found one"):
        submission.build(BINARY, BINARY_SAMPLE, predictions(matrix(3), IDS, CLASSES))


def test_an_id_that_nobody_predicted_is_named() -> None:
    lacking = [name for name in IDS if name != "서울"]
    rows = predictions(matrix(3)[:5], lacking, CLASSES)
    with pytest.raises(UserError, match=r"found 1 without.*'서울'"):
        submission.build(LABELS, LABEL_SAMPLE, rows)


@every_kind
def test_a_valid_one_comes_back_from_its_csv(tmp_path: Path, kind: str) -> None:
    asked, sample, classes = KINDS[kind]
    frame = valid(asked, sample, classes)
    submission.save(tmp_path / "sub.csv", frame)
    found = submission.read(tmp_path / "sub.csv", asked)
    checked = submission.validate(asked, found, sample, classes)
    pd.testing.assert_frame_equal(checked, frame, check_dtype=False)
    submission.save(tmp_path / "again.csv", checked)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "sub.csv").read_bytes()


def test_labels_keep_their_spelling_under_another_column_name(tmp_path: Path) -> None:
    asked = competition("accuracy", target="label")
    sample = pd.DataFrame({"id": IDS, "Label": "02"})
    (tmp_path / "sub.csv").write_text("id,Label\n" + "".join(f'"{name}",01\n' for name in IDS))
    found = submission.read(tmp_path / "sub.csv", asked)
    assert submission.validate(asked, found, sample, ("01", "02"))["Label"].tolist() == ["01"] * 6


@every_kind
@PATIENT
@given(order=st.permutations(range(len(IDS))))
def test_rows_in_another_order_are_put_in_order(kind: str, order: list[int]) -> None:
    asked, sample, classes = KINDS[kind]
    frame = valid(asked, sample, classes)
    checked = submission.validate(asked, frame.iloc[order], sample, classes)
    pd.testing.assert_frame_equal(checked, frame)


def set_cell(frame: pd.DataFrame, value: str | float) -> pd.DataFrame:
    spoiled = frame.copy()
    column = spoiled.columns[-1]
    spoiled[column] = spoiled[column].astype(object)
    spoiled.loc[2, column] = value
    return spoiled if isinstance(value, str) else spoiled.infer_objects()


Spoil = Callable[[pd.DataFrame], pd.DataFrame]
ANYWHERE: dict[str, tuple[Spoil, str]] = {
    "dropped row": (lambda f: f.drop(index=2), r"found 5: 1 missing \['서울'\]"),
    "duplicate id": (lambda f: pd.concat([f, f.iloc[[1]]]), "must occur once, found '02' again"),
    "unknown id": (
        lambda f: f.assign(id=[*IDS[:5], "r7"]), r"1 missing \['r6'\], 1 unknown \['r7'\]",
    ),
    "one row more": (
        lambda f: pd.concat([f, f.iloc[[1]].assign(id="r7")]), r"0 missing \[\], 1 unknown \['r7'\]",
    ),
    "id spelled otherwise": (lambda f: f.assign(id=["r1", "2", *IDS[2:]]), r"unknown \['2'\]"),
    "missing id": (lambda f: f.assign(id=[*IDS[:5], np.nan]), "1 unknown"),
    "NaN": (lambda f: set_cell(f, np.nan), "1 rows with missing values.*'서울'"),
    "wrong column": (lambda f: f.rename(columns={f.columns[-1]: "wrong"}), "columns must be .*wrong"),
    "swapped columns": (lambda f: f[[f.columns[-1], *f.columns[:-1]]], "rename or reorder"),
    "extra column": (lambda f: f.assign(index=1), "columns must be"),
    "no rows": (lambda f: f.iloc[:0], "found 0: 6 missing"),
}  # fmt: skip


@every_kind
@pytest.mark.parametrize("how", ANYWHERE)
def test_what_is_wrong_is_named(kind: str, how: str) -> None:
    asked, sample, classes = KINDS[kind]
    spoil, message = ANYWHERE[how]
    with pytest.raises(UserError, match=message):
        submission.validate(asked, spoil(valid(asked, sample, classes)), sample, classes)


@every_kind
def test_the_untouched_sample_is_refused(tmp_path: Path, kind: str) -> None:
    asked, sample, classes = KINDS[kind]
    resaved = sample.copy()
    for column in sample.columns[1:]:
        if kind != "labels":
            resaved[column] = sample[column].astype(float)
    with pytest.raises(UserError, match="this is the sample"):
        submission.validate(asked, resaved.iloc[::-1], sample, classes)


OF_A_KIND: dict[str, tuple[str, Any, str]] = {
    "unknown label": ("labels", "cat", r"labels must occur in training \(01, 고양이, dog\), found \['cat'\]"),
    "probabilities for labels": ("labels", [0.1, 0.9, 0.4, 0.8, 0.2, 0.3], "given labels .*numbers such as 0.1"),
    "labels as floats": ("labels", [1.0, 2.0, 1.0, 2.0, 1.0, 2.0], r"must occur in training .*found \['2.0'\]: spell"),
    "labels for probabilities": ("binary", [0, 1, 1, 0, 1, 0], "found only 0 and 1: submit probabilities"),
    "words for probabilities": ("binary", "dog", "roc_auc must be given numbers, found text"),
    "above 1": ("binary", 1.5, r"must lie in 0 … 1, found .* 1\.5"),
    "below 0": ("many", -0.25, r"must lie in 0 … 1, found -0\.25"),
    "infinite": ("values", np.inf, "finite numbers, found infinity"),
    "negative for rmsle": ("values", -3.0, "rmsle must be given 0 or more, found -3"),
    "words for values": ("values", "many", "rmsle must be given numbers, found text in 'label'"),
}  # fmt: skip


@pytest.mark.parametrize("how", OF_A_KIND)
def test_values_of_the_wrong_kind_are_named(how: str) -> None:
    kind, value, message = OF_A_KIND[how]
    asked, sample, classes = KINDS[kind]
    frame = valid(asked, sample, classes)
    spoiled = frame.assign(label=value) if isinstance(value, list) else set_cell(frame, value)
    with pytest.raises(UserError, match=message):
        submission.validate(asked, spoiled, sample, classes)


def test_every_refusal_says_what_to_do() -> None:
    for spoil, _ in ANYWHERE.values():
        with pytest.raises(UserError) as caught:
            submission.validate(
                LABELS, spoil(valid(LABELS, LABEL_SAMPLE, CLASSES)), LABEL_SAMPLE, CLASSES
            )
        must, _, found = str(caught.value).partition("found")
        assert "must" in must
        assert ": " in found, caught.value
