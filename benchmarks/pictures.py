"""Picture files from a folder or zip to a submission: seconds and peak of anonymous memory of each stage.

    python benchmarks/pictures.py            2,000 of mixed sizes in a zip, by the commands and defaults of a newcomer
    python benchmarks/pictures.py 500 20000  so many of 128 × 128 × 3, with two small networks of one epoch

Colour PNGs of mixed sizes are made in a temporary folder, and a copy of this repository takes them there. The peak is
RssAnon of all processes of a stage together, sampled: mapped files do not count.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import yaml
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
COPIED = (
    "pipelines", "features", "dvc.yaml", "params.yaml", "curriculum.yaml", ".dvcignore", ".dvc/config",
    "kernels/README.md", "competitions/digits.yaml",
)  # fmt: skip
PILSA = (sys.executable, "-c", "from pipelines.cli import main; main()")
SECONDS_BETWEEN = 0.05
CLASSES = 10
# What is measured is the way of the pixels to a network, not what it computes.
SMALL = '''"""One convolution of pictures an eighth as large."""

from typing import Any

from pipelines.models._network import PictureNetwork


class {name}(PictureNetwork):
    """Averages 8 × 8 pixels first."""

    def build(self, shape: tuple[int, ...], bn_momentum: float) -> Any:
        import keras
        from keras import layers

        inputs = keras.Input(shape)
        x = layers.Conv2D(32, 3, activation="relu")(layers.AveragePooling2D(8)(inputs))
        return keras.Model(inputs, self.output(layers.Flatten()(x)))
'''


def make(folder: Path, count: int) -> None:
    """`count` pictures, a tenth of them test rows; smooth noise of 60 … 300 pixels a side with a patch per class."""
    generator = np.random.default_rng(0)
    for part, rows in (("train", count - count // 10), ("test", count // 10)):
        (folder / part).mkdir(parents=True)
        labels = generator.integers(0, CLASSES, rows)
        for row, label in enumerate(labels.tolist()):
            pixels = generator.integers(0, 160, (8, 8, 3), np.uint8)
            pixels[label // 5 * 4 + 1 : label // 5 * 4 + 3, label % 5 + 1, label % 3] += 95
            size = generator.integers(60, 301, 2).tolist()
            made = Image.fromarray(pixels).resize((size[0], size[1]))
            made.save(folder / part / f"{part}{row}.png", compress_level=1)
        shown = labels if part == "train" else [0] * rows
        table = "".join(f"{part}{row},{label}\n" for row, label in enumerate(shown))
        name = "labels.csv" if part == "train" else "sample.csv"
        (folder / name).write_text("id,label\n" + table)


def anonymous(process: psutil.Process) -> int:
    """RssAnon of a process and all below it, in kB."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            status = Path(f"/proc/{each.pid}/status").read_text()
        except OSError:  # it has just ended
            continue
        total += int((status.partition("RssAnon:")[2].split() or ["0"])[0])
    return total


def measured(root: Path, title: str, *command: str) -> int:
    """Run a command, print its seconds and peak, and give the peak in MB."""
    started, peak = time.monotonic(), 0
    environment = os.environ | {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (root / "log.txt").open("a") as log:
        running = psutil.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        while running.poll() is None:
            try:
                peak = max(peak, anonymous(running))
            except psutil.NoSuchProcess:
                break
            time.sleep(SECONDS_BETWEEN)
    if running.wait() != 0:
        raise SystemExit((root / "log.txt").read_text()[-3000:])
    seconds = time.monotonic() - started
    print(f"  {title:22} {seconds:7.1f} s  peak {peak // 1024:6,} MB anonymous", flush=True)
    return peak // 1024


def repository(root: Path) -> Path:
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", str(REPOSITORY / name), str(root / name)], check=True)
    (root / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")  # it is no clone
    (root / "submissions/ledger").mkdir(parents=True)
    ledger = (REPOSITORY / "submissions/ledger.csv").read_text().splitlines()[0]
    (root / "submissions/ledger.csv").write_text(ledger + "\n")
    return root


def from_zip(count: int, folder: Path) -> None:
    make(folder / "open", count)
    subprocess.run([sys.executable, "-m", "zipfile", "-c", "open.zip", "open/"], cwd=folder, check=True)  # fmt: skip
    root = repository(folder / "repository")
    measured(root, "competition add", *PILSA, "competition", "add", "pictures", "--from", str(folder / "open.zip"))  # fmt: skip
    measured(root, "use", *PILSA, "use", "pictures")
    measured(root, "dvc repro", "dvc", "repro")
    measured(root, "submit", *PILSA, "submit")
    print((root / "log.txt").read_text()[-1500:])


def large(count: int, folder: Path) -> int:
    """Every stage of two small networks; the greatest peak in MB."""
    make(folder / "given", count)
    root = repository(folder / "repository")
    for name in ("small", "other"):
        (root / f"pipelines/models/{name}.py").write_text(SMALL.format(name=name.title()))
    add = ("competition", "add", "pictures", "--from", str(folder / "given"))
    peaks = [measured(root, "competition add", *PILSA, *add)]
    chosen = root / "competitions/pictures.yaml"
    keys = yaml.safe_load(chosen.read_text())
    keys["image"] = {"height": 128, "width": 128, "channels": 3}
    chosen.write_text(yaml.safe_dump(keys | {"baselines": ["small", "other"]}))
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["folds"] = {"n_splits": 2}
    settings["train"] |= {"small": {"epochs": 1}, "other": {"epochs": 1, "batch_size": 32}}
    settings["tune"] |= {name: {"trials": 0} for name in ("small", "other")}
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    peaks.append(measured(root, "use", *PILSA, "use", "pictures"))
    for stage in ("download", "preprocess", "tune small", "tune other", "train small", "train other",
                  "ensemble", "submission"):  # fmt: skip
        name, _, model = stage.partition(" ")
        which = ("--model", model) if model else ()
        command = (sys.executable, "-m", f"pipelines.stages.{name}", "--competition", "pictures")
        peaks.append(measured(root, stage, *command, *which))
    return max(peaks)


def main() -> None:
    peaks = []
    for count in map(int, sys.argv[1:] or ["0"]):
        with tempfile.TemporaryDirectory() as made:
            print(f"{count or 2000:,} pictures", flush=True)
            if count:
                peaks.append(large(count, Path(made)))
            else:
                from_zip(2000, Path(made))
    if len(peaks) > 1:
        print(
            f"the greatest peak of the last is {peaks[-1] - peaks[0]:+,} MB against that of the first"
        )


if __name__ == "__main__":
    main()
