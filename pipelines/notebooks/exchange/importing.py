"""`pilsa kernel import`: the submission and the notebook of a run on Colab or Kaggle, which nobody here has seen."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from pipelines.core import paths
from pipelines.core.atomic import write_text
from pipelines.core.errors import MemberFailed, UserError
from pipelines.notebooks import answers, conversion, logbook, session
from pipelines.notebooks import kernel as kernels
from pipelines.notebooks.environments import Environment
from pipelines.notebooks.exam import Result
from pipelines.notebooks.exchange import elsewhere
from pipelines.notebooks.exchange.elsewhere import RanElsewhere
from pipelines.notebooks.execution.task import Isolation
from pipelines.notebooks.original import alignment, comparing
from pipelines.notebooks.session import Options, Outcome
from pipelines.notebooks.sitting import Candidate, Sat
from pipelines.notebooks.views import REAL
from pipelines.tracking import mlflow_store
from pipelines.tracking.kernel_facts import ViewFacts

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
    week = session.week_of(kernel)
    # What it ran with is not known: neither packages nor an environment of its own are claimed or built.
    unknown = Environment(Path(sys.executable), {}, is_own=True)
    candidate = session.candidate_of(kernel, week, _NOWHERE, unknown, Options(wanted=REAL))
    candidate = replace(candidate, work=paths.work(f"{candidate.work.name}-elsewhere"))
    with session.working(candidate), mlflow_store.running(session.head_of(candidate)) as logged:
        before = logbook.previous(kernel)
        result = Result(candidate, {REAL: _sat(candidate, found)}, ran_elsewhere=True)
        outcome = session.log(result, logged, week, before)
    return replace(outcome, hints=(*_remarks(candidate, found, outcome.bundle), *outcome.hints))


def _sat(candidate: Candidate, found: RanElsewhere) -> Sat:
    """The real view, answered by what lies in the zip."""
    folder, field = candidate.work / REAL, candidate.field
    assert field is not None
    write_text(folder / "executed.ipynb", conversion.to_text(found.notebook))
    with tempfile.TemporaryDirectory() as temporary:
        for name, content in found.tables.items():
            table = Path(temporary) / name
            table.parent.mkdir(parents=True, exist_ok=True)
            table.write_bytes(content)  # not `atomic`: beside a long name it needs a longer one
        try:
            answer = answers.find(
                Path(temporary), field.competition, field.sample, field.dataset.classes, candidate.kernel.file.output
            )  # fmt: skip
        except MemberFailed as error:
            return Sat(ViewFacts(view=REAL, status="failed", seconds=0, reason=str(error)), folder)
    answer.frame.to_csv(folder / "submission.csv", index=False, lineterminator="\n")
    facts = ViewFacts(view=REAL, status="valid", seconds=0, output=answer.output)
    return Sat(facts, folder, answer.matrix, answer.kind)


def _remarks(candidate: Candidate, found: RanElsewhere, bundle: Path) -> tuple[str, ...]:
    ours, theirs = (
        [cell.source for cell in conversion.code_cells(book)]
        for book in (candidate.notebook, found.notebook)
    )
    said = []
    compared = alignment.compare(theirs, ours)
    if compared.coverage < 1 or compared.additions:
        said.append(
            f"the notebook in the zip differs from kernel.py ({comparing.percent(compared.coverage)} of it, and "
            f"{compared.additions} statements of its own): `pilsa kernel take` makes it the kernel"
        )
    return (*said, f"`pilsa submit {bundle / 'submission.csv'}` hands its submission in")
