"""Peak of anonymous memory and seconds of reading picture files into a saved dataset.

    python benchmarks/pictures.py 500 20000

Makes so many colour PNGs of mixed sizes in a temporary folder each, brings them to 128 × 128 × 3 by the `images`
reader, and saves the dataset. The profile and the training are not part of it.
"""

import multiprocessing
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines import readers
from pipelines.values import raw
from pipelines.values.competition import Competition

_SECONDS_BETWEEN = 0.02


def competition() -> Competition:
    return Competition.model_validate({
        "name": "bench", "title": "bench", "task": "classification", "metric": "accuracy",
        "id_column": "id", "target": "label", "image": {"height": 128, "width": 128, "channels": 3},
        "split": {"kind": "stratified"}, "files": {"format": "images", "sample": None},
        "pictures": {}, "source": {"platform": "bundled", "dataset": "digits"},
    })  # fmt: skip


def make(folder: Path, count: int) -> None:
    """`count` pictures, a tenth of them test rows; smooth noise of 60 … 300 pixels a side."""
    generator = np.random.default_rng(0)
    for part, rows in (("train", count - count // 10), ("test", count // 10)):
        (folder / part).mkdir()
        for row in range(rows):
            small = Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8))
            width, height = generator.integers(60, 301, 2).tolist()
            small.resize((width, height)).save(folder / part / f"{part}{row}.png", compress_level=1)
        labels = "".join(f"{part}{row},{row % 10}\n" for row in range(rows))
        (folder / f"{part}.csv").write_text("id,label\n" + labels)


def anonymous() -> int:
    """RssAnon of this process in kB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


def measured(folder: Path) -> None:
    peak, is_done = [0], threading.Event()

    def watch() -> None:
        while not is_done.wait(_SECONDS_BETWEEN):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        chosen = competition()
        tables = readers.of(chosen).read(folder, Path(scratch))
        dataset, _ = raw.build(chosen, tables)
        dataset.save(Path(scratch, "dataset"))
    seconds = time.monotonic() - started
    is_done.set()
    watcher.join()
    print(
        f"{len(dataset.X_train) + len(dataset.X_test):,} pictures: {seconds:.1f} s, peak {peak[0] / 1024:.0f} MB anonymous"
    )


def main() -> None:
    for count in map(int, sys.argv[1:] or ["500", "20000"]):
        with tempfile.TemporaryDirectory() as made:
            make(Path(made), count)
            process = multiprocessing.get_context("spawn").Process(
                target=measured, args=(Path(made),)
            )
            process.start()
            process.join()


if __name__ == "__main__":
    main()
