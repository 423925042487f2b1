"""The network for tables: how numbers are cut, what is new, and that a kill changes nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.models import Job, _network
from pipelines.models.mlp import MLP, Params, in_pieces
from pipelines.training import backend

QUICK = {"epochs": 3, "units": 8, "batch_size": 16, "patience": 9}


@pytest.fixture(scope="module", autouse=True)
def _backend() -> None:
    backend.prepare("tensorflow", "cpu")


@pytest.fixture
def table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    number = generator.normal(50, 9, 60)
    number[::7] = np.nan
    words = np.array(["a", "b", None], dtype=object)[np.arange(60) % 3]
    return pd.DataFrame({"number": number, "word": words, "empty": [None] * 60})


def fit(X: pd.DataFrame, job: Job | None = None, **asked: object) -> tuple[MLP, object]:
    model = MLP(Params(**QUICK | asked), job or Job(3, True, 5))
    inputs = model.inputs()
    y = np.arange(len(X)) % 3
    rows = inputs.fit_transform(X[:45], y[:45])
    return model.fit(rows, y[:45], (inputs.transform(X[45:]), y[45:])), inputs


def test_a_number_says_how_far_it_has_come_through_each_piece() -> None:
    import keras

    inputs = keras.Input((2,))
    edges = [np.array([0.0, 1, 3]), np.array([-1.0, 1])]
    model = keras.Model(inputs, in_pieces(inputs, edges))
    made = model.predict(np.array([[2.0, 0], [-5, 5], [0.25, -1]], np.float32), verbose=0)
    assert made.tolist() == [[1, 0.5, 0.5, 0], [0, 0, 1, 0], [0.25, 0, 0, 0]]
    assert not model.trainable_weights


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [0, 4])
def test_a_new_category_and_an_all_missing_column_are_predicted_alone_as_among_others(
    table: pd.DataFrame, pieces: int
) -> None:
    model, inputs = fit(table, pieces=pieces)
    rows = table[:4].assign(word=["a", "never seen", None, "b"], number=[1e9, None, 50, 40])
    together = model.predict(inputs.transform(rows))
    assert np.isfinite(together).all()
    alone = np.concatenate([model.predict(inputs.transform(rows[i : i + 1])) for i in range(4)])
    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.mark.slow
def test_a_fit_that_was_killed_ends_with_the_same_bytes(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(note: str) -> None:
        if note.startswith("epoch 3"):
            raise InterruptedError

    undisturbed, inputs = fit(table, epochs=4)
    monkeypatch.setattr(_network, "_SECONDS_BETWEEN_SAVES", 0.0)
    with pytest.raises(InterruptedError):
        fit(table, Job(3, True, 5, folder=tmp_path, progress=stop), epochs=4)
    notes: list[str] = []
    resumed, _ = fit(table, Job(3, True, 5, folder=tmp_path, progress=notes.append), epochs=4)
    assert notes[0] == "goes on after epoch 2"
    rows = inputs.transform(table)
    assert resumed.predict(rows).tobytes() == undisturbed.predict(rows).tobytes()


@pytest.mark.slow
def test_pixels_are_not_searched_for_powers() -> None:
    X = np.random.default_rng(0).random((45, 16)).astype(np.float32)
    made = MLP(Params(**QUICK), Job(3, True, 5)).fit(X, np.arange(45) % 3, None)
    assert not made._pieces.powers
    assert made.predict(X).shape == (45, 3)
