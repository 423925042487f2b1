"""What is asked of a notebook's namespace, from inside its own process.

This file is read as text by `probe.py` and executed as the last cell, in a namespace of its own, so that the
notebook's names stay as they are. The notebook's environment may be years old: only the standard library is
imported, Keras 2 and 3 are told by what their objects can do, and whatever fails is told, never raised. The
last line printed is one JSON object.
"""

import contextlib
import io
import json
import math
import sys
from collections.abc import Callable
from typing import Any

_ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "elu": "ELU", "selu": "SELU", "gelu": "GELU", "silu": "SiLU", "swish": "SiLU",
    "leaky_relu": "LeakyReLU", "prelu": "PReLU",
}  # fmt: skip
_NOT_LISTED = ("InputLayer", "Flatten", "Activation")
_DETAIL = 300


def main(namespace: dict[str, Any], asked: str) -> None:
    """Print what was found as one line of JSON.

    Args:
        namespace: of the notebook; it is read only.
        asked: JSON: `figures` (names), and of `train_data`, `test_data` ({name, labels, rank}), `model`
            ({name}) and `test_score` (bool) those that the week's check asks for.
    """
    try:
        # What a library prints meanwhile must not come between this line and its reader.
        with contextlib.redirect_stdout(io.StringIO()):
            line = json.dumps(_collect(namespace, json.loads(asked)), allow_nan=False)
    except (Exception, SystemExit) as error:
        line = json.dumps({"detail": _told(error)})
    print(line, flush=True)


def _collect(namespace: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"figures": {}}
    for name in asked["figures"]:
        figure = _attempt(_figure, namespace.get(name))
        if "figure" in figure:
            answer["figures"][name] = figure["figure"]
    answer["histories"] = _histories(namespace)
    for role in ("train_data", "test_data"):
        if role in asked:
            answer[role] = _attempt(_data, namespace, asked[role])
    if "model" in asked:
        answer["model"] = _attempt(_model, namespace, asked["model"])
    if asked.get("test_score"):
        answer["test_score"] = _attempt(_test_score, namespace, asked)
    return answer


def _attempt(function: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
    try:
        return function(*given)
    except (Exception, SystemExit) as error:
        return {"problem": "failed", "detail": _told(error)}


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:_DETAIL]
    except Exception:  # an exception whose own text fails
        return type(error).__name__


# Figures and histories


def _number(value: Any) -> "float | None":
    """A finite float, or None."""
    if value is None or isinstance(value, str | bytes):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def _figure(value: Any) -> dict[str, Any]:
    found = _number(value)
    return {} if found is None else {"figure": found}


def _is_keras(value: Any, kind: str) -> bool:
    """Whether a class of Keras with that name is among the ancestors; nothing is imported for it."""
    return any(
        ancestor.__name__ == kind and "keras" in str(ancestor.__module__)
        for ancestor in type(value).__mro__
    )


def _histories(namespace: dict[str, Any]) -> dict[str, Any]:
    """Variable → metric → value per epoch; a model's own history counts where no variable holds it."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    mine = [(name, value) for name, value in namespace.items() if not name.startswith("_")]
    held = [(name, value) for name, value in mine if _is_keras(value, "History")]
    held += [
        (name, getattr(value, "history", None)) for name, value in mine if _is_keras(value, "Model")
    ]
    for name, history in held:
        curves = _attempt(_curves, history)
        if id(history) not in seen and curves and "problem" not in curves:
            seen.add(id(history))
            found[name] = curves
    return found


def _curves(history: Any) -> dict[str, Any]:
    curves = getattr(history, "history", None)
    if not isinstance(curves, dict):
        return {}
    return {str(name): [_or_none(value) for value in values] for name, values in curves.items()}


def _or_none(value: Any) -> "float | None":
    try:
        return _number(value)
    except (TypeError, ValueError):
        return None


# Data sets


def _data(namespace: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    if asked["name"] not in namespace:
        return {"problem": "missing"}
    inputs, is_whole = _first_inputs(namespace[asked["name"]])
    shape = [int(side) for side in inputs.shape]
    rank = asked.get("rank")
    # An unbatched data set looks like a batch; only the asked rank tells them apart.
    is_batched = bool(shape) and (rank is None or len(shape) != rank or is_whole)
    facts: dict[str, Any] = {
        "shape": shape[1:] if is_batched else shape,
        "dtype": str(getattr(inputs.dtype, "name", inputs.dtype)).rpartition(".")[2],
        "batch": shape[0] if is_batched and not is_whole else None,
    }
    facts.update(_attempt(_extremes, inputs))
    facts.pop("problem", None)  # text has no extremes; the step that asks for them says so
    facts.pop("detail", None)
    return facts


def _first_inputs(data: Any) -> tuple[Any, bool]:
    """The inputs of the first batch, and whether they are the whole set: arrays come in no batches."""
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return data, True
    if isinstance(data, tuple | list) and data and hasattr(data[0], "shape"):
        return data[0], True
    if hasattr(data, "to_numpy"):
        return data.to_numpy(), True
    if _is_keras(data, "Sequence") or _is_keras(data, "PyDataset"):
        first = data[0]
    else:
        first = next(iter(data))
    while isinstance(first, tuple | list):
        first = first[0]
    if not hasattr(first, "shape"):
        raise TypeError(f"the first element is a {type(first).__name__}, not an array")
    return first, False


def _extremes(inputs: Any) -> dict[str, Any]:
    if hasattr(inputs, "detach"):
        inputs = inputs.detach().cpu()
    array = inputs.numpy() if hasattr(inputs, "numpy") else inputs
    return {"minimum": _number(array.min()), "maximum": _number(array.max())}


# Models


def _model(namespace: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    if asked["name"] not in namespace:
        return {"problem": "missing"}
    model = namespace[asked["name"]]
    if not (hasattr(model, "count_params") and hasattr(model, "layers")):
        return {"problem": "no model", "detail": type(model).__name__}
    trainable = sum(
        math.prod(int(side) for side in weight.shape) for weight in model.trainable_weights
    )
    facts: dict[str, Any] = {
        "params": int(model.count_params()),
        "trainable": trainable,
        "layers": _layers(model),
    }
    facts.update(_compiled(model))
    facts["history"] = _curves(getattr(model, "history", None))
    return facts


def _layers(model: Any) -> list[str]:
    words: list[str] = []
    for layer in model.layers:
        if _is_keras(layer, "Model") and getattr(layer, "layers", None):
            words += _layers(layer)
        else:
            words += _words(layer)
    return words


def _words(layer: Any) -> list[str]:
    """`Dense 512`, then `ReLU` where the layer carries an activation of its own."""
    kind = type(layer).__name__
    sizes = [getattr(layer, size, None) for size in ("units", "filters", "rate")]
    words = [kind, *(f"{size:g}" for size in sizes if isinstance(size, int | float))]
    if hasattr(layer, "kernel_size"):
        words.append("x".join(str(side) for side in layer.kernel_size))
    listed = [] if kind in _NOT_LISTED else [" ".join(words)]
    is_recurrent = hasattr(layer, "recurrent_activation") or hasattr(layer, "cell")
    activation = None if is_recurrent else getattr(layer, "activation", None)
    return listed + _activation(activation)


def _activation(activation: Any) -> list[str]:
    if activation is None:
        return []
    name = str(getattr(activation, "__name__", type(activation).__name__))
    if name == "linear":
        return []
    return [_ACTIVATIONS.get(name, name[:1].upper() + name[1:])]


def _compiled(model: Any) -> dict[str, Any]:
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return {}
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    return {
        "optimizer": type(optimizer).__name__,
        "learning_rate": _attempt(_learning_rate, optimizer).get("rate"),
        "losses": _names(getattr(model, "loss", None)),
        "metrics": _metrics(model),
    }


def _learning_rate(optimizer: Any) -> dict[str, Any]:
    """Of a schedule the one that it starts with."""
    given = getattr(optimizer, "_learning_rate", None)
    start = getattr(given, "initial_learning_rate", None)
    return {"rate": _number(optimizer.learning_rate if start is None else start)}


def _metrics(model: Any) -> list[str]:
    """What `compile` was given; the objects made from it exist only after `fit`, and differ by version."""
    settings = getattr(getattr(model, "_compile_config", None), "config", None)
    if isinstance(settings, dict):
        return _names(settings.get("metrics")) + _names(settings.get("weighted_metrics"))
    return [name for name in getattr(model, "metrics_names", []) if name != "loss"]


def _names(given: Any) -> list[str]:
    """Names of losses or metrics as they may be given: text, function, object, list or dict of them."""
    if given is None:
        return []
    if isinstance(given, str):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list | tuple):
        return [name for part in given for name in _names(part)]
    return [str(getattr(given, "__name__", type(given).__name__))]


def _test_score(namespace: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    data, model = asked["test_data"], asked["model"]
    wanted = [data["name"], model["name"], *filter(None, [data.get("labels")])]
    if any(name not in namespace for name in wanted):
        return {"problem": "missing"}
    rows = namespace[data["name"]]
    if hasattr(rows, "cardinality") and int(rows.cardinality()) == -1:
        return {"problem": "endless"}
    if data.get("labels"):
        given: tuple[Any, ...] = (rows, namespace[data["labels"]])
    else:
        given = tuple(rows[:2]) if isinstance(rows, tuple | list) else (rows,)
    scores = namespace[model["name"]].evaluate(*given, verbose=0, return_dict=True)
    return {"scores": {str(name): _or_none(value) for name, value in scores.items()}}


if __name__ == "__main__":
    main({}, sys.argv[1])
