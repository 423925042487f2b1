"""download: fetch a competition's files into raw/, each checked by its hash."""

import shutil
import sys
import tempfile
from pathlib import Path

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.printing import say
from pipelines.stages import run
from pipelines.values import competition as competitions


def download(competition: str) -> None:
    """Fill `data/<competition>/raw/`, all of it or nothing."""
    raw = paths.raw(competition)
    with disk_errors(raw):
        raw.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".raw-", dir=raw.parent) as made:
            complete = Path(made) / "raw"
            complete.mkdir()
            platforms.of(competitions.load(competition)).download(complete)
            shutil.rmtree(raw, ignore_errors=True)
            complete.replace(raw)
    for file in sorted(raw.iterdir()):
        say(f"{file.relative_to(paths.root())}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(run(download))
