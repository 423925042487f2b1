"""A competition file: what it must say, and what is said where it does not."""

from typing import Any

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.values import competition
from pipelines.values.competition import Image
from tests.conftest import Workshop


def test_a_file_is_read_under_its_own_name(workshop: Workshop) -> None:
    workshop.write_competition("둘째")
    found = competition.load("둘째")
    assert (found.name, found.target, found.id, found.daily_limit) == ("둘째", "label", "key", 5)
    assert found.image is not None
    assert found.image.shape == (4, 4, 1)
    assert competition.names() == ["tiny", "둘째"]


def test_a_picture_counts_its_channels() -> None:
    assert Image(height=2, width=3, channels=3).size == 18


def test_files_may_be_one_or_many(workshop: Workshop) -> None:
    workshop.write_competition(files={"train": ["a.csv", "b.csv"], "test": "t.csv"})
    files = competition.load("tiny").files
    assert (files.train_files, files.test_files) == (["a.csv", "b.csv"], ["t.csv"])


def test_an_unknown_competition_names_the_nearest(workshop: Workshop) -> None:
    with pytest.raises(
        UserError, match="files in competitions/, found 'tinny'; did you mean 'tiny'"
    ):
        competition.load("tinny")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"metrics": "accuracy"}, "unknown key 'metrics'; did you mean 'metric'"),
        ({"image": {"heigth": 4, "width": 4}}, "unknown key 'image.heigth'; did you mean 'height'"),
        ({"split": {"kinds": "plain"}}, "unknown key 'split.kinds'; did you mean 'kind'"),
        ({"files": {"tests": "t.csv"}}, "unknown key 'files.tests'; did you mean 'test'"),
        ({"split": {"kind": "stratify"}}, "split.kind: .*'stratified'.*change it"),
        ({"split": {"kind": "group"}}, "a group split needs `group: COLUMN`"),
        ({"split": {"kind": "stratified_group"}}, "needs `group: COLUMN`"),
        ({"split": {"kind": "time"}}, "a time split needs `time: COLUMN`"),
        ({"task": "regression", "metric": "rmse"}, "needs classes, and the task is regression: use plain"),
        ({"target": ["a", "b"]}, "target: must be one column, found a list: write a competition file for each"),
        ({"target": "id"}, "id_column and target must differ, both are 'id'"),
        ({"image": None, "files": {"format": "idx"}}, "idx files need `image:`"),
        ({"source": {"dataset": "digits"}}, "must name a `platform:`"),
        ({"daily_limit": 0}, "daily_limit: .*change it"),
        ({"image": {"height": 4, "width": 4, "maximum": 0}}, "image.maximum: .*change it"),
        ({"metric": "acuracy"}, "found 'acuracy'; did you mean 'accuracy'"),
        ({"metric": "rmse"}, r"must fit the task \(classification\).*choose one of accuracy"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_the_file(
    workshop: Workshop, changes: dict[str, Any], says: str
) -> None:
    workshop.write_competition(**changes)
    with pytest.raises(UserError, match=says) as raised:
        competition.load("tiny")
    assert "competitions/tiny.yaml" in str(raised.value)


def test_an_encoding_is_one_of_python(workshop: Workshop) -> None:
    workshop.write_competition(encoding="cp1252")
    assert competition.load("tiny").encoding == "cp1252"
    for wrong in ("klingon", "hex"):
        workshop.write_competition(encoding=wrong)
        with pytest.raises(UserError, match=rf"encoding: must be a codec .*found '{wrong}'"):
            competition.load("tiny")


def test_all_findings_come_at_once(workshop: Workshop) -> None:
    workshop.write_competition(metrics="x", daily_limits=3)
    with pytest.raises(UserError, match=r"(?s)'daily_limits'.*'metrics'"):
        competition.load("tiny")


def test_the_name_is_the_files_alone(workshop: Workshop) -> None:
    path = workshop.root / "competitions" / "tiny.yaml"
    path.write_text("name: other\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UserError, match="the competition's name: remove the key 'name'"):
        competition.load("tiny")


def test_a_missing_key_is_named(workshop: Workshop) -> None:
    (workshop.root / "competitions" / "bare.yaml").write_text("title: Bare\n", encoding="utf-8")
    with pytest.raises(UserError, match="key 'metric' must be given and is missing: add it"):
        competition.load("bare")


@pytest.mark.parametrize("text", ["a: [", "- only\n- a list\n", ""])
def test_what_is_no_mapping_is_refused(workshop: Workshop, text: str) -> None:
    (workshop.root / "competitions" / "bad.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"bad\.yaml must (be YAML|hold `key: value` lines)"):
        competition.load("bad")


def test_a_name_that_a_shell_would_act_on_is_refused(workshop: Workshop) -> None:
    workshop.write_competition("a;b")
    with pytest.raises(UserError, match=r"letters, digits, Hangul, '_' and '-'.*found 'a;b'"):
        competition.load("a;b")


@pytest.mark.parametrize(("written", "meant"), [(1, "1"), (1.0, "1.0"), ("yes", "yes")])
def test_the_positive_class_may_be_a_number(
    workshop: Workshop, written: object, meant: str
) -> None:
    workshop.write_competition(positive=written)
    assert competition.load("tiny").positive == meant


def test_a_positive_class_that_yaml_reads_as_something_else_must_be_quoted(
    workshop: Workshop,
) -> None:
    path = workshop.root / "competitions" / "tiny.yaml"
    plain = path.read_text(encoding="utf-8")
    path.write_text(plain + "positive: yes\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"must be a class .*reads it as bool: put it in quotes"):
        competition.load("tiny")
    path.write_text(plain + "positive: 'yes'\n", encoding="utf-8")
    assert competition.load("tiny").positive == "yes"


@pytest.mark.parametrize(
    ("also", "solution", "said"),
    [
        ("train.csv", None, "also must name files that hold no target"),
        ("truth.csv", "truth.csv", "also must name files that hold no target"),
        ("./train.csv", None, "also must name files below raw/ as they are called there"),
        ("../x.md", None, "also must name files below raw/ as they are called there"),
    ],
)
def test_what_is_shown_to_all_holds_no_target(
    workshop: Workshop, also: str, solution: str | None, said: str
) -> None:
    source = {"platform": "files", "solution": solution}
    workshop.write_competition(files={"also": [also]}, source=source)
    with pytest.raises(UserError, match=said):
        competition.load("tiny")
