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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import FrameType

import psutil

from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say

_PR_SET_PDEATHSIG = 1
# DVC ignores SIGINT while one of its stages runs: a child that is still there after this long gets SIGTERM.
_SECONDS_TO_HEED = 1.0


class Killed(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived. No Exception: a handler for failed models must not swallow it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def raise_on_signals() -> None:
    """Let SIGTERM, SIGINT and SIGHUP raise Killed in the main thread, so that every `finally` still runs.

    SIGHUP tells that the terminal was closed; under `nohup` it stays ignored.

    A signal may arrive inside a finalizer or a weakref's callback (TensorFlow runs thousands of them in an
    epoch). What is raised there is only printed, and the process would go on, and take no further
    signal: so the same signal is sent again a moment later.
    """
    heeded = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heeded.append(signal.SIGHUP)
    terminals = [output for output in (1, 2) if os.isatty(output)]

    def handle(signal_number: int, _: FrameType | None) -> None:
        # One death is enough: a second Ctrl-C must not interrupt the tidying up.
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
        if signal_number == signal.SIGHUP:
            _be_silent(terminals)
        raise Killed(signal_number)

    def insist(unraisable: "sys.UnraisableHookArgs") -> None:
        killed = unraisable.exc_value
        if not isinstance(killed, Killed):
            sys.__unraisablehook__(unraisable)
            return
        listen()
        again = threading.Timer(0.1, os.kill, (os.getpid(), killed.signal_number))
        again.daemon = True
        again.start()

    def listen() -> None:
        for each in heeded:
            signal.signal(each, handle)

    sys.unraisablehook = insist
    listen()


def _be_silent(outputs: Sequence[int]) -> None:
    """Print into nothing: what is said to a closed terminal is an error, which would hide why it ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for output in outputs:
        os.dup2(nothing, output)
    os.close(nothing)


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Receive `signal_number` when the process that started this one dies. To be called first of all.

    Linux tells at once (prctl(2), PR_SET_PDEATHSIG), also when only the thread ends that started this
    process; elsewhere a thread looks twice a second. Where a shell stands between (`sh -c` of dash waits
    beside its command), the process that started the shell is watched in the same way.
    """
    parent, grandparent = os.getppid(), _starter_of_shell(os.getppid())
    told = sys.platform == "linux" and _ask_for_signal(ctypes.CDLL(None), signal_number)
    if told and os.getppid() != parent:  # it died between the two calls
        os.kill(os.getpid(), signal_number)
    if not told or grandparent is not None:
        watched = (parent, grandparent, signal_number)
        threading.Thread(target=_watch_parents, args=watched, daemon=True).start()


def _ask_for_signal(libc: ctypes.CDLL, signal_number: int) -> bool:
    return int(libc.prctl(_PR_SET_PDEATHSIG, signal_number)) == 0


def _watch_parents(parent: int, grandparent: int | None, signal_number: int) -> None:
    while os.getppid() == parent and (grandparent is None or _parent_of(parent) == grandparent):
        time.sleep(0.5)
    os.kill(os.getpid(), signal_number)


def _starter_of_shell(process: int) -> int | None:
    """Who started the shell `process`; None where it is no `sh -c`, or where there is no /proc."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    is_shell = words[0].endswith(b"sh") and b"-c" in words[1:4]
    return _parent_of(process) if is_shell else None


def _parent_of(process: int) -> int | None:
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(status.rpartition(")")[2].split()[1])  # the name in brackets may hold anything


def dying_with_parent() -> Callable[[], None]:
    """What a child must do between fork and exec (`preexec_fn`) to be killed when this process dies."""
    # Loaded here: between fork and exec a child of a process with threads may not load anything.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()

    def die_hard() -> None:
        if libc and _ask_for_signal(libc, signal.SIGKILL) and os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_hard


def run_child(command: Sequence[str], to_stderr: bool = False) -> int:
    """Run a command that is killed when this process dies; return its exit status.

    A signal that ends this process is passed on, and SIGTERM after it to a child that does not heed it.

    Args:
        command: program and arguments.
        to_stderr: whether what it prints goes to standard error.
    """
    child = subprocess.Popen(
        command, preexec_fn=dying_with_parent(), stdout=sys.stderr if to_stderr else None
    )
    try:
        return child.wait()
    except (Killed, KeyboardInterrupt) as stop:
        child.send_signal(getattr(stop, "signal_number", signal.SIGINT))
        try:
            child.wait(_SECONDS_TO_HEED)
        except subprocess.TimeoutExpired:
            child.terminate()
            child.wait()
        raise


def end_tree(process: int, itself: bool = True, patience: float = 10.0) -> None:
    """Kill all that descends from a process, also while it multiplies, and then the process itself.

    Around a namespace the process ends by itself once all within are dead, and has reaped them then.

    Args:
        process: its id; nothing happens where it is gone.
        itself: whether it is killed too.
        patience: seconds after which what still lives below it is given up.
    """
    try:
        outer = psutil.Process(process)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            found = [one for one in outer.children(recursive=True) if _is_alive(one)]
            if not found:
                break
            for number in (signal.SIGSTOP, signal.SIGKILL):  # a stopped one does not multiply
                for one in found:
                    with suppress(psutil.Error):
                        one.send_signal(number)
        until = time.monotonic() + 2
        while itself and _is_alive(outer) and time.monotonic() < until:
            time.sleep(0.005)
        if itself:
            outer.kill()
    except psutil.Error:
        return


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(descriptor, wait)
        holder = f"process {os.getpid()} ({what}, since {datetime.now():%H:%M:%S})"
        with disk_errors(path):
            os.pwrite(descriptor, holder.encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)  # or the next holder, about to sign, is taken for this one
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may hold the descriptor too
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, wait: float | None) -> None:
    deadline = None if wait is None else time.monotonic() + wait
    announced = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)  # what a killed holder wrote
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 400, 0).decode(errors="replace") or "another process"
        if deadline is not None and time.monotonic() >= deadline:
            raise UserError(
                f"only one process may do this at a time, and {holder} is at it: wait until it has ended, or "
                "end it"
            )
        if not announced:
            say(f"waiting for {holder}", is_error=True)
            announced = True
        time.sleep(0.1)
