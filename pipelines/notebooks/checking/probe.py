"""The cell that asks a notebook, after its last one, what it left in its namespace; and what it answered."""

import json
from importlib.resources import files
from typing import Any, Literal

from pydantic import ValidationError

from pipelines.plumbing.schema import Strict
from pipelines.tracking.curriculum import Check, DataCheck
from pipelines.values.kernel import KernelFile

Curves = dict[str, list[float | None]]


class Answer(Strict):
    """Of one thing that was asked for.

    Attributes:
        problem: why nothing is known: missing (no such variable), no model, endless (a test set that
            repeats for ever), failed; None where something is.
        detail: the type found, or the exception.
    """

    problem: Literal["missing", "no model", "endless", "failed"] | None = None
    detail: str | None = None


class DataFacts(Answer):
    """A data set as its first batch shows it.

    Attributes:
        shape: of one element, without the batch.
        batch: elements in the first batch; None where the data come in no batches.
        minimum, maximum: of the first batch, of an array all of it; None where they are no finite numbers.
    """

    shape: list[int] | None = None
    dtype: str | None = None
    batch: int | None = None
    minimum: float | None = None
    maximum: float | None = None


class ModelFacts(Answer):
    """A Keras model.

    Attributes:
        layers: in order, as `curriculum.ModelCheck` spells them, the last activation included.
        optimizer: None where the model is not compiled.
        losses, metrics: as `compile` was given them.
        history: metric → value per epoch of the last `fit`; empty where there was none.
    """

    params: int | None = None
    trainable: int | None = None
    layers: list[str] = []
    optimizer: str | None = None
    learning_rate: float | None = None
    losses: list[str] = []
    metrics: list[str] = []
    history: Curves = {}


class TestScore(Answer):
    """`scores`: metric → value; None is a value that is no finite number."""

    __test__ = False  # for pytest, which would take it for a test

    scores: dict[str, float | None] = {}


class Findings(Strict):
    """All that the probe found.

    Attributes:
        figures: claimed variable → its value; those that are no finite numbers are left out.
        histories: variable → metric → value per epoch; None is a value that is no finite number.
        train_data, test_data, model, test_score: None where the week does not ask for them.
    """

    figures: dict[str, float] = {}
    histories: dict[str, Curves] = {}
    train_data: DataFacts | None = None
    test_data: DataFacts | None = None
    model: ModelFacts | None = None
    test_score: TestScore | None = None


def source(file: KernelFile, check: Check | None) -> str:
    """The text of the one cell that is executed after the notebook's last.

    Args:
        file: whose claimed variables are read.
        check: the week's own steps; None asks for figures and histories alone.
    """
    text = (
        files("pipelines.notebooks.checking").joinpath("probe_cell.py").read_text(encoding="utf-8")
    )
    # In a namespace of its own, and by names that a notebook does not give to something else: `compile`,
    # `list` and even `print` may mean the notebook's own by now.
    return (
        "__import__('builtins').exec("
        f"__import__('builtins').compile({text + _CALL!r}, 'pilsa probe', 'exec'), "
        "{'__name__': 'pilsa_probe', 'KERNEL': __import__('builtins').globals(), "
        f"'ASKED': {json.dumps(_asked(file, check))!r}}})"
    )


_CALL = "\nmain(KERNEL, ASKED)\n"


def read(answer: dict[str, Any] | None) -> Findings | None:
    """What the probe printed as a value; None where it printed nothing, `{}`, or something else."""
    if not answer:
        return None
    try:
        return Findings.model_validate(answer)
    except ValidationError:
        return None


def _asked(file: KernelFile, check: Check | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"figures": list(file.claims)}
    if check is None:
        return asked
    for role, data in (("train_data", check.train_data), ("test_data", check.test_data)):
        if data is not None:
            asked[role] = _asked_of(data)
    if check.model is not None:
        asked["model"] = {"name": check.model.name}
    return asked | {"test_score": check.test_score is not None}


def _asked_of(data: DataCheck) -> dict[str, Any]:
    rank = None if data.shape is None else len(data.shape)
    return {"name": data.name, "labels": data.labels, "rank": rank}
