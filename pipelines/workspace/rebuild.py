"""`dvc repro`, with what must hold before it and after it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pipelines import platforms
from pipelines.ensembles import Method
from pipelines.models import Model
from pipelines.plumbing import paths, process, registry
from pipelines.plumbing.atomic import read_json
from pipelines.plumbing.errors import UserError, refuse_conflict
from pipelines.plumbing.printing import say
from pipelines.plumbing.schema import read_yaml, validate
from pipelines.values import competition as competitions
from pipelines.values import params as settings_file
from pipelines.values.findings import loud_lines
from pipelines.values.params import Params

# A call that was killed a moment ago may still be closing its run: it is given this long.
_SECONDS_TO_CLOSE = 15.0


def rebuild(quiet: bool = False, *targets: str) -> None:
    """Run `dvc repro --ignore-errors`: what fails is left behind, everything else goes on.

    Args:
        quiet: send what DVC and the stages print to standard error, so that JSON can follow.
        targets: stages such as `train@digits-cnn`, which are made with what they need; none means all.

    Raises:
        UserError: params.yaml or local.yaml is wrong, a file holds a conflict of git, another rebuild of this
            repository is running, or DVC could not begin. Stages that fail are no error here: `pilsa scores`
            knows them.
    """
    check_merged()
    settings = settings_file.load()
    check_settings(settings)
    if settings_file.complete_local():
        say(f"local.yaml was completed, with {settings.competition}", is_error=True)
    _check_writable(paths.mlruns())
    with process.exclusive(paths.cache() / "locks" / "repro", "make repro", wait=_SECONDS_TO_CLOSE):
        _follow_git()
        os.environ["PATH"] = (
            f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        )
        _drop_torn_lock()  # of a DVC that was killed
        command = [sys.executable, "-m", "dvc", "repro", "--ignore-errors", *targets]
        try:
            code = process.run_child(command, to_stderr=quiet)
        finally:
            _drop_torn_lock()  # of this one, when a signal ends it
        if code:
            raise UserError(
                f"dvc must go through the stages, and it stopped with exit status {code} for the reason that it "
                "printed last: `pilsa doctor` looks for more; a damaged dvc.lock comes back with `git checkout "
                "dvc.lock`"
            )
    _say_findings(settings.competition, quiet)


def _say_findings(competition: str, quiet: bool) -> None:
    """Print a line for each loud finding of the checks of the data."""
    profile = paths.profile(competition) / "profile.json"
    if profile.is_file():
        for line in loud_lines(read_json(profile).get("findings", ())):
            say(line, is_error=quiet)


def check_merged() -> None:
    """Raise UserError where a file that a rebuild reads holds a conflict of git."""
    root = paths.root()
    for path in (root / "dvc.lock", *sorted(root.glob("*.yaml")), paths.old_ledger()):
        if path.is_file():
            refuse_conflict(path, path.read_text(encoding="utf-8", errors="replace"))


def check_settings(settings: Params) -> None:
    """Check every name and section of params.yaml and local.yaml before the first stage starts.

    Raises:
        UserError: the first thing that is wrong.
    """
    _check_tracked()
    platforms.of(competitions.load(settings.competition))
    for name in settings.models:
        model = registry.load(Model, name)
        settings.check_sections(name)
        validate(model.Params, settings.train[name], f"params.yaml: train.{name}")
    for name in settings.ensemble.methods:
        registry.load(Method, name)
    for kernel in settings.kernels:
        if not (paths.root() / "kernels" / kernel / "kernel.py").is_file():
            raise UserError(
                f"kernels must be folders of kernels/ with a kernel.py, found {kernel!r}: `pilsa kernel leave "
                f"{kernel}` takes it out"
            )


def _check_tracked() -> None:
    """A default is not enough where DVC looks itself: it would skip the stage and all behind it."""
    stages, given = read_yaml(paths.root() / "dvc.yaml")["stages"], read_yaml(paths.params())
    listed = [key for stage in stages.values() for key in stage.get("params", [])]
    tracked = {key.partition(".")[0] for key in listed if isinstance(key, str)}
    lacking = sorted(tracked - set(given))
    if lacking:
        raise UserError(
            f"params.yaml must give every key that a stage of dvc.yaml depends on, and {lacking[0]!r} is "
            "missing: add it again, or restore the file from git"
        )


def _check_writable(folder: Path) -> None:
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"{folder} must be writable and is read-only: chmod u+w {folder}, or mount it writable"
        )


def _follow_git() -> None:
    """Let DVC work in a copy without git, and with git again once it is there.

    DVC refuses a folder that is no git repository unless `core.no_scm` is set. The setting goes to
    `.dvc/config.local`, which git ignores.
    """
    root = paths.root()
    with_git = any((folder / ".git").exists() for folder in (root, *root.parents))
    local = root / ".dvc" / "config.local"
    without_scm = local.is_file() and "no_scm = true" in local.read_text(encoding="utf-8").lower()
    if not with_git and not without_scm:
        say(
            "no git repository here: runs are logged without a commit (`git init` changes that)",
            is_error=True,
        )
        _configure("core.no_scm", "true")
    elif with_git and without_scm:
        _configure("--unset", "core.no_scm")


def _drop_torn_lock() -> None:
    """Remove DVC's list of who reads and writes what, if nobody can read it.

    DVC empties the file before it writes it. Killed in between, it leaves an empty one, and every later call ends
    with "JSON structure is corrupted".
    """
    listed = paths.root() / ".dvc" / "tmp" / "rwlock"
    try:
        json.loads(listed.read_bytes())
    except FileNotFoundError:
        pass
    except ValueError:
        listed.unlink(missing_ok=True)


def _configure(*arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", "config", "--local", *arguments]
    done = subprocess.run(command, cwd=paths.root(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise UserError(
            f"dvc must be able to note whether git is there, and fails ({done.stderr.strip()}): restore the "
            "folder .dvc (git checkout .dvc)"
        )
