"""One execution of a notebook: what is asked for, and what became of it. Values only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nbformat import NotebookNode

GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What one execution may take; whoever takes more is ended, and the reason says what it took.

    Attributes:
        seconds: wall clock, from the first cell to the end of the last.
        memory_bytes: resident memory of the notebook's process and all its children together.
        disk_bytes: what may lie in the working folder, and in any one file.
        output_bytes: what the cells may print in all; more is cut, and the notebook ended.
        processes: at one time.
        threads: of the numerical libraries; None leaves it to them. Views run side by side have one each: two
            on a busy core wait for each other, and sums come out the same however many views run.
        raise_seconds: how a person allows it more time, for the reason that it took too long.
        raise_memory: the same for memory.
    """

    seconds: float = 1800
    memory_bytes: int = 8 * GIB
    disk_bytes: int = 4 * GIB
    output_bytes: int = 16 << 20
    processes: int = 512
    threads: int | None = None
    raise_seconds: str = "raise its limit"
    raise_memory: str = "raise its limit"


@dataclass(frozen=True)
class Isolation:
    """What stands between a notebook and this machine.

    Attributes:
        kind: bubblewrap or none.
        has_network: whether the notebook may open connections.
        not_enforced: what could not be enforced here, a sentence each; empty where everything could.
    """

    kind: Literal["bubblewrap", "none"]
    has_network: bool
    not_enforced: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Task:
    """One notebook to be executed in one folder.

    Attributes:
        notebook: the copy that is executed; where nothing can be mounted its paths are rewritten, and only here.
        folder: holds `input/` (shown read-only as `../input` and `/kaggle/input`) and `working/` (the current
            folder of the notebook, `/kaggle/working`); `output/` (`../output`), `home/` and `tmp/` are made beside them.
        python: the interpreter of the environment it runs in; that environment has ipykernel.
        probe: source of one more cell, run after the last one has succeeded; what it prints as its last
            line is JSON. None asks nothing.
        hidden: folders below the environment's site-packages that the notebook finds empty.
        on_event: told what happens, in a few words: `cell 3 of 12 · 8 s · epoch 4 loss 0.31`.
    """

    notebook: "NotebookNode"
    folder: Path
    python: Path
    limits: Limits
    isolation: Isolation
    probe: str | None = None
    on_event: Callable[[str], None] = field(default=lambda _: None)
    hidden: tuple[str, ...] = ()

    @property
    def input(self) -> Path:
        return self.folder / "input"

    @property
    def working(self) -> Path:
        return self.folder / "working"


class Ended(Exception):
    """The execution is over; the text is the reason: a sentence, with what to do next."""


@dataclass(frozen=True)
class FailedCell:
    """The cell at which an execution ended.

    Attributes:
        number: counted from 1 among the code cells.
        source: its text.
        error: the exception's class name, such as ModuleNotFoundError.
        message: the exception's text, without escape sequences.
    """

    number: int
    source: str
    error: str
    message: str


@dataclass(frozen=True, eq=False)
class Execution:
    """What became of a task.

    Attributes:
        status: FINISHED where every cell ran; else FAILED. A killed pilsa gives none.
        reason: why it failed, a sentence: exception, time, memory, disk, output, dead process.
        notebook: with the outputs, as far as it came.
        seconds: wall clock of the whole.
        failed_cell: None where no cell is to blame.
        probe: what the probe printed, parsed; None where it was not asked, failed or printed something else.
    """

    status: Literal["FINISHED", "FAILED"]
    reason: str | None
    notebook: "NotebookNode"
    seconds: float
    failed_cell: FailedCell | None = None
    probe: dict[str, Any] | None = None
