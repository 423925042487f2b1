"""Executes a notebook in a process of its own, cell by cell, and says what became of it.

Whatever the notebook does, this returns an Execution: an exception, an endless loop, a full memory, a flood of
output or a dead process is a reason. Whatever ends this process, nothing of the notebook goes on.
"""

import asyncio
import copy
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from pipelines.sandbox import endings, stops
from pipelines.sandbox.endings import Ended
from pipelines.sandbox.notebook_process import NotebookProcess
from pipelines.sandbox.outputs import last_line, last_object, plain, settle, size_of
from pipelines.sandbox.run_folder import RunFolder
from pipelines.sandbox.task import Execution, FailedCell, Task
from pipelines.sandbox.watching import Watcher

_PROBE_SECONDS = 60  # at least
_PROBE_BYTES = 1 << 20
_GRACE = 3  # seconds that an interrupted cell has to show where it was
_TICK = 1.0  # seconds between two words about a cell that goes on


async def execute(task: Task) -> Execution:
    """Execute a notebook's cells from top to bottom; the first error ends it.

    Several may run at once in one event loop.

    Args:
        task: the notebook, its folder, environment, limits and isolation.

    Returns:
        What became of it. Its notebook is a copy of the task's with the same sources.

    Raises:
        UserError: the environment's interpreter does not run, or the folder cannot be written.
        CancelledError, Killed, KeyboardInterrupt: as they come; the notebook's processes are dead then.
    """
    began = time.monotonic()
    reason = probe = None
    with RunFolder(task) as folder:
        session = _Session(task, folder)
        try:
            with stops.heeded(session.end):
                await session.start()
                await session.run_cells()
                probe = await session.ask_probe()
        except Ended as ended:
            reason = ended.reason
        finally:
            await session.close()
    return Execution(
        status="FINISHED" if reason is None else "FAILED",
        reason=reason,
        notebook=session.result(),
        seconds=time.monotonic() - began,
        failed_cell=session.failed_cell if reason is not None else None,
        probe=probe,
    )


class _Client(NotebookClient):  # type: ignore[misc]  # it has no types
    """nbclient's execution of one cell; this adds what it must not take from a stranger.

    Its own handling of signals, of dead processes and of a whole notebook is not used: it would replace
    the signal handlers of this process.
    """

    def __init__(
        self, session: "_Session", notebook: NotebookNode, process: NotebookProcess
    ) -> None:
        super().__init__(
            notebook, km=process.manager, timeout=None, record_timing=False, coalesce_streams=False,
            iopub_timeout=30, store_widget_state=False, on_cell_executed=self._heed_exit,
        )  # fmt: skip
        self.kc = process.client
        self.session = session
        self.polls: list[asyncio.Task[Any] | None] = []
        self.has_exited = False
        self.printed = 0  # bytes
        self.most = session.task.limits.output_bytes
        self.last_line = ""

    async def async_execute_cell(self, *given: Any, **named: Any) -> NotebookNode:
        try:
            return await super().async_execute_cell(*given, **named)
        except DeadKernelError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # nbclient takes that for a death
                raise asyncio.CancelledError from None
            raise

    def _heed_exit(self, execute_reply: dict[str, Any], **_: Any) -> None:
        payload = execute_reply["content"].get("payload") or []
        self.has_exited = any(part.get("source") == "ask_exit" for part in payload)

    async def _async_poll_kernel_alive(self) -> None:
        self.polls.append(asyncio.current_task())
        with stops.passed_on(self.session.end):
            while await self.session.process.is_alive():
                await asyncio.sleep(0.2)
            if self.task_poll_for_reply is not None:
                self.task_poll_for_reply.cancel()

    async def _async_poll_output_msg(
        self, parent_msg_id: str, cell: NotebookNode, cell_index: int
    ) -> None:
        self.polls.append(asyncio.current_task())
        with stops.passed_on(self.session.end):
            while True:
                message = await self.kc.iopub_channel.get_msg(timeout=None)
                await asyncio.sleep(0)  # or a flood of messages would keep the loop from all else
                if self._is_too_much(message):
                    continue
                if message["parent_header"].get("msg_id") == parent_msg_id:
                    try:
                        self.process_message(message, cell, cell_index)
                    except CellExecutionComplete:
                        return

    def _is_too_much(self, message: dict[str, Any]) -> bool:
        """Count what is printed, by whatever cell; too much is dropped, or it would fill the memory."""
        if message["msg_type"] in ("status", "execute_input"):
            return False
        self.printed += size_of(message["content"])
        if self.printed > self.most:
            self.session.end(endings.printed_too_much(self.session.number, self.most))
            return True
        if message["msg_type"] == "stream":
            self.last_line = last_line(message["content"]["text"]) or self.last_line
        return False


class _Session:
    """One execution while it goes on."""

    client: _Client

    def __init__(self, task: Task, folder: RunFolder) -> None:
        self.task = task
        self.notebook = _fresh(task.notebook)
        folder.show(self.notebook)
        self.process = NotebookProcess(task, folder)
        self.number = 0  # of the running cell, from 1
        self.count = sum(cell.cell_type == "code" for cell in self.notebook.cells)
        self.failed_cell: FailedCell | None = None
        self._folder = folder
        self._is_asking = False  # the probe
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watcher: Watcher | None = None
        self._listener: asyncio.Task[None] | None = None
        self._began = self._deadline = time.monotonic()

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            Ended: it does not.
        """
        loop = asyncio.get_running_loop()
        await self.process.start()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._heed_verdict)

        self._watcher = Watcher(self.process.id, self._folder.written, self.task.limits, tell)
        self._watcher.start()
        try:
            await self.process.answer()
        except Ended:
            if self._watcher.verdict is None:
                raise
            raise self._condemned(self._watcher.verdict) from None
        self._listener = asyncio.ensure_future(self._heed_loss())
        self.client = _Client(self, self.notebook, self.process)

    async def run_cells(self) -> None:
        """Run every code cell.

        Raises:
            Ended: one of them ended it.
        """
        self._began = time.monotonic()
        self._allow_until(self._began + self.task.limits.seconds)
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code":
                continue
            self.number += 1
            self._say()
            await self._run(cell, index)
            if self.client.has_exited:
                raise endings.exited(self.number)
        assert self._watcher is not None
        verdict = await asyncio.to_thread(self._watcher.look_at_disk)  # what it wrote a moment ago
        if verdict is not None:
            raise Ended(verdict)

    async def ask_probe(self) -> dict[str, Any] | None:
        """Run the probe's cell, which leaves no trace in the notebook; None where it tells nothing."""
        if self.task.probe is None:
            return None
        cell = new_code_cell(self.task.probe)
        self._is_asking = True
        self._allow_until(max(self._deadline, time.monotonic() + _PROBE_SECONDS))
        self.client.printed, self.client.most = 0, _PROBE_BYTES
        self.notebook.cells.append(cell)
        try:
            await self._run(cell, len(self.notebook.cells) - 1)
        except Ended:
            return None
        finally:
            self.notebook.cells.pop()
        return last_object("".join(o.text for o in cell.outputs if o.get("name") == "stdout"))

    def _allow_until(self, deadline: float) -> None:
        self._deadline = deadline
        if self._watcher is not None:
            self._watcher.deadline = deadline + 5 * _GRACE

    async def _run(self, cell: NotebookNode, index: int) -> None:
        work = asyncio.ensure_future(
            self.client.async_execute_cell(cell, index, execution_count=self.number)
        )
        try:
            while not work.done():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    await self._ask_watcher()
                    await self._interrupt(work)
                    raise endings.took_too_long(self.number, self.task.limits.seconds)
                await self._wait(work, min(left, _TICK))
                self._say()
            work.result()
        except CellExecutionError as error:
            raise self._blame(error) from None
        except DeadKernelError:
            raise await self._autopsy() from None
        except Ended:
            raise
        except Exception as error:
            raise endings.unreadable(self.number, error) from error
        finally:
            await _cancel([work, *self.client.polls])
            self.client.polls.clear()

    async def _wait(self, work: "asyncio.Future[Any]", seconds: float) -> None:
        """Wait for a cell, or for what ends the execution from outside."""
        waiting = {work, self._over}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._over.done():
            self._over.result()

    async def _ask_watcher(self) -> None:
        """A flood of processes leaves the watcher no time to speak first: then it is the reason, not the time."""
        if self._watcher is not None:
            verdict = await asyncio.to_thread(self._watcher.look_at_processes)
            if verdict is not None:
                raise self._condemned(verdict)

    async def _interrupt(self, work: "asyncio.Future[Any]") -> None:
        """Let the cell show where it was: the interrupt's traceback becomes its output."""
        await self.process.interrupt()
        await self._wait(work, _GRACE)

    def _blame(self, error: CellExecutionError) -> Ended:
        code = [cell for cell in self.task.notebook.cells if cell.cell_type == "code"]
        source = code[self.number - 1].source if self.number <= len(code) else ""
        name, message = plain(str(error.ename), 200), plain(str(error.evalue))
        self.failed_cell = FailedCell(self.number, source, name, message)
        return endings.raised(self.number, name, message)

    async def _autopsy(self) -> Ended:
        """Why the process is dead."""
        if self._watcher is not None and self._watcher.verdict is not None:
            return self._condemned(self._watcher.verdict)
        return endings.died(self.number, self.process.exit_code)

    def _condemned(self, verdict: str) -> Ended:
        head, colon, advice = verdict.partition(":")
        where = f" (in cell {self.number})" if self.number else ""
        return Ended(f"{head}{where}{colon}{advice}")

    def _say(self) -> None:
        if self._is_asking:
            return
        seconds = time.monotonic() - self._began
        parts = [f"cell {self.number} of {self.count}", f"{seconds:.0f} s", self.client.last_line]
        self.task.on_event(" · ".join(filter(None, parts)))

    def end(self, reason: BaseException) -> None:
        """End the execution from outside its cells."""
        if not self._over.done():
            self._over.set_exception(reason)

    def _heed_verdict(self) -> None:
        if self._watcher is not None and self._watcher.verdict is not None:
            self.end(self._condemned(self._watcher.verdict))

    async def _heed_loss(self) -> None:
        await self.process.lost_message()
        self.end(endings.printed_too_much(self.number, self.task.limits.output_bytes))

    async def close(self) -> None:
        """Kill the notebook's processes and give back all that was opened."""
        self.process.kill()
        if self._watcher is not None:
            self._watcher.stop()
        if self._listener is not None:
            await _cancel([self._listener])
        await self.process.close()
        if self._over.done():
            self._over.exception()  # so that it counts as seen
        else:
            self._over.cancel()

    def result(self) -> NotebookNode:
        """The notebook with its outputs, under the sources as they were given."""
        for cell, given in zip(self.notebook.cells, self.task.notebook.cells, strict=True):
            cell.source = given.source
            if cell.cell_type == "code":
                cell.outputs = settle(cell.outputs)
        return self.notebook


def _fresh(notebook: NotebookNode) -> NotebookNode:
    """A copy without outputs: what did not run shall not look as if it had."""
    fresh = copy.deepcopy(notebook)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return fresh


async def _cancel(tasks: "Sequence[asyncio.Future[Any] | None]") -> None:
    known = [task for task in tasks if task is not None]
    for task in known:
        task.cancel()
    await asyncio.gather(*known, return_exceptions=True)
