"""The study kernels that train networks: each runs in its quick setting, as a plain script, without a download."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.values import kernel as kernels
from tests.notebooks import quick_runs

COUNTED = {
    "m01/densenet-mnist": {"parameters": 430_210, "parameters_before_head": 27_384},
    "m02/fashion-mnist": {"parameters": 409_098, "trainable_parameters": 408_074},
    "m03/cnn-experiments": {"parameters": 1_035_146, "trainable_parameters": 1_027_850},
}
ENDING = """
import json as _json
_wanted = {names!r}
_found = {{name: globals()[name] for name in _wanted if name in globals()}}
_objects = {{}}
if "history" in globals() and hasattr(history, "model"):
    _objects["layers"] = [
        type(layer).__name__ + (f" {{layer.units}}" if hasattr(layer, "units") else "")
        for layer in model.layers
    ]
    _objects["optimizer"] = type(model.optimizer).__name__
    _objects["loss"] = str(model.loss)
    _objects["fitted"] = sorted(history.history)
    _objects["batch"] = [tuple(part.shape) for part in next(iter(train_ds))]
    _objects["scored"] = sorted(model.evaluate(test_ds, verbose=0, return_dict=True))
with open({report!r}, "w") as _file:
    _json.dump({{"variables": _found, "objects": _objects}}, _file)
"""


def _run(name: str, folder: Path) -> dict[str, Any]:
    """What a quick run of one kernel leaves, prints and writes."""
    report, names = folder / "report.json", [*kernels.load(name).file.claims, *COUNTED[name]]
    printed, wrote = quick_runs.run(name, folder, ENDING.format(names=names, report=str(report)))
    return json.loads(report.read_text()) | {"printed": printed, "wrote": wrote}


class _Runs(dict[str, dict[str, Any]]):
    """Name of a kernel → what it leaves behind; it runs when it is first asked for, each in its process."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        super().__init__()
        self.factory = factory

    def __missing__(self, name: str) -> dict[str, Any]:
        self[name] = _run(name, self.factory.mktemp(name.replace("/", "-")))
        return self[name]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> _Runs:
    return _Runs(tmp_path_factory)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTED)
class TestEachKernel:
    def test_counts_the_parameters_of_28_by_28_pictures(self, name, left):
        found = left[name]["variables"]
        assert {key: found[key] for key in COUNTED[name]} == COUNTED[name]

    def test_leaves_a_number_for_every_claim(self, name, left):
        claims = kernels.load(name).file.claims
        found = left[name]["variables"]
        assert claims
        assert {key for key in claims if isinstance(found.get(key), int | float)} == set(claims)
        accuracies = [value for key, value in found.items() if key.endswith("accuracy")]
        assert all(0 <= value <= 1 for value in accuracies)

    def test_writes_nothing_but_logs(self, name, left):
        assert {path.split("/")[0] for path in left[name]["wrote"]} <= {"logs"}


@pytest.mark.slow
class TestWhatAKernelShows:
    def test_training_mode_hides_a_failure_on_small_data(self, left):
        """Two epochs of digits: the averages have not followed, which only inference mode tells."""
        found = left["m01/densenet-mnist"]["variables"]
        assert found["test_accuracy_training_mode"] - found["test_accuracy"] > 0.2

    def test_a_second_fit_starts_where_the_first_ended(self, left):
        printed = left["m02/fashion-mnist"]["printed"]
        fresh = float(printed.split("epoch 1 of a fresh model ")[1].split()[0])
        second = float(printed.split("epoch 1 of a second fit ")[1].split()[0])
        assert second > fresh

    def test_leaves_what_a_self_check_reads(self, left):
        objects = left["m02/fashion-mnist"]["objects"]
        layers = ["Flatten", "Dense 512", "BatchNormalization", "ReLU", "Dense 10"]
        assert objects["layers"] == layers
        assert objects["optimizer"] == "Adam"
        assert objects["loss"] == "sparse_categorical_crossentropy"
        assert objects["fitted"] == objects["scored"] == ["accuracy", "loss"]
        assert objects["batch"] == [[128, 8, 8], [128]]

    def test_a_wrong_name_stops_at_once(self, left):
        assert "optimiser must be one of" in left["m03/cnn-experiments"]["printed"]
