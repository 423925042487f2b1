"""Raw columns → model inputs, as scikit-learn transformers that are fitted inside each fold."""

from typing import TYPE_CHECKING, Literal

from pipelines.plumbing.errors import MemberFailed
from pipelines.values.competition import Image

if TYPE_CHECKING:
    from sklearn.base import TransformerMixin


def inputs(image: Image | None, wants: Literal["image", "vector"]) -> "TransformerMixin":
    """The transformer that turns a dataset's `X_train` and `X_test` into what a model takes.

    Args:
        image: the dataset's `image`; None for tables.
        wants: the model's `inputs`.

    Returns:
        An unfitted transformer whose output is float32 and holds no NaN: (n, height, width, channels) in
        0 … 1 for `image`, (n, n_features) for `vector`.

    Raises:
        MemberFailed: the model wants pictures and the dataset is a table.
    """
    if image is not None:
        from features.image import Pixels

        return Pixels(image.maximum, wants)
    if wants == "image":
        raise MemberFailed(
            "this model must have pictures, and the dataset is a table: choose a model of vectors such as knn, "
            "or describe the pixel columns under `image:` in the competition file"
        )
    from features.tabular import Table

    return Table()
