"""Small notebooks in folders of their own, and what a sandbox of this machine runs."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from pipelines.sandbox import isolate
from pipelines.sandbox.task import Execution, Isolation, Limits, Task

Kind = Literal["bubblewrap", "none"]
ISOLATING: tuple[Kind, ...] = ("bubblewrap",)
EVERY: tuple[Kind, ...] = (*ISOLATING, "none")


def isolation(kind: Kind, has_network: bool = False) -> Isolation:
    """Skips the test where this machine lacks the kind."""
    program, refused = isolate.bubblewrap(has_network)
    if kind != "none" and program is None:
        pytest.skip(f"{kind} does not work here: {refused}")
    return Isolation(kind, has_network)


def task(
    folder: Path, kind: Kind, cells: Sequence[str], *, has_network: bool = False, **settings: Any
) -> Task:
    """A notebook with one file as its input; a setting is one of the task's, or one of its limits."""
    (folder / "working").mkdir(parents=True)
    (folder / "output").mkdir()
    (folder / "input" / "tiny").mkdir(parents=True)
    (folder / "input" / "tiny" / "train.csv").write_text("id,label\n1,0\n", encoding="utf-8")
    own = {name: settings.pop(name) for name in ("probe", "on_event", "python") if name in settings}
    own = {"python": Path(sys.executable)} | own
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    limits = Limits(**({"seconds": 60} | settings))
    return Task(notebook, folder, limits=limits, isolation=isolation(kind, has_network), **own)


def run(asked: Task) -> Execution:
    """Execute it, and see that it leaves neither a process nor a socket."""
    from pipelines.sandbox import runner

    before = {process.pid for process in psutil.Process().children(recursive=True)}
    execution = asyncio.run(runner.execute(asked))
    after = psutil.Process().children(recursive=True)
    assert [process for process in after if process.pid not in before] == []
    return execution


def reason(execution: Execution) -> str:
    """Why it failed; the test fails where it did not."""
    assert execution.status == "FAILED"
    assert execution.reason is not None
    return execution.reason


def printed(execution: Execution) -> str:
    outputs = [output for cell in execution.notebook.cells for output in cell.outputs]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def inside(asked: Task, code: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run Python code where the notebook's process would be, without the notebook around it."""
    for name in ("home", "tmp", "shm"):
        (asked.folder / name).mkdir(exist_ok=True)
    sockets = asked.folder / "sockets"
    sockets.mkdir(exist_ok=True)
    command = isolate.command(asked, sockets)
    before = command.arguments[: -len(isolate.NOTEBOOK)]
    return subprocess.run(
        [*before, "-c", code],
        env=command.environment,
        cwd=command.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )
