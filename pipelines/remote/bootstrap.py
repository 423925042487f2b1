"""The end of every script that is pushed: unpack what stands above it and run it. It needs nothing but Python."""

import base64
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def start(packed: str) -> None:
    """Unpack a job beside the working folder and run its fits in a process of their own.

    Args:
        packed: the zip, as base64.

    Raises:
        SystemExit: the process failed; what it said was printed.
    """
    working = Path("/kaggle/working")
    out = (working if working.is_dir() else Path.cwd()) / "pilsa"
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))) as archive:
            archive.extractall(temporary)
        environment = os.environ | {"PYTHONPATH": f"{temporary}/code", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "pipelines.remote.executing", temporary, str(out)]
        child = subprocess.Popen(
            command, env=environment, cwd=temporary, text=True, encoding="utf-8", errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
        if child.wait():
            raise SystemExit(f"the fits ended with exit status {child.returncode}")
