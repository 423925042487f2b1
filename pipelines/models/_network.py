"""What every network shares: an epoch loop that early-stops on validation rows and can go on after a kill.

Keras 3, backend-neutral. Everything random in an epoch (order of rows, augmentation, dropout) is seeded
from the fit's seed and the epoch's number, never from what ran before: a fit that was killed and goes on
from its last saved epoch therefore ends with the same bytes.
"""

import math
import time
from abc import abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field
from sklearn.base import TransformerMixin

import features
from features.augment import Augmenter
from features.sentences import NumberedSentences
from pipelines.models import Model, ModelParams
from pipelines.models._batches import batches
from pipelines.plumbing.atomic import read_arrays, read_json, write_arrays, write_json, writing
from pipelines.plumbing.errors import MemberFailed
from pipelines.values.seeds import derive
from pipelines.values.streamed import Streamed

# Saving takes tenths of a second: an epoch shorter than this is cheaper to repeat than to save.
_SECONDS_BETWEEN_SAVES = 20.0
_PREDICT_BATCH = 512
_PREDICT_POSITIONS = _PREDICT_BATCH * 32 * 32  # each holds many channels in every layer


class NetworkParams(ModelParams):
    """Hyperparameters that all networks share.

    Attributes:
        epochs: at most; early stopping may end sooner.
        batch_size: rows a step.
        optimizer, learning_rate: Keras' names and units.
        validation: share of the training rows whose loss decides when to stop; 0 trains all epochs on all rows.
        patience: epochs without a lower validation loss before the fit stops; the best weights are kept.
        plateau: epochs without a lower validation loss before the learning rate is divided by 10; 0 never.
        bn_momentum: of batch normalisation; auto forgets 99 % of the start within two epochs' steps,
            since Keras' 0.99 needs over a thousand steps for that (0.10 validation accuracy on digits).
    """

    epochs: int = Field(default=15, ge=1)
    batch_size: int = Field(default=64, ge=1)
    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    validation: float = Field(default=0.1, ge=0, lt=0.9)
    patience: int = Field(default=5, ge=1)
    plateau: int = Field(default=0, ge=0)
    bn_momentum: float | Literal["auto"] = "auto"


@dataclass
class TrainingState:
    """How far a fit has come: what early stopping must know, and the history so far.

    Attributes:
        epoch: the next epoch to run.
        best: lowest validation loss so far; best_epoch: where it was met.
        learning_rate: at present; a plateau lowers it.
    """

    learning_rate: float
    epoch: int = 0
    best: float | None = None
    best_epoch: int = -1
    lowered_at: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


class Network(Model):
    """A Keras model of arrays; a subclass says how it is built, and by `inputs` what it takes."""

    Params = NetworkParams
    backend = "keras"

    @classmethod
    def validation(cls, params: Any, rows: int) -> float:
        return float(params.validation)

    @abstractmethod
    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        """An uncompiled `keras.Model` from one row's `shape`, such as (n_features,), to `self.output()`."""

    def augmented(self, X: np.ndarray, seed: int, first: int = 0) -> np.ndarray:
        """The training rows as an epoch sees them: the same ones, unless a subclass changes them.

        Args:
            X: rows in the epoch's order; all of them, or where they are streamed a batch.
            seed: of the epoch.
            first: the number of rows before them.
        """
        return X

    def output(self, x: Any) -> Any:
        """The last layer: probabilities per class, or one value."""
        from keras import layers

        activation = "softmax" if self.job.is_classification else None
        return layers.Dense(self.job.width, activation=activation, name="output")(x)

    def fit(
        self, X: np.ndarray, y: np.ndarray, validation: tuple[np.ndarray, np.ndarray] | None
    ) -> Self:
        import keras

        keras.utils.clear_session()
        keras.utils.set_random_seed(self.job.seed)
        # Values are learned in units of their spread: a network starts out near 0.
        self._shift, self._scale = 0.0, 1.0
        if not self.job.is_classification:
            self._shift, self._scale = float(y.mean()), float(y.std()) or 1.0
        steps = -(-len(X) // self.params.batch_size)
        self._model = self.build(X.shape[1:], momentum_for(self.params.bn_momentum, steps))
        self._compile()
        state = self._resume()
        self._best = self._model.get_weights() if state.best_epoch < 0 else self._load_best()
        self._run(state, X, self._target(y), validation)
        self._model.set_weights(self._best)
        self.history_ = state.history
        return self

    def predict(self, X: np.ndarray | Streamed) -> np.ndarray:
        size = min(_PREDICT_BATCH, max(1, _PREDICT_POSITIONS // math.prod(X.shape[1:-1])))
        if isinstance(X, Streamed):
            given = self._model.predict(batches(X, None, size), verbose=0)
        else:
            given = self._model.predict(X, batch_size=size, verbose=0)
        predicted = np.asarray(given, np.float32)
        return (predicted * self._scale + self._shift).astype(np.float32)

    def _compile(self) -> None:
        import keras

        optimizer = keras.optimizers.get(self.params.optimizer)
        optimizer.learning_rate = self.params.learning_rate
        if self.job.is_classification:
            self._model.compile(
                optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"]
            )
        else:
            self._model.compile(optimizer, loss="mean_squared_error")

    def _target(self, y: np.ndarray) -> np.ndarray:
        if self.job.is_classification:
            return y
        return ((y - self._shift) / self._scale).astype(np.float32)

    def _run(self, state: TrainingState, X: Any, y: np.ndarray, held: Any) -> None:
        validation = None if held is None else (held[0], self._target(held[1]))
        if validation is not None and isinstance(validation[0], Streamed):
            validation = batches(*validation, self.params.batch_size)
        saved = time.monotonic()
        while state.epoch < self.params.epochs:
            losses = self._epoch(state, X, y, validation)
            state.history.append(losses)
            self._judge(state, losses)
            state.epoch += 1
            self.job.progress(_note(state.epoch, self.params.epochs, losses))
            without_gain = state.epoch - 1 - state.best_epoch
            if validation is not None and without_gain >= self.params.patience:
                break
            if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                self._save(state)
                saved = time.monotonic()

    def _epoch(
        self, state: TrainingState, X: Any, y: np.ndarray, validation: Any
    ) -> dict[str, float]:
        seed = derive(self.job.seed, "epoch", state.epoch)
        _reseed(self._model, seed)
        self._model.optimizer.learning_rate = state.learning_rate
        order = np.random.default_rng(seed).permutation(len(X))
        size = self.params.batch_size
        if isinstance(X, Streamed):

            def changed(rows: np.ndarray, first: int) -> np.ndarray:
                return self.augmented(rows, seed, first)

            given = {"x": batches(X, y, size, order, changed)}
        else:
            given = {"x": self.augmented(X[order], seed), "y": y[order], "batch_size": size}
        logs = self._model.fit(
            **given, shuffle=False, verbose=0, validation_data=validation
        ).history
        losses = {name: float(values[-1]) for name, values in logs.items()}
        for name in ("loss", "val_loss"):
            if not np.isfinite(losses.get(name, 0.0)):
                raise MemberFailed(
                    f"the loss must stay finite and {name} became {losses[name]} in epoch {state.epoch}: "
                    "lower learning_rate in params.yaml"
                )
        return losses

    def _judge(self, state: TrainingState, losses: dict[str, float]) -> None:
        """Keep the weights if they are the best so far; lower the learning rate on a plateau."""
        val_loss = losses.get("val_loss")
        if val_loss is None or state.best is None or val_loss < state.best:
            state.best = losses["loss"] if val_loss is None else val_loss
            state.best_epoch = state.lowered_at = state.epoch
            self._best = self._model.get_weights()
        elif self.params.plateau and state.epoch - state.lowered_at >= self.params.plateau:
            state.learning_rate /= 10
            state.lowered_at = state.epoch

    # What is kept between epochs: the model with its optimiser, the best weights, and the state.

    def _save(self, state: TrainingState) -> None:
        folder = self.job.folder
        if folder is None:
            return
        with writing(folder / f"epoch-{state.epoch}.keras") as temporary:
            self._model.save(temporary)
        best = {f"{number:04d}": weights for number, weights in enumerate(self._best)}
        write_arrays(folder / f"best-{state.epoch}.npz", best)
        write_json(folder / "state.json", asdict(state))
        for stale in [*folder.glob("epoch-*.keras"), *folder.glob("best-*.npz")]:
            if stale.stem.partition("-")[2] != str(state.epoch):
                stale.unlink()

    def _resume(self) -> TrainingState:
        import keras

        path = _state_file(self.job.folder)
        if path is None:
            return TrainingState(learning_rate=self.params.learning_rate)
        state = TrainingState(**read_json(path))
        self._model = keras.saving.load_model(path.with_name(f"epoch-{state.epoch}.keras"))
        self.job.progress(f"goes on after epoch {state.epoch}")
        self._resumed = path.with_name(f"best-{state.epoch}.npz")
        return state

    def _load_best(self) -> list[np.ndarray]:
        stored = read_arrays(self._resumed)
        return [stored[name] for name in sorted(stored)]


class PictureParams(NetworkParams):
    """Hyperparameters that networks for pictures share.

    Attributes:
        augment: strength of random shifts, turns and scalings of the pictures, 0 none … 1 strong.
    """

    augment: float = Field(default=0.0, ge=0, le=1)


class PictureNetwork(Network):
    """A network whose rows are pictures (height, width, channels), 0 … 1."""

    Params = PictureParams
    streams = True

    def inputs(self) -> TransformerMixin:
        return features.pictures(self.job.image)

    def augmented(self, X: np.ndarray, seed: int, first: int = 0) -> np.ndarray:
        return Augmenter(self.params.augment, seed)(X, first)


class SentenceParams(NetworkParams):
    """Hyperparameters that networks for texts share.

    Attributes:
        length: words that are read of a row; in several texts they share them.
        vocabulary: words that are told apart, the most frequent ones.
        morphemes: whether the words of Korean are its morphemes; asks for kiwipiepy.
        embedding: numbers that a word becomes.
        dropout: share of activations switched off after the embedding, and before the output.
    """

    epochs: int = Field(default=8, ge=1)
    patience: int = Field(default=2, ge=1)
    length: int = Field(default=48, ge=1)
    vocabulary: int = Field(default=20_000, ge=1)
    morphemes: bool = False
    embedding: int = Field(default=64, ge=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)


class SentenceNetwork(Network):
    """A network whose rows are numbered words, and after them what else the table holds."""

    Params = SentenceParams

    def inputs(self) -> TransformerMixin:
        if self.job.image is not None:
            raise MemberFailed(
                "this model must have texts, and the dataset is pictures: choose a model of pictures such as cnn"
            )
        params = self.params
        return NumberedSentences(params.length, params.vocabulary, params.morphemes)

    @abstractmethod
    def read(self, x: Any) -> Any:
        """From embedded words (n, length, embedding) to what is found in them (n, k)."""

    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        import keras
        from keras import layers

        params = self.params
        inputs = keras.Input(shape)
        words = layers.Embedding(params.vocabulary + 2, params.embedding)(
            inputs[:, : params.length]
        )
        x = self.read(layers.SpatialDropout1D(params.dropout)(words))
        if shape[0] > params.length:
            beside = layers.Dense(32, activation="relu")(inputs[:, params.length :])
            x = layers.Concatenate()([x, beside])
        return keras.Model(inputs, self.output(layers.Dropout(params.dropout)(x)))


def momentum_for(asked: float | str, steps_per_epoch: int) -> float:
    """The momentum of batch normalisation: `asked`, or for auto 0.01^(1/(2·steps)), within 0.5 … 0.99."""
    if not isinstance(asked, str):
        return asked
    return float(np.clip(0.01 ** (1 / (2 * steps_per_epoch)), 0.5, 0.99))


def _state_file(folder: Path | None) -> Path | None:
    path = None if folder is None else folder / "state.json"
    return path if path is not None and path.is_file() else None


def _reseed(model: Any, seed: int) -> None:
    """Set the state of every seed generator (dropout has one each), which a saved model does not restore."""
    states = [
        variable for variable in model.variables if variable.path.endswith("seed_generator_state")
    ]
    for number, state in enumerate(states):
        state.assign(np.array([derive(seed, "generator", number), 0], dtype="uint32"))


def _note(epoch: int, epochs: int, losses: dict[str, float]) -> str:
    shown = ", ".join(f"{name} {value:.4f}" for name, value in losses.items() if "loss" in name)
    return f"epoch {epoch}/{epochs}, {shown}"
