"""The week's own steps of the self-check: what the curriculum asks, against what the notebook left behind."""

import math
import re
from collections.abc import Iterator

from pipelines.notebooks.checking.probe import (
    Answer,
    Curves,
    DataFacts,
    Findings,
    ModelFacts,
    TestScore,
)
from pipelines.plumbing.pages import Say
from pipelines.tracking.curriculum import Bounds, Check, CompileCheck, DataCheck, ModelCheck

Outcome = tuple[bool, str]
Step = tuple[str, Outcome]

# One thing under several names: what `metrics=["acc"]` becomes depends on the labels and the version.
_ALIASES = {
    "acc": "accuracy", "sparsecategoricalaccuracy": "accuracy", "categoricalaccuracy": "accuracy",
    "binaryaccuracy": "accuracy", "mse": "meansquarederror", "mae": "meanabsoluteerror",
    "rmse": "rootmeansquarederror",
}  # fmt: skip
_LAST_ACTIVATIONS = {"softmax", "sigmoid", "tanh"}


def steps(check: Check, findings: Findings | None, say: Say) -> Iterator[Step]:
    """Name and outcome of each step that the week has, in their order."""
    seen, model, data = findings or Findings(), check.model, check.test_data
    if check.train_data is not None:
        yield "train_data", _data(check.train_data, seen.train_data, say)
    if data is not None:
        yield "test_data", _data(data, seen.test_data, say)
    if model is None:
        return
    yield "model", _model(model, seen.model, say)
    found = seen.model or ModelFacts()  # where nothing is known of it, the step above has failed
    if check.compile is not None:
        yield "compile", _compile(check.compile, model.name, found, say)
    if check.fitted is not None:
        yield "fitted", _fitted(check.fitted, model.name, found, say)
    if check.test_score is not None:
        assert data is not None  # or the curriculum would not have been read
        yield "test_score", _test_score(check.test_score, data.name, seen.test_score, say)


def _unknown(name: str, answer: Answer | None, say: Say) -> str:
    """Why nothing is known of a variable."""
    if answer is None:
        return say(
            "Nothing is known of %(name)s: the notebook's process did not answer after the last cell. Run the kernel "
            "again.", name=name,
        )  # fmt: skip
    match answer.problem:
        case "missing":
            return say(
                "The notebook must leave a variable %(name)s, and it is not there after the last cell: give yours that "
                "name, and do not delete it.", name=name,
            )  # fmt: skip
        case "no model":
            return say(
                "%(name)s must be a Keras model, found %(detail)s.", name=name, detail=answer.detail
            )
        case "endless":
            return say(
                "%(name)s repeats for ever, so no score over all of it exists: leave .repeat() to the training set.",
                name=name,
            )  # fmt: skip
        case _:
            return say(
                "%(name)s could not be examined: %(detail)s", name=name, detail=answer.detail
            )


def _data(wanted: DataCheck, found: DataFacts | None, say: Say) -> Outcome:
    name = wanted.name
    if found is None or found.problem is not None:
        return False, _unknown(name, found, say)
    if wanted.shape is not None and found.shape != wanted.shape:
        return False, say(
            "An element of %(name)s must have the shape %(wanted)s, found %(found)s.",
            name=name, wanted=wanted.shape, found=found.shape,
        )  # fmt: skip
    if wanted.dtype is not None and found.dtype != wanted.dtype:
        return False, say(
            "%(name)s must be of %(wanted)s, found %(found)s: convert it with astype or tf.cast.",
            name=name, wanted=wanted.dtype, found=found.dtype,
        )  # fmt: skip
    if wanted.range is not None and not _lies_within(wanted.range, found):
        return False, say(
            "The values of %(name)s must lie between %(low)s and %(high)s, found %(least)s to %(most)s in the first "
            "batch: scale them.",
            name=name, low=_short(wanted.range[0]), high=_short(wanted.range[1]),
            least=_short(found.minimum), most=_short(found.maximum),
        )  # fmt: skip
    if wanted.batch is not None and found.batch != wanted.batch:
        return False, say(
            "%(name)s must come in batches of %(wanted)s, found %(found)s.",
            name=name, wanted=wanted.batch, found=found.batch or say("no batches"),
        )  # fmt: skip
    return True, say(
        "%(name)s is as it should be: elements of shape %(shape)s, %(dtype)s, %(least)s to %(most)s.",
        name=name, shape=found.shape, dtype=found.dtype, least=_short(found.minimum), most=_short(found.maximum),
    )  # fmt: skip


def _lies_within(limits: tuple[float, float], found: DataFacts) -> bool:
    if found.minimum is None or found.maximum is None:
        return False
    return limits[0] <= found.minimum and found.maximum <= limits[1]


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _model(wanted: ModelCheck, found: ModelFacts | None, say: Say) -> Outcome:
    if found is None or found.problem is not None:
        return False, _unknown(wanted.name, found, say)
    if wanted.layers is not None and not _same_layers(wanted.layers, found.layers):
        return False, say(
            "The layers of %(name)s must be %(wanted)s in this order, found %(found)s. An activation counts as a layer of "
            "its own, at the place where it acts.",
            name=wanted.name, wanted=" → ".join(wanted.layers), found=" → ".join(found.layers) or "–",
        )  # fmt: skip
    if wanted.params is not None and found.params != wanted.params:
        return False, say(
            "%(name)s must have %(wanted)s parameters, found %(found)s.",
            name=wanted.name, wanted=_counted(wanted.params), found=_counted(found.params),
        )  # fmt: skip
    if wanted.trainable is not None and found.trainable != wanted.trainable:
        return False, say(
            "Of the parameters of %(name)s %(wanted)s must be trainable, found %(found)s.",
            name=wanted.name, wanted=_counted(wanted.trainable), found=_counted(found.trainable),
        )  # fmt: skip
    return True, say(
        "%(name)s is the model of this week: %(params)s parameters, %(trainable)s of them trainable.",
        name=wanted.name, params=_counted(found.params), trainable=_counted(found.trainable),
    )  # fmt: skip


def _counted(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _same_layers(wanted: list[str], found: list[str]) -> bool:
    """Whether both are the same, but for an activation at the very end that the week does not list."""
    asked, seen = ([_plain(word) for word in words] for words in (wanted, found))
    if seen[-1:] != asked[-1:] and seen and seen[-1] in _LAST_ACTIVATIONS:
        seen = seen[:-1]
    return asked == seen


def _plain(name: str) -> str:
    """A spelling that does not matter: `Dense  512` is `dense 512`."""
    return " ".join(name.casefold().split())


def _canonical(name: str) -> str:
    """One name for `SparseCategoricalCrossentropy` and `sparse_categorical_crossentropy`, `acc` and `accuracy`."""
    plain = re.sub(r"[^0-9a-z]", "", name.casefold())
    return _ALIASES.get(plain, plain)


def _compile(wanted: CompileCheck, model: str, found: ModelFacts, say: Say) -> Outcome:
    if found.optimizer is None:
        return False, say("%(name)s must be compiled, and is not: call compile.", name=model)
    metrics, known = map(_canonical, wanted.metrics), set(map(_canonical, found.metrics))
    rate = wanted.learning_rate
    pairs = [
        (say("the optimiser"), wanted.optimizer, found.optimizer,
         wanted.optimizer is None or _canonical(wanted.optimizer) == _canonical(found.optimizer)),
        (say("the learning rate"), rate, found.learning_rate,
         rate is None or math.isclose(rate, found.learning_rate or 0, rel_tol=1e-5)),
        (say("the loss"), wanted.loss, ", ".join(found.losses) or "–",
         wanted.loss is None or [_canonical(wanted.loss)] == [_canonical(name) for name in found.losses]),
        (say("the metrics"), ", ".join(wanted.metrics), ", ".join(found.metrics) or "–",
         all(name in known for name in metrics)),
    ]  # fmt: skip
    for what, asked, seen, fits in pairs:
        if not fits:
            return False, say(
                "In compile %(what)s must be %(wanted)s, found %(found)s.",
                what=what, wanted=asked, found=seen,
            )  # fmt: skip
    return True, say(
        "%(name)s is compiled as it should be: %(optimizer)s, %(loss)s.",
        name=model, optimizer=found.optimizer, loss=", ".join(found.losses) or "–",
    )  # fmt: skip


def _fitted(bounds: Bounds, model: str, found: ModelFacts, say: Say) -> Outcome:
    last = _last_epoch(found.history)
    if not last:
        return False, say(
            "%(name)s must have been fitted, and has no history: call fit.", name=model
        )
    missed = _out_of_bounds(bounds, last, say)
    if missed is not None:
        return False, say("After fit, %(missed)s", missed=missed)
    epochs = max(map(len, found.history.values()))
    return True, say(
        "%(name)s is fitted: %(epochs)s epochs, in the last one %(scores)s.",
        name=model, epochs=epochs, scores=_listed(last),
    )  # fmt: skip


def _last_epoch(history: Curves) -> dict[str, float | None]:
    return {name: curve[-1] for name, curve in history.items() if curve}


def _test_score(bounds: Bounds, data: str, found: TestScore | None, say: Say) -> Outcome:
    if found is None or found.problem is not None:
        return False, _unknown(data, found, say)
    if not found.scores:
        return False, say("evaluate gave no score: compile the model with a loss and metrics.")
    missed = _out_of_bounds(bounds, found.scores, say)
    if missed is not None:
        return False, say("On the test set, %(missed)s", missed=missed)
    return True, say("The test score is reached: %(scores)s.", scores=_listed(found.scores))


def _listed(scores: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in scores.items())


def _number(value: float | None) -> str:
    return "NaN" if value is None else f"{value:.4f}"


def _out_of_bounds(bounds: Bounds, scores: dict[str, float | None], say: Say) -> str | None:
    """What is missing, by the metric's name; None where every bound is kept. A NaN keeps none."""
    by_name = {_canonical(name): value for name, value in scores.items()}
    wanted = [(name, bound, True) for name, bound in bounds.minimum.items()]
    wanted += [(name, bound, False) for name, bound in bounds.maximum.items()]
    for name, bound, is_minimum in wanted:
        if _canonical(name) not in by_name:
            return say(
                "there must be a metric %(name)s, found %(known)s.",
                name=name, known=", ".join(scores),
            )  # fmt: skip
        value = by_name[_canonical(name)]
        if value is None or (value < bound if is_minimum else value > bound):
            least = "%(name)s must be at least %(bound)s, found %(found)s."
            most = "%(name)s must be at most %(bound)s, found %(found)s."
            return say(
                least if is_minimum else most, name=name, bound=f"{bound:g}", found=_number(value)
            )
    return None
