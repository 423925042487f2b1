"""What a model's run leaves: its record, and the files that go into the history beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from features import blocks
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_json, write_json, write_text
from pipelines.tracking import parameters, provenance, records
from pipelines.tracking.records import Head, Record, Run
from pipelines.training import gallery
from pipelines.training.cross_validation import Outcome, Tuned
from pipelines.training.plan import Plan
from pipelines.values import scores

Files = dict[str, Any]
_RAN_ON = "ran-on.json"  # in the folder of the work


def head_of(plan: Plan) -> Head:
    return records.opened(
        plan.competition, f"models/{plan.name}", "baseline", plan.settings.member,
        plan.dataset.hash, plan.folds.hash,
    )  # fmt: skip


def note_machine(work: Path, mark: str, environment: Mapping[str, str]) -> None:
    """Write beside kept fits that another machine has made them: the record of the run will say so.

    Args:
        work: the folder of the work.
        mark: for who reads the score, such as `ran on Kaggle, Tesla T4`.
        environment: in place of this machine's.
    """
    write_json(work / _RAN_ON, {"mark": mark, "environment": dict(environment)})


def _machine_of(work: Path, backend: str) -> tuple[list[str], dict[str, str]]:
    """Marks and environment of the machine that the fits were made on."""
    path = work / _RAN_ON
    if not path.is_file():
        return [], provenance.environment(backend)
    noted = read_json(path)
    return [noted["mark"]], noted["environment"]


def curve(outcome: Outcome, plan: Plan) -> pd.DataFrame:
    """Mean losses per epoch over the fits that ran it: columns epoch, loss, val_loss, …

    A model without epochs has one, whose loss is the mean loss of its OOF rows.
    """
    if outcome.history:
        return (
            pd.DataFrame(outcome.history).drop(columns="fold").groupby("epoch").mean().reset_index()
        )
    rows = plan.folds.scored
    losses = plan.metric.row_losses(plan.dataset.y[rows], outcome.predictions.oof[rows])
    return pd.DataFrame({"epoch": [0], "loss": [losses.mean()]})


def _marks(plan: Plan, tuned: str | None) -> list[str]:
    columns = getattr(plan.dataset.X_train, "columns", ())
    plain = "without its feature block" if blocks.lacking(plan.competition.name, columns) else None
    return [mark for mark in (tuned, plain) if mark]


def write(
    plan: Plan, head: Head, tuned: Tuned, mark: str | None, key: str, outcome: Outcome
) -> tuple[Record, Files]:
    """Write a model's predictions, record and learning curve; return what to archive.

    Args:
        mark: how it was tuned; None where it was not.
        key: of the work, which names the run.
    """
    settings, name = plan.settings, plan.competition.name
    engine: Mapping[str, Any] = {"seed": settings.seed, "n_splits": plan.folds.n_splits}
    if plan.backend is not None:
        engine = {**engine, "backend": settings.backend, "device": plan.device}
    marks, environment = _machine_of(paths.work(key), settings.backend)
    kept = Run(
        run_id=records.run_id({"key": key}), seconds=round(outcome.seconds, 3), marks=[*_marks(plan, mark), *marks],
        parameters=parameters.flat({**plan.params(tuned.of(0)).model_dump(), **engine}),
        environment=environment,
    )  # fmt: skip
    record = records.make(
        head, kept, outcome.predictions, scores.of(outcome.predictions, plan.dataset.y, plan.folds)
    )
    stored = paths.predictions(name, plan.name)
    outcome.predictions.save(stored)
    records.write(paths.score(name, plan.name), record)
    table = curve(outcome, plan).to_csv(index=False, lineterminator="\n")
    write_text(paths.curve(name, plan.name), table)
    history = pd.DataFrame(outcome.history).to_csv(index=False).encode()
    drawn = gallery.pictures_of(outcome.predictions, plan.dataset, plan.folds, outcome.history)
    return record, {"predictions.npz": stored, "history.csv": history, **drawn}
