"""A kernel of kernels/ in its quick setting, run as a plain script without any input."""

import os
import subprocess
import sys
from pathlib import Path

from pipelines.cells import conversion
from pipelines.values import kernel as kernels


def run(name: str, folder: Path, ending: str) -> tuple[str, set[str]]:
    """Run one kernel in `folder`/working.

    Args:
        ending: Python that is run after its last cell.

    Returns:
        What it prints, and the files and folders that it leaves, by their paths below the working folder.
    """
    kernel = kernels.load(name)
    quick = conversion.with_quick(conversion.from_percent(kernel.code), kernel.file.quick)
    working, script = folder / "working", folder / "script.py"
    working.mkdir()
    script.write_text(conversion.to_percent(quick) + ending, encoding="utf-8")
    environment = os.environ | {"MPLBACKEND": "agg", "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=working, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, {str(path.relative_to(working)) for path in working.rglob("*")}
