"""What a running notebook takes: memory, processes, disk. One that takes more than it may is killed.

A thread looks, so that a busy event loop cannot delay it. Between two looks a notebook may take more; where
the operating system can cap nothing for this user, this is all there is.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from pipelines.plumbing.process import end_tree
from pipelines.sandbox.task import GIB, Limits

LOOK_EVERY = 0.1  # seconds; a process fills memory at some GB/s
MOST_FILES = 500_000  # in all: their entries fill a disk as well
LEAST_FREE = GIB // 4  # bytes that must stay free on the disk, or the whole machine suffers


def below(process: int) -> list[psutil.Process]:
    """All that descends from a process, the ended but not yet reaped included; empty where it is gone."""
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.Error:
        return []


def memory_of(processes: Iterable[psutil.Process], limit: int) -> int:
    """Bytes of memory that these processes hold together.

    The sum of their resident sets counts shared pages once a process; only where that is above `limit`
    are shared pages divided among those that share them, which takes the system much longer to tell.
    """
    found = list(processes)
    total = sum(_measure(process, shared=False) for process in found)
    if total > limit:
        total = sum(_measure(process, shared=True) for process in found)
    return total


def _measure(process: psutil.Process, shared: bool) -> int:
    with suppress(psutil.Error, OSError):
        if shared:
            with suppress(psutil.AccessDenied, AttributeError):  # no PSS but on Linux
                return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    return 0


def disk_of(folders: Iterable[Path]) -> tuple[int, int]:
    """Bytes on disk and number of files of some folders; links are not followed, holes take no room."""
    size = count = 0
    waiting = [str(folder) for folder in folders]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                count += 1
                with suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return size, count


def amount(size: float) -> str:
    """Bytes in words."""
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / (1 << 20):.0f} MiB"


class Watcher(threading.Thread):
    """Looks after one notebook until it is stopped; kills it once, and says why in `verdict`.

    Args:
        process: id of the process that everything of the notebook descends from.
        folders: all that the notebook may write to.
        limits: what it may take.
        tell: called from this thread when the notebook has been killed.
    """

    def __init__(
        self, process: int, folders: Sequence[Path], limits: Limits, tell: Callable[[], None]
    ) -> None:
        super().__init__(name=f"watcher of {process}", daemon=True)
        self.verdict: str | None = None
        self.deadline = (
            math.inf
        )  # of time.monotonic(): when even a stuck event loop must have ended it
        self._process = process
        self._folders = folders
        self._limits = limits
        self._tell = tell
        self._stopped = threading.Event()
        self._free_before = self._free()

    def run(self) -> None:
        try:
            self.verdict = self._watch()
        except Exception as error:  # unwatched it must not go on
            self.verdict = f"could not be watched any longer ({type(error).__name__}: {error})"
        if self.verdict is not None:
            end_tree(self._process)
            self._tell()

    def _watch(self) -> str | None:
        next_walk = 0.0
        while not self._stopped.wait(LOOK_EVERY):
            verdict = self.look_at_processes()
            began = time.monotonic()
            if verdict is None and began > self.deadline:
                verdict = "took more than its time, and would not be interrupted: make it faster"
            if verdict is None and began >= next_walk:
                verdict = self.look_at_disk()
                ended = time.monotonic()
                next_walk = ended + max(5 * LOOK_EVERY, 10 * (ended - began))
            if verdict is not None:
                return verdict
        return None

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

    def _free(self) -> int:
        return int(psutil.disk_usage(str(self._folders[0])).free)

    def look_at_processes(self) -> str | None:
        """Why the notebook must end because of its processes or their memory; None where it need not."""
        found = below(self._process)
        most = self._limits.processes
        if len(found) > most:
            return f"ran {len(found)} processes at one time, and may run {most}: start fewer (n_jobs, workers)"
        taken, may = memory_of(found, self._limits.memory_bytes), self._limits.memory_bytes
        if taken > may:
            return (
                f"took {amount(taken)} of memory, and may take {amount(may)}: load less at a time, or "
                f"{self._limits.raise_memory}"
            )
        return None

    def look_at_disk(self) -> str | None:
        """Why the notebook must end because of what it has written; None where it need not."""
        size, count = disk_of(self._folders)
        may = self._limits.disk_bytes
        if size > may:
            return f"wrote {amount(size)} to disk, and may write {amount(may)}: delete what is not needed"
        if count > MOST_FILES:
            return f"wrote {count} files, and may write {MOST_FILES}: pack them into one"
        free = self._free()
        if (
            free < LEAST_FREE <= self._free_before
        ):  # also where it wrote to a place that nobody watches
            return f"filled the disk, which has {amount(free)} left: free some space"
        return None
