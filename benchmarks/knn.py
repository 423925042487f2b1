"""kNN of this toolkit beside scikit-learn's brute force, in one run, on the same rows.

With PILSA_DATA_DIR: all of MNIST, 60,000 training rows and 10,000 queries. Without: scikit-learn's digits.
Ours is scikit-learn's search with our votes, so a ratio of about 1 is what to expect. Accuracy may differ
in the last digits: where k classes tie, ours takes the nearest neighbour's and scikit-learn the smallest.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from pipelines.models import Job, knn
from pipelines.values.tables import read_idx

REPEATS = 5
K = 3


def rows() -> tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Name, X_train, y_train, X_test, y_test; X float32 in 0 … 1."""
    mirror = os.environ.get("PILSA_DATA_DIR")
    if mirror is None:
        X, y = load_digits(return_X_y=True)
        X = (X / 16).astype(np.float32)
        return "digits", X[:1437], y[:1437], X[1437:], y[1437:]
    parts = [
        read_idx(Path(mirror) / "mnist" / name)
        for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                     "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
    ]  # fmt: skip
    X_train, X_test = (part.reshape(len(part), -1).astype(np.float32) / 255 for part in parts[::2])
    return "MNIST", X_train, parts[1].astype(np.int64), X_test, parts[3].astype(np.int64)


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


def check_equal(
    X_train: np.ndarray, y_train: np.ndarray, X_test: np.ndarray, theirs: np.ndarray
) -> None:
    """Our neighbours, counted as scikit-learn counts (a tie goes to the smallest class), give its answers."""
    _, neighbours = knn._search(X_train, X_test, K, Job(10, True, 0))
    counts = np.stack([(y_train[neighbours] == label).sum(axis=1) for label in range(10)], axis=1)
    if not np.array_equal(counts.argmax(axis=1), theirs):
        raise SystemExit(
            "the two searches must find the same neighbours, and they do not: no time counts"
        )


def main() -> None:
    name, X_train, y_train, X_test, y_test = rows()

    def ours() -> np.ndarray:
        knn._kept.clear()  # or the second run would only look its neighbours up
        model = knn.KNearestNeighbours(knn.Params(k=K, voting="uniform"), Job(10, True, 0))
        return model.fit(X_train, y_train, None).predict(X_test).argmax(axis=1)

    def theirs() -> np.ndarray:
        return KNeighborsClassifier(K, algorithm="brute").fit(X_train, y_train).predict(X_test)

    seconds: dict[str, list[float]] = {"ours": [], "scikit-learn": []}
    for _ in range(REPEATS):
        for label, work in (("ours", ours), ("scikit-learn", theirs)):
            predicted, spent = timed(work)
            seconds[label].append(spent)
            accuracy = (predicted == y_test).mean()
            print(f"{name} k={K} {label}: accuracy {accuracy:.4f} in {spent:.2f} s", flush=True)
    check_equal(X_train, y_train, X_test, theirs())
    print(
        f"predictions that differ: {int((ours() != theirs()).sum())}, all of them ties of {K} classes"
    )
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["scikit-learn"], strict=True)]
    print(f"median of {REPEATS}: ours {medians['ours']:.2f} s, scikit-learn {medians['scikit-learn']:.2f} s, "
          f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f}) on {os.cpu_count()} cores")  # fmt: skip


if __name__ == "__main__":
    main()
