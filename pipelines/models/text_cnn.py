"""A convolutional network of sentences (Kim, 2014): filters over neighbouring words, the strongest answer of each."""

from typing import Any

from pydantic import Field

from pipelines.models import Range
from pipelines.models._network import SentenceNetwork, SentenceParams


class Params(SentenceParams):
    """Hyperparameters of the convolutions.

    Attributes:
        filters: of each width.
        widest: words that the widest filter sees; there is one kind for each width up to it.
    """

    filters: int = Field(default=64, ge=1)
    widest: int = Field(default=4, ge=1, le=9)


class TextCNN(SentenceNetwork):
    """Embedding → convolutions side by side → the maximum over the sentence → dense."""

    Params = Params
    space = {
        "learning_rate": Range(3e-4, 3e-3, log=True),
        "dropout": Range(0.2, 0.6),
        "filters": Range(32, 128, log=True, whole=True),
    }

    def read(self, x: Any) -> Any:
        from keras import layers

        widths = range(1, self.params.widest + 1)
        found = [
            layers.GlobalMaxPooling1D()(
                layers.Conv1D(self.params.filters, width, padding="same", activation="relu")(x)
            )
            for width in widths
        ]
        return layers.Concatenate()(found) if len(found) > 1 else found[0]
