"""A small competition in a temporary folder, shaped exactly like a real one."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.plumbing import paths
from pipelines.stages.preprocess import preprocess
from pipelines.tracking import mlflow_store
from pipelines.values.params import LocalParams

ROWS, TEST_ROWS, SIDE = 60, 20, 4

COMPETITION = {
    "title": "Tiny pictures",
    "task": "classification",
    "metric": "accuracy",
    "id_column": "id",
    "target": "label",
    "image": {"height": SIDE, "width": SIDE, "maximum": 16},
    "split": {"kind": "stratified"},
    "source": {"platform": "bundled", "dataset": "digits"},
}
PARAMS = {
    "competition": "tiny",
    "models": ["knn"],
    "seed": 7,
    "folds": {"n_splits": 3},
    "tune": {"knn": {"trials": 0}},
    "train": {"knn": {}},
}


def tiny_tables(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """train, test, sample, solution: three classes of 4 × 4 pictures, each with one bright row."""
    generator = np.random.default_rng(seed)
    label = np.arange(ROWS + TEST_ROWS) % 3
    pixels = generator.integers(0, 5, (len(label), SIDE, SIDE))
    pixels[np.arange(len(label)), label] += 10
    table = pd.DataFrame(
        pixels.reshape(len(label), -1), columns=[f"pixel{i}" for i in range(SIDE * SIDE)]
    )
    table.insert(0, "id", [f"r{i}" for i in range(len(label))])
    table.insert(1, "label", [f"c{i}" for i in label])
    train, rest = table.iloc[:ROWS], table.iloc[ROWS:].reset_index(drop=True)
    sample = rest[["id"]].assign(label="c0")
    return train, rest.drop(columns="label"), sample, rest[["id", "label"]]


def write_settings(root: Path, settings: Mapping[str, object]) -> None:
    """Write params.yaml, and local.yaml of what is one clone's own."""
    own = LocalParams.model_fields.keys() - {"tune"}  # which both have: here it is what all share
    local = {key: value for key, value in settings.items() if key in own}
    shared = {key: value for key, value in settings.items() if key not in local}
    local["tune"] = {}
    for name, content in (("params", shared), ("local", local)):
        text = yaml.safe_dump(content, allow_unicode=True)
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")


class Workshop:
    """A repository in a temporary folder, with one competition called `tiny`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write_params(self, **changes: object) -> None:
        write_settings(self.root, PARAMS | changes)

    def write_competition(self, name: str = "tiny", **changes: object) -> None:
        folder = self.root / "competitions"
        folder.mkdir(exist_ok=True)
        text = yaml.safe_dump(COMPETITION | changes, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")

    def write_kernel(self, name: str, code: str, **settings: object) -> Path:
        """A kernel of the competition `tiny` and the member's own, where `settings` do not say else."""
        folder = self.root / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.py").write_text(code, encoding="utf-8")
        content = {"source": {"platform": "own"}, **settings}
        if content.get("kind") != "study":
            content = {"competition": "tiny", **content}
        text = yaml.safe_dump(content, allow_unicode=True)
        (folder / "kernel.yaml").write_text(text, encoding="utf-8")
        return folder

    def write_raw(self, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame) -> None:
        raw = self.root / "data" / "tiny" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, table in (("train", train), ("test", test), ("sample_submission", sample)):
            table.to_csv(raw / f"{name}.csv", index=False)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An empty repository with params.yaml, local.yaml, competitions/tiny.yaml and the raw files; also the current folder."""
    made = Workshop(tmp_path)
    made.write_params()
    made.write_competition()
    train, test, sample, _ = tiny_tables()
    made.write_raw(train, test, sample)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # where one's own pilsa.member may stand
    return made


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty run store, as its first start makes it: that takes seconds, and a test copies it instead."""
    folder = tmp_path_factory.mktemp("empty-store")
    (folder / "params.yaml").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mlflow_store.reap()
        return paths.mlruns() / "mlflow.db"


@pytest.fixture
def preprocessed(workshop: Workshop, empty_store: Path) -> Workshop:
    """What `train` and a kernel find: a curriculum without weeks, folds, and a run store."""
    paths.mlruns().mkdir()
    shutil.copyfile(empty_store, paths.mlruns() / "mlflow.db")
    (workshop.root / "curriculum.yaml").write_text("weeks: []\n", encoding="utf-8")
    preprocess("tiny")
    return workshop
