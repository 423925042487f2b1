"""One pushed version is executed: a process of its own, so that the practice server answers meanwhile."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cells import conversion
from pipelines.plumbing.atomic import read_json, write_json, write_text
from pipelines.plumbing.errors import PilsaError, UserError
from pipelines.sandbox import isolate, runner
from pipelines.sandbox.task import Execution, Limits, Task

if TYPE_CHECKING:
    from nbformat import NotebookNode


def main(version: Path) -> None:
    """Run what was pushed; the status is written last."""
    failure = ""
    try:
        execution = _execute(version)
        write_text(version / "log.json", json.dumps(_log(execution), ensure_ascii=False))
        failure = execution.reason or ""
    except PilsaError as error:
        failure = str(error)
    status = {"status": "ERROR" if failure else "COMPLETE", "failureMessage": failure}
    write_json(version / "status.json", status)


def _execute(version: Path) -> Execution:
    order, pushed, run = (
        read_json(version / "order.json"),
        read_json(version / "pushed.json"),
        version / "run",
    )
    isolation = isolate.detect(has_network=False)
    if isolation.kind == "none":
        raise UserError(
            f"a pushed notebook must run isolated, and cannot here: {isolation.not_enforced[0]}"
        )
    (run / "working").mkdir(parents=True)
    for slug, source in order["inputs"].items():
        shutil.copytree(source, run / "input" / slug, symlinks=True)
    task = Task(
        _notebook(pushed), run, Path(sys.executable), Limits(seconds=order["seconds"]), isolation,
        hidden=tuple(order["hidden"]),
    )  # fmt: skip
    return asyncio.run(runner.execute(task))


def _notebook(pushed: dict[str, Any]) -> "NotebookNode":
    """A script is a notebook of one cell."""
    from nbformat.v4 import new_code_cell, new_notebook

    if pushed.get("kernelType") == "notebook":
        return conversion.parse_notebook(str(pushed["text"]).encode(), str(pushed["slug"]))
    return new_notebook(cells=[new_code_cell(pushed["text"])])


def _log(execution: Execution) -> list[dict[str, Any]]:
    """What was printed, as Kaggle's logs tell it; nobody knows when."""
    lines = []
    for cell in conversion.code_cells(execution.notebook):
        for output in cell.outputs:
            text = output.get("text") or "\n".join(output.get("traceback", []))
            name = output.get("name", "stderr" if "traceback" in output else "stdout")
            if text:
                lines.append({"stream_name": name, "time": execution.seconds, "data": text})
    return lines


if __name__ == "__main__":
    main(Path(sys.argv[1]))
