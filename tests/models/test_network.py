"""Networks: parameters counted, the same bytes after a kill, early stopping by validation rows only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.models import Job, _network
from pipelines.models._network import PictureNetwork, PictureParams, momentum_for
from pipelines.models.cnn import CNN
from pipelines.models.cnn import Params as CNNParams
from pipelines.models.densenet import DenseNet
from pipelines.models.densenet import Params as DenseNetParams
from pipelines.plumbing.errors import MemberFailed
from pipelines.training import backend
from pipelines.values.streamed import Streamed

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module", autouse=True)
def _backend() -> None:
    backend.prepare("tensorflow", "cpu")


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = generator.normal(0, 0.1, (60, *SHAPE)).astype(np.float32)
    X[np.arange(60), y] += 1
    return X, y


def trained(model: object) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)  # type: ignore[attr-defined]


def test_the_cnn_counts_1_035_146_parameters_on_mnist() -> None:
    made = CNN(CNNParams(), Job(10, True, 0)).build((28, 28, 1), 0.9)
    assert (made.count_params(), trained(made)) == (1_035_146, 1_027_850)


def test_the_densenet_of_growth_4_counts_430_210_parameters_on_mnist() -> None:
    assert (
        DenseNet(DenseNetParams(growth=4), Job(10, True, 0)).build((28, 28, 1), 0.9).count_params()
        == 430_210
    )


def test_momentum_forgets_its_start_within_two_epochs() -> None:
    assert momentum_for("auto", 22) == pytest.approx(0.9, abs=0.001)
    assert momentum_for("auto", 22) ** 44 == pytest.approx(0.01)
    assert momentum_for("auto", 375) == 0.99
    assert momentum_for(0.7, 22) == 0.7


class Stop(Exception):
    """Stands for a kill between two epochs."""


def stop_at(wanted: str) -> object:
    def progress(note: str) -> None:
        if note.startswith(wanted):
            raise Stop

    return progress


@pytest.mark.slow
def test_a_fit_that_was_killed_ends_with_the_same_bytes(
    tmp_path: Path, rows: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = rows
    params = CNNParams(epochs=4, batch_size=16, dropout=0.4, augment=0.5, patience=9)
    validation = (X[45:], y[45:])

    def fit(job: Job) -> CNN:
        return CNN(params, job).fit(X[:45], y[:45], validation)

    undisturbed = fit(Job(3, True, 5)).predict(X)
    monkeypatch.setattr(_network, "_SECONDS_BETWEEN_SAVES", 0.0)
    with pytest.raises(Stop):
        fit(Job(3, True, 5, folder=tmp_path, progress=stop_at("epoch 3/4")))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-2.npz",
        "epoch-2.keras",
        "state.json",
    ]
    notes: list[str] = []
    resumed = fit(Job(3, True, 5, folder=tmp_path, progress=notes.append))
    assert notes[0] == "goes on after epoch 2"
    assert resumed.predict(X).tobytes() == undisturbed.tobytes()
    assert len(resumed.history_) == 4


@pytest.mark.slow
def test_other_seeds_give_other_networks(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    params = CNNParams(epochs=1, validation=0)
    one, two = (CNN(params, Job(3, True, seed)).fit(X, y, None).predict(X) for seed in (1, 2))
    assert not np.array_equal(one, two)


@pytest.mark.slow
def test_early_stopping_keeps_the_weights_of_the_best_epoch(
    rows: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = rows
    shuffled = np.random.default_rng(1).permutation(y[45:])
    model = CNN(CNNParams(epochs=30, patience=2), Job(3, True, 5)).fit(
        X[:45], y[:45], (X[45:], shuffled)
    )
    losses = [epoch["val_loss"] for epoch in model.history_]
    assert len(losses) == int(np.argmin(losses)) + 3 < 30
    picked = model.predict(X[45:])[np.arange(15), shuffled]
    assert -np.log(picked).mean() == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.slow
def test_a_network_for_values_learns_in_units_of_their_spread(
    rows: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = rows
    values = 1000.0 + 50.0 * y
    predicted = (
        DenseNet(DenseNetParams(epochs=25, validation=0), Job(1, False, 0))
        .fit(X, values, None)
        .predict(X)
    )
    assert predicted.shape == (60, 1)
    assert np.abs(predicted[:, 0] - values).mean() < 25


@pytest.mark.slow
def test_a_loss_that_diverges_is_this_models_failure(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    params = CNNParams(epochs=3, optimizer="sgd", learning_rate=1e12, use_bn=False)
    with pytest.raises(MemberFailed, match="lower learning_rate"):
        CNN(params, Job(3, True, 0)).fit(X, y.astype(float), (X, y))
    with pytest.raises(MemberFailed, match="lower learning_rate"):
        DenseNet(DenseNetParams(learning_rate=1e30, optimizer="sgd"), Job(1, False, 0)).fit(
            X, y * 1e3, None
        )


@pytest.fixture(autouse=True)
def _clear() -> Iterator[None]:
    yield
    import keras

    keras.utils.clear_session()


@pytest.mark.slow
def test_a_validation_loss_that_is_no_number_is_this_models_failure(
    rows: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = rows[0], rows[1].astype(np.float64)
    with pytest.raises(MemberFailed, match=r"val_loss became nan in epoch 0: lower learning_rate"):
        CNN(CNNParams(epochs=3), Job(1, False, 1)).fit(X[:45], y[:45], (X[45:], y[45:] * np.nan))


class Flat(PictureNetwork):
    """The least network for pictures, with what a larger one draws by chance."""

    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        import keras
        from keras import layers

        inputs = keras.Input(shape)
        return keras.Model(inputs, self.output(layers.Dropout(0.3)(layers.Flatten()(inputs))))


@pytest.mark.slow
def test_streamed_pictures_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_network, "_PREDICT_BATCH", 7)
    pixels, y = np.random.default_rng(0).integers(0, 256, (50, *SHAPE), np.uint8), np.arange(50) % 3
    params = PictureParams(epochs=3, batch_size=8, augment=0.5)

    def predicted(of: Callable[[Streamed], Any]) -> np.ndarray:
        train, held = (of(Streamed(pixels, rows, 255.0)) for rows in (np.arange(37), np.arange(37, 50)))  # fmt: skip
        model = Flat(params, Job(3, True, 5)).fit(train, y[:37], (held, y[37:]))
        return model.predict(of(Streamed(pixels, np.arange(50), 255.0)))

    assert predicted(lambda rows: rows).tobytes() == predicted(lambda rows: rows[:]).tobytes()
