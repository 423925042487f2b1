"""What a kernel's run leaves behind: its record, the bundle to look at, and what goes to the history."""

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.cells import conversion
from pipelines.notebooks import cross_validation, opened_notebooks, page, parameters_cell
from pipelines.notebooks.checking import check
from pipelines.notebooks.checking.check import CheckInput
from pipelines.notebooks.checking.probe import Curves
from pipelines.notebooks.cross_validation import Result
from pipelines.notebooks.view_run import PreparedKernel, ViewResult
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_bytes, writing
from pipelines.plumbing.errors import UserError
from pipelines.tracking import provenance, reasons, records
from pipelines.tracking.curriculum import Week
from pipelines.tracking.kernel_facts import KNOWS, UNSEEDED, KernelFacts
from pipelines.tracking.parameters import flat
from pipelines.tracking.records import Head, Record, Run
from pipelines.transcription import alignment, originals
from pipelines.values import params as settings_file
from pipelines.values import scores
from pipelines.values.kernel import REAL, SHUFFLED, STUDY, Kernel
from pipelines.values.predictions import TestFrom

if TYPE_CHECKING:
    from nbformat import NotebookNode

Files = dict[str, Path | bytes]
PACKED = "submit.zip"
# What MLflow lets no name hold, and the slash, which makes a path of it.
_STRANGE = re.compile(r"[^\w\-. :]")


def previous(kernel: Kernel) -> Record | None:
    """The committed result.json; None where there is none, or one of an older pilsa or merged by hand."""
    return records.read_or_none(kernel.folder / "result.json")


def keep(kernel: Kernel, record: Record, before: Record | None) -> bool:
    """Write the kernel's result.json, unless the one there says more of the very same kernel.

    A clone has the committed record and none of the views behind it: a mock exam there must not take the CV
    away.

    Args:
        before: what result.json held when the run began.

    Returns:
        Whether it was written.
    """
    has_cv = before is not None and before.cv_mean is not None
    if has_cv and record.cv_mean is None and _is_same(before, record):
        return False
    records.write(kernel.folder / "result.json", record)
    return True


def _is_same(before: Record | None, record: Record) -> bool:
    """Whether two records are of the same kernel on the same data, folds and packages, both in full."""

    def made_of(one: Record | None) -> tuple[Any, ...] | None:
        if one is None or one.kernel is None or one.kernel.is_quick:
            return None
        return one.kernel.code_hash, one.kernel.packages, one.data_hash, one.folds_hash

    return made_of(before) is not None and made_of(before) == made_of(record)


def write(
    result: Result, head: Head, week: Week | None, before: Record | None, run_id: str
) -> tuple[Record, Files, Path, list[str]]:
    """Write a run's bundle.

    Args:
        result: all views that are known.
        before: the record of the run before, which tells whether a rerun moved.
        run_id: as the history has it, or will.

    Returns:
        The record, what to archive beside it, the bundle's folder, and what could not be shown, a sentence each.
    """
    remarks: list[str] = []
    notebook = _executed(result.shown, remarks)
    record = _marked(_record(result, notebook, head, week, run_id), before)
    bundle, files = _bundle(result, notebook, remarks)
    if result.is_whole:
        predictions = bundle / "predictions.npz"
        result.predictions().save(predictions)
        files["predictions.npz"] = predictions
    return record, files, bundle, remarks


def pack(bundle: Path, record: Record) -> Path:
    """Pack submit.zip: executed notebook, submission, result and environment; the same content, the same bytes."""
    path = bundle / PACKED
    write_bytes(bundle / "result.json", record.model_dump_json(indent=2).encode())
    with (
        writing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in ("environment.txt", "executed.ipynb", "result.json", "submission.csv"):
            if (bundle / name).is_file():
                packed.writestr(zipfile.ZipInfo(name), (bundle / name).read_bytes())
    return path


def _record(
    result: Result, notebook: "NotebookNode | None", head: Head, week: Week | None, run_id: str
) -> Record:
    prepared = result.prepared
    run = Run(
        run_id=run_id,
        seconds=round(sum(seen.facts.seconds for seen in result.views.values()), 3),
        parameters=flat(parameters_cell.values(prepared.notebook)) | {"is_quick": prepared.is_quick}, marks=cross_validation.marks(result),
        environment=_environment(prepared),
    )  # fmt: skip
    facts = _facts(result)
    verdict = check.judge(_check_input(result, notebook, facts, KNOWS in run.marks, week))
    facts = facts.model_copy(update={"check": verdict.steps, "advice": verdict.advice})
    if not result.is_finished:
        failed = result.failure
        reason = f"{failed.facts.view}: {failed.facts.reason}" if failed else "no view was run"
        return records.unfinished(head, run, "FAILED", reason, facts)
    real = result.views.get(REAL)
    test_from: TestFrom | None = "refit" if real is not None and real.is_valid else None
    fold_scores = result.fold_scores.tolist()
    return records.scored(
        head, run, scores.of_folds(fold_scores, result.cv_pooled()), test_from, facts
    )


def _environment(prepared: PreparedKernel) -> dict[str, str]:
    """Of an environment of the kernel's own only the machine: `packages` has the rest."""
    found = provenance.environment("tensorflow")
    if prepared.environment.is_own:
        found = {name: found[name] for name in ("platform", "cpus")}
    return found | {"isolation": prepared.isolation.kind}


def _facts(result: Result) -> KernelFacts:
    """All but the check, which looks at these."""
    prepared, shuffled = result.prepared, result.views.get(SHUFFLED)
    kernel = prepared.kernel
    return KernelFacts(
        code_hash=kernel.code_hash,
        views=[seen.facts for seen in result.views.values()],
        constant=cross_validation.sample_score(result.data)
        if result.data and result.data.names
        else None,
        fold0_interval=cross_validation.fold0_interval(result),
        shuffled=shuffled.facts.score if shuffled else None,
        figures=_figures(result),
        claims={name: claim.printed for name, claim in kernel.file.claims.items()},
        coverage=_coverage(kernel),
        packages=prepared.environment.packages,
        not_enforced=_not_enforced(prepared),
        is_quick=prepared.is_quick,
        ran_elsewhere=result.ran_elsewhere,
    )


def _not_enforced(prepared: PreparedKernel) -> list[str]:
    gaps = list(prepared.isolation.not_enforced)
    if prepared.hidden and prepared.isolation.kind == "none":
        gaps.append(f"it can read the solution, which comes with {', '.join(prepared.hidden)}")
    return gaps


def _check_input(
    result: Result,
    notebook: "NotebookNode | None",
    facts: KernelFacts,
    knows_the_answers: bool,
    week: Week | None,
) -> CheckInput:
    kernel, data, shown = result.prepared.kernel, result.data, result.shown
    notes = kernel.folder / "notes.md"
    return CheckInput(
        kernel, notebook, facts.views, shown.facts.view if shown else None,
        metric=data.metric if data else None, has_views=bool(data and data.names),
        constant=facts.constant, knows_the_answers=knows_the_answers,
        probe=shown.probe if shown else None, week=week, draft=opened_notebooks.draft_of(kernel),
        notes=notes.read_text(encoding="utf-8", errors="replace") if notes.is_file() else None,
        language=settings_file.load().language,
    )  # fmt: skip


def _executed(seen: ViewResult | None, remarks: list[str]) -> "NotebookNode | None":
    """The notebook of a view with its outputs; None where none was executed, or one that cannot be read."""
    if seen is None or not (seen.folder / "executed.ipynb").is_file():
        return None
    try:
        return conversion.read_notebook(seen.folder / "executed.ipynb")
    except UserError as error:
        remarks.append(f"the executed notebook cannot be shown: {error}")
        return None


def _page(notebook: "NotebookNode", remarks: list[str]) -> bytes:
    """The notebook as a page; where that fails, a page that says why: it must not cost what was run."""
    language = settings_file.load().language
    try:
        html = page.executed_html(notebook, language)
    except Exception as error:  # whatever a library could not do with a stranger's notebook
        remarks.append(f"executed.html does not show the notebook: {reasons.of(error)}")
        html = page.instead(remarks[-1], language)
    return html.encode("utf-8", "replace")


def _marked(record: Record, before: Record | None) -> Record:
    """The record, marked where a rerun of the very same kernel moved by more than the score's interval."""
    if before is None or before.kernel is None or not _is_same(before, record):
        return record
    interval, moved = before.kernel.fold0_interval, UNSEEDED in before.marks
    if interval is not None and before.fold0 is not None and record.fold0 is not None:
        moved = moved or abs(record.fold0 - before.fold0) > (interval[1] - interval[0]) / 2
    return record.model_copy(update={"marks": [*record.marks, UNSEEDED]}) if moved else record


def _figures(result: Result) -> dict[str, float]:
    """Claimed variables, as the notebook left them."""
    found = result.shown.probe if result.shown else None
    claims = result.prepared.kernel.file.claims
    return {name: value for name, value in found.figures.items() if name in claims} if found else {}


def _coverage(kernel: Kernel) -> float | None:
    original = originals.beside(kernel.folder) or originals.load(kernel.file.source)
    if original is None:
        return None
    ours = conversion.from_percent(kernel.code)
    texts = [[cell.source for cell in conversion.code_cells(book)] for book in (ours, original)]
    return alignment.compare(*texts).coverage


def _plain(name: str) -> str:
    return _STRANGE.sub("_", name).strip(". ") or "unnamed"


def _bundle(
    result: Result, notebook: "NotebookNode | None", remarks: list[str]
) -> tuple[Path, Files]:
    """Fill the folder that a member looks at; the same files go to the history."""
    folder, shown = paths.bundle(result.prepared.kernel.name), result.shown
    if result.prepared.is_quick:  # what is shared and handed in is the full run made here
        folder /= "quick"
    elif result.ran_elsewhere:
        folder /= "elsewhere"
    files: Files = {"history.csv": _history(result).to_csv(index=False).encode()}
    if shown is not None and notebook is not None:
        files["executed.ipynb"] = (shown.folder / "executed.ipynb").read_bytes()
        files["executed.html"] = _page(notebook, remarks)
    real = result.views.get(REAL)
    if real is not None and real.is_valid:
        files["submission.csv"] = (real.folder / "submission.csv").read_bytes()
    installed = "".join(
        f"{name}=={version}\n" for name, version in result.prepared.environment.packages.items()
    )
    files["environment.txt"] = installed.encode()
    for name, content in files.items():
        if isinstance(content, bytes):
            write_bytes(folder / name, content)
    return folder, files


def _history(result: Result) -> pd.DataFrame:
    """Keras histories of every view: columns fold, epoch and one per curve; a study kernel is fold 0."""
    rows: list[dict[str, Any]] = []
    names = [STUDY] if result.data is None else result.data.names
    for fold, name in enumerate(names):
        seen = result.views.get(name)
        rows += _curves(fold, seen.probe.histories) if seen and seen.probe else []
    return pd.DataFrame(rows, columns=None if rows else ["fold", "epoch"])


def _curves(fold: int, histories: dict[str, Curves]) -> Iterable[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for history, curves in histories.items():
        for curve, values in curves.items():
            name = _plain(curve if len(histories) == 1 else f"{history}.{curve}")
            for epoch, value in enumerate(values):
                rows.setdefault(epoch, {"fold": fold, "epoch": epoch})[name] = value
    return rows.values()
