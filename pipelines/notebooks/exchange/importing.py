"""`pilsa kernel import`: the submission and the notebook of a run on Colab or Kaggle, which nobody here has seen."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from pipelines.cells import conversion
from pipelines.notebooks import answers, kernel_run, run_record
from pipelines.notebooks.cross_validation import Result
from pipelines.notebooks.environments import Environment
from pipelines.notebooks.exchange import elsewhere
from pipelines.notebooks.exchange.elsewhere import RanElsewhere
from pipelines.notebooks.kernel_run import Options, Outcome
from pipelines.notebooks.view_run import PreparedKernel, ViewResult
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.sandbox.task import Isolation
from pipelines.tracking import mlflow_store, reasons
from pipelines.tracking.kernel_facts import ViewFacts
from pipelines.transcription import alignment, comparing
from pipelines.values import kernel as kernels
from pipelines.values.kernel import REAL

_NOWHERE = Isolation("none", True, ("it ran elsewhere, on a machine that nobody here knows",))


def take_output(name: str, output: Path) -> Outcome:
    """Take OUTPUT.zip as a kernel's run on the real view, marked `run elsewhere`.

    Raises:
        UserError: there is no such kernel, it is a study, or the zip is none or not safe to open.
    """
    kernel = kernels.load(name)
    if kernel.file.competition is None:
        raise UserError(f"{name} is a study kernel and has no submission to import: run it here")
    found = elsewhere.run_elsewhere(output)
    week = kernel_run.week_of(kernel)
    # What it ran with is not known: neither packages nor an environment of its own are claimed or built.
    unknown = Environment(Path(sys.executable), {}, is_own=True)
    prepared = kernel_run.prepared_of(kernel, week, _NOWHERE, unknown, Options(wanted=REAL))
    prepared = replace(prepared, work=paths.work(f"{prepared.work.name}-elsewhere"))
    with (
        kernel_run.working(prepared),
        mlflow_store.running(kernel_run.head_of(prepared)) as logged,
    ):
        before = run_record.previous(kernel)
        result = Result(prepared, {REAL: _sat(prepared, found)}, ran_elsewhere=True)
        outcome = kernel_run.log(result, logged, week, before)
    return replace(outcome, hints=(*_remarks(prepared, found, outcome.bundle), *outcome.hints))


def _sat(prepared: PreparedKernel, found: RanElsewhere) -> ViewResult:
    """The real view, answered by what lies in the zip."""
    folder, data = prepared.work / REAL, prepared.data
    assert data is not None
    write_text(folder / "executed.ipynb", conversion.to_text(found.notebook))
    with tempfile.TemporaryDirectory() as temporary:
        for name, content in found.tables.items():
            _put(Path(temporary) / name, content)
        try:
            answer = answers.find(
                Path(temporary), data.competition, data.sample, data.dataset.classes, prepared.kernel.file.output
            )  # fmt: skip
        except MemberFailed as error:
            return ViewResult(
                ViewFacts(view=REAL, status="failed", seconds=0, reason=reasons.shown(str(error))),
                folder,
            )
    answer.frame.to_csv(folder / "submission.csv", index=False, lineterminator="\n")
    facts = ViewFacts(view=REAL, status="valid", seconds=0, output=answer.output)
    return ViewResult(facts, folder, answer.matrix, answer.kind)


def _put(table: Path, content: bytes) -> None:
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("xb") as file:  # not `atomic`: beside a long name it needs a longer one
            file.write(content)
    except OSError as error:
        raise UserError(
            f"the zip must hold each table once, under a name that a folder takes, found {table.name[:40]!r} "
            f"({error.strerror}): pack the notebook and the submission alone"
        ) from None


def _remarks(prepared: PreparedKernel, found: RanElsewhere, bundle: Path) -> tuple[str, ...]:
    ours, theirs = (
        [cell.source for cell in conversion.code_cells(book)]
        for book in (prepared.notebook, found.notebook)
    )
    said = []
    compared = alignment.compare(theirs, ours)
    if compared.coverage < 1 or compared.additions:
        said.append(
            f"the notebook in the zip differs from kernel.py ({comparing.percent(compared.coverage)} of it, and "
            f"{compared.additions} statements of its own): `pilsa kernel take` makes it the kernel"
        )
    return (*said, f"`pilsa submit {bundle / 'submission.csv'}` hands its submission in")
