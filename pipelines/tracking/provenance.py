"""Where a run comes from: the commit that is checked out, and what it ran on."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from pipelines.plumbing import paths

# What a run writes itself does not make the tree dirty.
_OWN_OUTPUTS = (
    "dvc.lock",
    "submissions/ledger/**",
    "submissions/queue/**",
    "kernels/*/*/result.json",
)


def git_commit() -> str | None:
    """The commit checked out, followed by `+changes` where other files differ from it; None without git."""
    # Without this, `git status` takes the index lock and a `git add` of the user's would fail.
    settings = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    ours = [f":(exclude,glob){name}" for name in _OWN_OUTPUTS]

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", *words],
            cwd=paths.root(),
            env=settings,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    try:
        commit = ask("rev-parse", "--verify", "HEAD")
        return commit + ("+changes" if ask("status", "--porcelain", "--", ".", *ours) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def environment(backend: str) -> dict[str, str]:
    """What a run ran on, without importing any of it.

    Args:
        backend: the Keras backend: tensorflow, jax or torch.
    """
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": str(os.cpu_count()),
    }
    for package in ("numpy", "scikit-learn", "keras", backend):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
