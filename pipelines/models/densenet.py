"""A small DenseNet: every unit sees the outputs of all units before it (Huang et al. 2017, CVPR).

Units are pre-activated (BN → ReLU → 3 × 3 convolution). With growth 4 it has 430,210 parameters on
28 × 28 grey pictures. The doubled default paid on digits: 0.984 against 0.981 (5 folds, one seed).
"""

from typing import Any

from pydantic import Field

from pipelines.models import Range
from pipelines.models._network import PictureNetwork, PictureParams


class Params(PictureParams):
    """Hyperparameters of the DenseNet.

    Attributes:
        growth: channels that a unit adds in the first block; it doubles from block to block.
        units: units a block.
        dense: width of the layer before the output.
    """

    growth: int = Field(default=8, ge=1)
    units: int = Field(default=2, ge=1)
    dense: int = Field(default=128, ge=1)
    batch_size: int = Field(default=32, ge=1)
    epochs: int = Field(default=30, ge=1)
    patience: int = Field(default=10, ge=1)


class DenseNet(PictureNetwork):
    """Conv 3×3 → three dense blocks with two transitions between them → dense."""

    Params = Params
    space = {
        "learning_rate": Range(3e-4, 3e-3, log=True),
        "growth": Range(4, 12, whole=True),
        "units": Range(2, 4, whole=True),
    }

    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        import keras
        from keras import layers

        def unit(x: Any, growth: int) -> Any:
            y = layers.ReLU()(layers.BatchNormalization(momentum=bn_momentum)(x))
            y = layers.Conv2D(growth, 3, padding="same")(y)
            return layers.Concatenate()([x, y])

        def transition(x: Any, channels: int) -> Any:
            x = layers.Conv2D(channels, 3, padding="same")(x)
            return layers.MaxPooling2D(2)(x) if min(x.shape[1:3]) >= 2 else x

        growth = self.params.growth
        inputs = keras.Input(shape)
        x = layers.Conv2D(2 * growth, 3, padding="same", activation="relu")(inputs)
        for block in range(3):
            for _ in range(self.params.units):
                x = unit(x, growth * 2**block)
            if block < 2:
                x = transition(x, x.shape[-1])
        x = layers.Dense(self.params.dense, activation="relu")(layers.Flatten()(x))
        return keras.Model(inputs, self.output(x))
