"""What came back: it is checked against what was sent, and its fits are kept where `train` finds them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import file_hash, read_json
from pipelines.plumbing.errors import UserError
from pipelines.remote.executing import DONE
from pipelines.remote.job import Job, fits_hash
from pipelines.training import finished, run_record
from pipelines.training.fits import Fit, FitSpec
from pipelines.training.plan import Plan

_WHAT = {
    "data_hash": "data",
    "folds_hash": "fold file",
    "fits": "params",
    "commit": "commit",
    "key": "code",
}
_LOG_LINES = 12
_AGAIN = (
    "nothing was taken: run the same again, which fetches it anew; if it stays so, delete the notebook there and add "
    "--again"
)


def take(job: Job, folder: Path, plan: Plan, specs: Sequence[FitSpec], where: str) -> None:
    """Keep the fits of a finished run, with the machine that made them.

    Args:
        job: what was pushed.
        folder: what it left, as it was fetched.
        plan, specs: as they are here, now.
        where: for the mark of the run.

    Raises:
        UserError: it is of another commit, code, fold file, data or params, or not whole.
    """
    told = _told(folder / "pilsa" / DONE)
    here = {
        "data_hash": plan.dataset.hash,
        "folds_hash": plan.folds.hash,
        "fits": fits_hash(specs),
    }
    _check_same(job.model_copy(update=here), told["job"])
    found = finished.Store(folder / "pilsa")
    fits = [_checked(found, spec, plan, told["files"]) for spec in specs]
    with finished.working(job.key, f"taking the fits of {plan.name}") as work:
        run_record.note_machine(work, _mark(told["machine"], where), told["machine"])
        store = finished.Store(work)
        for spec, fit in zip(specs, fits, strict=True):
            store.save(spec.name, fit)


def _told(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(
            f"a finished run must leave pilsa/{DONE}, and it is not among its output: {_AGAIN}"
        )
    told = read_json(path)
    if not isinstance(told, dict) or {"job", "files", "machine"} - set(told):
        raise UserError(
            f"{DONE} of the run must name its job, its files and its machine, and does not: {_AGAIN}"
        )
    return told


def _check_same(job: Job, told: dict[str, Any]) -> None:
    """Refuse what is of another job; the first difference is named."""
    wanted = job.model_dump()
    for name in [*_WHAT, *wanted]:
        if told.get(name) != wanted[name]:
            what = _WHAT.get(name, name)
            raise UserError(
                f"the output must be of {what} {wanted[name]}, as it was sent, and says {told.get(name)!r}: {_AGAIN}"
            )


def _checked(store: finished.Store, spec: FitSpec, plan: Plan, files: dict[str, str]) -> Fit:
    """One fit, whole and in form.

    Raises:
        UserError: it is missing, changed on the way, or of another form.
    """
    path = store.path(spec.name)
    if not path.is_file() or file_hash(path) != files.get(path.name):
        raise UserError(
            f"{path.name} of the output must be there as it was written, and is missing or another: {_AGAIN}"
        )
    fit = store.load(spec.name)
    assert fit is not None  # the file is there
    sizes = [len(rows) for rows in spec.predict]
    sizes += [len(plan.dataset.test_ids)] if spec.predicts_test else []
    wanted = [(size, plan.dataset.width) for size in sizes]
    shapes = [part.shape for part in fit.parts]
    if shapes != wanted or not all(np.isfinite(part).all() for part in fit.parts):
        raise UserError(
            f"{spec.name} of the output must hold finite numbers in shapes {wanted}, found {shapes}: {_AGAIN}"
        )
    return fit


def _mark(machine: dict[str, str], where: str) -> str:
    accelerator = machine.get("accelerator", "none")
    return f"ran on {where}, {'CPU' if accelerator == 'none' else accelerator}"


def last_lines(folder: Path) -> str:
    """The end of the log that Kaggle gives of a run."""
    text = ""
    for path in folder.glob("*.log"):
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            text = "".join(str(line.get("data", "")) for line in json.loads(text))
        except (ValueError, AttributeError):
            continue  # it is plain text
    return "\n".join(text.strip().splitlines()[-_LOG_LINES:])


def is_kept(job_key: str, specs: Sequence[FitSpec]) -> bool:
    """Whether all fits are finished here."""
    store = finished.Store(paths.work(job_key))
    return all(store.path(spec.name).is_file() for spec in specs)
