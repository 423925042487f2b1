"""Seeds that depend on what they are for, never on what ran before."""

import zlib

import numpy as np


def derive(seed: int, *purpose: int | str) -> int:
    """A 31-bit seed for a purpose, such as `derive(42, "fold", 3, "epoch", 0)`.

    The same arguments give the same seed on every machine; different purposes give unrelated ones.

    Args:
        seed: the run's seed, 0 … 2³² − 1.
        purpose: words, not empty, and numbers from 0.
    """
    parts = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    state = np.random.SeedSequence([seed, *(part + 1 for part in parts)]).generate_state(1)
    return int(state[0] >> 1)
