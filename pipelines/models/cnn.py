"""A plain convolutional network: five convolutions in three blocks, batch normalisation and dropout.

On 28 × 28 grey pictures with batch normalisation it has 1,035,146 parameters, 1,027,850 of them trained.
"""

from typing import Any, Literal

from pydantic import Field

from pipelines.models import Choice, Range
from pipelines.models._network import PictureNetwork, PictureParams


class Params(PictureParams):
    """Hyperparameters of the CNN.

    Attributes:
        activation: of every hidden layer.
        initial: how kernels start: Glorot (Xavier) or He, uniform.
        dropout: share of activations switched off after each block.
        use_bn: batch normalisation before the second, third, … layer.
    """

    activation: Literal["relu", "sigmoid", "tanh", "softmax"] = "relu"
    initial: Literal["glorot_uniform", "he_uniform"] = "glorot_uniform"
    dropout: float = Field(default=0.25, ge=0, lt=1)
    use_bn: bool = True


class CNN(PictureNetwork):
    """Conv 5×5, 5×5 → pool → 3×3, 3×3 → pool → 3×3 → dense 256."""

    Params = Params
    space = {
        "learning_rate": Range(3e-4, 3e-3, log=True),
        "dropout": Range(0.0, 0.5),
        "use_bn": Choice((True, False)),
        "initial": Choice(("glorot_uniform", "he_uniform")),
    }

    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        import keras
        from keras import layers

        params = self.params
        block = {"activation": params.activation, "kernel_initializer": params.initial}

        def convolve(x: Any, size: int) -> Any:
            return layers.Conv2D(64, size, padding="same", **block)(x)

        def normalise(x: Any) -> Any:
            return layers.BatchNormalization(momentum=bn_momentum)(x) if params.use_bn else x

        def close(x: Any) -> Any:
            """End a block: halve the picture where it can still be halved, then drop out."""
            if min(x.shape[1:3]) >= 2:
                x = layers.MaxPooling2D(2)(x)
            return layers.Dropout(params.dropout)(x)

        inputs = keras.Input(shape)
        x = convolve(normalise(convolve(inputs, 5)), 5)
        x = convolve(normalise(close(x)), 3)
        x = convolve(normalise(x), 3)
        x = convolve(normalise(close(x)), 3)
        x = layers.Flatten()(layers.Dropout(params.dropout)(x))
        x = layers.Dense(256, **block)(normalise(x))
        x = layers.Dropout(params.dropout)(x)
        return keras.Model(inputs, self.output(normalise(x)))
