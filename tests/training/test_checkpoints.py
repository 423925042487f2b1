"""Finished work: it round-trips, damage is named, and one process works on a key at a time."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.training.checkpoints import Fit, job_key, load_fit, save_fit, working
from tests.conftest import Workshop

FIT = Fit((np.eye(3, dtype=np.float32), np.zeros((2, 3), np.float32)), [{"loss": 0.5}], 1.25)


def test_a_fit_round_trips(tmp_path: Path) -> None:
    save_fit(tmp_path / "fold-0.npz", FIT)
    kept = load_fit(tmp_path / "fold-0.npz")
    assert kept is not None
    assert [part.tobytes() for part in kept.parts] == [part.tobytes() for part in FIT.parts]
    assert (kept.history, kept.seconds) == (FIT.history, FIT.seconds)


def test_what_is_not_finished_is_none_and_what_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fold-0.npz"
    assert load_fit(path) is None
    save_fit(path, FIT)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="delete it and rerun"):
        load_fit(path)


def test_a_key_depends_on_code_and_on_what_is_done() -> None:
    module = "pipelines.models.knn"
    assert job_key(module, seed=1) == job_key(module, seed=1)
    assert job_key(module, seed=1) != job_key(module, seed=2)
    assert job_key(module, seed=1) != job_key("pipelines.models.cnn", seed=1)


def test_work_lies_under_its_key(workshop: Workshop) -> None:
    with working("abc", "a test") as folder:
        assert folder == paths.work("abc")
        assert "a test" in (folder / "lock").read_text()
