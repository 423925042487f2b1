"""The process of one notebook: started, spoken to, interrupted, and killed with all that it started."""

import asyncio
import ctypes
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import write_connection_file
from zmq.utils.monitor import recv_monitor_message

from pipelines.plumbing.process import end_tree
from pipelines.sandbox import isolate
from pipelines.sandbox.outputs import plain
from pipelines.sandbox.task import Ended, Task

_START_SECONDS = 120  # for the first answer; it usually takes one
_CUT_SECONDS = 1.5  # in which a connection would have been tried again
_PR_SET_CHILD_SUBREAPER = 36
_SAID = 4096  # bytes kept of what the process prints before it answers
End = Callable[[BaseException], None]
_ENDS: set[End] = set()  # one for every notebook that runs


class NotebookProcess:
    """One notebook's process and the channels to it.

    Args:
        task: decides environment, isolation and limits.
        sockets: a folder for them; through the file system they reach into another network namespace.

    Raises:
        Ended: the system refuses to start it.
        UserError: the environment's interpreter does not run, or what isolates no longer works.
    """

    def __init__(self, task: Task, sockets: Path) -> None:
        command = isolate.command(task, sockets)
        # Random ports are the numbers behind the sockets' names.
        connection, _ = write_connection_file(
            str(sockets / "connection.json"),
            transport="ipc", ip=str(sockets / "k"), key=secrets.token_hex(32).encode(),
        )  # fmt: skip
        self.client = AsyncKernelClient(connection_file=connection)
        self.client.load_connection_file()
        # One message is all outputs of a moment; libzmq refuses a larger one before it takes any memory.
        self.client.context.setsockopt(zmq.MAXMSGSIZE, 4 * task.limits.output_bytes + (1 << 20))
        if (
            sys.platform == "linux"
        ):  # what a sandbox leaves behind shall become this process's child
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._said = (
            sockets / "said"
        )  # what it prints beside its messages; reasons are taken from it
        try:
            with self._said.open("wb") as said:
                self._process = subprocess.Popen(
                    [*command.arguments, connection], env=command.environment, cwd=command.directory,
                    stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise _never_started(str(error)) from None
        assert self._process.stdin is not None
        # It ends at once when it is read, as /dev/null does. Of that one, once it is open, no mount could keep
        # the rights and times from being changed for everybody.
        self._process.stdin.close()

    @property
    def id(self) -> int:
        """The process that everything of the notebook descends from."""
        return self._process.pid

    async def answer(self) -> None:
        """Wait until the process answers.

        Raises:
            Ended: it does not.
        """
        self.client.start_channels(stdin=False, hb=False)
        events = zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED
        self._monitor = self.client.iopub_channel.socket.get_monitor_socket(events)
        try:
            await self.client.wait_for_ready(timeout=_START_SECONDS)
        except RuntimeError as error:
            raise _never_started(str(error)) from None

    async def lost_message(self) -> None:
        """Return when a message was too large to be received: its connection is cut then, for good.

        After a process has died, a new connection is tried at once, again and again.
        """
        is_cut = False
        while True:
            patience = _CUT_SECONDS if is_cut else None
            try:
                message = await asyncio.wait_for(recv_monitor_message(self._monitor), patience)
            except TimeoutError:
                return
            is_cut = message["event"] == zmq.EVENT_DISCONNECTED

    async def death(self) -> None:
        """Return when the process is dead, and what it said last was heard."""
        while self._process.poll() is None:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)

    def why(self, number: int) -> Ended:
        """Why it is dead.

        Args:
            number: of the cell that ran; 0 where it has not answered yet.
        """
        if number:
            return died(number, self._process.wait())
        with self._said.open("rb") as said:
            said.seek(max(0, self._said.stat().st_size - _SAID))
            return _never_started(said.read().decode(errors="replace"))

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in it, if it still heeds anything.

        A signal would reach what stands around the process, and end that.
        """
        with suppress(zmq.ZMQError):
            self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))

    def kill(self) -> None:
        """Kill the process and all that descends from it, and reap it."""
        if self._process.poll() is None:
            end_tree(self.id)
        with suppress(ProcessLookupError, PermissionError):  # where what adopts them has died first
            os.killpg(self.id, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=30)
        # What dies last may have become this process's child, above all the first process of bubblewrap's
        # namespace, whose end is the end of all there: bubblewrap itself does not always wait for it.
        for orphan in psutil.Process().children():
            with suppress(psutil.Error, ProcessLookupError, ChildProcessError):
                if os.getpgid(orphan.pid) == self.id:
                    orphan.kill()
                    os.waitpid(orphan.pid, 0)

    def close(self) -> None:
        """Kill it and give back all that was opened. To be called in every case."""
        self.kill()
        self.client.iopub_channel.socket.disable_monitor()
        self.client.stop_channels()


def died(number: int, code: int) -> Ended:
    """Why the process is gone.

    Args:
        number: the cell that ran.
        code: exit status; below 0, or above 128, it was ended by a signal.
    """
    if 0 <= code <= 128:
        return Ended(
            f"ended its process in cell {number} (exit status {code}): remove what ends it"
        )
    ending = -code if code < 0 else code - 128
    if ending == signal.SIGKILL:
        return Ended(
            f"its process was killed in cell {number} (SIGKILL), most likely because this machine ran out of "
            "memory: load less at a time"
        )
    names = {each.value: each.name for each in signal.Signals}
    name = names.get(ending, f"signal {ending}")
    return Ended(f"its process crashed in cell {number} ({name}): a library failed below Python")


def _never_started(said: str) -> Ended:
    lines = [line.strip() for line in plain(said).splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    missing = re.search(r"No module named '?ipykernel", last)
    advice = "its environment must have ipykernel" if missing else "see `pilsa doctor`"
    return Ended(f"its process did not start ({last}): {advice}")


@contextmanager
def stops_heeded(end: End) -> Iterator[None]:
    """Call `end` with what is raised inside a callback of the running loop to stop this process.

    A signal raises Killed in whatever runs at that moment. asyncio would only print what is raised inside a
    callback, and this process would go on as if no signal had come.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def heed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException) and not isinstance(error, Exception):
            for each in list(_ENDS):
                each(error)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    if not _ENDS:  # else the loop has one already
        loop.set_exception_handler(heed)
    _ENDS.add(end)
    try:
        yield
    finally:
        _ENDS.discard(end)
        if not _ENDS:
            loop.set_exception_handler(before)
