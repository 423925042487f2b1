"""The last cell, executed as a notebook executes it: in this process, on real Keras models and small arrays."""

import contextlib
import io
import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from pipelines.notebooks.checking import probe
from pipelines.notebooks.checking.probe import Findings
from pipelines.tracking.curriculum import Check
from pipelines.values.kernel import KernelFile

S3 = {
    "train_data": {"name": "train", "shape": [28, 28], "dtype": "float32", "range": [0, 1], "batch": 16},
    "test_data": {"name": "test", "shape": [28, 28]},
    "model": {"name": "model", "params": 409098, "trainable": 408074},
    "test_score": {"minimum": {"accuracy": 0.5}},
}  # fmt: skip


def kernel_file(*claims: str) -> KernelFile:
    return KernelFile.model_validate(
        {
            "kind": "study",
            "source": {"platform": "own"},
            "claims": {name: {"printed": 1.0} for name in claims},
        }
    )


def answer_of(namespace: dict[str, Any], *claims: str, **steps: Any) -> dict[str, Any]:
    """The last line that the cell prints after a notebook that left this namespace."""
    text = probe.source(kernel_file(*claims), Check.model_validate(steps) if steps else None)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "cell", "exec"), namespace)
    return json.loads(printed.getvalue().splitlines()[-1])


def found_in(namespace: dict[str, Any], *claims: str, **steps: Any) -> Findings:
    found = probe.read(answer_of(namespace, *claims, **steps))
    assert found is not None
    return found


def compiled(*layers: Any, shape: tuple[int, ...] = (28, 28), **settings: Any) -> keras.Model:
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile(
        **{
            "optimizer": keras.optimizers.Adam(0.01),
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
        }
        | settings
    )
    return model


def course_model(**settings: Any) -> keras.Model:
    layers = keras.layers
    hidden = [layers.Dense(512), layers.BatchNormalization(), layers.ReLU()]
    return compiled(layers.Flatten(), *hidden, layers.Dense(10, activation="softmax"), **settings)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """What a notebook that follows the course leaves behind, on 64 small pictures."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    labels = np.arange(64) % 10
    pictures = generator.random((64, 28, 28), dtype=np.float32) * 0.5
    pictures[np.arange(64), labels] += 0.5
    train = tf.data.Dataset.from_tensor_slices((pictures, labels)).repeat().batch(16)
    test = tf.data.Dataset.from_tensor_slices((pictures, labels)).batch(16)
    model = course_model()
    history = model.fit(train, epochs=2, steps_per_epoch=4, verbose=0)
    return {"train": train, "test": test, "model": model, "history": history, "x": pictures, "y": labels,
            "accuracy": np.float32(0.5)}  # fmt: skip


def test_the_course_model_is_read_with_its_data_history_and_score(fitted: dict[str, Any]) -> None:
    found = found_in(dict(fitted), "accuracy", **S3)
    assert found.figures == {"accuracy": 0.5}
    assert found.train_data is not None
    assert found.train_data.model_dump() == {
        "problem": None, "detail": None, "shape": [28, 28], "dtype": "float32", "batch": 16,
        "minimum": pytest.approx(fitted["x"][:16].min()), "maximum": pytest.approx(fitted["x"][:16].max()),
    }  # fmt: skip
    model = found.model
    assert model is not None
    assert (model.params, model.trainable) == (409098, 408074)
    assert model.layers == ["Dense 512", "BatchNormalization", "ReLU", "Dense 10", "Softmax"]
    assert (model.optimizer, model.losses, model.metrics) == (
        "Adam", ["sparse_categorical_crossentropy"], ["accuracy"],
    )  # fmt: skip
    assert model.learning_rate == pytest.approx(0.01)
    assert set(found.histories) == {"history"}
    assert found.histories["history"] == model.history
    assert len(model.history["accuracy"]) == 2
    assert found.test_score is not None
    expected = fitted["model"].evaluate(fitted["test"], verbose=0, return_dict=True)
    assert found.test_score.scores == pytest.approx(expected)


def test_arrays_are_scored_with_their_labels(fitted: dict[str, Any]) -> None:
    steps = S3 | {"test_data": {"name": "x", "labels": "y"}}
    found = found_in(dict(fitted), **steps)
    assert found.test_data is not None
    assert (found.test_data.shape, found.test_data.batch) == ([28, 28], None)
    expected = fitted["model"].evaluate(fitted["x"], fitted["y"], verbose=0, return_dict=True)
    assert found.test_score is not None
    assert found.test_score.scores == pytest.approx(expected)
    pair = found_in(
        fitted | {"both": (fitted["x"], fitted["y"])}, **S3 | {"test_data": {"name": "both"}}
    )
    assert pair.test_score is not None
    assert pair.test_score.scores == pytest.approx(expected)


def test_the_namespace_stays_as_it_was(fitted: dict[str, Any]) -> None:
    # Names that a careless notebook gives to something else; the cell must not stumble over them.
    namespace: dict[str, Any] = fitted | {
        "print": 3, "exec": 0, "compile": None, "list": [1], "json": "", "main": 5, "sum": 2.5, "len": 1, "globals": 7,
    }  # fmt: skip
    before = dict(namespace)
    found = found_in(namespace, "sum", **S3)
    del namespace["__builtins__"]  # exec's own
    assert namespace == before
    assert found.figures == {"sum": 2.5}
    assert found.model is not None
    assert found.model.params == 409098


def test_figures_are_finite_numbers_and_nothing_else() -> None:
    class Stubborn:
        def __float__(self) -> float:
            raise SystemExit(3)

    namespace = {
        "a": np.float64(0.25), "b": 3, "c": float("nan"), "d": "0.9", "e": np.zeros((2, 2)), "f": Stubborn(),
        "g": np.array(1.5), "h": None,
    }  # fmt: skip
    assert found_in(namespace, *namespace, "absent").figures == {"a": 0.25, "b": 3.0, "g": 1.5}


def test_a_loss_that_is_no_number_is_none_in_its_history(fitted: dict[str, Any]) -> None:
    history = keras.callbacks.History()
    history.history = {"loss": [1.0, float("nan"), float("inf")]}
    found = found_in({"log": history, "same": history, "_hidden": fitted["history"]})
    assert found.histories == {"log": {"loss": [1.0, None, None]}}


def test_a_history_that_no_variable_holds_is_read_from_the_model(fitted: dict[str, Any]) -> None:
    assert set(found_in({"model": fitted["model"]}).histories) == {"model"}


class Loader:
    """As a DataLoader of torch: iterated over, again and again."""

    def __iter__(self) -> Any:
        return iter([[np.full((8, 3), 2, np.int64), np.zeros(8)]])


class Pages(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return np.full((4, 5), index, np.float32), np.zeros(4)


@pytest.mark.parametrize(
    ("data", "shape", "dtype", "batch"),
    [
        (Loader(), [3], "int64", 8),
        (Pages(), [5], "float32", 4),
        (np.zeros((6, 2), np.uint8), [2], "uint8", None),
        ((np.zeros((6, 2)), np.zeros(6)), [2], "float64", None),
        (pd.DataFrame({"a": [1.0, 2.0]}), [1], "float64", None),
    ],
    ids=["loader", "PyDataset", "array", "pair", "frame"],
)
def test_data_sets_of_any_kind(data: Any, shape: list[int], dtype: str, batch: int | None) -> None:
    found = found_in({"train": data}, train_data={"name": "train", "shape": shape}).train_data
    assert found is not None
    assert (found.problem, found.shape, found.dtype, found.batch) == (None, shape, dtype, batch)
    assert found.minimum is not None


def test_an_unbatched_data_set_has_no_batch(fitted: dict[str, Any]) -> None:
    namespace = {"train": fitted["test"].unbatch()}
    found = found_in(namespace, train_data={"name": "train", "shape": [28, 28], "batch": 16})
    assert found.train_data is not None
    assert (found.train_data.shape, found.train_data.batch) == ([28, 28], None)


def test_text_has_no_extremes() -> None:
    found = found_in({"train": np.array([["a"], ["b"]])}, train_data={"name": "train"}).train_data
    assert found is not None
    assert (found.problem, found.shape, found.minimum) == (None, [1], None)


@pytest.mark.parametrize("value", [3, [], iter([]), {"a": 1}, SimpleNamespace()])
def test_what_is_no_data_set_is_told_and_never_raised(value: Any) -> None:
    found = found_in({"train": value}, train_data={"name": "train"}).train_data
    assert found is not None
    assert found.problem == "failed"
    assert found.detail


def test_a_model_that_is_none(fitted: dict[str, Any]) -> None:
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    problems = []
    for namespace in ({}, {"model": 3}, {"model": unbuilt}):
        found = found_in(namespace, model={"name": "model"})
        assert found.model is not None
        problems.append(found.model.problem)
    assert problems == ["missing", "no model", "failed"]


def test_an_endless_test_set_is_told_before_it_is_scored(fitted: dict[str, Any]) -> None:
    found = found_in(fitted | {"test": fitted["train"]}, **S3)
    assert found.test_score is not None
    assert found.test_score.problem == "endless"


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.sparse_categorical_crossentropy,
    ],
    ids=["text", "object", "function"],
)
def test_a_loss_is_named_however_it_is_given(loss: Any) -> None:
    model = course_model(loss=loss, metrics=[keras.metrics.SparseCategoricalAccuracy("acc")])
    found = found_in({"model": model}, model={"name": "model"}).model
    assert found is not None
    spelling = found.losses[0].replace("_", "").lower()
    assert (len(found.losses), spelling) == (1, "sparsecategoricalcrossentropy")
    assert found.metrics == ["SparseCategoricalAccuracy"]


def test_a_model_that_is_not_compiled_has_no_optimizer() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    found = found_in({"model": model}, model={"name": "model"}).model
    assert found is not None
    assert (found.optimizer, found.losses, found.metrics, found.history) == (None, [], [], {})


def test_an_activation_is_a_layer_however_it_is_written() -> None:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4, 4, 8)), layers.Activation("tanh"), layers.Flatten()])
    model = compiled(
        layers.Conv2D(8, 5, padding="same", activation="relu"), inner, layers.Dropout(0.25),
        layers.Dense(6, activation=layers.ReLU()), layers.Dense(2), shape=(4, 4, 1),
        optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.5, 10)),
    )  # fmt: skip
    found = found_in({"model": model}, model={"name": "model"}).model
    assert found is not None
    assert found.layers == [
        "Conv2D 8 5x5",
        "ReLU",
        "Tanh",
        "Dropout 0.25",
        "Dense 6",
        "ReLU",
        "Dense 2",
    ]
    assert found.learning_rate == 0.5


def test_what_the_notebook_or_a_library_prints_stays_above_the_answer() -> None:
    class Loud:
        def __iter__(self) -> Any:
            print("{}")
            raise RuntimeError("데이터 없음\nsecond line")

    found = found_in({"train": Loud()}, train_data={"name": "train"}).train_data
    assert found is not None
    assert found.detail == "RuntimeError: 데이터 없음\nsecond line"


def test_the_cell_needs_nothing_but_the_standard_library() -> None:
    code = f"price = 2.5\n{probe.source(kernel_file('price'), Check.model_validate(S3))}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    found = probe.read(json.loads(done.stdout))
    assert found is not None
    assert found.figures == {"price": 2.5}
    assert found.model is not None
    assert found.model.problem == "missing"


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"detail": "ValueError: no"}, {"figures": {"a": "x"}}, {"model": 3}, {"figures": {}, "more": 1}],
)  # fmt: skip
def test_an_answer_of_another_form_is_none(answer: dict[str, Any] | None) -> None:
    assert probe.read(answer) is None
