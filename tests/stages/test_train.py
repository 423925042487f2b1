"""train: predictions, record, curve, a run in the history and one in the store; after a failure none of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import blocks
from pipelines.adding import checking
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.train import train
from pipelines.stages.tune import tune
from pipelines.tracking import records
from pipelines.values.dataset import Dataset
from pipelines.values.predictions import Predictions
from tests.conftest import ROWS, TEST_ROWS, Workshop

OUTPUTS = (paths.predictions, paths.score, paths.curve)


def runs() -> list[Any]:
    """Runs of the store, newest first."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{paths.mlruns() / 'mlflow.db'}")
    return list(client.search_runs([found.experiment_id for found in client.search_experiments()]))


def kept_folds() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in paths.cache().glob("work/*/*.npz")}


def test_predictions_and_record_belong_together(trained: Workshop) -> None:
    predictions = Predictions.load(paths.predictions("tiny", "knn"))
    record = records.read(paths.score("tiny", "knn"))
    dataset = Dataset.load(paths.dataset("tiny"))
    assert predictions.name == record.name == "models/knn"
    assert predictions.oof.shape == (ROWS, 3)
    assert predictions.test.shape == (TEST_ROWS, 3)
    assert np.isfinite(predictions.oof).all()
    right = predictions.oof.argmax(axis=1) == dataset.y
    assert record.cv_pooled == pytest.approx(right.mean())
    assert record.fold_scores == pytest.approx(predictions.fold_scores.tolist())
    assert record.data_hash == predictions.data_hash == dataset.hash
    assert (record.kind, record.status, record.marks) == ("baseline", "FINISHED", [])
    assert list(pd.read_csv(paths.curve("tiny", "knn")).columns) == ["epoch", "loss"]


def test_the_run_is_in_the_history_and_in_the_store(trained: Workshop) -> None:
    record = records.read(paths.score("tiny", "knn"))
    folder = paths.history() / record.run_id
    assert records.read(folder / "record.json") == record
    assert (folder / "predictions.npz").read_bytes() == paths.predictions(
        "tiny", "knn"
    ).read_bytes()
    assert {path.name for path in (folder / "pictures").iterdir()} == {"confusion.png", "wrong.png"}
    (run,) = runs()
    assert (run.info.status, run.data.tags["pilsa.run_id"]) == ("FINISHED", record.run_id)
    assert run.data.metrics["cv_mean"] == pytest.approx(record.cv_mean)


def test_a_second_run_takes_the_finished_folds_and_repeats_the_predictions(
    trained: Workshop,
) -> None:
    first, folds = paths.predictions("tiny", "knn").read_bytes(), kept_folds()
    assert set(folds) == {"fold-0.npz", "fold-1.npz", "fold-2.npz", "refit.npz"}
    train("tiny", "knn")
    assert paths.predictions("tiny", "knn").read_bytes() == first
    assert kept_folds() == folds
    assert records.read(paths.score("tiny", "knn")).run_id.endswith("-2")


def test_a_tuned_model_says_so(prepared: Workshop) -> None:
    prepared.write_params(tune={"knn": {"trials": 2}}, train={"knn": {"k": 38}})
    tune("tiny", "knn")
    train("tiny", "knn")
    record = records.read(paths.score("tiny", "knn"))
    found = json.loads(paths.tuned("tiny", "knn").read_text(encoding="utf-8"))
    assert record.marks == ["tuned on folds 1…2"]
    assert {name: record.parameters[name] for name in found["params"]} == found["params"]


def test_a_block_whose_columns_are_not_there_is_left_out_and_said(
    prepared: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "lacking", lambda name, columns: ["Age"] if name == "tiny" else [])
    train("tiny", "knn")
    assert records.read(paths.score("tiny", "knn")).marks == ["without its feature block"]
    assert any(
        "it needs columns that are not there, such as 'Age'" in note
        for note in checking.check("tiny").notes
    )


def test_a_wrong_key_stops_before_a_run_is_opened(prepared: Workshop) -> None:
    prepared.write_params(train={"knn": {"votin": "uniform"}})
    with pytest.raises(UserError, match=r"train\.knn: unknown key 'votin'; did you mean 'voting'"):
        train("tiny", "knn")
    assert not any(of("tiny", "knn").exists() for of in OUTPUTS)
    assert runs() == []


def test_a_failure_after_the_last_fold_leaves_no_output_and_a_failed_run(
    prepared: Workshop,
) -> None:
    paths.cache().mkdir(parents=True)
    paths.history().write_text("a file where a folder must be", encoding="utf-8")
    with pytest.raises(UserError, match="a file lies where a folder must be"):
        train("tiny", "knn")
    assert not any(of("tiny", "knn").exists() for of in OUTPUTS)
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert "a folder must be" in run.data.tags["reason"]
    folds = kept_folds()
    paths.history().unlink()
    train("tiny", "knn")
    assert all(of("tiny", "knn").exists() for of in OUTPUTS)
    assert kept_folds() == folds


def test_a_store_that_cannot_be_written_is_known_before_training(prepared: Workshop) -> None:
    for path in sorted(paths.mlruns().rglob("*"), reverse=True):
        path.unlink()
    paths.mlruns().rmdir()
    paths.mlruns().write_text("a file", encoding="utf-8")
    with pytest.raises(UserError, match="mlruns must be written and could not be"):
        train("tiny", "knn")
    assert kept_folds() == {}
    assert not list(Path("data/tiny").rglob("predictions/*"))
