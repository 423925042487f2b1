"""Augmentation: every epoch sees slightly turned, shifted, stretched and slanted pictures.

Training rows only, after `Pixels`. The ranges are small enough for digits, where a 6 turned over is a 9.
"""

import os

import numpy as np

from pipelines.plumbing.errors import MemberFailed

# At strength 1. A share of 0.1 keeps shifts of an 8 × 8 picture under one pixel.
_DEGREES = 15.0
_SHIFT = 0.1
_SCALE = 0.1
_SHEAR_DEGREES = 8.0


class Augmenter:
    """Random small affine maps, one per picture, bilinear; the edge is continued where nothing was.

    Args:
        strength: 0 (nothing) … 1: rotation ± 15°, shift ± 10 % of the side, scale ± 10 %, shear ± 8°.
        seed: the same seed and pictures give the same bytes; derive one per fold and epoch.

    Raises:
        MemberFailed: strength is outside 0 … 1.
    """

    def __init__(self, strength: float, seed: int) -> None:
        if not 0 <= strength <= 1:
            raise MemberFailed(
                f"augmentation strength must lie in 0 … 1, found {strength:g}: correct it under `train:` in params.yaml"
            )
        self.strength, self.seed = strength, seed

    def __call__(self, X: np.ndarray, first: int = 0) -> np.ndarray:
        """Give each picture a map of its own.

        Args:
            X: float32 (n, height, width, channels), 0 … 1; it is not changed.
            first: the number of its first row, where X is a part of an epoch's rows.

        Returns:
            The same shape, type and range; X itself at strength 0.
        """
        if self.strength == 0:
            return X
        # albumentations asks the network for a newer version when it is imported, unless told not to.
        os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
        # Row i's map hangs on the seed and i alone: one draw of six numbers in −1 … 1 per row.
        bits = np.random.PCG64(self.seed).advance(6 * first)
        drawn = np.random.Generator(bits).uniform(-1, 1, (len(X), 6)) * self.strength
        moved = [_warp(picture, draw) for picture, draw in zip(X, drawn, strict=True)]
        return np.clip(np.stack(moved), 0, 1) if moved else X


def _warp(picture: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """One picture (height, width, channels) under the map of six numbers in −1 … 1."""
    import cv2
    from albumentations.augmentations.geometric import functional

    height, width = picture.shape[:2]
    turn, shift_x, shift_y, scale, shear_x, shear_y = drawn.tolist()
    # Its `Affine` transform cuts shifts down to whole pixels: on 8 × 8 it would never shift.
    matrix = functional.create_affine_transformation_matrix(
        translate={"x": _SHIFT * shift_x * width, "y": _SHIFT * shift_y * height},
        shear={"x": _SHEAR_DEGREES * shear_x, "y": _SHEAR_DEGREES * shear_y},
        scale={"x": 1 + _SCALE * scale, "y": 1 + _SCALE * scale},
        rotate=_DEGREES * turn,
        shift=functional.center((height, width)),
    )
    warped = functional.warp_affine(
        picture, matrix, cv2.INTER_LINEAR, 0, cv2.BORDER_REPLICATE, (height, width)
    )
    return warped.reshape(picture.shape)
