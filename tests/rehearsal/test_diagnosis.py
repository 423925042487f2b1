"""What a run showed → the fault; without a sandbox: how it ended and what its process wrote down are made up."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.cells import conversion
from pipelines.rehearsal import diagnosis
from pipelines.rehearsal.events import Event
from pipelines.rehearsal.scene import Scene
from pipelines.sandbox.task import Execution, FailedCell
from pipelines.values.code_rules import Code

CODE = "# %%\nROWS = 360\n\n# %%\n\n# %%\nfirst()\n{line}\n"


def scene(
    line: str, error: str = "", message: str = "", reason: str = "", events: Any = (), **rules: Any
) -> Scene:
    notebook = conversion.from_percent(CODE.format(line=line))
    cells = conversion.code_cells(notebook)
    failed = FailedCell(len(cells), cells[-1].source, error, message) if error else None
    if error:
        trace = {"output_type": "error", "ename": error, "evalue": message, "traceback": ["Cell In[2], line 2\n"]}  # fmt: skip
        cells[-1].outputs = [trace]
    ended = bool(error or reason)
    execution = Execution("FAILED" if ended else "FINISHED", reason or error or None, notebook, 1.0, failed)  # fmt: skip
    heard = [Event(cell=2, line=2, **event) for event in events]
    return Scene(
        execution, heard, Code(**rules), "tiny", 360, {"test.csv", "more.csv"}, {"test.csv"},
        ("sklearn/datasets/data",), None, "shrunk",
    )  # fmt: skip


CELL = len(conversion.code_cells(conversion.from_percent(CODE.format(line="pass"))))
NET = {"event": "network", "what": "example.org"}


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("missing wheel", scene("import emoji", "ModuleNotFoundError", "No module named 'emoji'")),
        ("competition download", scene("import kagglehub", "ModuleNotFoundError", "No module named 'kagglehub'")),
        ("competition download", scene("x", events=[NET | {"through": ["kaggle.api.get"]}])),
        ("competition download", scene("x", events=[{"event": "command", "what": "/bin/sh -c kaggle competitions download tiny"}])),
        ("download", scene("x", events=[NET | {"through": ["torch.hub.load"]}])),
        ("download", scene("get('https://example.org/a.zip')", events=[NET])),
        ("download", scene("x", events=[{"event": "command", "what": "python -m pip install emoji"}])),
        ("internet", scene("get('https://example.org')", events=[NET])),
        ("internet", scene("x", events=[{"event": "command", "what": "ping -c 1 8.8.8.8"}])),
        ("path", scene("x", "FileNotFoundError", "No such file: '../input/other/train.csv'")),
        ("public test", scene("x", "FileNotFoundError", "No such file: '../input/tiny/more.csv'")),
        ("public test", scene("x", events=[{"event": "missing", "what": "/kaggle/input/tiny/more.csv"}])),
        ("public test", scene("x", "FileNotFoundError", "'/a/site-packages/sklearn/datasets/data/d.csv'")),
        ("row count", scene("x[ROWS]", "IndexError", "out of bounds")),
        ("gpu", scene("x.cuda()", "RuntimeError", "no device")),
        ("memory", scene("x", "MemoryError", "")),
        ("memory", scene("x", reason=f"took 2.0 GiB of memory, and may take 1.0 GiB (in cell {CELL}): …")),
        ("time", scene("x", reason=f"took more than its 4 s, and was ended in cell {CELL}: make it faster")),
        ("error", scene("x", "TypeError", "no")),
    ],
)  # fmt: skip
def test_what_is_seen_is_named(kind: str, seen: Scene) -> None:
    assert [(fault.kind, fault.cell) for fault in diagnosis.faults(seen)] == [(kind, CELL)]


def test_a_module_that_is_here_alone_is_missed_there_and_one_that_is_nowhere_was_passed_over() -> (
    None
):
    for module, kinds in (("pytest", ["missing wheel"]), ("no_such_module", [])):
        seen = scene("x", events=[{"event": "import", "what": module}])
        seen = replace(seen, image=frozenset({"numpy"}))
        assert [fault.kind for fault in diagnosis.faults(seen)] == kinds


@pytest.mark.parametrize(
    "seen",
    [
        scene("x"),
        scene("x", events=[NET], internet=True),
        scene("x", events=[{"event": "missing", "what": "/kaggle/input/elsewhere/test.csv"}]),
        scene("x", events=[{"event": "command", "what": "pip install --no-index -f wheels emoji"}]),
        scene("x", events=[{"event": "command", "what": "nvidia-smi"}]),
        scene("x", events=[{"event": "import", "what": "anything"}]),
    ],
)
def test_what_the_site_takes_is_no_fault(seen: Scene) -> None:
    assert diagnosis.faults(seen) == []
