"""The keys of the session that starts a notebook (Kerberos tickets, disk passphrases) stay outside."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.sandbox import isolate

SCRIPT = """
import asyncio, ctypes, os, sys
from pathlib import Path
import nbformat
from pipelines.sandbox import isolate, runner
from pipelines.sandbox.task import Limits, Task

libc = ctypes.CDLL(None)
KEYCTL, ADD_KEY = {"x86_64": (250, 248), "aarch64": (219, 217)}[os.uname().machine]
if libc.syscall(KEYCTL, 1, None) < 0 or libc.syscall(ADD_KEY, b"user", b"ticket", b"secret", 6, -3) < 0:
    sys.exit("no keys here")
SEARCH = f"import ctypes; print('found', ctypes.CDLL(None).syscall({KEYCTL}, 10, -3, b'user', b'ticket', 0) > 0)"
exec(SEARCH)  # of this session's own
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SEARCH)])
folder = Path(sys.argv[1])
for name in ("input", "working"):
    (folder / name).mkdir()
task = Task(notebook, folder, Path(sys.executable), Limits(seconds=60), isolate.detect(False))
done = asyncio.run(runner.execute(task))
print(done.status, done.notebook.cells[0].outputs[0].text)
"""


@pytest.mark.skipif(
    isolate.detect(False).kind == "none" or platform.machine() not in ("x86_64", "aarch64"),
    reason="nothing can isolate a notebook on this machine (bubblewrap, user namespaces)",
)
def test_a_notebook_does_not_inherit_the_sessions_keys(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if "no keys here" in done.stderr:
        pytest.skip("this machine's kernel lets no process have keys")
    assert done.stdout.split() == ["found", "True", "FINISHED", "found", "False"], done.stderr
