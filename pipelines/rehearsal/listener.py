"""What only the notebook's own process can tell: which files it missed, whom it wanted to reach, what it started.

This file is read as text by `events.py` and executed in the notebook's process before its first cell, in a namespace
of its own. The notebook's environment may be years old: only the standard library is imported, and whatever fails
here is passed over, so that listening changes nothing. Python tells (`sys.addaudithook`) also what the notebook
catches and says nothing of.
"""

import json
import os
import re
import sys
from typing import Any

_MOST = 2000
_MOST_FUNCTIONS = 40
_LOCAL = ("localhost", "127.", "::1", "0.0.0.0", "kernel")  # noqa: S104 - nothing is bound
_CLIENTS = ("kagglehub", "kaggle")
_CELL = re.compile(r"/ipykernel_\d+/|^<ipython-input")  # the files that cells are compiled as
_TABLES = (".csv", ".parquet", ".json", ".zip")


class Listener:
    """Writes a JSON object a line into the home folder.

    `event`; `what`: a path, a host, a command or a module; `cell`: how many cells have been executed, this one
    counted; `line` of that cell; `through`: the functions between the cell and the event, the nearest first.

    Args:
        given_away: folders of packages that hold the competition's answers.
    """

    def __init__(self, given_away: list[str]) -> None:
        self._path = os.path.expanduser("~/rehearsal.jsonl")  # noqa: PTH111
        self._write(b"")
        self._inputs = (os.path.abspath("../input"), "/kaggle/input")  # noqa: PTH100
        self._given_away = tuple(f"/site-packages/{name}" for name in given_away)
        self._left, self._is_busy = _MOST, False
        self._seen = {*sys.stdlib_module_names, *sys.modules}

    def hook(self, event: str, given: tuple[Any, ...]) -> None:
        if self._is_busy or self._left <= 0:
            return
        self._is_busy = True
        try:
            self._heard(event, given)
        except Exception:  # noqa: S110 - what listens must not disturb
            pass
        finally:
            self._is_busy = False

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            self._looked_for(given[0], given[1])
        elif event in ("os.listdir", "os.scandir"):
            self._looked_for(given[0], "r")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            self._reached(given[0])
        elif event in ("socket.connect", "socket.sendto") and isinstance(given[1], tuple):
            self._reached(given[1][0])
        elif event == "urllib.Request" and not given[0].startswith(("file:", "data:")):
            self._note("network", given[0])
        elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
            words = given[1] if isinstance(given[1], list | tuple) else [given[1]]
            self._note("command", " ".join(os.fsdecode(word) for word in words))
        elif event == "os.system":
            self._note("command", os.fsdecode(given[0]))
        elif event == "import":
            self._imported(given[0])

    def _imported(self, name: str) -> None:
        top = name.partition(".")[0]
        if top in _CLIENTS:
            self._note("client", name)
        elif name == top and top not in self._seen:
            self._seen.add(top)
            self._note("import", name)

    def _looked_for(self, path: Any, mode: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        if isinstance(mode, str) and mode[:1] in ("w", "a", "x"):
            if full.lower().endswith(_TABLES):
                self._note("written", full)
            return
        is_input = full.startswith(self._inputs) or any(name in full for name in self._given_away)
        if is_input and not os.path.lexists(full):
            self._note("missing", full)

    def _reached(self, host: Any) -> None:
        name = os.fsdecode(host) if isinstance(host, bytes) else str(host)
        if name not in ("", "None") and not name.startswith(_LOCAL):
            self._note("network", name)

    def _note(self, event: str, what: str) -> None:
        """Only what a cell does itself: not another thread, and not a library while it is being imported."""
        line, through, is_importing = _place()
        if line is None or (is_importing and event not in ("client", "import")):
            return
        if event == "import" and any("importlib" not in each for each in through):
            return  # a library's own need
        # `execution_count` is raised before the cell by some versions of IPython, by others after it.
        inputs = sys.modules["IPython"].get_ipython().history_manager.input_hist_raw
        told = {"event": event, "what": what[:500], "cell": len(inputs) - 1, "line": line}
        self._write(json.dumps({**told, "through": through}).encode() + b"\n")
        self._left -= 1

    def _write(self, line: bytes) -> None:
        # Opened anew each time: what a shell is started from closes every file first.
        log = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.write(log, line)
        os.close(log)


def _place() -> tuple[int | None, list[str], bool]:
    """The line of the running cell, the functions that it goes through, and whether it imports something."""
    frame: Any = sys._getframe(1)
    line, through, inner, is_importing = None, list[str](), 0, False
    while frame is not None:
        name = frame.f_code.co_filename
        if _CELL.search(name):
            line, inner = frame.f_lineno, len(through)
        is_importing |= line is None and "importlib" in name
        through.append(f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_name}")
        frame = frame.f_back
    own = [each for each in through[:inner] if not each.startswith(f"{__name__}.")]
    return line, own[:_MOST_FUNCTIONS], is_importing


def listen(has_gpu: bool, given_away: list[str]) -> None:
    """Begin; where the site has no graphics processor, what is imported later shall find none."""
    if not has_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    sys.addaudithook(Listener(given_away).hook)
