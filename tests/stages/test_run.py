"""Running a stage: exit status, the reason of a failure, one process at a time, nothing half-done."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import stages
from pipelines.plumbing import process
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.tracking import failures
from pipelines.tracking.failures import Failure
from tests.conftest import Workshop


@pytest.fixture(autouse=True)
def as_called_by_dvc(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Signals and the parent's death belong to a process of its own, not to the one of the tests."""
    monkeypatch.setattr(stages.process, "raise_on_signals", lambda: None)
    monkeypatch.setattr(stages.process, "die_with_parent", lambda: None)
    return workshop


def outcome(error: BaseException | None = None) -> int:
    """Run a stage that ends with `error`, as `mend tiny knn`."""

    def mend(competition: str, model: str) -> None:
        Path("seen").write_text(f"{competition} {model}", encoding="utf-8")
        if error is not None:
            raise error

    return stages.run(mend, ["tiny", "knn"])


def test_a_stage_that_works_gets_its_names_and_leaves_no_failure() -> None:
    assert outcome() == 0
    assert Path("seen").read_text(encoding="utf-8") == "tiny knn"
    assert failures.find("mend", "tiny", "knn") is None


@pytest.mark.parametrize("family", [UserError, MemberFailed])
def test_a_failure_is_one_line_and_kept(
    family: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(family("k must be 1 or more, found 0: raise it")) == 1
    kept = failures.find("mend", "tiny", "knn")
    assert kept == Failure("mend@tiny-knn", "k must be 1 or more, found 0: raise it")
    assert kept.retry == "dvc repro -s -f mend@tiny-knn"
    shown = capsys.readouterr().err
    assert shown == "mend tiny knn: k must be 1 or more, found 0: raise it\n"


def test_a_fault_of_ours_is_kept_too_and_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(ZeroDivisionError("division by zero")) == 1
    kept = failures.find("mend", "tiny", "knn")
    assert kept is not None
    assert kept.reason == "ZeroDivisionError: division by zero"
    assert "Traceback" in capsys.readouterr().err


def test_success_removes_the_failure() -> None:
    outcome(UserError("no"))
    assert failures.find("mend", "tiny", "knn") is not None
    assert outcome() == 0
    assert failures.find("mend", "tiny", "knn") is None


def test_the_failure_of_one_model_says_nothing_of_another() -> None:
    outcome(UserError("no"))
    assert failures.find("mend", "tiny", "cnn") is None
    assert failures.find("mend", "tiny") is None


def test_being_stopped_is_no_failure_of_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(process.Killed(signal.SIGTERM)) == 143
    assert failures.find("mend", "tiny", "knn") is None
    assert "stopped by SIGTERM" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [[], ["--competition", "tiny"], ["tiny", "knn"], ["--competition", "a", "--modle", "b"]],
)
def test_wrong_options_show_the_usage(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mend(competition: str, model: str) -> None:
        raise AssertionError("must not run")

    monkeypatch.setattr(sys, "argv", ["mend", *given])
    with pytest.raises(SystemExit, match="2"):
        stages.run(mend)
    usage = " ".join(capsys.readouterr().err.split())
    assert "pipelines.stages.mend [-h] --competition COMPETITION --model MODEL" in usage


def test_options_may_come_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def mend(competition: str, model: str) -> None:
        seen.append((competition, model))

    monkeypatch.setattr(sys, "argv", ["mend", "--model", "knn", "--competition", "대회"])
    assert stages.run(mend) == 0
    assert seen == [("대회", "knn")]


@pytest.mark.parametrize(
    "name", ["tiny; touch pwned", "../secret", "$(id)", "a b", "", "-f", "a//b", "a/", "tiny\n"]
)
def test_a_name_is_nothing_but_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def mend(competition: str) -> None:
        raise AssertionError("must not run")

    assert stages.run(mend, [name]) == 1
    assert "names must be letters, digits" in capsys.readouterr().err
    assert not paths_of_failures()


def paths_of_failures() -> list[Path]:
    return list(Path(".cache/pilsa/failures").glob("*"))


def test_a_kernel_has_one_slash_and_gets_one_failure_file() -> None:
    def kernel(competition: str, name: str) -> None:
        raise MemberFailed("cell 3 raised")

    assert stages.run(kernel, ["tiny", "m01/첫걸음"]) == 1
    (file,) = paths_of_failures()
    assert file.name == "kernel@tiny-m01~첫걸음.json"
    kept = failures.find("kernel", "tiny", "m01/첫걸음")
    assert kept is not None
    assert kept.stage == "kernel@tiny-m01/첫걸음"


def test_the_lock_is_held_while_the_stage_runs_and_let_go_after_it(workshop: Workshop) -> None:
    (lock,) = [stages._lock_file("mend", ["tiny"])]
    seen: list[str] = []

    def mend(competition: str) -> None:
        seen.append(lock.read_text(encoding="utf-8"))
        with pytest.raises(UserError, match="only one process"), process.exclusive(lock, "x", 0):
            raise AssertionError("two processes at one stage")

    assert stages.run(mend, ["tiny"]) == 0
    assert f"process {os.getpid()} (mend tiny" in seen[0]
    with process.exclusive(lock, "after", wait=0):
        pass


def test_two_copies_of_a_repository_do_not_wait_for_each_other(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stages._lock_file("train", ["tiny", "knn"])
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "one"
    copy.mkdir(parents=True)
    (copy / "params.yaml").write_text("competition: tiny\n", encoding="utf-8")
    monkeypatch.chdir(copy)
    assert stages._lock_file("train", ["tiny", "knn"]).parent == here.parent
    assert stages._lock_file("train", ["tiny", "knn"]) != here


PROGRAM = """
import os, signal, sys, time
from pipelines import stages

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.{signal})
        time.sleep(0.01)

def mend(competition):
    Dying()
    while True:
        time.sleep(0.01)

sys.exit(stages.run(mend, ["tiny"]))
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_meets_a_finalizer_still_ends_the_stage(sent: signal.Signals) -> None:
    program = PROGRAM.format(signal=sent.name)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 128 + sent
    assert done.stderr == f"mend tiny: stopped by {sent.name}\n"


@pytest.mark.parametrize("error", [UserError("no"), KeyboardInterrupt(), process.Killed(15)])
def test_outputs_of_a_block_that_fails_are_removed(tmp_path: Path, error: BaseException) -> None:
    file, folder, absent = tmp_path / "a.json", tmp_path / "made", tmp_path / "never"

    def fail() -> None:
        with stages.all_or_nothing(file, folder, absent):
            file.write_text("{}", encoding="utf-8")
            (folder / "deep").mkdir(parents=True)
            raise error

    with pytest.raises(type(error)):
        fail()
    assert not file.exists()
    assert not folder.exists()


def test_outputs_of_a_block_that_ends_well_stay(tmp_path: Path) -> None:
    with stages.all_or_nothing(tmp_path / "a.json"):
        (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    assert (tmp_path / "a.json").exists()
