"""The doctor names each thing that is wrong, and what to do about it."""

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from pipelines.plumbing import paths
from pipelines.tracking import ledger
from pipelines.workspace import doctor
from pipelines.workspace.doctor import Finding
from tests.conftest import Workshop
from tests.tracking.test_ledger import UPLOAD, pending
from tests.workspace.small_repository import ALL_PARAMS, REPOSITORY

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def healthy(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A clone in which nothing is wrong."""
    for name in ("dvc.yaml", ".dvc/config"):
        (workshop.root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(REPOSITORY / name, workshop.root / name)
    workshop.write_params(**ALL_PARAMS)
    git = ["git", "-c", "user.name=m01", "-c", "user.email=m01@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    home = workshop.root / "home"
    (home / ".kaggle").mkdir(parents=True)
    (home / ".kaggle" / "kaggle.json").write_text("not read by anybody", encoding="utf-8")
    (home / ".kaggle" / "kaggle.json").chmod(0o600)
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**12))
    for name in ("KAGGLE_CONFIG_DIR", "KAGGLE_API_TOKEN", "KAGGLE_KEY", "PILSA_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    return workshop


def finding(name: str) -> Finding:
    (found,) = [one for one in doctor.examine() if one.name == name]
    return found


def test_a_healthy_clone_has_nothing_bad(healthy: Workshop) -> None:
    found = {one.name: one.state for one in doctor.examine()}
    expected = {
        "python",
        "bytecode",
        "disk",
        "keras backend",
        "params.yaml",
        "local.yaml",
        "git",
        "merge",
        "ledger",
        "dvc",
        "run store",
        "local data",
        "kaggle credentials",
    }
    assert {name: found[name] for name in expected} == dict.fromkeys(expected, "ok")
    assert set(found) == expected | {"gpu"}


def test_whatever_is_not_ok_says_what_to_do(
    healthy: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy.write_params(**(ALL_PARAMS | {"models": ["knm"]}))
    shutil.rmtree(".git")
    shutil.rmtree(".dvc")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = doctor.examine()
    assert {one.state for one in found} == {"ok", "note", "bad"}
    assert [one.name for one in found if one.state != "ok" and not one.next] == []


def test_wrong_settings(healthy: Workshop) -> None:
    healthy.write_params(**(ALL_PARAMS | {"models": ["knm"]}))
    found = finding("params.yaml")
    assert found.state == "bad"
    assert "did you mean 'knn'" in found.found


def test_settings_that_cannot_be_read_break_no_other_finding(healthy: Workshop) -> None:
    paths.params().write_text("seed: [\n", encoding="utf-8")
    found = {one.name: one.state for one in doctor.examine()}
    assert found["params.yaml"] == found["keras backend"] == "bad"
    assert found["git"] == "ok"


def test_what_is_this_clones_own(healthy: Workshop) -> None:
    assert finding("local.yaml").found == "runs are m01's, device cpu"
    paths.local().write_text("competition: tiny\nmodels: [knn]\n", encoding="utf-8")
    assert finding("local.yaml").state == "note"
    assert "git config pilsa.member" in finding("local.yaml").next
    paths.local().write_text("memberr: m01\n", encoding="utf-8")
    assert finding("local.yaml").state == "bad"
    assert "did you mean 'member'" in finding("local.yaml").found
    paths.local().unlink()
    assert finding("local.yaml").state == "note"
    assert "pilsa use" in finding("local.yaml").next


def test_a_backend_that_is_not_installed(healthy: Workshop) -> None:
    healthy.write_params(**(ALL_PARAMS | {"backend": "jax"}))
    found = finding("keras backend")
    assert found.state == "bad"
    assert "jax is not installed" in found.found
    assert "set backend: tensorflow" in found.next


def test_no_git_and_no_commit(healthy: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(".git")
    assert finding("git").state == "note"
    assert "git init" in finding("git").next
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert "no commit here" in finding("git").found
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert "not installed" in finding("git").found


def test_a_merge_that_is_not_finished(healthy: Workshop) -> None:
    (healthy.root / "dvc.lock").write_text("<<<<<<< HEAD\na: 1\n", encoding="utf-8")
    found = finding("merge")
    assert found.state == "bad"
    assert f"{healthy.root / 'dvc.lock'} must be merged, and line 1 " in found.found


def test_a_submission_that_may_not_have_arrived_and_a_damaged_ledger(healthy: Workshop) -> None:
    assert finding("ledger").found == "0 submissions"
    ledger.append(pending(upload=UPLOAD))
    assert (finding("ledger").state, "ledger rebuild" in finding("ledger").next) == ("note", True)
    (row,) = paths.ledger("tiny").iterdir()
    row.write_text("{", encoding="utf-8")
    assert finding("ledger").state == "bad"


def test_no_dvc_folder_or_an_environment_that_is_not_active(
    healthy: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert finding("dvc").state == "note"
    assert "activate" in finding("dvc").next
    shutil.rmtree(".dvc")
    assert finding("dvc").state == "bad"


def test_a_store_in_whose_place_lies_a_file(healthy: Workshop) -> None:
    paths.mlruns().write_text("a file", encoding="utf-8")
    found = finding("run store")
    assert found.state == "bad"
    assert str(paths.mlruns()) in found.found


def test_a_store_that_may_not_be_written(
    healthy: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.mlruns().mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # the permission bits do not bind root
    assert finding("run store").state == "bad"
    assert "chmod u+w" in finding("run store").next


def test_a_store_with_runs(healthy: Workshop) -> None:
    paths.mlruns().mkdir()
    (paths.mlruns() / "mlflow.db").write_bytes(bytes(2_500_000))
    assert finding("run store").found == "2.5 MB; `pilsa ui` opens it"


def test_a_disk_that_is_nearly_full(healthy: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 3 * 10**9))
    found = finding("disk")
    assert (found.state, found.found) == ("bad", "3.0 GB free, less than 5")


def test_bytecode_that_is_switched_off(healthy: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert finding("bytecode").state == "note"
    assert "unset PYTHONDONTWRITEBYTECODE" in finding("bytecode").next


def test_a_data_folder_that_is_none(healthy: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILSA_DATA_DIR", "nowhere")
    assert finding("local data").state == "bad"
    Path("nowhere/mnist").mkdir(parents=True)
    assert finding("local data").found == "nowhere: mnist"


def test_credentials_that_others_can_read_are_bad(healthy: Workshop) -> None:
    (healthy.root / "home" / ".kaggle" / "kaggle.json").chmod(0o644)
    found = finding("kaggle credentials")
    assert found.state == "bad"
    assert found.next.startswith("chmod 600 ")


def test_credentials_are_found_and_never_shown(
    healthy: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding("kaggle credentials").found == "found"
    (Path.home() / ".kaggle" / "kaggle.json").unlink()
    assert finding("kaggle credentials").state == "note"
    monkeypatch.setenv("KAGGLE_KEY", "0123456789abcdef")
    assert finding("kaggle credentials").state == "ok"
    assert not any("0123456789abcdef" in f"{one.found}{one.next}" for one in doctor.examine())


@pytest.mark.parametrize(("answer", "state"), [("exit 9", "bad"), ("echo 'H200, 1 MiB'", "ok")])
def test_a_graphics_card_is_asked_through_its_driver(
    healthy: Workshop, monkeypatch: pytest.MonkeyPatch, answer: str, state: str
) -> None:
    tools = healthy.root / "tools"
    tools.mkdir()
    tool = tools / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert finding("gpu").state == state
