"""The backend: the same file trains on each one that is installed, with the same bytes from run to run."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.training import backend

TRAIN = """
import sys
import numpy as np
from pipelines.training import backend
backend.prepare(sys.argv[1], "cpu")
import keras
from pipelines.models import Job
from pipelines.models.cnn import CNN, Params
assert keras.backend.backend() == sys.argv[1]
y = np.arange(60) % 3
X = np.random.default_rng(0).normal(0, 0.1, (60, 8, 8, 1)).astype(np.float32)
X[np.arange(60), y] += 1
def predicted():
    return CNN(Params(epochs=8, validation=0, dropout=0.1), Job(3, True, 1)).fit(X, y, None).predict(X)
one, two = predicted(), predicted()
assert one.tobytes() == two.tobytes(), "not the same bytes"
print((one.argmax(axis=1) == y).mean())
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tensorflow", "jax", "torch"])
def test_a_network_learns_and_repeats_itself(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install {name} to test this backend")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) > 0.9
    assert "cpu_feature_guard" not in done.stderr


def test_an_absent_backend_and_an_absent_gpu_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent() -> bool:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(backend, "_torch", absent)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(
        UserError, match="torch was not found: install it, or set backend: tensorflow"
    ):
        backend.prepare("torch", "cpu")
    monkeypatch.setattr(backend, "_torch", lambda: False)
    with pytest.raises(UserError, match="device gpu must be there and torch sees none"):
        backend.prepare("torch", "gpu")


def test_one_process_keeps_one_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", sys)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(UserError, match="one process must use one backend"):
        backend.prepare("jax", "cpu")
