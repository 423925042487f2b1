import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import psutil
import pytest

from pipelines.plumbing.process import Killed
from pipelines.sandbox import notebook_process, run_folder, runner
from pipelines.sandbox.task import Task
from tests.sandbox.small_tasks import EVERY, ISOLATING, Kind, printed, run, task

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(params=EVERY)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_cells_run_from_top_to_bottom_where_kaggle_runs_them(tmp_path: Path, kind: Kind) -> None:
    cells = [
        "import os\nprint(open('/kaggle/input/tiny/train.csv').read() == open('../input/tiny/train.csv').read())",
        "",
        "open('/kaggle/working/out.csv', 'w').write('한글'); 1 + 1",
    ]
    asked = task(tmp_path, kind, cells)
    asked.notebook.cells[0].outputs = [{"output_type": "stream", "name": "stdout", "text": "old"}]
    found = run(asked)
    assert (found.status, found.reason, found.failed_cell) == ("FINISHED", None, None)
    assert printed(found) == "True\n"
    assert found.notebook.cells[2].outputs[0]["data"] == {"text/plain": "2"}
    assert (tmp_path / "working" / "out.csv").read_text(encoding="utf-8") == "한글"
    # What is shown to people is what they wrote, also where paths were rewritten.
    assert [cell.source for cell in found.notebook.cells] == cells


def test_the_first_error_ends_it_with_its_reason(tmp_path: Path) -> None:
    cells = ["print('before')", "import pandas_of_old", "print('after')"]
    found = run(task(tmp_path, ISOLATING[0], cells))
    assert found.status == "FAILED"
    assert found.reason == "cell 2 raised ModuleNotFoundError: No module named 'pandas_of_old'"
    assert found.failed_cell is not None
    assert (found.failed_cell.number, found.failed_cell.source) == (2, "import pandas_of_old")
    assert found.failed_cell.error == "ModuleNotFoundError"
    assert printed(found) == "before\n"
    assert found.notebook.cells[1].outputs[0]["ename"] == "ModuleNotFoundError"
    assert found.notebook.cells[2].outputs == []


def test_a_message_with_colours_is_told_plainly(tmp_path: Path) -> None:
    found = run(task(tmp_path, "none", ["raise ValueError('\\x1b[31mred\\x1b[0m\\nline')"]))
    assert found.reason == "cell 1 raised ValueError: red line"


def test_pictures_and_progress_bars_are_kept_as_a_terminal_would_show_them(tmp_path: Path) -> None:
    cells = [
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "import sys\nfor i in range(3): print(f'\\r{i} of 2', end='', flush=True)\nprint('\\nab\\b\\bcd')",
        "from IPython.display import display\nshown = display('first', display_id=True)\nprint('x')",
        "shown.update('second')",
    ]
    found = run(task(tmp_path, ISOLATING[0], cells))
    assert found.reason is None
    assert "image/png" in found.notebook.cells[0].outputs[0]["data"]
    assert found.notebook.cells[1].outputs[0]["text"] == "2 of 2\ncd\n"
    assert found.notebook.cells[2].outputs[0]["data"]["text/plain"] == "'second'"


@pytest.mark.slow
def test_an_earlier_picture_can_be_updated_after_many_small_outputs(tmp_path: Path) -> None:
    cells = [
        "import time\nfrom IPython.display import display\n"
        "for i in range(3): print(i, flush=True); time.sleep(0.3)\nshown = display('old', display_id=True)",
        "shown.update('new')",
    ]
    found = run(task(tmp_path, "none", cells))
    assert found.reason is None
    assert [output.get("text") for output in found.notebook.cells[0].outputs] == ["0\n1\n2\n", None]
    assert found.notebook.cells[0].outputs[1]["data"]["text/plain"] == "'new'"


def test_progress_is_told_also_while_a_cell_runs(tmp_path: Path) -> None:
    told: list[str] = []
    cells = [
        "print('epoch 1 \\x1b[1mloss\\x1b[0m 0.5', flush=True)\nimport time; time.sleep(2.5)",
        "2",
    ]
    run(task(tmp_path, ISOLATING[0], cells, on_event=told.append))
    assert told[0] == "cell 1 of 2 · 0 s"
    assert "cell 1 of 2 · 2 s · epoch 1 loss 0.5" in told
    assert told[-1].startswith("cell 2 of 2 · ")


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ("print('noise')\nprint('{\"loss\": [0.5, NaN], \"n\": ' + str(x) + '}')", {"loss": [0.5, None], "n": 7}),
        ("raise ValueError", None),
        ("import os; os._exit(1)", None),
        ("print('{\"a\": \"' + 'x' * (2 << 20) + '\"}')", None),
    ],
)  # fmt: skip
def test_the_probe_tells_and_leaves_no_trace(
    tmp_path: Path, probe: str, expected: dict[str, object] | None
) -> None:
    found = run(task(tmp_path, ISOLATING[0], ["x = 7"], probe=probe))
    assert (found.status, found.reason) == ("FINISHED", None)
    assert found.probe == expected
    assert len(found.notebook.cells) == 1


def test_no_probe_runs_after_a_failure(tmp_path: Path) -> None:
    probe = "open('probed', 'w')\nprint('{}')"
    found = run(task(tmp_path, "none", ["1 / 0"], probe=probe))
    assert found.probe is None
    assert not (tmp_path / "working" / "probed").exists()


def test_input_fails_at_once(tmp_path: Path) -> None:
    found = run(task(tmp_path, ISOLATING[0], ["input('your name? ')"]))
    assert found.reason is not None
    assert found.reason.startswith("cell 1 raised StdinNotImplementedError")


@pytest.mark.slow
def test_several_run_at_once_without_meeting(tmp_path: Path) -> None:
    wait = "import pathlib, time\npathlib.Path('mine').write_text(NAME)\ntime.sleep(1)\nprint(open('mine').read())"
    asked = [
        task(tmp_path / name, "bubblewrap", [f"NAME = {name!r}", "1 / 0" if name == "c" else wait])
        for name in "abc"
    ]

    async def together() -> list[str]:
        found = await asyncio.gather(*(runner.execute(one) for one in asked))
        return [one.reason or printed(one).strip() for one in found]

    assert asyncio.run(together()) == [
        "a",
        "b",
        "cell 2 raised ZeroDivisionError: division by zero",
    ]


def test_an_environment_without_ipykernel_says_so(tmp_path: Path, kind: Kind) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    found = run(task(tmp_path / "run", kind, ["1"], python=tmp_path / "env" / "bin" / "python"))
    assert found.status == "FAILED"
    assert found.reason is not None
    assert "No module named ipykernel" in found.reason
    assert "its environment must have ipykernel" in found.reason


@pytest.mark.parametrize("name", ["plain", 'it\'s a "folder"'])
def test_without_mounts_paths_are_written_into_the_copy(tmp_path: Path, name: str) -> None:
    cells = [
        "import os\nprint(os.listdir('/kaggle/input'), os.path.samefile('/kaggle/working', os.getcwd()))\n"
        "print(\"https://www.kaggle.com/kaggle/input\", 'x/kaggle/input')"
    ]
    found = run(task(tmp_path / name, "none", cells))
    assert printed(found) == "['tiny'] True\nhttps://www.kaggle.com/kaggle/input x/kaggle/input\n"


def test_without_mounts_the_input_is_marked_read_only(tmp_path: Path) -> None:
    asked = task(tmp_path, "none", ["1"])
    run(asked)
    assert (asked.input / "tiny" / "train.csv").stat().st_mode & 0o222 == 0


def test_sockets_of_a_killed_process_are_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder.tempfile, "tempdir", str(tmp_path))
    abandoned, fresh = tmp_path / "pilsa-notebook-old", tmp_path / "pilsa-notebook-new"
    for path in (abandoned, fresh):
        path.mkdir()
    os.utime(abandoned, (1, 1))
    with run_folder.RunFolder(task(tmp_path / "run", "none", [])) as folder:
        os.utime(folder.sockets, (1, 1))
        with run_folder.RunFolder(task(tmp_path / "second", "none", [])):
            assert folder.sockets.exists()  # old, and in use
    assert not abandoned.exists()
    assert fresh.exists()
    assert not folder.sockets.exists()


def endless(folder: Path) -> str:
    """A cell that does not end, and a process beside it that tries to get away."""
    return (
        f"import subprocess, time\nsubprocess.Popen(['sleep', '{escaped(folder)}'], start_new_session=True)\n"
        "print('ready', flush=True)\ntime.sleep(3600)"
    )


def escaped(folder: Path) -> str:
    """Seconds that no other test's process sleeps."""
    return f"600.{zlib.crc32(str(folder).encode())}"


def survivors(folder: Path) -> list[psutil.Process]:
    """Processes whose command names a run; waits until none is left."""
    for _ in range(100):
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                if escaped(folder) in words or str(folder) in words:
                    found.append(process)
            except psutil.Error:
                continue
        if not found:
            return []
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_a_cancelled_execution_leaves_nothing(tmp_path: Path, kind: Kind) -> None:
    told: list[str] = []
    asked = task(tmp_path, kind, [endless(tmp_path)], on_event=told.append)

    async def cancel() -> None:
        running = asyncio.ensure_future(runner.execute(asked))
        while not any("ready" in line for line in told):
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert survivors(tmp_path) == []


PILSA = """
import asyncio, sys
from pathlib import Path
from pipelines.plumbing import process
from pipelines.sandbox import runner
from tests.sandbox.small_tasks import task
process.raise_on_signals()
folder, kind, cell = sys.argv[1:]
asked = task(Path(folder), kind, [cell], on_event=lambda line: print(line, flush=True))
try:
    asyncio.run(runner.execute(asked))
except process.Killed as killed:
    print("tidied up", flush=True)
    sys.exit(killed.exit_code)
print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_this_process(tmp_path: Path, kind: Kind, number: int) -> None:
    task(tmp_path / "skip", kind, [])  # skips the test where the kind does not work
    with subprocess.Popen(
        [sys.executable, "-c", PILSA, str(tmp_path / "run"), kind, endless(tmp_path)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    ) as pilsa:  # fmt: skip
        assert pilsa.stdout is not None
        assert any("ready" in line for line in pilsa.stdout)
        assert any(
            escaped(tmp_path) in " ".join(p.cmdline())
            for p in psutil.Process(pilsa.pid).children(True)
        )
        pilsa.send_signal(number)
        rest = pilsa.stdout.read()
    assert survivors(tmp_path) == []
    if number == signal.SIGTERM:
        assert (pilsa.returncode, "tidied up" in rest) == (128 + number, True)


@pytest.mark.slow
def test_a_flood_does_not_fill_the_memory_of_this_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PILSA, str(tmp_path), "none", "print('x' * (300 << 20))"],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    peak = int(done.stdout.split()[-2])  # kB
    assert peak < 300 << 10


def test_what_stops_this_process_stops_a_cell_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def stopped() -> None:
        sat = asyncio.ensure_future(runner.execute(asked))
        while not (tmp_path / "working" / "ready").exists():
            await asyncio.sleep(0.05)
        del sat
        raise Killed(signal.SIGINT)

    asked = task(tmp_path, "none", ["open('ready', 'w').close()\nwhile True: pass"])
    with pytest.raises(Killed):
        asyncio.run(stopped())
    assert (capfd.readouterr().err, caplog.text) == ("", "")


@pytest.mark.slow
def test_what_stops_this_process_is_not_lost_in_a_callback(tmp_path: Path) -> None:
    asked: Task = task(tmp_path, "bubblewrap", [endless(tmp_path)])

    def stop() -> None:
        raise Killed(signal.SIGTERM)

    async def stopped() -> None:
        asyncio.get_running_loop().call_later(2, stop)
        await runner.execute(asked)

    with pytest.raises(Killed):
        asyncio.run(stopped())
    assert survivors(tmp_path) == []


def test_other_errors_in_callbacks_are_told_as_before() -> None:
    told: list[BaseException] = []

    async def callbacks() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        ended: list[BaseException] = []
        with notebook_process.stops_heeded(ended.append):
            loop.call_soon(json.loads, "{")
            await asyncio.sleep(0.01)
        assert ended == []

    asyncio.run(callbacks())
    assert [type(error) for error in told] == [json.JSONDecodeError]


def test_messages_of_widgets_do_not_disturb_a_cell(tmp_path: Path) -> None:
    cells = [
        "import comm\nwidget = comm.create_comm(target_name='jupyter.widget', data={'state': {}})\n"
        "widget.send({'method': 'update', 'state': {'value': 1}}); print('a')",
        "widget.close(); print('b')",
    ]
    found = run(task(tmp_path, "none", cells))
    assert (found.reason, printed(found)) == (None, "a\nb\n")


def test_tags_of_cells_are_heeded(tmp_path: Path) -> None:
    asked = task(tmp_path, "none", ["1 / 0", "open('ran', 'w')", "print('on')"])
    asked.notebook.cells[0].metadata.tags = ["raises-exception"]
    asked.notebook.cells[1].metadata.tags = ["skip-execution"]
    found = run(asked)
    assert (found.reason, printed(found)) == (None, "on\n")
    assert found.notebook.cells[0].outputs[0]["ename"] == "ZeroDivisionError"
    assert not (tmp_path / "working" / "ran").exists()
    assert [cell.execution_count for cell in found.notebook.cells] == [1, None, 3]
