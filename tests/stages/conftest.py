"""A repository whose run store is ready: the first start of MLflow would take seconds in every test."""

import shutil
from pathlib import Path

import pytest

from pipelines.core import paths
from pipelines.stages.preprocess import preprocess
from pipelines.stages.train import train
from pipelines.stages.tune import tune
from tests.conftest import Workshop


@pytest.fixture
def prepared(workshop: Workshop, empty_store: Path) -> Workshop:
    """Preprocessed and tuned: what `train` finds."""
    paths.mlruns().mkdir()
    shutil.copyfile(empty_store, paths.mlruns() / "mlflow.db")
    (workshop.root / "curriculum.yaml").write_text("weeks: []\n", encoding="utf-8")
    preprocess("tiny")
    tune("tiny", "knn")
    return workshop


@pytest.fixture
def trained(prepared: Workshop) -> Workshop:
    """One model has predictions: what `ensemble` finds."""
    train("tiny", "knn")
    return prepared
