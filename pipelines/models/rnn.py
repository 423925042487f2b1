"""A recurrent network of sentences: word after word, with a memory of those before."""

from typing import Any, Literal

from pydantic import Field

from pipelines.models import Choice, Range
from pipelines.models._network import SentenceNetwork, SentenceParams


class Params(SentenceParams):
    """Hyperparameters of the recurrent layers.

    Attributes:
        cell: simple, lstm or gru.
        layers: recurrent layers on top of each other, each with a cell of its own.
        units: of each cell and direction.
        bidirectional: whether a second cell reads from the end.
    """

    cell: Literal["simple", "lstm", "gru"] = "gru"
    layers: int = Field(default=1, ge=1, le=8)
    units: int = Field(default=48, ge=1)
    bidirectional: bool = True


class RNN(SentenceNetwork):
    """Embedding → recurrent layers → the maximum over the sentence → dense."""

    Params = Params
    space = {
        "learning_rate": Range(3e-4, 3e-3, log=True),
        "dropout": Range(0.2, 0.6),
        "cell": Choice(("lstm", "gru")),
        "layers": Range(1, 2, whole=True),
    }

    def read(self, x: Any) -> Any:
        from keras import layers

        cells = {"simple": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
        for _ in range(self.params.layers):
            # A fresh one each time: one object in two places would share its weights.
            layer = cells[self.params.cell](self.params.units, return_sequences=True)
            x = layers.Bidirectional(layer)(x) if self.params.bidirectional else layer(x)
        return layers.GlobalMaxPooling1D()(x)
