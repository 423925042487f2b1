"""The nearest known name is found however it was written, and a long list stays short."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.plumbing.atomic import read_json
from pipelines.plumbing.errors import (
    MemberFailed,
    PilsaError,
    UserError,
    did_you_mean,
    refuse_conflict,
)
from pipelines.plumbing.schema import read_yaml


def test_the_nearest_name_is_named() -> None:
    assert did_you_mean("densnet", ["cnn", "densenet", "knn"]) == "; did you mean 'densenet'?"


def test_case_does_not_matter() -> None:
    assert did_you_mean("KNN", ["cnn", "knn"]) == "; did you mean 'knn'?"
    assert did_you_mean("passengerid", ["Name", "PassengerId"]) == "; did you mean 'PassengerId'?"


def test_without_a_near_name_the_known_ones_are_listed_in_order() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "; known: a, b"
    assert did_you_mean("zzz", []) == "; known: none"


def test_hundreds_of_names_are_not_all_listed() -> None:
    message = did_you_mean("zzz", [f"pixel{number}" for number in range(784)])
    assert len(message) < 200
    assert message.endswith("(784 in all)")


@pytest.mark.parametrize("family", [UserError, MemberFailed])
def test_both_families_are_raised_on_purpose(family: type[Exception]) -> None:
    assert issubclass(family, PilsaError)


def test_a_failed_member_does_not_stop_everything() -> None:
    assert not issubclass(MemberFailed, UserError)


@pytest.mark.parametrize("read", [read_yaml, read_json])
def test_a_conflict_of_git_is_named_by_whoever_reads_the_file(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "file"
    path.write_text("{}\n<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read(path)
    must_hold, found = f"{path} must be merged", "line 2 is a conflict marker of git (<<<<<<< HEAD)"
    assert must_hold in str(caught.value)
    assert found in str(caught.value)
    assert f"git checkout --ours {path}" in str(caught.value)


@pytest.mark.parametrize("text", ["a: '<<<<<<< HEAD'\n", "a: 1\n# =======\n", "a: =======\n"])
def test_what_only_looks_like_a_conflict_is_none(tmp_path: Path, text: str) -> None:
    refuse_conflict(tmp_path, text)
