"""What a notebook takes is measured, and one that takes more than it may is ended."""

import os
import time
from pathlib import Path

import psutil
import pytest

from pipelines.sandbox import watching
from pipelines.sandbox.task import GIB
from pipelines.sandbox.watching import Watcher, disk_of, memory_of
from tests.sandbox.small_tasks import ISOLATING, Kind, reason, run, task

pytestmark = pytest.mark.slow  # each waits until a limit is met

MIB = 1 << 20


def test_a_limit_below_what_an_empty_notebook_takes_is_named(tmp_path: Path) -> None:
    found = run(task(tmp_path, ISOLATING[0], ["1"], memory_bytes=10 * MIB))
    assert "of memory, and may take 10 MiB" in reason(found)


CHILDREN = (
    "import os, time\nbig = b'x' * (120 << 20)\nreader, writer = os.pipe()\n"
    "for _ in range(3):\n    if os.fork() == 0:\n        {own}\n        os.write(writer, b'.')\n        time.sleep(600)\n"
    "for _ in range(3):\n    os.read(reader, 1)  # until it has its memory\n"
    "time.sleep({seconds})\nos.system('pkill -P ' + str(os.getpid()))"
)


def test_memory_of_children_counts(tmp_path: Path) -> None:
    cell = CHILDREN.format(own="mine = b'y' * (120 << 20)", seconds=40)
    found = run(task(tmp_path, ISOLATING[0], [cell], memory_bytes=400 * MIB))
    assert "of memory, and may take 400 MiB" in reason(found)


@pytest.mark.parametrize("own_kind", [ISOLATING[0], "none"])
def test_memory_that_children_share_counts_once(tmp_path: Path, own_kind: Kind) -> None:
    found = run(
        task(tmp_path, own_kind, [CHILDREN.format(own="pass", seconds=1)], memory_bytes=400 * MIB)
    )
    assert found.reason is None


@pytest.mark.parametrize("place", ["/kaggle/working", "/tmp", "/dev/shm", "~"])
def test_a_disk_filler(tmp_path: Path, place: str) -> None:
    filler = (
        f"import os\nfolder = os.path.expanduser({place!r})\n"
        "for i in range(1000): open(f'{folder}/{i}', 'wb').write(b'x' * (4 << 20))"
    )
    found = run(task(tmp_path, ISOLATING[0], [filler], disk_bytes=40 * MIB))
    assert reason(found).startswith("wrote ")
    assert "to disk, and may write 40 MiB" in reason(found)


def test_one_file_that_grows_too_large(tmp_path: Path) -> None:
    cell = "with open('big', 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))"
    found = run(task(tmp_path, ISOLATING[0], [cell], disk_bytes=20 * MIB))
    # Told by the system, unless somebody looked at the very moment.
    assert reason(found).startswith(("cell 1 wrote a larger file than it may", "wrote 20 MiB"))
    assert (tmp_path / "working" / "big").stat().st_size <= 20 * MIB


def test_what_is_written_in_the_last_moment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY", 600.0)  # as if it never got its turn
    cell = "for i in range(6): open(str(i), 'wb').write(b'x' * (4 << 20))"
    found = run(task(tmp_path, "none", [cell], disk_bytes=20 * MIB))
    assert "to disk, and may write 20 MiB" in reason(found)


def test_a_stuck_event_loop_does_not_keep_a_notebook_alive(tmp_path: Path) -> None:
    told: list[str] = []
    with psutil.Popen(["sleep", "60"]) as process:
        asked = task(tmp_path, "none", [])
        watcher = Watcher(process.pid, [tmp_path], asked.limits, lambda: told.append("killed"))
        watcher.deadline = time.monotonic()
        watcher.start()
        assert process.wait(timeout=30) == -9
        watcher.join(30)
    assert told == ["killed"]
    assert watcher.verdict is not None
    assert watcher.verdict.startswith("took more than its time")


def test_what_it_ran_is_blamed_also_where_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psutil.Popen(["sleep", "60"]) as process:
        asked = task(tmp_path / "run", "none", [])
        watcher = Watcher(process.pid, [tmp_path], asked.limits, lambda: None)
        monkeypatch.setattr(watcher, "look_at_processes", lambda: "ran 99 processes")
        watcher.deadline = 0
        watcher.start()
        assert process.wait(timeout=30) == -9
        watcher.stop()
    assert watcher.verdict == "ran 99 processes"


def test_a_watcher_that_fails_ends_the_notebook(tmp_path: Path) -> None:
    with psutil.Popen(["sleep", "60"]) as process:
        asked = task(tmp_path / "run", "none", [])
        watcher = Watcher(process.pid, [tmp_path], asked.limits, lambda: None)
        watcher._folders = [tmp_path / "gone"]
        watcher.start()
        assert process.wait(timeout=30) == -9
        watcher.stop()
    assert watcher.verdict is not None
    assert watcher.verdict.startswith("could not be watched any longer (FileNotFoundError")


def test_sparse_files_links_and_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with (tmp_path / "a" / "sparse").open("wb") as file:
        file.truncate(GIB)
    (tmp_path / "a" / "full").write_bytes(os.urandom(1 << 20))
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    size, count = disk_of([tmp_path, tmp_path / "gone"])
    assert count == 4
    assert 1 << 20 <= size < 2 << 20


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    with psutil.Popen(["true"]) as process:
        process.wait()
        assert memory_of([process], 0) == 0
