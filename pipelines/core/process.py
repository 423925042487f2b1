"""Processes that do not get in each other's way: exclusive locks, and children that die with their parent.

Killing `dvc` alone leaves its trainer running, and the next call would start a second one beside it. So
each stage asks the kernel to be told when its parent dies, and holds a lock on its work while it lives.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

from pipelines.core.atomic import disk_errors
from pipelines.core.errors import UserError

_PR_SET_PDEATHSIG = 1


class Killed(BaseException):
    """SIGTERM or SIGINT arrived. No Exception: a handler for failed models must not swallow it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


def raise_on_signals() -> None:
    """Let SIGTERM and SIGINT raise Killed in the main thread, so that every `finally` still runs."""

    def handle(signal_number: int, _: FrameType | None) -> None:
        # One death is enough: a second Ctrl-C must not interrupt the tidying up.
        signal.signal(signal_number, signal.SIG_IGN)
        raise Killed(signal_number)

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Receive `signal_number` when the process that started this one dies.

    Linux tells at once (prctl(2), PR_SET_PDEATHSIG); elsewhere a thread looks twice a second.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # it died between the two calls
            os.kill(os.getpid(), signal_number)
    else:
        threading.Thread(target=_watch_parent, args=(parent, signal_number), daemon=True).start()


def _watch_parent(parent: int, signal_number: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal_number)


def run_child(command: Sequence[str]) -> int:
    """Run a command that is killed when this process dies; return its exit status.

    Ctrl-C in a terminal reaches the child too, which then ends in its own way before this returns.
    """
    child = subprocess.Popen(command, preexec_fn=_die_hard)
    try:
        return child.wait()
    except Killed:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise


def _die_hard() -> None:
    die_with_parent(signal.SIGKILL)


@contextmanager
def exclusive(path: Path, what: str, wait: float | None = None) -> Iterator[None]:
    """Hold an exclusive lock on `path` for the length of the block; it ends with the process at the latest.

    Args:
        path: the lock file. It stays: removing it would let two processes hold two different locks.
        what: what is being done, for the message that a second process prints while it waits.
        wait: seconds to wait for another holder; None waits for ever.

    Raises:
        UserError: another process still holds the lock after `wait` seconds.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, wait)
        since = f"{datetime.now():%H:%M:%S}"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} ({what}, since {since})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, wait: float | None) -> None:
    deadline = None if wait is None else time.monotonic() + wait
    announced = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 400, 0).decode(errors="replace") or "another process"
        if deadline is not None and time.monotonic() >= deadline:
            raise UserError(
                f"only one process may do this at a time, and {holder} is at it: wait until it has ended"
            )
        if not announced and deadline is None:
            print(f"waiting for {holder}", file=sys.stderr, flush=True)
            announced = True
        time.sleep(0.1)
