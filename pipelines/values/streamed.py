"""Rows of pictures that are read when they are asked for, since all of them would fill the memory."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Streamed:
    """A stack of pictures of which a batch at a time becomes an array.

    Attributes:
        pixels: (n, height, width, channels), mostly a mapped file.
        rows: positions in it, int64 (n_rows,): the rows of this stack.
        maximum: the value of white that batches are divided by; None gives them as they lie there.
    """

    pixels: np.ndarray
    rows: np.ndarray
    maximum: float | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.pixels.shape[1:])

    def __getitem__(self, places: slice | np.ndarray) -> np.ndarray:
        """The pictures at these places of the stack: float32 in 0 … 1 where `maximum` is set."""
        taken = self.pixels[self.rows[places]]
        if self.maximum is None:
            return np.asarray(taken)
        scaled = taken.astype(np.float32)
        scaled /= np.float32(self.maximum)
        return np.asarray(scaled)

    def scaled(self, maximum: float) -> "Streamed":
        """The same rows, whose batches are divided by the value of white."""
        return replace(self, maximum=maximum)
