"""The study kernels about theory: each runs in its quick setting, as a plain script, without a download."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.values import kernel as kernels
from tests.notebooks import quick_runs

KERNELS = (
    "m04/linear-regression",
    "m04/sine-regression",
    "m04/convnet-checkpoints",
    "m04/knn-voting",
    "m05/alexnet-28",
)
ENDING = """
import json as _json
_plain = (int, float, str, list, dict)
_left = {}
for _name, _value in list(globals().items()):
    if _name[0] != "_" and isinstance(_value, _plain):
        try:
            _json.dumps(_value)
        except TypeError:
            continue
        _left[_name] = _value
print("LEFT", _json.dumps(_left))
"""


def run(name: str, folder: Path) -> dict[str, Any]:
    """What a quick run of one kernel leaves, prints and writes."""
    said, wrote = quick_runs.run(name, folder, ENDING)
    printed, _, left = said.rpartition("LEFT ")
    return {"left": json.loads(left), "printed": printed, "wrote": wrote}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    """Name of a kernel → its quick run; every kernel runs once, when it is first asked for."""
    runs: dict[str, dict[str, Any]] = {}

    def once(name: str) -> dict[str, Any]:
        if name not in runs:
            runs[name] = run(name, tmp_path_factory.mktemp(name.replace("/", "-")))
        return runs[name]

    return once


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
def test_reaches_its_claims_in_the_quick_setting(name, ran):
    left = ran(name)["left"]
    for variable, claim in kernels.load(name).file.claims.items():
        assert left[variable] == pytest.approx(claim.printed, abs=claim.tolerance), variable


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
def test_writes_only_logs_and_checkpoints(name, ran):
    assert {path.split("/")[0] for path in ran(name)["wrote"]} <= {"logs", "checkpoints"}


@pytest.mark.slow
class TestLinearRegression:
    def test_the_intercept_has_arrived_and_the_slope_has_not(self, ran):
        left = ran("m04/linear-regression")["left"]
        assert left["b"] == pytest.approx(0.3, abs=0.003)
        assert left["W"] == pytest.approx(0.1, abs=0.035)
        assert abs(left["W"] - 0.1) > 0.01
        assert left["parameters"] == 2

    def test_the_printed_slope_tells_where_it_started(self, ran):
        start = ran("m04/linear-regression")["left"]["implied_start"]
        assert start == pytest.approx(-0.66, abs=0.01)


@pytest.mark.slow
class TestSineRegression:
    @pytest.mark.parametrize("network", ["tanh", "sigmoid"])
    def test_the_shape_decides_and_not_the_batch(self, network, ran):
        left = ran("m04/sine-regression")["left"]
        for batch in ("full", "mini"):
            assert left[f"mse_{network}_{batch}_right"] < 0.04
            broadcast = left[f"mse_{network}_{batch}_broadcast"]
            assert broadcast == pytest.approx(left["variance"], abs=0.05)

    def test_counts_the_parameters(self, ran):
        left = ran("m04/sine-regression")["left"]
        assert (left["parameters_tanh"], left["parameters_sigmoid"]) == (16, 32)


@pytest.mark.slow
class TestConvnetCheckpoints:
    def test_goes_on_from_the_newest_checkpoint_before_the_cut(self, ran):
        found = ran("m04/convnet-checkpoints")
        cut, every = (found["left"][name] for name in ("POWER_CUT", "EVERY"))
        assert cut % every
        assert found["left"]["resumed_from"] == cut - cut % every
        assert f"from checkpoints/convnet-{cut - cut % every}" in found["printed"]

    def test_keeps_the_five_newest_with_the_step_in_the_name(self, ran):
        wrote = ran("m04/convnet-checkpoints")["wrote"]
        steps = {int(path.split("-")[1].split(".")[0]) for path in wrote if path.endswith(".index")}
        assert steps == {8, 10, 12, 14, 15}

    def test_counts_the_parameters_and_names_the_parts_of_the_graph(self, ran):
        found = ran("m04/convnet-checkpoints")
        assert found["left"]["parameters"] == 3_274_634
        scopes = "['adam', 'conv1', 'conv2', 'dropout', 'full', 'loss']"
        assert f"named scopes in the graph: {scopes}" in found["printed"]

    def test_the_lectures_test_teaches_the_test_pictures(self, ran):
        found = ran("m04/convnet-checkpoints")
        left = found["left"]
        assert left["after_the_lectures_test"] > left["test_accuracy"] > 0.5
        assert left["passes"][-1] > left["passes"][0]
        assert found["printed"].rstrip().endswith(str(left["test_accuracy"]))

    def test_writes_events_and_losses(self, ran):
        wrote = ran("m04/convnet-checkpoints")["wrote"]
        assert any(path.startswith("logs/events.out.tfevents") for path in wrote)
        assert "checkpoints/losses.csv" in wrote


@pytest.mark.slow
class TestKnnVoting:
    def test_the_worked_example_flips_only_under_the_plain_vote(self, ran):
        left = ran("m04/knn-voting")["left"]
        assert left["votes"] == ["red", "green", "red", "red"]
        sums = [round(left[name], 3) for name in ("red", "green_7", "green_11")]
        assert sums == [2.25, 0.343, 0.77]

    def test_the_boundaries_show_the_same(self, ran):
        left = ran("m04/knn-voting")["left"]
        regions, group = left["regions"], left["group_share"]
        assert regions["inverted, k = 1"] == regions["plain, k = 1"]
        assert regions["plain, k = 11"] < regions["plain, k = 7"] < regions["plain, k = 1"]
        assert group["plain, k = 11"] == 0 < group["inverted, k = 11"]

    def test_forgives_too_large_a_k(self, ran):
        left = ran("m04/knn-voting")["left"]
        assert left["test_inverted_root"] > left["test_plain_root"] + 0.01
        assert left["test_plain_cv"] > 0.9


@pytest.mark.slow
class TestAlexNet:
    def test_is_the_original_in_small(self, ran):
        left = ran("m05/alexnet-28")["left"]
        assert left["parameters"] == 380_042
        assert left["features_of_the_original"] == 9216

    def test_normalises_by_the_formula(self, ran):
        left = ran("m05/alexnet-28")["left"]
        assert left["lrn_difference"] < 1e-4
        assert 0.9 < left["damping_first"] <= 1.001

    def test_learns(self, ran):
        assert ran("m05/alexnet-28")["left"]["test_accuracy"] > 0.4
