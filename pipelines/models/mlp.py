"""A network for tables: dense layers with batch normalisation, embedded categories, numbers in pieces."""

from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.base import TransformerMixin

import features
from features.pieces import Pieces
from pipelines.models import Choice, Range
from pipelines.models._network import Network, NetworkParams


class Params(NetworkParams):
    """Hyperparameters of the network.

    Attributes:
        units, layers: width and number of the dense layers.
        dropout: share of activations switched off after each.
        embedding: numbers that a category becomes.
        pieces: most pieces that a number is cut into beside itself; 0 for none. Not for pictures.
    """

    epochs: int = Field(default=60, ge=1)
    patience: int = Field(default=10, ge=1)
    validation: float = Field(default=0.15, ge=0, lt=0.9)
    units: int = Field(default=128, ge=1)
    layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    embedding: int = Field(default=8, ge=1)
    # Without them the error of values rose from 0.1329 to 0.1361 (1,460 rows of 79 columns); classes were a tie.
    pieces: int = Field(default=16, ge=0, le=256)


class MLP(Network):
    """Embeddings and numbers side by side → dense, normalised, ReLU, dropout, as often as asked."""

    Params = Params
    space = {
        "learning_rate": Range(3e-4, 1e-2, log=True),
        "units": Range(32, 256, log=True, whole=True),
        "layers": Range(1, 3, whole=True),
        "dropout": Range(0.0, 0.6),
        "pieces": Choice((0, 8, 16, 32)),
    }

    def inputs(self) -> TransformerMixin:
        return features.typed(self.job.image, self.job.seed)

    def fit(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        # Rows without `validation`: what is learned here is learned inside the fold, as by a transformer.
        is_table = isinstance(X, pd.DataFrame)  # of pixels each would be searched for its power
        self._pieces = Pieces(self.params.pieces if is_table else 0, powers=is_table)
        self._pieces.fit(pd.DataFrame(X))
        apart = None if validation is None else (self._matrix(validation[0]), validation[1])
        return super().fit(self._matrix(X), y, apart)

    def predict(self, X: Any) -> np.ndarray:
        return super().predict(self._matrix(X))

    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        import keras
        from keras import layers

        params, n_categories = self.params, len(self._pieces.categories_)
        inputs = keras.Input(shape)
        numbers, parts = inputs[:, n_categories:], []
        if n_categories:
            # From zero, so that a category which was never learned from says nothing.
            embed = layers.Embedding(self._pieces.count_, params.embedding, "zeros")
            parts.append(layers.Flatten()(embed(inputs[:, :n_categories])))
        if n_categories < shape[0]:
            parts.append(numbers)
            if params.pieces:
                parts.append(in_pieces(numbers, self._pieces.edges_))
        x = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
        for _ in range(params.layers):
            x = layers.Dense(params.units, use_bias=False, kernel_initializer="he_uniform")(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=bn_momentum)(x))
            x = layers.Dropout(params.dropout)(x)
        return keras.Model(inputs, self.output(x))

    def _matrix(self, X: Any) -> np.ndarray:
        return self._pieces.transform(pd.DataFrame(X))


def in_pieces(x: Any, edges: list[np.ndarray]) -> Any:
    """Each number as how far it has come through each of its pieces, 0 before … 1 after.

    The piecewise-linear encoding of Gorishniy, Rubachev & Babenko (2022): a network bends at the edges without
    having to learn them.

    Args:
        x: (n, n_numbers).
        edges: of each number, ascending.

    Returns:
        (n, n_numbers · most pieces), 0 … 1; a number of fewer pieces leaves its last places at 0.
    """
    from keras import layers

    most = max(1, *(len(each) - 1 for each in edges))
    slopes, starts = np.zeros((2, len(edges), most), np.float32)
    for place, each in enumerate(edges):
        slopes[place, : len(each) - 1] = 1 / np.diff(each)
        starts[place, : len(each) - 1] = each[:-1]
    # Fixed weights of a layer rather than a layer of our own: it is saved and loaded with the network.
    stretch = layers.EinsumDense("nf,ft->nft", (len(edges), most), bias_axes="ft", trainable=False)
    stretched = stretch(x)
    stretch.set_weights([slopes, -slopes * starts])
    return layers.Flatten()(layers.ReLU(max_value=1)(stretched))
