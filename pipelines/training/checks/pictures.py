"""Nearly equal pictures: difference hashes that agree, confirmed by their pixels."""

import math

import numpy as np

from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding
from pipelines.values.seeds import derive

_MOST = 20_000  # pictures; twice as many are four times the pairs
_BLOCK = 1000
_MOST_PIXELS = 8_000_000  # in memory at a time, each channel counted
_BITS_APART = 3  # of 64
_MOST_PAIRS = 20_000
_ALIKE = 0.99  # correlation of the pixels
_MANY = 0.005  # pairs per picture


def difference_hash(pictures: np.ndarray) -> np.ndarray:
    """64 bits of a picture: whether it grows brighter from each of 8 × 9 patches to the next one on the right.

    Args:
        pictures: (n, height, width, channels), any scale.

    Returns:
        uint64 (n,). Pictures that differ in size of the light or a little noise share most bits.
    """
    hashes = np.empty(len(pictures), np.uint64)
    for start in range(0, len(pictures), _BLOCK):
        grey = pictures[start : start + _BLOCK].mean(axis=3, dtype=np.float32)
        small = _shrunk(_shrunk(grey, 8, axis=1), 9, axis=2)
        bits = np.packbits((small[:, :, 1:] > small[:, :, :-1]).reshape(len(grey), 64), axis=1)
        hashes[start : start + _BLOCK] = bits.view(np.uint64)[:, 0]
    return hashes


def _shrunk(grey: np.ndarray, patches: int, axis: int) -> np.ndarray:
    """Means of so many patches along an axis; a patch has one pixel where there are too few."""
    edges = np.linspace(0, grey.shape[axis], patches + 1).astype(int)
    shape = [-1 if place == axis else 1 for place in range(3)]
    sums = np.add.reduceat(grey, edges[:-1], axis=axis)
    means: np.ndarray = sums / np.maximum(1, np.diff(edges)).reshape(shape)
    return means


def near_twins(dataset: Dataset, fold: np.ndarray | None, seed: int) -> list[Finding]:
    """Pairs of pictures that are nearly, not exactly, equal, among at most 20,000 of train and test.

    Loud where they are many and stand across folds or across train and test.
    """
    if dataset.image is None:
        return []
    n_train = len(dataset.y)
    total = n_train + len(dataset.test_ids)
    drawn = np.arange(total)
    if total > _MOST:
        drawn = np.sort(np.random.default_rng(derive(seed, "twins")).choice(total, _MOST, False))
    a, b = _pairs(dataset, drawn)
    if not len(a):
        return []
    left, right = drawn[a], drawn[b]
    across = (left < n_train) != (right < n_train)
    split = np.zeros(len(a), bool)
    if fold is not None:
        inside = (left < n_train) & (right < n_train)
        split[inside] = fold[left[inside]] != fold[right[inside]]
    names = np.concatenate([dataset.row_ids.astype(object), dataset.test_ids.astype(object)])
    counts = {"pairs": len(a), "across": int(across.sum()), "split": int(split.sum()), "rows": len(drawn)}  # fmt: skip
    is_loud = counts["across"] + counts["split"] >= _MANY * len(drawn)
    example = f"{names[left[0]]} and {names[right[0]]}"
    return [Finding("near_pictures", "loud" if is_loud else "note", counts, example)]


def _taken(dataset: Dataset, places: np.ndarray) -> np.ndarray:
    """The pictures at places that count through train and then test."""
    X, test = np.asarray(dataset.X_train), np.asarray(dataset.X_test)
    of_train = places < len(X)
    taken = np.empty((len(places), *X.shape[1:]), np.result_type(X, test))
    taken[of_train], taken[~of_train] = X[places[of_train]], test[places[~of_train] - len(X)]
    return taken


def _pairs(dataset: Dataset, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions a < b in `drawn` of nearly equal pictures that are not equal; a flat picture is like no other."""
    size = math.prod(dataset.X_train.shape[1:])
    block = min(_BLOCK, max(1, _MOST_PIXELS // size))
    parts = [drawn[start : start + block] for start in range(0, len(drawn), block)]
    hashes = np.concatenate([difference_hash(_taken(dataset, part)) for part in parts])
    left, right, found = [], [], 0
    for start in range(0, len(hashes), _BLOCK):
        apart = np.bitwise_count(hashes[start : start + _BLOCK, None] ^ hashes[None, start:])
        a, b = np.nonzero(apart <= _BITS_APART)
        a, b = a[b > a] + start, b[b > a] + start
        left.append(a)
        right.append(b)
        found += len(a)
        if found > _MOST_PAIRS:  # so many agree that the rest would only add to the count
            break
    if not left:
        return np.array([], int), np.array([], int)
    a, b = np.concatenate(left)[:_MOST_PAIRS], np.concatenate(right)[:_MOST_PAIRS]
    keep = np.zeros(len(a), bool)
    for start in range(0, len(a), block):
        part = slice(start, start + block)
        keep[part] = _alike(_taken(dataset, drawn[a[part]]), _taken(dataset, drawn[b[part]]))
    return a[keep], b[keep]


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    first, second = (side.reshape(len(side), -1).astype(np.float32) for side in (one, other))
    differ = (first != second).any(axis=1)
    first, second = (side - side.mean(axis=1, keepdims=True) for side in (first, second))
    norms = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    found: np.ndarray = differ & ((first * second).sum(axis=1) > _ALIKE * np.maximum(norms, 1e-6))
    return found
