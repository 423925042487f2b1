"""What is checked before the first stage starts, and how DVC is told whether git is there."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.plumbing import paths, process
from pipelines.plumbing.errors import UserError
from pipelines.values import params
from pipelines.workspace import rebuild
from tests.conftest import Workshop, write_settings
from tests.workspace.small_repository import ALL_PARAMS, REPOSITORY, SmallRepository


@pytest.fixture
def ready(workshop: Workshop) -> Workshop:
    """A repository whose settings are whole."""
    shutil.copyfile(REPOSITORY / "dvc.yaml", workshop.root / "dvc.yaml")
    workshop.write_params(**ALL_PARAMS)
    return workshop


def check() -> None:
    rebuild.check_settings(params.load())


def test_right_settings_pass(ready: Workshop) -> None:
    check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"competition": "tiney"},
            "competition must be one of the files.*'tiney'; did you mean 'tiny'",
        ),
        (
            {"models": ["knm"]},
            "models must be files of pipelines/models/, found 'knm'; did you mean 'knn'",
        ),
        (
            {"models": ["knn", "cnn"]},
            r"section 'cnn' under tune, found \['knn'\]: add `cnn: \{\}` there",
        ),
        ({"train": {}}, r"section 'knn' under train, found \[\]: add"),
        (
            {"train": {"knn": {"kk": 3}}},
            r"params.yaml: train.knn: unknown key 'kk'; did you mean 'k'",
        ),
        ({"train": {"knn": {"voting": "loud"}}}, r"train.knn: voting: .*'loud'"),
        (
            {"ensemble": {"methods": ["meen"]}},
            "ensembles must be files of .*'meen'; did you mean 'mean'",
        ),
        (
            {"kernels": ["m01/lost"]},
            "kernels must be folders of kernels/ with a kernel.py, found 'm01/lost'",
        ),
    ],
)
def test_each_wrong_name_is_named_before_anything_runs(
    ready: Workshop, changes: dict[str, object], message: str
) -> None:
    ready.write_params(**(ALL_PARAMS | changes))
    with pytest.raises(UserError, match=message):
        check()


def test_a_wrong_source_is_named(ready: Workshop) -> None:
    ready.write_competition(source={"platform": "bundled", "dataset": "digits", "tset_share": 0.1})
    with pytest.raises(
        UserError, match="source: unknown key 'tset_share'; did you mean 'test_share'"
    ):
        check()


def test_an_unknown_platform_is_named(ready: Workshop) -> None:
    ready.write_competition(source={"platform": "bundeld"})
    with pytest.raises(UserError, match="did you mean 'bundled'"):
        check()


def test_a_kernel_with_its_file_passes(ready: Workshop) -> None:
    folder = ready.root / "kernels" / "m01" / "first"
    folder.mkdir(parents=True)
    (folder / "kernel.py").touch()
    ready.write_params(**(ALL_PARAMS | {"kernels": ["m01/first"]}))
    check()


@pytest.mark.parametrize("key", ["seed", "backend", "folds", "preprocess", "ensemble"])
def test_a_key_that_dvc_needs_may_not_be_left_to_its_default(ready: Workshop, key: str) -> None:
    """DVC would skip the stages that depend on it, and everything behind them, without a failure."""
    write_settings(ready.root, {name: ALL_PARAMS[name] for name in ALL_PARAMS if name != key})
    with pytest.raises(UserError, match=f"'{key}' is missing: add it again"):
        check()


def test_a_key_that_no_stage_needs_has_a_default(ready: Workshop) -> None:
    write_settings(ready.root, {key: ALL_PARAMS[key] for key in ALL_PARAMS if key != "language"})
    check()


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> 67d9072 (Say why)"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "name", ["dvc.lock", "dvc.yaml", "params.yaml", "curriculum.yaml", "submissions/ledger.csv"]
)
def test_a_file_with_both_sides_of_a_merge_is_named_before_anything_runs(
    ready: Workshop, monkeypatch: pytest.MonkeyPatch, name: str, end: str, marker: str
) -> None:
    monkeypatch.setattr(process, "run_child", lambda *_, **__: pytest.fail("dvc was started"))
    path = ready.root / name
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_bytes(f"{before}a: 1{end}{marker}{end}".encode())
    line = before.count("\n") + 2
    with pytest.raises(UserError) as caught:
        rebuild.rebuild()
    said = str(caught.value)
    assert f"{path} must be merged, and line {line} is a conflict marker of git ({marker})" in said
    assert f"git checkout --ours {path}" in said


def test_dvc_that_could_not_begin_is_an_error(
    ready: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_follow_git", lambda: None)
    monkeypatch.setattr(process, "run_child", lambda *_, **__: 255)
    with pytest.raises(UserError, match=r"exit status 255 .*: `pilsa doctor` looks for more"):
        rebuild.rebuild()


@pytest.mark.parametrize(("left", "kept"), [("", False), ('{"wri', False), ("{}", True)])
def test_a_lock_that_a_killed_dvc_left_half_written_goes(
    ready: Workshop, monkeypatch: pytest.MonkeyPatch, left: str, kept: bool
) -> None:
    listed = ready.root / ".dvc" / "tmp" / "rwlock"
    listed.parent.mkdir(parents=True)

    def killed(*_: object, **__: object) -> int:
        listed.write_text(left)
        raise process.Killed(signal.SIGINT)

    monkeypatch.setattr(rebuild, "_follow_git", lambda: None)
    monkeypatch.setattr(process, "run_child", killed)
    with pytest.raises(process.Killed):
        rebuild.rebuild()
    assert listed.is_file() == kept


def test_a_second_rebuild_is_refused_by_name(
    ready: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_SECONDS_TO_CLOSE", 0.0)
    with (
        process.exclusive(paths.cache() / "locks" / "repro", "make repro"),
        pytest.raises(UserError, match=rf"only one process .*process {os.getpid()} \(make repro"),
    ):
        rebuild.rebuild()


def test_a_store_folder_that_is_read_only_is_refused(
    ready: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.mlruns().mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # the permission bits do not bind root
    with pytest.raises(UserError, match="mlruns must be writable and is read-only: chmod u\\+w"):
        rebuild.rebuild()


def no_scm(repository: SmallRepository) -> bool:
    local = repository.root / ".dvc" / "config.local"
    return local.is_file() and "no_scm" in local.read_text(encoding="utf-8")


def test_dvc_follows_git_as_it_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = SmallRepository(tmp_path / "small").make()
    monkeypatch.chdir(repository.root)
    rebuild._follow_git()
    assert no_scm(repository)
    subprocess.run(["git", "init", "--quiet"], check=True)
    rebuild._follow_git()
    assert not no_scm(repository)
    assert repository.run(sys.executable, "-m", "dvc", "status").returncode == 0
    shutil.rmtree(repository.root / ".git")
    rebuild._follow_git()
    assert no_scm(repository)


def test_a_copy_without_the_dvc_folder_is_told_what_to_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = SmallRepository(tmp_path / "small").make()
    shutil.rmtree(repository.root / ".dvc")
    monkeypatch.chdir(repository.root)
    with pytest.raises(UserError, match=r"restore the folder \.dvc"):
        rebuild._follow_git()
