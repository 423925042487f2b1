"""Locks, signals and dying parents, with real processes. Every wait has an end; none is measured."""

import os
import pty
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import Killed, end_tree, exclusive, run_child

PATIENCE = 20.0


def until(condition: Callable[[], bool]) -> bool:
    """Whether a condition becomes true before patience ends."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_alive(process: int) -> bool:
    """Whether a process runs; a zombie, which nobody has fetched yet, does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def program(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(path)


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Process ids to end, should a test fail."""
    processes: list[int] = []
    yield processes
    for process in processes:
        if is_alive(process):
            os.kill(process, signal.SIGKILL)


def written_id(path: Path) -> int:
    """The process id that a program wrote into a file."""
    assert until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


HOLDER = """
    import sys, time
    from pathlib import Path
    from pipelines.plumbing.process import exclusive
    with exclusive(Path(sys.argv[1]), "train digits-knn"):
        print("holding", flush=True)
        sys.stdin.readline()
"""
WAITER = """
    import sys
    from pathlib import Path
    from pipelines.plumbing.process import exclusive
    with exclusive(Path(sys.argv[1]), "train digits-knn, again"):
        print("mine", flush=True)
"""


@pytest.fixture
def holder(tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that holds the lock `tmp_path/lock` until it reads a line or is killed."""
    command = [sys.executable, program(tmp_path, "holder", HOLDER), str(tmp_path / "lock")]
    process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_a_second_process_waits_and_says_for_whom(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    command = [sys.executable, program(tmp_path, "waiter", WAITER), str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as waiter:
        assert waiter.stderr is not None
        line = waiter.stderr.readline()
        assert f"waiting for process {holder.pid} (train digits-knn, since " in line
        time.sleep(0.5)  # a few more tries
        assert waiter.poll() is None, "it must wait, not go on"
        output, _ = holder.communicate("\n")
        assert holder.returncode == 0, output
        output, errors = waiter.communicate(timeout=PATIENCE)
        assert output == "mine\n"
        assert errors == "", "it says once for whom it waits"
        assert waiter.returncode == 0


def test_no_longer_than_asked_for(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    for seconds in (0, 0.2):
        with (
            pytest.raises(UserError, match=rf"process {holder.pid} \(train digits-knn.*wait until"),
            exclusive(tmp_path / "lock", "again", wait=seconds),
        ):
            pytest.fail("two processes hold one lock")


def test_kill_9_frees_the_lock(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()
    with exclusive(tmp_path / "lock", "again", wait=PATIENCE):
        assert f"process {os.getpid()} (again" in (tmp_path / "lock").read_text()


def test_a_lock_is_free_again_after_its_block_and_after_an_exception(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with exclusive(path, "학습"):
        assert "학습" in path.read_text(encoding="utf-8")
    assert path.read_text() == "", "the next one must not be told of a holder that has left"
    with pytest.raises(ValueError, match="no"), exclusive(path, "second", wait=0):
        raise ValueError("no")
    with exclusive(path, "third", wait=0):
        pass


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path, started: list[int]) -> None:
    with exclusive(tmp_path / "lock", "first"):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        started.append(child)
    with exclusive(tmp_path / "lock", "second", wait=0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


TIDIES = """
    import os, signal, sys, time
    from pathlib import Path
    from pipelines.plumbing.process import Killed, raise_on_signals
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as in a terminal, also where the tests run under nohup
    raise_on_signals()
    folder = Path(sys.argv[1])
    try:
        try:
            print("working", flush=True)
            time.sleep(60)
        except Exception:
            print("swallowed", flush=True)
        finally:
            print("tidying", flush=True)
            sys.stdin.readline()
            (folder / "tidy").touch()
    except Killed as killed:
        print(killed, flush=True)
        sys.exit(killed.exit_code)
"""


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_every_finally_run(
    tmp_path: Path, first: signal.Signals, second: signal.Signals
) -> None:
    command = [sys.executable, program(tmp_path, "tidies", TIDIES), str(tmp_path)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(first)
        assert process.stdout.readline() == "tidying\n"
        process.send_signal(second)  # must not interrupt the tidying up
        output, _ = process.communicate("\n", timeout=PATIENCE)
    assert output == f"{first.name}\n"
    assert process.returncode == 128 + first
    assert (tmp_path / "tidy").exists()


def test_a_kill_is_no_exception_that_a_failed_model_could_be() -> None:
    assert not issubclass(Killed, Exception)
    assert Killed(signal.SIGTERM).exit_code == 143
    assert str(Killed(signal.SIGINT)) == "SIGINT"


STAGE = """
    import os, sys, time
    from pathlib import Path
    from pipelines.plumbing.process import die_with_parent
    die_with_parent()
    Path(sys.argv[1]).write_text(f"{os.getpid()}\\n")
    time.sleep(120)
"""
STARTER = """
    import subprocess, sys
    subprocess.run(sys.argv[1:])
"""
RELAY = """
    import subprocess, sys
    from pipelines.plumbing.process import die_with_parent
    die_with_parent()
    subprocess.run(sys.argv[1:])
"""


def test_a_stage_dies_when_what_started_it_is_killed(tmp_path: Path, started: list[int]) -> None:
    stage = [sys.executable, program(tmp_path, "stage", STAGE), str(tmp_path / "pid")]
    command = [sys.executable, program(tmp_path, "starter", STARTER), *stage]
    with subprocess.Popen(command) as starter:
        started.append(written_id(tmp_path / "pid"))
        starter.kill()
    assert until(lambda: not is_alive(started[0]))


def test_a_chain_dies_from_its_head(tmp_path: Path, started: list[int]) -> None:
    stage = [sys.executable, program(tmp_path, "stage", STAGE), str(tmp_path / "pid")]
    relay = [sys.executable, program(tmp_path, "relay", RELAY), *stage]
    command = [sys.executable, program(tmp_path, "starter", STARTER), *relay]
    with subprocess.Popen(command) as starter:
        started.append(written_id(tmp_path / "pid"))
        starter.kill()
    assert until(lambda: not is_alive(started[0]))


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_shell_in_between_does_not_save_it(
    tmp_path: Path, started: list[int], shell: str
) -> None:
    """`dvc` starts a stage by `sh -c`, and dash waits beside its command instead of becoming it."""
    if not Path(shell).exists():
        pytest.skip(f"no {shell} here")
    stage = f"{sys.executable} {program(tmp_path, 'stage', STAGE)} {tmp_path / 'pid'}; exit $?"
    command = [sys.executable, program(tmp_path, "starter", STARTER), shell, "-c", stage]
    with subprocess.Popen(command) as starter:
        started.append(written_id(tmp_path / "pid"))
        parent = Path(f"/proc/{started[0]}/stat").read_text().rpartition(")")[2].split()[1]
        started.append(int(parent))
        assert started[1] != starter.pid, "there must be a shell in between"
        starter.kill()
    assert until(lambda: not is_alive(started[0]))
    assert until(lambda: not is_alive(started[1])), "the shell has nothing left to wait for"


def test_a_stage_lives_as_long_as_its_parents(tmp_path: Path, started: list[int]) -> None:
    stage = f"{sys.executable} {program(tmp_path, 'stage', STAGE)} {tmp_path / 'pid'}; exit $?"
    command = [sys.executable, program(tmp_path, "starter", STARTER), "/bin/sh", "-c", stage]
    with subprocess.Popen(command) as starter:
        started.append(written_id(tmp_path / "pid"))
        time.sleep(1.5)  # three looks of the watching thread
        assert is_alive(started[0])
        starter.kill()
    assert until(lambda: not is_alive(started[0]))


SLEEPER = """
    import os, sys, time
    from pathlib import Path
    Path(sys.argv[1]).write_text(f"{os.getpid()}\\n")
    time.sleep(120)
"""
RUNNER = """
    import sys
    from pipelines.plumbing.process import Killed, raise_on_signals, run_child
    raise_on_signals()
    try:
        run_child(sys.argv[1:])
    except Killed as killed:
        sys.exit(killed.exit_code)
"""


def test_a_child_dies_when_its_parent_is_killed(tmp_path: Path, started: list[int]) -> None:
    child = [sys.executable, program(tmp_path, "sleeper", SLEEPER), str(tmp_path / "pid")]
    command = [sys.executable, program(tmp_path, "runner", RUNNER), *child]
    with subprocess.Popen(command) as runner:
        started.append(written_id(tmp_path / "pid"))
        runner.kill()
    assert until(lambda: not is_alive(started[0]))


MULTIPLYING = """
    import os, time
    for _ in range(3):
        os.fork()
        os.setsid() if os.getpid() != os.getpgrp() else None
    time.sleep(60)
"""


def test_a_tree_ends_whole_also_what_left_its_session(tmp_path: Path, started: list[int]) -> None:
    command = [sys.executable, program(tmp_path, "multiplying", MULTIPLYING)]
    with subprocess.Popen(command) as root:
        started.append(root.pid)
        tree = psutil.Process(root.pid)
        assert until(lambda: len(tree.children(recursive=True)) == 7)
        below = [child.pid for child in tree.children(recursive=True)]
        end_tree(root.pid, itself=False)
        assert root.poll() is None
        end_tree(root.pid)
        assert root.wait(timeout=30) == -signal.SIGKILL
    assert until(lambda: not any(is_alive(each) for each in below))
    end_tree(root.pid)  # what is gone is passed over


TALKS = """
    import sys, time
    from pathlib import Path
    from pipelines.plumbing.process import raise_on_signals
    raise_on_signals()
    try:
        print("working", flush=True)
        time.sleep(60)
    finally:
        print("tidying", flush=True)
        print("tidying", file=sys.stderr, flush=True)
        Path(sys.argv[1]).touch()
"""


def test_a_closed_terminal_is_no_error_while_it_tidies_up(tmp_path: Path) -> None:
    talker = program(tmp_path, "talks", TALKS)
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also where the tests run under nohup
        os.execv(sys.executable, [sys.executable, talker, str(tmp_path / "tidy")])
    assert os.read(terminal, 100).startswith(b"working")
    os.close(terminal)
    os.waitpid(process, 0)
    assert (tmp_path / "tidy").exists()


def test_without_a_terminal_it_goes_on_under_nohup() -> None:
    code = (
        "import signal; from pipelines.plumbing.process import raise_on_signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); raise_on_signals(); signal.raise_signal(signal.SIGHUP)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_parent_stops_its_child_first(
    tmp_path: Path, started: list[int], sent: signal.Signals
) -> None:
    child = [sys.executable, program(tmp_path, "sleeper", SLEEPER), str(tmp_path / "pid")]
    command = [sys.executable, program(tmp_path, "runner", RUNNER), *child]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as runner:
        started.append(written_id(tmp_path / "pid"))
        runner.send_signal(sent)
        assert runner.wait(timeout=PATIENCE) == 128 + sent
        assert not is_alive(started[0])


IGNORES = """
    import os, signal, sys, time
    from pathlib import Path
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(sys.argv[1]).write_text(f"{os.getpid()}\\n")
    time.sleep(120)
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_child_that_ignores_ctrl_c_ends_too(
    tmp_path: Path, started: list[int], sent: signal.Signals
) -> None:
    """While a stage runs, dvc ignores SIGINT: only SIGTERM ends it."""
    child = [sys.executable, program(tmp_path, "ignores", IGNORES), str(tmp_path / "pid")]
    command = [sys.executable, program(tmp_path, "runner", RUNNER), *child]
    with subprocess.Popen(command) as runner:
        started.append(written_id(tmp_path / "pid"))
        runner.send_signal(sent)
        assert runner.wait(timeout=PATIENCE) == 128 + sent
        assert not is_alive(started[0])


def test_a_childs_words_go_where_they_are_asked_to(capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", "print('repro')"]
    code = (
        f"from pipelines.plumbing.process import run_child; run_child({command!r}, to_stderr=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "repro\n")
    run_child(command)
    assert capfd.readouterr().out == "repro\n"


@pytest.mark.parametrize("status", [0, 3])
def test_a_childs_status_is_returned(status: int) -> None:
    assert run_child([sys.executable, "-c", f"raise SystemExit({status})"]) == status
