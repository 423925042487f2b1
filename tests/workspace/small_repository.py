"""A whole repository in a temporary folder: the real code, the real DAG, a competition of 60 rows.

Commands run in it as a user runs them: as processes, with its own copy of the code.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pipelines.plumbing.atomic import file_hash
from pipelines.tracking.old_ledger import COLUMNS
from tests.conftest import COMPETITION, PARAMS, tiny_tables, write_settings

REPOSITORY = Path(__file__).parents[2]
# Nobody listens there: whatever is not in the mirror cannot be fetched.
NOWHERE = "http://127.0.0.1:9/"
# DVC needs every key that a stage depends on.
ALL_PARAMS = PARAMS | {
    "kernels": [],
    "backend": "tensorflow",
    "device": "cpu",
    "preprocess": {"max_rows": 0},
    "ensemble": {"methods": ["mean", "weighted"], "choose": "best"},
    "member": "m01",
    "language": "en",
}
PATIENCE = 280


class SmallRepository:
    """The repository at `root`; its competition `tiny` comes from a mirror folder, checked by hash."""

    def __init__(self, root: Path) -> None:
        self.root, self.mirror = root, root.parent / f"{root.name}-mirror"

    def make(self) -> "SmallRepository":
        self.root.mkdir(parents=True)
        for name in ("pipelines", "features"):
            shutil.copytree(REPOSITORY / name, self.root / name)
        for name in ("dvc.yaml", ".dvcignore", ".dvc/config"):
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(REPOSITORY / name, self.root / name)
        self.write("curriculum.yaml", "weeks: []\n")
        self.write("kernels/README.md", "the members' notebooks\n")
        self.write("submissions/ledger/README.md", "a file per row\n")
        self.write("submissions/ledger.csv", ",".join(COLUMNS) + "\n")
        self._write_competition()
        self.write_params()
        return self

    def _write_competition(self) -> None:
        train, test, sample, _ = tiny_tables()
        (self.mirror / "tiny").mkdir(parents=True)
        tables: dict[str, pd.DataFrame] = {
            "train": train,
            "test": test,
            "sample_submission": sample,
        }
        files = {}
        for name, table in tables.items():
            path = self.mirror / "tiny" / f"{name}.csv"
            table.to_csv(path, index=False)
            files[path.name] = {"url": f"{NOWHERE}{path.name}", "md5": file_hash(path, "md5")}
        source = {"platform": "files", "mirror": "tiny", "files": files}
        self.write("competitions/tiny.yaml", yaml.safe_dump(COMPETITION | {"source": source}))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write_params(self, **changes: object) -> None:
        write_settings(self.root, ALL_PARAMS | changes)

    def write_competition(self, name: str, **changes: object) -> None:
        self.write(f"competitions/{name}.yaml", yaml.safe_dump(COMPETITION | changes))

    @property
    def environment(self) -> dict[str, str]:
        """That of a user's terminal with the environment active, and this copy of the code."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC", "GIT", "KAGGLE"))
        }
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return kept | {
            "GIT_CONFIG_GLOBAL": os.devnull,  # where one's own pilsa.member may stand
            "PATH": path,
            "PYTHONPATH": str(self.root),
            "PILSA_DATA_DIR": str(self.mirror),
        }

    def start(self, *command: str, **options: Any) -> "subprocess.Popen[str]":
        """Start a command in a session of its own, so that ending it ends all that it started."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            text=True,
            start_new_session=True,
            **options,
        )

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    def pilsa(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run("pilsa", *arguments)

    def stage(self, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        options = [
            part
            for pair in zip(("--competition", "--model"), arguments, strict=False)
            for part in pair
        ]
        return self.run("python", "-m", f"pipelines.stages.{name}", *options)

    def scores(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pilsa("scores", "--json").stdout)
        return found

    def listing(self, folder: str) -> dict[str, str]:
        """The files below a folder, and what they hold."""
        files = sorted(path for path in (self.root / folder).rglob("*") if path.is_file())
        return {str(path): path.read_text(encoding="utf-8") for path in files}

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")


@contextmanager
def full_disk(folder: Path, size: str) -> Iterator[bool]:
    """`folder` on a disk of its own of `size`; yields whether this machine lets us have one."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = (
        mount is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
