"""The folds of the CNN on digits: one after the other in one process, beside two processes (`parallel: 2`).

Each repeat starts processes of its own, so that importing TensorFlow counts for both: once for one process,
for each of two beside the other. The fits must be equal to the last byte, or no time counts.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 5
EPOCHS = 8
WORK = """
import sys
from dataclasses import replace
from pathlib import Path
from pipelines.training import cross_validation, finished, plan
made = plan.load("digits", "cnn")
made = replace(made, fixed=made.fixed | {"epochs": int(sys.argv[3])}).on_its_backend()
specs = cross_validation.specs_of(made, cross_validation.Tuned({}, {}))
finished.run_all(specs, finished.Store(Path(sys.argv[1])), int(sys.argv[2]))
"""


def run(processes: int) -> tuple[float, list[bytes]]:
    """Seconds of all folds, and the predictions of each as they were kept."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-c", WORK, folder, str(processes), str(EPOCHS)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        spent = time.perf_counter() - started
        kept = [np.load(path) for path in sorted(Path(folder).glob("fold-*.npz"))]
        return spent, [fit[name].tobytes() for fit in kept for name in ("part0", "part1")]


def main() -> None:
    if not Path("data/digits/folds.csv").is_file():
        raise SystemExit("digits must be preprocessed first: `pilsa use digits`, then `make repro`")
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(REPEATS):
        (one, first), (two, second) = run(1), run(2)
        if first != second:
            raise SystemExit(
                "two processes must give the bytes of one, and they do not: no time counts"
            )
        seconds[1].append(one)
        seconds[2].append(two)
        print(f"{len(first) // 2} folds, {EPOCHS} epochs: one process {one:.1f} s, two {two:.1f} s", flush=True)  # fmt: skip
    medians = {number: statistics.median(spent) for number, spent in seconds.items()}
    ratios = [two / one for one, two in zip(*seconds.values(), strict=True)]
    print(f"median of {REPEATS}: one process {medians[1]:.1f} s, two {medians[2]:.1f} s, equal bytes, ratio "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f}) on {os.cpu_count()} cores")  # fmt: skip


if __name__ == "__main__":
    main()
