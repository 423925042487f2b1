"""Raw columns → model inputs, as scikit-learn transformers that are fitted inside each fold.

A model says which one it takes: what one of these functions gives, another of this room, or one of its own file.
"""

from features.encoded import Encoded
from features.image import Pixels
from features.tabular import Table
from features.typed import Typed
from pipelines.plumbing.errors import MemberFailed
from pipelines.values.competition import Image


def vectors(image: Image | None) -> Pixels | Table:
    """An unfitted transformer of any dataset whose output is float32 (n, n_features) without NaN.

    Args:
        image: the dataset's `image`; None for tables.
    """
    return Table() if image is None else Pixels(image.maximum, "vector")


def typed(image: Image | None, seed: int) -> Pixels | Typed:
    """An unfitted transformer whose output for tables is numbers with gaps and categories, a DataFrame.

    Args:
        image: the dataset's `image`, whose pixels become float32 (n, n_features); None for tables.
        seed: of the directions of free text.
    """
    return Typed(seed=seed) if image is None else Pixels(image.maximum, "vector")


def encoded(image: Image | None, seed: int, scaled: bool = False) -> Pixels | Encoded:
    """As `vectors`, with categories that also say how their rows fared: see `Encoded`."""
    if image is None:
        return Encoded(scaled=scaled, seed=seed)
    return Pixels(image.maximum, "vector")


def pictures(image: Image | None) -> Pixels:
    """An unfitted transformer whose output is float32 (n, height, width, channels) in 0 … 1.

    Args:
        image: the dataset's `image`; None for tables.

    Raises:
        MemberFailed: the dataset is a table.
    """
    if image is None:
        raise MemberFailed(
            "this model must have pictures, and the dataset is a table: choose a model of vectors such as knn, "
            "or describe the pixel columns under `image:` in the competition file"
        )
    return Pixels(image.maximum, "image")
