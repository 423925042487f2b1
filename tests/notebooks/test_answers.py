"""Which CSV is the answer, and what is wrong with the others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.notebooks import answers
from pipelines.plumbing.errors import MemberFailed
from pipelines.values import competition as competitions
from pipelines.values.competition import Competition
from tests.conftest import Workshop

CLASSES = ("0", "1")
SAMPLE = pd.DataFrame({"id": ["a", "b", "c"], "label": ["0", "0", "0"]})
GOOD = pd.DataFrame({"id": ["c", "a", "b"], "label": [1, 0, 1]})


@pytest.fixture
def labels(workshop: Workshop) -> Competition:
    return competitions.load("tiny")


@pytest.fixture
def probabilities(workshop: Workshop) -> Competition:
    workshop.write_competition(metric="log_loss")
    return competitions.load("tiny")


@pytest.fixture
def working(tmp_path: Path) -> Path:
    folder = tmp_path / "working"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, table: pd.DataFrame, **how: object) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / name, index=False, **how)


@pytest.mark.parametrize("name", ["submission.csv", "my best.CSV", "out/제출.csv"])
def test_any_name_will_do_and_rows_come_in_the_samples_order(
    labels: Competition, working: Path, name: str
) -> None:
    write(working, name, GOOD)
    write(working, "features.csv", pd.DataFrame({"x": [1.5]}))
    found = answers.find(working, labels, SAMPLE, CLASSES)
    assert (found.output, found.kind) == (name, "label")
    assert found.matrix.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert found.matrix.dtype == np.float32


def test_labels_spelled_as_floats_are_the_same_labels(labels: Competition, working: Path) -> None:
    write(working, "s.csv", GOOD.assign(label=GOOD["label"].astype(float)))
    assert answers.find(working, labels, SAMPLE, CLASSES).frame["label"].tolist() == [
        "0",
        "1",
        "1",
    ]


def test_a_copy_of_the_sample_beside_the_answer_is_no_second_answer(
    labels: Competition, working: Path
) -> None:
    write(working, "a_sample.csv", SAMPLE)
    write(working, "z.csv", GOOD)
    assert answers.find(working, labels, SAMPLE, CLASSES).output == "z.csv"


def test_the_same_answer_twice_is_one(labels: Competition, working: Path) -> None:
    write(working, "a.csv", GOOD)
    write(working, "b.csv", GOOD.sort_values("id"))
    assert answers.find(working, labels, SAMPLE, CLASSES).output == "a.csv"


def test_of_two_that_fit_kernel_yaml_decides(labels: Competition, working: Path) -> None:
    write(working, "a.csv", GOOD)
    write(working, "b.csv", GOOD.assign(label=1))
    with pytest.raises(MemberFailed, match=r"a\.csv, b\.csv.*output: a\.csv"):
        answers.find(working, labels, SAMPLE, CLASSES)
    assert answers.find(working, labels, SAMPLE, CLASSES, "b.csv").output == "b.csv"
    with pytest.raises(MemberFailed, match=r"output: c\.csv.*a\.csv, b\.csv"):
        answers.find(working, labels, SAMPLE, CLASSES, "c.csv")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (None, "wrote no CSV"),
        (GOOD.rename(columns={"label": "target"}), "has the columns .*target"),
        (GOOD.iloc[:2], "has 2 rows"),
        (GOOD.assign(id=["a", "b", "x"]), "other ids .*'x'"),
        (GOOD.assign(id=["a", "b", "b"]), "other ids"),
        (GOOD.assign(label=[1, None, 0]), "1 rows with missing values"),
        (GOOD.assign(label=[1, 7, 0]), "labels must occur in training"),
        (GOOD.assign(label=[0.2, 0.3, 1.9]), "no probabilities"),
    ],
)
def test_what_does_not_fit_is_said(
    labels: Competition, working: Path, table: pd.DataFrame | None, complaint: str
) -> None:
    if table is not None:
        write(working, "s.csv", table)
    with pytest.raises(MemberFailed, match=complaint):
        answers.find(working, labels, SAMPLE, CLASSES)


def test_probabilities_are_taken_as_such(probabilities: Competition, working: Path) -> None:
    write(working, "s.csv", GOOD.assign(label=[0.25, 0.5, 1.0]))
    found = answers.find(working, probabilities, SAMPLE.assign(label=0.5), CLASSES)
    assert found.kind == "probability"
    assert found.matrix.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.75, 0.25]]


@pytest.mark.parametrize(
    "answer",
    [
        GOOD.assign(label=[0.75, 0.5, 1]),
        GOOD.drop(columns="label").assign(p_1=[0.75, 0.5, 1.0], p_0=[0.25, 0.5, 0.0]),
    ],
)
def test_probabilities_where_labels_are_asked_are_graded_by_the_likeliest_class(
    labels: Competition, working: Path, answer: pd.DataFrame
) -> None:
    write(working, "s.csv", answer)
    found = answers.find(working, labels, SAMPLE, CLASSES)
    assert found.kind == "probability"
    assert found.matrix.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.25, 0.75]]
    assert found.frame.to_dict("list") == {"id": ["a", "b", "c"], "label": ["0", "1", "1"]}


def test_of_many_classes_probabilities_have_a_column_each(
    labels: Competition, working: Path
) -> None:
    three = ("x", "y", "z")
    table = pd.DataFrame(
        {"id": ["c", "b", "a"], "z": [0.1, 0.2, 0.7], "x": [0.8, 0, 0], "y": [0.1, 0.8, 0.3]}
    )
    write(working, "chances.csv", table)
    found = answers.find(working, labels, SAMPLE.assign(label="x"), three)
    assert found.frame["label"].tolist() == ["z", "y", "x"]
    np.testing.assert_allclose(found.matrix[0], [0, 0.3, 0.7], rtol=1e-6)
    write(working, "labels.csv", SAMPLE.assign(label="y"))  # what has the sample's form goes first
    assert answers.find(working, labels, SAMPLE.assign(label="x"), three).output == "labels.csv"


def test_a_file_beside_the_working_folder_counts(labels: Competition, working: Path) -> None:
    beside = working.parent / "output"
    write(beside, "s.csv", GOOD)
    found = answers.find(working, labels, SAMPLE, CLASSES, beside=beside)
    assert found.output == "../output/s.csv"
    named = answers.find(working, labels, SAMPLE, CLASSES, "../output/s.csv", beside)
    assert named.frame.equals(found.frame)


def test_labels_where_probabilities_are_asked_are_graded_as_labels(
    probabilities: Competition, working: Path
) -> None:
    write(working, "s.csv", GOOD)
    found = answers.find(working, probabilities, SAMPLE.assign(label=0.5), CLASSES)
    assert found.kind == "label"


def test_a_column_per_class_may_come_in_any_order(
    probabilities: Competition, working: Path
) -> None:
    sample = pd.DataFrame({"id": ["a", "b"], "p_z": 0.3, "p_x": 0.3, "p_y": 0.3})
    write(working, "s.csv", sample.assign(p_z=[2.0, 0.1], p_x=[1.0, 0.1], p_y=[1.0, 0.8]))
    with pytest.raises(MemberFailed, match=r"0 … 1"):
        answers.find(working, probabilities, sample, ("x", "y", "z"))
    write(working, "s.csv", sample.assign(p_z=[0.5, 0.1], p_x=[0.25, 0.1], p_y=[0.25, 0.8]))
    found = answers.find(working, probabilities, sample, ("x", "y", "z"))
    np.testing.assert_allclose(found.matrix, [[0.25, 0.25, 0.5], [0.1, 0.8, 0.1]], rtol=1e-6)


def test_links_are_never_followed(labels: Competition, working: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, "secret.csv", GOOD)
    (working / "s.csv").symlink_to(outside / "secret.csv")
    (working / "folder").symlink_to(outside)
    with pytest.raises(MemberFailed, match="wrote no CSV"):
        answers.find(working, labels, SAMPLE, CLASSES)


def test_what_is_no_table_is_passed_over(labels: Competition, working: Path) -> None:
    (working / "empty.csv").write_bytes(b"")
    (working / "binary.csv").write_bytes(bytes(range(256)) * 10)
    (working / "folder.csv").mkdir()
    write(working, "s.csv", GOOD, encoding="cp949")
    assert answers.find(working, labels, SAMPLE, CLASSES).output == "s.csv"
