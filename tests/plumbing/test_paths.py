"""The repository is found from below; experiment copies share what outlives them."""

import getpass
import inspect
import os
import pwd
from pathlib import Path

import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def experiment(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = repository / ".dvc" / "tmp" / "exps" / "standalone" / "tmpabc"
    copy.mkdir(parents=True)
    (copy / "params.yaml").touch()
    monkeypatch.chdir(copy)
    return copy


def test_the_repository_is_found_from_any_folder_in_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = repository / "kernels" / "m01" / "first-cnn"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert paths.root() == repository
    assert paths.home() == repository


def test_outside_of_it_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"has no params\.yaml here or above: change into"):
        paths.root()


def test_an_experiment_has_its_own_data_and_the_common_history(
    repository: Path, experiment: Path
) -> None:
    assert paths.root() == experiment
    assert paths.home() == repository
    for own in (
        paths.data("digits"),
        paths.report("digits"),
        paths.submission("digits"),
        paths.failures(),
    ):
        assert own.is_relative_to(experiment)
    for common in (paths.mlruns(), paths.history(), paths.work("k"), paths.downloads()):
        assert not common.is_relative_to(experiment)
        assert common.is_relative_to(repository)


@pytest.mark.parametrize("above", ["tmp/exps", "dvc/tmp/exps", ".dvc/exps", ".dvc/tmp"])
def test_a_folder_of_a_similar_name_is_no_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, above: str
) -> None:
    clone = tmp_path / above / "pilsa"
    clone.mkdir(parents=True)
    (clone / "params.yaml").touch()
    monkeypatch.chdir(clone)
    assert paths.home() == clone


def test_names_become_files_below_their_folder(repository: Path) -> None:
    assert (
        paths.predictions("digits", "m01/첫번째")
        == repository / "data/digits/predictions/m01/첫번째.npz"
    )
    assert paths.predictions("digits") == repository / "data/digits/predictions"
    assert paths.score("digits", "knn") == repository / "data/digits/scores/knn.json"
    assert paths.score("digits") == repository / "data/digits/scores"


def every_path() -> dict[str, Path]:
    """Each function's path, called with as many names as it wants."""
    found = {}
    for name, function in inspect.getmembers(paths, inspect.isfunction):
        if function.__module__ == paths.__name__ and name not in (
            "root", "home", "give_home", "shared_data",  # shared_data: outside, where $PILSA_DATA_DIR says
        ):  # fmt: skip
            wanted = inspect.signature(function).parameters
            found[name] = function(*[f"name{number}" for number in range(len(wanted))])
    return found


def test_every_path_is_absolute_inside_and_its_own(repository: Path) -> None:
    found = every_path()
    assert len(found) > 15
    assert all(path.is_relative_to(repository) for path in found.values())
    assert len(set(found.values())) == len(found)


def test_asking_for_a_path_creates_nothing(repository: Path) -> None:
    every_path()
    assert [path.name for path in repository.iterdir()] == ["params.yaml"]


def test_a_user_whom_the_system_does_not_know_gets_a_home_in_the_cache_and_a_name(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("LOGNAME", "USER", "LNAME", "USERNAME")
    for name in ("HOME", *names):
        monkeypatch.setenv(name, "/known")
    paths.give_home()
    assert {os.environ[name] for name in ("HOME", *names)} == {"/known"}
    for name in ("HOME", *names):
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])  # KeyError, as in a bare container
    paths.give_home()
    assert Path.home() == paths.cache() / "home"
    assert getpass.getuser() == f"user-{os.getuid()}"
