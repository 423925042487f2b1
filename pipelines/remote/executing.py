"""There, on the other machine: the fits of an unpacked job, and what they leave for `pilsa remote run` to fetch.

`python -m pipelines.remote.executing JOB OUT` runs all of them, where there are several GPUs a process on each.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines import readers
from pipelines.plumbing.atomic import file_hash, write_json
from pipelines.plumbing.errors import MemberFailed, PilsaError, UserError
from pipelines.plumbing.printing import say
from pipelines.remote.job import unpack
from pipelines.tracking import provenance
from pipelines.training import finished, fits
from pipelines.training.fits import Message, dataset_in
from pipelines.values import dataset as datasets
from pipelines.values import preparation
from pipelines.values.competition import Competition
from pipelines.values.params import Params

DONE = "done.json"
# Where Kaggle has shown a competition's files: the older place, and the newer one.
_INPUTS = ("/kaggle/input/{}", "/kaggle/input/competitions/{}")
_SECONDS_BETWEEN_LINES = 20.0


def main(folder: Path, out: Path) -> None:
    """Build the dataset, run every fit, and write what came of it; `done.json` is written last.

    Args:
        folder: an unpacked job.
        out: where the fits go, a file each.

    Raises:
        PilsaError: the data are others, or a fit failed.
    """
    started = time.monotonic()
    job, content, specs = unpack(folder)
    if content["source"] is not None:
        _build(content, folder / "dataset")
    found = datasets.content_hash(dataset_in(folder / "dataset"))
    if found != job.data_hash:
        raise UserError(
            f"the data here must be {job.data_hash}, as where the job was packed, found {found}: other files, or "
            "another version of pandas or numpy reads them differently; train it where it was packed"
        )
    gpus = _gpus() if job.accelerator else []
    if len(gpus) > 1:
        _share(folder, out, len(gpus))
    else:
        work(folder, out, 0, 1)
    files = {path.name: file_hash(path) for path in sorted(out.glob("*.npz"))}
    environment = provenance.environment(specs[0].backend or "numpy")
    machine = environment | {"accelerator": ", ".join(gpus) or "none"}
    done = {"job": job.model_dump(), "files": files, "machine": machine}
    write_json(out / DONE, done | {"seconds": round(time.monotonic() - started, 3)})
    say(f"all {len(files)} fits are there, after {time.monotonic() - started:.0f} s")


def work(folder: Path, out: Path, place: int, workers: int) -> None:
    """Run each `workers`-th fit, from `place` on."""
    job, _, specs = unpack(folder)
    device = "gpu" if job.accelerator.startswith("Nvidia") else "cpu"
    store, last = finished.Store(out), time.monotonic()

    def post(message: Message) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(f"{message.fit}: {message.note}")

    for spec in specs[place::workers]:
        try:
            fit = fits.run(replace(spec, device=device if spec.backend else spec.device), post)
        except MemberFailed as error:
            raise MemberFailed(f"{spec.model} failed on {spec.name}: {error}") from error
        store.save(spec.name, fit)
        say(f"{spec.name} done in {fit.seconds:.1f} s")


def _build(content: dict[str, Any], into: Path) -> None:
    """The dataset from the competition's files, as `preprocess` makes it."""
    competition, settings = Competition(**content["competition"]), Params(**content["settings"])
    places = [Path(place.format(content["source"])) for place in _INPUTS]
    raw = next((place for place in places if place.is_dir()), None)
    if raw is None:
        raise UserError(
            f"the files of {content['source']} must be attached, and there is no {places[0]}: accept the "
            "competition's rules, then push again"
        )
    with tempfile.TemporaryDirectory() as scratch:
        tables = readers.of(competition).read(raw, Path(scratch))
        dataset, _ = preparation.build(competition, tables)
        dataset, _ = preparation.split(competition, settings, dataset, Path(scratch))
        dataset.save(into)


def _gpus() -> list[str]:
    """The names of the GPUs of this machine."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _share(folder: Path, out: Path, count: int) -> None:
    """A process per GPU, each with every `count`-th fit; it sees its own GPU alone."""
    command = [sys.executable, "-m", "pipelines.remote.executing", str(folder), str(out)]
    children = [
        subprocess.Popen(
            [*command, str(number), str(count)],
            env=os.environ | {"CUDA_VISIBLE_DEVICES": str(number)},
        )
        for number in range(count)
    ]
    codes = [child.wait() for child in children]
    if any(codes):
        raise MemberFailed(
            f"every GPU's process must end well, found exit statuses {codes}: what is said above tells why"
        )


if __name__ == "__main__":
    _folder, _out, *_share_of = sys.argv[1:]
    try:
        if _share_of:
            work(Path(_folder), Path(_out), *map(int, _share_of))
        else:
            main(Path(_folder), Path(_out))
    except PilsaError as failure:
        say(f"pilsa: {failure}", is_error=True)
        sys.exit(1)
