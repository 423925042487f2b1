"""ensemble: every method with its nested score, what was chosen, who is missing, who was left out."""

import json
from typing import Any

import numpy as np
import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.ensemble import ensemble
from pipelines.tracking import records
from pipelines.values.predictions import Predictions, one_hot
from tests.conftest import Workshop

METHODS = {"methods": ["mean", "weighted"], "choose": "best"}


def join(name: str, wrong: int, kind: str = "probability") -> None:
    """A kernel whose notebook gave its first `wrong` rows the next class."""
    knn = Predictions.load(paths.predictions("tiny", "knn"))
    label = knn.oof.argmax(axis=1)
    label[:wrong] = (label[:wrong] + 1) % 3
    oof = one_hot(label, 3)
    changes = {
        "name": f"kernels/{name}",
        "kind": kind,
        "oof": oof,
        "test": one_hot(knn.test.argmax(axis=1), 3),
    }
    Predictions(**(vars(knn) | changes)).save(paths.predictions("tiny", name))


def verdict() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(paths.ensemble_score("tiny").read_text(encoding="utf-8"))
    return found


def test_methods_are_scored_and_one_is_chosen(trained: Workshop) -> None:
    trained.write_params(kernels=["m01/first"], ensemble=METHODS)
    join("m01/first", wrong=9)
    ensemble("tiny")
    found = verdict()
    assert found["members"] == ["models/knn", "kernels/m01/first"]
    assert (found["missing"], found["failed"]) == ([], {})
    assert found["best_single"] == "models/knn"
    assert " and models/knn tie " in found["sentence"] or " than models/knn " in found["sentence"]
    chosen = Predictions.load(paths.ensembles("tiny") / "chosen.npz")
    assert chosen.name == found["chosen"]
    for method in METHODS["methods"]:
        record = records.read(paths.ensembles("tiny") / f"{method}.json")
        made = Predictions.load(paths.ensembles("tiny") / f"{method}.npz")
        assert record.name == made.name == f"ensembles/{method}"
        assert record.kind == "ensemble"
        assert (paths.history() / record.run_id / "predictions.npz").is_file()


def test_who_is_missing_is_said_and_the_rest_goes_on(
    trained: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    trained.write_params(models=["knn", "cnn"], kernels=["m02/lost"], ensemble=METHODS)
    ensemble("tiny")
    assert verdict()["missing"] == ["cnn", "m02/lost"]
    assert "missing: cnn, m02/lost" in capsys.readouterr().out


@pytest.mark.parametrize("choose", ["best", "mean"])
def test_of_one_member_there_is_no_ensemble(
    trained: Workshop, capsys: pytest.CaptureFixture[str], choose: str
) -> None:
    trained.write_params(ensemble={**METHODS, "choose": choose})
    ensemble("tiny")
    found = verdict()
    assert (found["chosen"], found["failed"]) == ("models/knn", {})
    assert "models/knn is the only one" in capsys.readouterr().out
    assert [file.name for file in paths.ensembles("tiny").iterdir()] == ["chosen.npz"]


def test_a_method_that_refuses_a_member_is_left_out_and_logged_as_failed(trained: Workshop) -> None:
    methods = {"methods": ["mean", "rank_mean"], "choose": "best"}
    trained.write_params(kernels=["m01/labels"], ensemble=methods)
    join("m01/labels", wrong=0, kind="label")
    ensemble("tiny")
    found = verdict()
    assert list(found["failed"]) == ["rank_mean"]
    assert "kernels/m01/labels" in found["failed"]["rank_mean"]
    assert not (paths.ensembles("tiny") / "rank_mean.json").exists()
    assert (paths.ensembles("tiny") / "mean.json").exists()
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{paths.mlruns() / 'mlflow.db'}")
    found_runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    states = {run.info.run_name: run.info.status for run in found_runs}
    assert states == {
        "models/knn": "FINISHED",
        "ensembles/mean": "FINISHED",
        "ensembles/rank_mean": "FAILED",
    }


def test_a_fixed_choice_is_taken(trained: Workshop) -> None:
    fixed = {"methods": ["mean"], "choose": "mean"}
    trained.write_params(kernels=["m01/first"], ensemble=fixed)
    join("m01/first", wrong=9)
    ensemble("tiny")
    assert verdict()["chosen"] == "ensembles/mean"


def test_a_choice_that_names_nobody_takes_back_what_was_written(trained: Workshop) -> None:
    wrong = {"methods": ["mean"], "choose": "meen"}
    trained.write_params(kernels=["m01/first"], ensemble=wrong)
    join("m01/first", wrong=9)
    with pytest.raises(UserError, match="did you mean 'mean'"):
        ensemble("tiny")
    assert not paths.ensembles("tiny").exists()
    assert not paths.ensemble_score("tiny").exists()


def test_nobody_has_predictions(prepared: Workshop) -> None:
    with pytest.raises(UserError, match=r"at least one member, and none of knn has predictions"):
        ensemble("tiny")


def test_members_of_other_data_are_refused(trained: Workshop) -> None:
    trained.write_params(kernels=["m01/old"], ensemble=METHODS)
    join("m01/old", wrong=0)
    old = Predictions.load(paths.predictions("tiny", "m01/old"))
    Predictions(**(vars(old) | {"folds_hash": "0" * 16})).save(paths.predictions("tiny", "m01/old"))
    with pytest.raises(UserError, match="kernels/m01/old must be made with the present folds"):
        ensemble("tiny")
    assert np.array_equal(old.oof, Predictions.load(paths.predictions("tiny", "m01/old")).oof)
    assert not paths.ensembles("tiny").exists()
