"""Notebooks that take what they may not; each ends as a failed run with its reason, and leaves nothing."""

import socket
import time
from pathlib import Path

import pytest

from pipelines.sandbox import watching
from tests.sandbox.small_tasks import EVERY, ISOLATING, Kind, printed, reason, run, task

pytestmark = pytest.mark.slow  # each attack takes its time limit

MIB = 1 << 20


@pytest.fixture(params=EVERY)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(params=ISOLATING)
def isolating(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_a_fork_bomb(tmp_path: Path, kind: Kind) -> None:
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    found = run(task(tmp_path, kind, ["1", bomb], processes=40))
    assert reason(found).startswith("ran ")
    assert "processes at one time, and may run 40 (in cell 2): start fewer" in reason(found)


def test_a_flood_of_processes_is_the_reason_although_the_time_is_over_first(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY", 600.0)  # as if it never got its turn
    many = "import subprocess, time\n[subprocess.Popen(['sleep', '60']) for _ in range(30)]\ntime.sleep(60)"
    found = run(task(tmp_path, kind, [many], seconds=4, processes=20))
    assert reason(found).startswith("ran ")
    assert "may run 20 (in cell 1)" in reason(found)


def test_an_endless_loop(tmp_path: Path, kind: Kind) -> None:
    found = run(task(tmp_path, kind, ["while True: pass"], seconds=1))
    assert reason(found).startswith(
        "took more than its 1 s, and was ended in cell 1: make it faster"
    )
    # Where it was is kept: the traceback of the interrupt.
    assert found.notebook.cells[0].outputs[0]["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize(
    "cell",
    [
        "import ctypes; ctypes.PyDLL(None).sleep(1000)",  # holds the interpreter: nothing in it can answer
        "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass",
    ],
)
def test_a_loop_that_will_not_be_interrupted(tmp_path: Path, cell: str) -> None:
    found = run(task(tmp_path, ISOLATING[0], [cell], seconds=1))
    assert reason(found).startswith("took more than its 1 s")


def test_time_is_counted_over_all_cells(tmp_path: Path) -> None:
    found = run(task(tmp_path, "none", ["import time; time.sleep(0.8)"] * 3, seconds=2))
    assert reason(found).startswith("took more than its 2 s, and was ended in cell 3")


def test_a_memory_hog(tmp_path: Path, kind: Kind) -> None:
    hog = "kept = []\nwhile True: kept.append(b'x' * (20 << 20))"
    found = run(task(tmp_path, kind, [hog], memory_bytes=300 * MIB))
    assert reason(found).startswith("took ")
    assert "of memory, and may take 300 MiB (in cell 1): load less at a time" in reason(found)


@pytest.mark.parametrize(
    "cell",
    [
        "for i in range(10 ** 7): print('x' * 100)",
        "import os\nwhile True: os.write(1, b'x' * 100_000)",
        "print('x' * (100 << 20))",
        "raise ValueError('x' * (100 << 20))",
        "from IPython.display import display, HTML\nwhile True: display(HTML('<b>' * 10_000))",
    ],
)
def test_a_flood_of_output(tmp_path: Path, cell: str) -> None:
    found = run(task(tmp_path, ISOLATING[0], ["print('kept')", cell], output_bytes=4 * MIB))
    assert reason(found) == "printed more than 4 MiB and was ended in cell 2: print less"
    assert found.notebook.cells[0].outputs[0]["text"] == "kept\n"
    assert len(str(found.notebook)) < 8 * MIB


def test_a_thread_that_floods_while_other_cells_run(tmp_path: Path) -> None:
    cells = [
        "import threading\ndef flood():\n    while True: print('x' * 10_000, flush=True)\n"
        "threading.Thread(target=flood, daemon=True).start()",
        "import time; time.sleep(60)",
    ]
    found = run(task(tmp_path, "none", cells, output_bytes=4 * MIB))
    assert reason(found).startswith("printed more than 4 MiB")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("exit()", "ended its process in cell 2 (exit() or quit()): remove that"),
        ("import sys; sys.exit(1)", "cell 2 raised SystemExit: 1"),
        ("import os; os._exit(3)", "ended its process in cell 2 (exit status 3): remove what ends it"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its process crashed in cell 2 (SIGSEGV)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its process was killed in cell 2 (SIGKILL)"),
    ],
)  # fmt: skip
def test_a_process_that_ends_itself(tmp_path: Path, cell: str, told: str) -> None:
    found = run(task(tmp_path, ISOLATING[0], ["1", cell, "open('after', 'w')"]))
    assert reason(found).startswith(told)
    assert not (tmp_path / "working" / "after").exists()


@pytest.mark.parametrize("own_kind", EVERY)
def test_how_a_process_ended_is_told_in_every_isolation(tmp_path: Path, own_kind: Kind) -> None:
    found = run(task(tmp_path / "a", own_kind, ["import os; os._exit(3)"]))
    assert reason(found).startswith("ended its process in cell 1 (exit status 3)")
    found = run(task(tmp_path / "b", own_kind, ["import ctypes; ctypes.string_at(0)"]))
    assert reason(found).startswith("its process crashed in cell 1 (SIGSEGV)")


def test_a_process_that_ends_itself_takes_what_it_started_with_it(
    tmp_path: Path, kind: Kind
) -> None:
    cell = "import os, subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\nos._exit(3)"
    found = run(task(tmp_path, kind, [cell], seconds=10))  # sees that nothing is left
    assert reason(found).startswith("ended its process in cell 1 (exit status 3)")


def test_exit_in_the_last_cell_is_no_success(tmp_path: Path) -> None:
    assert reason(run(task(tmp_path, "none", ["exit()"]))).startswith("ended its process in cell 1")


def test_a_thief_finds_nothing(
    tmp_path: Path, isolating: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, hidden = tmp_path / "m01", tmp_path / "repository" / "data" / "solution.csv"
    for path in (home / ".kaggle" / "kaggle.json", hidden):
        path.parent.mkdir(parents=True)
        path.write_text("the-secret", encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KAGGLE_KEY", "the-secret")
    cell = (
        "import os, pathlib\n"
        "print([name for name, value in os.environ.items() if 'secret' in value or 'KAGGLE' in name])\n"
        f"for path in ('~/.kaggle/kaggle.json', {str(home / '.kaggle' / 'kaggle.json')!r}, {str(hidden)!r}):\n"
        "    print(os.path.exists(os.path.expanduser(path)))\n"
        f"print(os.path.exists({str(Path.cwd() / 'params.yaml')!r}))"
    )
    found = run(task(tmp_path / "run", isolating, [cell]))
    assert printed(found).split() == ["[]", "False", "False", "False", "False"]


def test_a_spy_reaches_no_server(tmp_path: Path, isolating: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        cell = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        found = run(task(tmp_path, isolating, [cell]))
    assert reason(found).startswith("cell 1 raised ConnectionRefusedError")


def test_a_forger_of_inputs_is_refused(tmp_path: Path) -> None:
    asked = task(tmp_path, ISOLATING[0], ["open('../input/tiny/train.csv', 'w').write('forged')"])
    assert reason(run(asked)).startswith("cell 1 raised OSError: [Errno 30] Read-only file system")
    assert (asked.input / "tiny" / "train.csv").read_text(encoding="utf-8").startswith("id,label")


@pytest.mark.parametrize(
    "cell",
    [
        "from IPython.display import display\nfor i in range(10 ** 6): display(i)",
        "for i in range(10 ** 6): print(i, flush=True)",
        "import sys\nfor i in range(10 ** 6): print(i, file=sys.stdout if i % 2 else sys.stderr, flush=True)",
    ],
)
def test_a_million_outputs_end_with_the_time_and_are_bounded(tmp_path: Path, cell: str) -> None:
    began = time.monotonic()
    found = run(task(tmp_path, ISOLATING[0], [cell], seconds=6))
    assert time.monotonic() - began < 20
    assert reason(found).startswith(("took more than its 6 s", "printed more than 16 MiB"))
    outputs = found.notebook.cells[0].outputs
    assert len(outputs) <= 2002
    assert ("more outputs were dropped" in outputs[-1].get("text", "")) == (len(outputs) > 2000)
