"""What this machine and this clone have, what they lack, and what to do about it."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pipelines.plumbing import paths
from pipelines.plumbing.errors import PilsaError
from pipelines.tracking import ledger
from pipelines.values import competition
from pipelines.values import params as settings_file
from pipelines.workspace.rebuild import check_merged, check_settings

_ENOUGH_GB = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: ok, note (works, but know it), or bad (something will fail).
        next: what to do; empty where nothing is to be done.
    """

    name: str
    state: Literal["ok", "note", "bad"]
    found: str
    next: str = ""


def examine() -> list[Finding]:
    """Look at everything that has failed for somebody before."""
    checks = (
        _python,
        _bytecode,
        _disk,
        _gpu,
        _backend,
        _settings,
        _clone,
        _git,
        _merge,
        _ledger,
        _dvc,
        _store,
        _data,
        _credentials,
    )
    return [check() for check in checks]


def _python() -> Finding:
    found = f"Python {platform.python_version()} in {sys.prefix}, {os.cpu_count()} cores"
    if sys.version_info[:2] != (3, 11):
        return Finding(
            "python",
            "note",
            found,
            "the lock was made for Python 3.11: make setup PYTHON=python3.11",
        )
    return Finding("python", "ok", found)


def _bytecode() -> Finding:
    if sys.dont_write_bytecode:
        return Finding("bytecode", "note", "PYTHONDONTWRITEBYTECODE is set: every start takes three times as long",
                       "unset PYTHONDONTWRITEBYTECODE, or use make, which does")  # fmt: skip
    return Finding("bytecode", "ok", "is written")


def _disk() -> Finding:
    free = shutil.disk_usage(paths.root()).free / 1e9
    if free < _ENOUGH_GB:
        return Finding(
            "disk",
            "bad",
            f"{free:.1f} GB free, less than {_ENOUGH_GB}",
            "pilsa clean --older 0 removes what can be made again",
        )
    return Finding("disk", "ok", f"{free:.0f} GB free")


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding(
            "gpu",
            "note",
            "none: networks train on the processor",
            "fine for digits; see README for a GPU",
        )
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        shown = subprocess.run(
            query, capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()
    except (subprocess.SubprocessError, OSError) as error:
        return Finding(
            "gpu",
            "bad",
            f"nvidia-smi fails: {error}",
            "reinstall the driver, or set device: cpu in local.yaml",
        )
    return Finding(
        "gpu", "ok", shown.replace("\n", "; "), "make setup GPU=1 installs the CUDA libraries"
    )


def _backend() -> Finding:
    name = "tensorflow"
    try:
        name = settings_file.load().backend
        return Finding("keras backend", "ok", f"keras {version('keras')} on {name} {version(name)}")
    except PackageNotFoundError:
        return Finding(
            "keras backend",
            "bad",
            f"{name} is not installed",
            "install it, or set backend: tensorflow",
        )
    except PilsaError as error:
        return Finding("keras backend", "bad", str(error), "correct params.yaml")


def _settings() -> Finding:
    try:
        settings = settings_file.load()
        check_settings(settings)
    except PilsaError as error:
        return Finding(
            "params.yaml",
            "bad",
            str(error),
            "correct it; `pilsa use NAME` switches the competition",
        )
    return Finding("params.yaml", "ok", f"{settings.competition}: {', '.join(settings.models)}")


def _clone() -> Finding:
    """What is this clone's own; `_settings` checks the names in it."""
    if not paths.local().is_file():
        return Finding(
            "local.yaml", "note", "missing: plain `dvc repro` stops", "pilsa use writes it"
        )
    try:
        settings = settings_file.load()
    except PilsaError as error:
        return Finding(
            "local.yaml", "bad", str(error), "correct it, or delete it and: pilsa use NAME"
        )
    found = f"runs are {settings.member}'s, device {settings.device}"
    if settings.member == "group":
        return Finding(
            "local.yaml", "note", found, "git config pilsa.member HANDLE makes them yours"
        )
    return Finding("local.yaml", "ok", found)


def _git() -> Finding:
    command = ["git", "-C", str(paths.root()), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return Finding(
            "git",
            "note",
            "not installed",
            "install it; runs are logged without a commit until then",
        )
    if done.returncode == 0:
        return Finding("git", "ok", f"at {done.stdout.strip()}")
    return Finding(
        "git",
        "note",
        "no commit here: `dvc repro` works, `dvc exp` does not",
        "git init, git add -A, git commit",
    )


def _merge() -> Finding:
    try:
        check_merged()
    except PilsaError as error:
        return Finding(
            "merge", "bad", str(error), "finish the merge; `make repro` stops until then"
        )
    return Finding("merge", "ok", "no file holds both sides of one")


def _ledger() -> Finding:
    try:
        rows = [row for name in competition.names() for row in ledger.submissions(name)]
    except PilsaError as error:
        return Finding("ledger", "bad", str(error), "as it says; until then nothing is submitted")
    open_ones = sorted({row.competition for row in rows if row.status == "PENDING"})
    if open_ones:
        return Finding(
            "ledger",
            "note",
            f"whether a submission to {', '.join(open_ones)} arrived is not known",
            "pilsa ledger rebuild asks the platform",
        )
    return Finding("ledger", "ok", f"{len(rows)} submissions")


def _dvc() -> Finding:
    if not (paths.root() / ".dvc").is_dir():
        return Finding("dvc", "bad", "no .dvc folder", "restore it from git (git checkout .dvc)")
    if Path(sys.executable).parent not in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        return Finding("dvc", "note", f"dvc {version('dvc')}; the environment is not active: `dvc repro` would run another python",
                       "source .venv/bin/activate, or use make")  # fmt: skip
    return Finding("dvc", "ok", f"dvc {version('dvc')}")


def _store() -> Finding:
    folder = paths.mlruns()
    if folder.exists() and not folder.is_dir():
        return Finding(
            "run store", "bad", f"{folder} is a file", "move it away: a folder belongs there"
        )
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK):
        return Finding(
            "run store",
            "bad",
            f"{folder} is not writable",
            f"chmod u+w {folder}, or mount it writable",
        )
    database = folder / "mlflow.db"
    if not database.exists():
        return Finding("run store", "ok", "empty; the first run makes it")
    return Finding(
        "run store", "ok", f"{database.stat().st_size / 1e6:.1f} MB; `pilsa ui` opens it"
    )


def _data() -> Finding:
    mirror = os.environ.get("PILSA_DATA_DIR")
    if not mirror:
        return Finding(
            "local data", "ok", "PILSA_DATA_DIR is not set: downloads come from the network"
        )
    if not Path(mirror).is_dir():
        return Finding(
            "local data", "bad", f"PILSA_DATA_DIR={mirror} is no folder", "correct or unset it"
        )
    return Finding(
        "local data",
        "ok",
        f"{mirror}: {', '.join(sorted(entry.name for entry in Path(mirror).iterdir()))}",
    )


def _credentials() -> Finding:
    """Whether credentials are there; what they say is never read."""
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR", Path.home() / ".kaggle"))
    files = [folder / "kaggle.json", Path.home() / ".kaggle" / "access_token"]
    variables = ("KAGGLE_API_TOKEN", "KAGGLE_KEY")
    for path in files:
        if path.is_file() and path.stat().st_mode & 0o077:
            return Finding(
                "kaggle credentials", "bad", f"{path} can be read by others", f"chmod 600 {path}"
            )
    if any(path.is_file() for path in files) or any(os.environ.get(name) for name in variables):
        return Finding("kaggle credentials", "ok", "found")
    return Finding("kaggle credentials", "note", "none: bundled competitions need none",
                   "kaggle.com → Settings → API, saved to ~/.kaggle/ with mode 600")  # fmt: skip
