"""The process of one notebook: started, spoken to, interrupted, and killed with all that it started."""

import asyncio
import ctypes
import os
import platform
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import psutil
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Instance
from zmq.utils.monitor import recv_monitor_message

from pipelines.sandbox import endings, isolate, watching
from pipelines.sandbox.run_folder import RunFolder
from pipelines.sandbox.task import Limits, Task

_START_SECONDS = 120  # for the first answer; it usually takes one
_CUT_SECONDS = 1.5  # in which a connection would have been tried again
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_KEYCTL = {"x86_64": 250, "aarch64": 219}  # the system call; keyctl(2)
_JOIN_SESSION_KEYRING = 1
_SAID = 4096  # bytes kept of what the process prints before it answers


class _Manager(AsyncKernelManager):
    spec = Instance(KernelSpec)

    @property
    def kernel_spec(self) -> KernelSpec:
        """The one command of this notebook, and none of those installed on this machine."""
        return self.spec


class NotebookProcess:
    """One notebook's process and the channels to it.

    Args:
        task: decides environment, isolation and limits.
        folder: holds the sockets.
    """

    client: AsyncKernelClient

    def __init__(self, task: Task, folder: RunFolder) -> None:
        self._task = task
        self._command = isolate.command(task, folder.sockets)
        spec = KernelSpec(
            argv=self._command.arguments,
            display_name="Python 3",
            language="python",
            interrupt_mode="message",  # a signal would reach what stands around the process, and end that
        )
        # Sockets in the file system reach into another network namespace.
        self.manager = _Manager(
            spec=spec,
            transport="ipc",
            ip=str(folder.sockets / "k"),
            connection_file=str(folder.sockets / "kernel.json"),
        )
        self._said = b""
        self._pipe = -1

    @property
    def _process(self) -> "subprocess.Popen[bytes] | None":
        return getattr(self.manager.provisioner, "process", None)

    @property
    def id(self) -> int:
        """The process that everything of the notebook descends from."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    async def start(self) -> None:
        """Start the process.

        Raises:
            Ended: the system refuses.
        """
        _adopt_orphans()
        self._pipe, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(theirs, True)
        nothing = _empty_input()
        asyncio.get_running_loop().add_reader(self._pipe, self._listen)
        try:
            await self.manager.start_kernel(
                extra_arguments=["--HistoryManager.hist_file=:memory:"],
                env=self._command.environment,
                cwd=str(self._command.directory),
                stdin=nothing,
                stdout=theirs,
                stderr=theirs,
                independent=True,  # else it watches for a parent that it cannot see, and ends itself
                preexec_fn=_preparation(self._task.limits),
            )
        except OSError as error:
            raise endings.never_started(str(error)) from None
        finally:
            os.close(theirs)
            os.close(nothing)

    async def answer(self) -> None:
        """Wait until the process answers.

        Raises:
            Ended: it has ended, or does not answer.
        """
        self.client = self.manager.client()
        # One message is all outputs of a moment; libzmq refuses a larger one before it takes any memory.
        largest = 4 * self._task.limits.output_bytes + (1 << 20)
        self.client.context.setsockopt(zmq.MAXMSGSIZE, largest)
        self.client.start_channels(stdin=False, hb=False, control=False)
        events = zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED
        self._monitor = self.client.iopub_channel.socket.get_monitor_socket(events)
        try:
            await self.client.wait_for_ready(timeout=_START_SECONDS)
        except RuntimeError as error:
            await asyncio.sleep(0.1)  # for its last words
            raise endings.never_started(self._said.decode(errors="replace") or str(error)) from None

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

    async def is_alive(self) -> bool:
        return self.exit_code is None

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in it, if it still heeds anything."""
        with suppress(RuntimeError, zmq.ZMQError):
            await self.manager.interrupt_kernel()

    def kill(self) -> None:
        """Kill the process and all that descends from it, and reap it."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            watching.kill(process.pid)
        with suppress(ProcessLookupError, PermissionError):  # where what adopts them has died first
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        # What dies last may have become this process's child, above all the first process of bubblewrap's
        # namespace, whose end is the end of all there: bubblewrap itself does not always wait for it.
        for orphan in psutil.Process().children():
            with suppress(psutil.Error, ProcessLookupError, ChildProcessError):
                if os.getpgid(orphan.pid) == process.pid:
                    orphan.kill()
                    os.waitpid(orphan.pid, 0)

    async def close(self) -> None:
        """Kill it and give back all that was opened. To be called in every case."""
        self.kill()
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
        client = getattr(self, "client", None)
        if client is not None:
            client.iopub_channel.socket.disable_monitor()
            client.stop_channels()
        await self.manager.cleanup_resources()

    def _listen(self) -> None:
        """Keep the end of what the process prints beside its messages; reasons are taken from it."""
        with suppress(BlockingIOError):
            text = os.read(self._pipe, 1 << 16)
            self._said = (self._said + text)[-_SAID:]
            if not text:
                asyncio.get_running_loop().remove_reader(self._pipe)


def _empty_input() -> int:
    """What ends at once when it is read, as /dev/null does.

    Of that one, once it is open, no mount could keep the rights and times from being changed for everybody.
    """
    nothing, writer = os.pipe2(os.O_CLOEXEC)
    os.close(writer)
    return nothing


def _adopt_orphans() -> None:
    """Let what a sandbox leaves behind become a child of this process, which can wait for its end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _preparation(limits: Limits) -> Callable[[], None]:
    """What the new process does before anything else: it inherits to all that it starts."""
    # Loaded here: between fork and exec a child of a process with threads may not load anything.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()
    keyctl = _KEYCTL.get(platform.machine())
    most = None if os.getuid() == 0 else _threads() + 4 * limits.processes  # root is exempt from it

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            if keyctl is not None:
                # No namespace takes the session's keys away: they hold secrets, and would let one view leave
                # its targets for the next.
                libc.syscall(keyctl, _JOIN_SESSION_KEYRING, None)
            with suppress(
                OSError
            ):  # where memory runs out, the system shall take this process first
                file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
                os.write(file, b"800")
                os.close(file)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, limits.disk_bytes)
        if most is not None:
            _limit(resource.RLIMIT_NPROC, most)

    return prepare


def _limit(kind: int, wanted: int) -> None:
    _, most = resource.getrlimit(kind)
    value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(kind, (value, value))


def _threads() -> int:
    """Threads of this user, which its limit counts together, over all programs."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count
