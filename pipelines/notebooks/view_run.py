"""One kernel in front of one view: build the view, execute the notebook, find its answer, grade it, keep it."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.cells import conversion
from pipelines.notebooks import answers, input_folder, view_files, views
from pipelines.notebooks.answers import Answer
from pipelines.notebooks.checking import probe
from pipelines.notebooks.checking.probe import Findings
from pipelines.notebooks.views import CompetitionData
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_arrays, read_json, write_arrays, write_bytes, write_json
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.sandbox.task import Execution, FailedCell, Isolation, Limits, Task
from pipelines.tracking import reasons
from pipelines.tracking.kernel_facts import ViewFacts
from pipelines.values.kernel import REAL, Kernel
from pipelines.values.metrics import Kind

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from pipelines.notebooks.environments import Environment

# What reading a file that is not there ends in; on a folder, where a file used to be.
_NO_FILE = ("FileNotFoundError", "NotADirectoryError", "IsADirectoryError")


@dataclass(frozen=True, eq=False)
class PreparedKernel:
    """A kernel that is ready to be examined.

    Attributes:
        data: its competition; None for a study kernel.
        notebook: what is executed.
        environment: the interpreter and the packages that it runs with.
        probe: source of the cell that looks at its namespace in the end.
        work: folder of finished views, under a key of all that decides their numbers.
        is_quick: with the `quick:` values of kernel.yaml.
        hidden: folders of installed packages that hold its competition's solution.
    """

    kernel: Kernel
    data: CompetitionData | None
    notebook: "NotebookNode"
    environment: "Environment"
    isolation: Isolation
    limits: Limits
    probe: str
    work: Path
    is_quick: bool = False
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ViewResult:
    """What became of one view.

    Attributes:
        facts: as the record keeps them.
        folder: holds `executed.ipynb` and, of a valid view, `submission.csv`.
        matrix: float32 (n, width) in the order of the view's rows; None where the view has no answer.
        kind: of the matrix.
        probe: what the namespace held in the end; None where nothing could be asked.
        failed_cell: where and how its code failed; None where it did not.
        hints: what to do about a failure, a sentence each.
    """

    facts: ViewFacts
    folder: Path
    matrix: np.ndarray | None = None
    kind: Kind = "label"
    probe: Findings | None = None
    failed_cell: FailedCell | None = None
    hints: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return self.facts.status == "valid"

    def keep(self) -> None:
        """Store it, the sign that it is finished last."""
        if self.matrix is not None:
            write_arrays(
                self.folder / "answer.npz",
                {"matrix": self.matrix, "kind": np.array(self.kind)},
            )
        content = {
            "facts": self.facts.model_dump(),
            "probe": self.probe and self.probe.model_dump(mode="json"),
        }
        write_json(self.folder / "facts.json", content)


def kept(prepared: PreparedKernel, view: str) -> ViewResult | None:
    """A view that an earlier call finished; None where it did not, or where the kernel failed on it.

    Raises:
        UserError: what was kept is damaged; deleting it repeats this one view.
    """
    folder = _folder(prepared, view)
    if not (folder / "facts.json").is_file():
        return None
    content = read_json(folder / "facts.json")
    seen = ViewResult(ViewFacts(**content["facts"]), folder, probe=probe.read(content["probe"]))
    if not (folder / "answer.npz").is_file():
        return seen
    stored = read_arrays(folder / "answer.npz")
    return replace(seen, matrix=stored["matrix"], kind=stored["kind"].item())


async def run_view(prepared: PreparedKernel, view: str, say: Callable[[str], None]) -> ViewResult:
    """Show a kernel one view, unless it has finished it before.

    Args:
        prepared: the kernel.
        view: fold0 …, shuffled, real or study.
        say: told what happens, in a few words.

    Returns:
        Valid, and kept for the next call, or failed with its reason.

    Raises:
        UserError: nothing could be tried: the disk is full, a file of the competition is damaged.
    """
    before = await asyncio.to_thread(kept, prepared, view)
    if before is not None:
        say("kept")
        return before
    folder = _folder(prepared, view)
    run = folder / "run"
    await asyncio.to_thread(empty, folder)
    try:
        seen = await _execute(prepared, view, run, say)
    finally:
        await asyncio.to_thread(remove, run)
    if seen.is_valid:
        seen.keep()
    return seen


def forget(prepared: PreparedKernel, view: str) -> None:
    """Remove what was kept of a view: the next call runs it again."""
    remove(_folder(prepared, view))


def _folder(prepared: PreparedKernel, view: str) -> Path:
    return prepared.work / view


def empty(folder: Path) -> None:
    """A folder for a fresh attempt; what a killed call left in it is gone."""
    remove(folder)
    folder.mkdir(parents=True)


def remove(folder: Path) -> None:
    """Remove a folder that a kernel wrote into.

    It may be deeper than a path can be long, and may have taken away the rights to its own folders: the
    system's own tools walk such trees, Python's do not.

    Raises:
        UserError: something of it is still there.
    """
    if folder.exists():
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, "--", str(folder)], check=False, capture_output=True)
    if folder.exists():
        raise UserError(f"{folder} is in the way and cannot be removed: remove it by hand")


async def _execute(
    prepared: PreparedKernel, view: str, run: Path, say: Callable[[str], None]
) -> ViewResult:
    from pipelines.sandbox import runner

    (run / "working").mkdir(parents=True)
    shown = await asyncio.to_thread(_show, prepared, view, run / "input")
    task = Task(
        prepared.notebook, run, prepared.environment.python, prepared.limits,
        prepared.isolation, prepared.probe, say, prepared.hidden,
    )  # fmt: skip
    execution = await runner.execute(task)
    return await asyncio.to_thread(_judge, prepared, view, shown, run, execution)


def _show(prepared: PreparedKernel, view: str, into: Path) -> views.View | None:
    """Write what the kernel may read; None for a study kernel, of which no answer is asked."""
    if prepared.data is not None:
        shown = views.view_of(prepared.data, view)
        kept_files = view_files.kept(prepared.data, shown)
        names = [path.name for path in (kept_files / "files").iterdir() if path.is_file()]
        code = "\n".join(cell.source for cell in conversion.code_cells(prepared.notebook))
        wanted = input_folder.layout(code, prepared.kernel.file, prepared.data.competition, names)
        input_folder.fill(into, kept_files, wanted, prepared.isolation.kind != "none")
        return shown
    into.mkdir()
    for name in prepared.kernel.file.data:
        folder = paths.shared_data(name)
        if folder is not None and folder.is_dir():
            shutil.copytree(folder, into / name)
        elif not prepared.is_quick:  # a quick run makes do with what comes with scikit-learn
            raise UserError(
                f"`data: [{name}]` of a study kernel must be a folder of $PILSA_DATA_DIR, found none "
                f"({folder or 'the variable is not set'}): set PILSA_DATA_DIR, or run it with --quick"
            )
    return None


def _judge(
    prepared: PreparedKernel, view: str, shown: views.View | None, run: Path, execution: Execution
) -> ViewResult:
    folder, seconds = run.parent, round(execution.seconds, 3)
    # A notebook can print what is no character: half of a surrogate pair.
    text = conversion.to_text(execution.notebook)
    write_bytes(folder / "executed.ipynb", text.encode("utf-8", "replace"))

    def failed(reason: str) -> ViewFacts:
        return ViewFacts(view=view, status="failed", seconds=seconds, reason=reasons.shown(reason))

    if execution.status == "FAILED":
        facts = failed(execution.reason or "it ended without a reason")
        cell = execution.failed_cell
        return ViewResult(facts, folder, failed_cell=cell, hints=_hints(prepared, cell, run))
    # Checked before it is kept: a notebook may have printed anything in the probe's place.
    told = probe.read(execution.probe)
    facts = ViewFacts(view=view, status="valid", seconds=seconds)
    if shown is None or prepared.data is None:
        return ViewResult(facts, folder, probe=told)
    try:
        answer, score = _graded(prepared, prepared.data, shown, run)
    except MemberFailed as error:
        return ViewResult(failed(str(error)), folder, probe=told)
    answer.frame.to_csv(folder / "submission.csv", index=False, lineterminator="\n")
    facts = facts.model_copy(update={"score": score, "output": answer.output})
    # The sample may list its ids in another order than the dataset has its rows.
    matrix = answer.matrix[np.argsort(shown.rows, kind="stable")]
    return ViewResult(facts, folder, matrix, answer.kind, told)


def _graded(
    prepared: PreparedKernel, data: CompetitionData, shown: views.View, run: Path
) -> tuple[Answer, float | None]:
    """The answer in the folders written to and its score, which the real view does not have here."""
    dataset = data.dataset
    answer = answers.find(
        run / "working", data.competition, shown.sample, dataset.classes,
        prepared.kernel.file.output, run / "output",
    )  # fmt: skip
    if shown.name == REAL:
        return answer, None
    return answer, data.metric.score(dataset.y[shown.rows], answer.matrix, dataset.classes)


def _hints(prepared: PreparedKernel, failed: FailedCell | None, run: Path) -> tuple[str, ...]:
    """What can be said of a failure only while the view's folder is there."""
    if failed is None:
        return ()
    if failed.error in _NO_FILE or "No such file or directory" in failed.message:
        is_scored = prepared.data is not None
        return (input_folder.explain_missing(failed.message, run / "input", is_scored),)
    return ()
