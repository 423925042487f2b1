"""Executes a notebook in a process of its own, cell by cell, and says what became of it.

Whatever the notebook does, this returns an Execution: an exception, an endless loop, a full memory, a flood of
output or a dead process is a reason. Whatever ends this process, nothing of the notebook goes on.
"""

import asyncio
import copy
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from queue import Empty
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from pipelines.sandbox.notebook_process import NotebookProcess, stops_heeded
from pipelines.sandbox.outputs import Outputs, last_object, of_the_cell, plain
from pipelines.sandbox.run_folder import RunFolder
from pipelines.sandbox.task import Ended, Execution, FailedCell, Task
from pipelines.sandbox.watching import Watcher, amount

_PROBE_SECONDS = 60  # at least
_PROBE_BYTES = 1 << 20
_GRACE = 3  # seconds that an interrupted cell has to show where it was
_TICK = 1.0  # seconds between two words about a cell that goes on
_LAST_OUTPUT = 30  # seconds of silence after which the end of a cell's outputs is taken for lost


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
            with stops_heeded(session.end):
                await session.start()
                await session.run_cells()
                probe = await session.ask_probe()
        except Ended as ended:
            reason = str(ended)
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


class _Session:
    """One execution while it goes on."""

    process: NotebookProcess
    watcher: Watcher

    def __init__(self, task: Task, folder: RunFolder) -> None:
        self.task = task
        self.notebook = _fresh(task.notebook)
        folder.show(self.notebook)
        self.number = 0  # of the running cell, from 1
        self.count = sum(cell.cell_type == "code" for cell in self.notebook.cells)
        self.failed_cell: FailedCell | None = None
        self._folder = folder
        self._outputs, self._most = Outputs(), task.limits.output_bytes
        self._is_asking = False  # the probe
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners: list[asyncio.Task[None]] = []
        self._began = self._deadline = time.monotonic()

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            Ended: it does not.
        """
        loop = asyncio.get_running_loop()
        self.process = NotebookProcess(self.task, self._folder.sockets)

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self.end, Ended())

        self.watcher = Watcher(self.process.id, self._folder.written, self.task.limits, tell)
        self.watcher.start()
        self._listeners.append(asyncio.ensure_future(self._heed(self.process.death(), self._why)))
        answer = asyncio.ensure_future(self.process.answer())
        try:
            await self._wait(answer, None)
            answer.result()
        finally:
            await _cancel(answer)
        lost = self.process.lost_message()
        self._listeners.append(asyncio.ensure_future(self._heed(lost, self._printed_too_much)))

    async def run_cells(self) -> None:
        """Run every code cell.

        Raises:
            Ended: one of them ended it.
        """
        self._began = time.monotonic()
        self._allow_until(self._began + self.task.limits.seconds)
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                self.number += 1
                self._say()
                await self._run(cell)
        verdict = await asyncio.to_thread(self.watcher.look_at_disk)  # what it wrote a moment ago
        if verdict is not None:
            raise Ended(verdict)

    async def ask_probe(self) -> dict[str, Any] | None:
        """Run the probe's cell, which leaves no trace in the notebook; None where it tells nothing."""
        if self.task.probe is None:
            return None
        cell = new_code_cell(self.task.probe)
        self._is_asking = True
        self._allow_until(max(self._deadline, time.monotonic() + _PROBE_SECONDS))
        self._outputs, self._most = Outputs(), _PROBE_BYTES
        try:
            await self._run(cell)
        except Ended:
            return None
        return last_object("".join(o.text for o in cell.outputs if o.get("name") == "stdout"))

    def _allow_until(self, deadline: float) -> None:
        self._deadline = deadline
        self.watcher.deadline = deadline + 5 * _GRACE

    async def _run(self, cell: NotebookNode) -> None:
        if not cell.source.strip() or "skip-execution" in cell.metadata.get("tags", []):
            return
        work = asyncio.ensure_future(self._execute(cell))
        try:
            while not work.done():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    await self._end_in_time(work)
                await self._wait(work, min(left, _TICK))
                self._say()
            reply = work.result()
            if reply["status"] == "error" and "raises-exception" not in cell.metadata.get(
                "tags", []
            ):
                raise self._blame(reply)
            if any(part.get("source") == "ask_exit" for part in reply.get("payload") or []):
                raise Ended(
                    f"ended its process in cell {self.number} (exit() or quit()): remove that"
                )
        except Ended:
            raise
        except Exception as error:
            said = plain(f"{type(error).__name__}: {error}", 300)
            raise Ended(
                f"its process sent a message that cannot be read, in cell {self.number} ({said})"
            ) from error
        finally:
            await _cancel(work)
            self._outputs.settle(cell)

    async def _execute(self, cell: NotebookNode) -> dict[str, Any]:
        """Execute a cell and collect its outputs; returns the content of the reply."""
        client, cell.execution_count = self.process.client, self.number
        asked = client.execute(cell.source)
        reply = asyncio.ensure_future(self._reply(asked))
        outputs = asyncio.ensure_future(self._collect(asked, cell, reply))
        try:
            await asyncio.gather(reply, outputs)
            return reply.result()
        finally:
            await _cancel(reply, outputs)

    async def _reply(self, asked: str) -> dict[str, Any]:
        while True:
            message = await self.process.client.get_shell_msg()
            if message["parent_header"].get("msg_id") == asked:
                content: dict[str, Any] = message["content"]
                return content

    async def _collect(
        self, asked: str, cell: NotebookNode, reply: "asyncio.Future[dict[str, Any]]"
    ) -> None:
        """Collect outputs until the process says that there are no more, or says nothing for long."""
        while True:
            try:
                message = await self.process.client.get_iopub_msg(timeout=_LAST_OUTPUT)
            except Empty:
                if reply.done():
                    return
                continue
            await asyncio.sleep(0)  # or a flood of messages would keep the loop from all else
            if self._outputs.measure(message) > self._most:  # more would fill the memory
                self.end(self._printed_too_much())
            elif message["parent_header"].get("msg_id") == asked:
                self._outputs.add(cell, message)
                if message["content"].get("execution_state") == "idle":
                    return

    async def _wait(self, work: "asyncio.Future[Any]", seconds: float | None) -> None:
        """Wait for some work, or for what ends the execution from outside.

        Raises:
            Ended: it is over; without a time given, the work is not.
        """
        waiting = {work, self._over}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._over.done():
            if self.watcher.verdict is not None:
                raise self._condemned(self.watcher.verdict)
            self._over.result()

    async def _end_in_time(self, work: "asyncio.Future[Any]") -> None:
        """Let the cell show where it was: the interrupt's traceback becomes its output."""
        # A flood of processes leaves the watcher no time to speak first: then it is the reason, not the time.
        verdict = await asyncio.to_thread(self.watcher.look_at_processes)
        if verdict is not None:
            raise self._condemned(verdict)
        self.process.interrupt()
        await self._wait(work, _GRACE)
        limits = self.task.limits
        raise Ended(
            f"took more than its {limits.seconds:g} s, and was ended in cell {self.number}: make it "
            f"faster, or {limits.raise_seconds}"
        )

    def _blame(self, reply: dict[str, Any]) -> Ended:
        code = [cell for cell in self.task.notebook.cells if cell.cell_type == "code"]
        source = code[self.number - 1].source
        name, message = plain(str(reply["ename"]), 200), plain(str(reply["evalue"]))
        self.failed_cell = FailedCell(self.number, source, name, message)
        if name == "OSError" and "[Errno 27]" in message:
            said = plain(message, 300)
            return Ended(f"cell {self.number} wrote a larger file than it may ({said})")
        said = plain(of_the_cell(message), 500).replace("\n", " ")
        return Ended(f"cell {self.number} raised {name}" + (f": {said}" if said else ""))

    def _condemned(self, verdict: str) -> Ended:
        head, colon, advice = verdict.partition(":")
        where = f" (in cell {self.number})" if self.number else ""
        return Ended(f"{head}{where}{colon}{advice}")

    def _printed_too_much(self) -> Ended:
        most = amount(self._most)
        return Ended(f"printed more than {most} and was ended in cell {self.number}: print less")

    def _say(self) -> None:
        if not self._is_asking:
            seconds = f"{time.monotonic() - self._began:.0f} s"
            parts = [f"cell {self.number} of {self.count}", seconds, self._outputs.last_line]
            self.task.on_event(" · ".join(filter(None, parts)))

    def end(self, reason: BaseException) -> None:
        """End the execution from outside its cells."""
        if not self._over.done():
            self._over.set_exception(reason)

    async def _heed(self, event: Coroutine[Any, Any, None], reason: Callable[[], Ended]) -> None:
        """End the execution after an event, or with what stops this process meanwhile."""
        try:
            await event
            self.end(reason())
        except BaseException as error:
            self.end(error)
            raise

    def _why(self) -> Ended:
        return self.process.why(self.number)

    async def close(self) -> None:
        """Kill the notebook's processes and give back all that was opened."""
        if hasattr(self, "process"):
            self.process.kill()
            if hasattr(self, "watcher"):
                self.watcher.stop()
            await _cancel(*self._listeners)
            self.process.close()
        self.end(Ended())
        self._over.exception()  # so that it counts as seen

    def result(self) -> NotebookNode:
        """The notebook with its outputs, under the sources as they were given."""
        for cell, given in zip(self.notebook.cells, self.task.notebook.cells, strict=True):
            cell.source = given.source
        return self.notebook


def _fresh(notebook: NotebookNode) -> NotebookNode:
    """A copy without outputs: what did not run shall not look as if it had."""
    fresh = copy.deepcopy(notebook)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return fresh


async def _cancel(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
