"""Finished work: it round-trips, damage is named, and one process works on a key at a time."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.training import finished
from pipelines.training.finished import Store, working
from pipelines.training.fits import Fit
from tests.conftest import Workshop

FIT = Fit((np.eye(3, dtype=np.float32), np.zeros((2, 3), np.float32)), [{"loss": 0.5}], 1.25)


def test_a_fit_round_trips(tmp_path: Path) -> None:
    Store(tmp_path).save("fold 0", FIT)
    kept = Store(tmp_path).load("fold 0")
    assert kept is not None
    assert [part.tobytes() for part in kept.parts] == [part.tobytes() for part in FIT.parts]
    assert (kept.history, kept.seconds) == (FIT.history, FIT.seconds)


def test_what_is_not_finished_is_none_and_what_is_damaged_is_named(tmp_path: Path) -> None:
    store, path = Store(tmp_path), tmp_path / "fold-0.npz"
    assert store.load("fold 0") is None
    store.save("fold 0", FIT)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="delete it and rerun"):
        store.load("fold 0")


def test_a_key_depends_on_code_and_on_what_is_done() -> None:
    assert finished.key("knn", None, "tiny", seed=1) == finished.key("knn", None, "tiny", seed=1)
    assert finished.key("knn", None, "tiny", seed=1) != finished.key("knn", None, "tiny", seed=2)
    assert finished.key("knn", None, "tiny", seed=1) != finished.key("cnn", None, "tiny", seed=1)


@pytest.mark.parametrize(
    ("model", "backend", "distribution", "counts"),
    [
        ("knn", None, "scikit-learn", True), ("knn", None, "pandas", True), ("knn", None, "tensorflow", False),
        ("knn", None, "albumentations", False), ("cnn", "tensorflow", "keras", True),
        ("cnn", "tensorflow", "tensorflow", True), ("cnn", "tensorflow", "opencv-python-headless", True),
        ("cnn", "tensorflow", "albumentations", True),
    ],
)  # fmt: skip
def test_an_upgrade_counts_for_the_models_whose_code_imports_it(
    model: str,
    backend: str | None,
    distribution: str,
    counts: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, version = finished.key(model, backend, "tiny"), metadata.version
    upgraded = lambda name: "999" if name == distribution else version(name)  # noqa: E731
    monkeypatch.setattr(metadata, "version", upgraded)
    assert (finished.key(model, backend, "tiny") != before) is counts


def test_work_lies_under_its_key(workshop: Workshop) -> None:
    with working("abc", "a test") as folder:
        assert folder == paths.work("abc")
        assert "a test" in (folder / "lock").read_text()
