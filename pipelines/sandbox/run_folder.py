"""The folders of one execution: what the notebook may write to, and the sockets it is spoken to through."""

import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.errors import UserError
from pipelines.sandbox.task import Task

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PREFIX = "pilsa-notebook-"
_LONGEST = 107 - len("/k-5")  # bytes of a unix socket's path that Linux allows (macOS: 103)
_KAGGLE = re.compile(r"(?<![\w.])/kaggle/(input|output|working|temp)\b")
_AWKWARD = re.compile(r"['\"\\{}%\n]")  # would mean something else inside a string of the code


class RunFolder:
    """Makes the folders of a task beside its `input/` and `working/`, and removes the sockets in the end.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.sockets = Path()
        self._lock = -1

    @property
    def written(self) -> list[Path]:
        """Every folder that the notebook can write to."""
        return [
            *(self.task.folder / name for name in ("working", "output", "home", "tmp", "shm")),
            self.sockets,
        ]

    def __enter__(self) -> "RunFolder":
        task = self.task
        with disk_errors(task.folder):
            for name in ("input", "working", "output", "home/mlruns", "tmp", "shm"):
                (task.folder / name).mkdir(parents=True, exist_ok=True)
            _lend_font_list(task.folder / "home")
            if task.isolation.kind == "none":
                _mark_read_only(task.input)
        _remove_abandoned()
        self.sockets = _short_folder()
        # Held while this process lives: how another one knows that the folder is in use.
        self._lock = os.open(self.sockets, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.sockets, ignore_errors=True)
        os.close(self._lock)
        with suppress(OSError):
            (self.task.folder / "tmp" / self.sockets.name).rmdir()

    def show(self, notebook: "NotebookNode") -> None:
        """Where nothing can be mounted, write the real folders for Kaggle's into the code that is executed."""
        if self.task.isolation.kind != "none":
            return
        real = str(self.task.folder.absolute())
        # A relative path is right until the notebook changes its folder.
        start = ".." if _AWKWARD.search(real) else real
        folders = (
            ("input", "input"),
            ("output", "output"),
            ("working", "working"),
            ("temp", "tmp"),
        )
        places = {name: f"{start}/{folder}" for name, folder in folders}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.source = _KAGGLE.sub(lambda found: places[found[1]], cell.source)


def _short_folder() -> Path:
    """A new private folder, short enough for the names of sockets."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108
        if len(os.fsencode(parent)) + len(_PREFIX) + 9 <= _LONGEST:
            with disk_errors(Path(parent)):
                return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    raise UserError(f"TMPDIR must be a short path, found {tempfile.gettempdir()}: set TMPDIR=/tmp")


def _remove_abandoned() -> None:
    """Remove the sockets of processes of this user that were killed."""
    parents = {Path(tempfile.gettempdir()), Path("/tmp")}  # noqa: S108
    for path in (path for parent in parents for path in parent.glob(f"{_PREFIX}*")):
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                about = os.fstat(lock)
                is_new = time.time() - about.st_mtime < 60  # perhaps its owner is about to lock it
                if about.st_uid == os.getuid() and not is_new:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _mark_read_only(folder: Path) -> None:
    """Take the right to write from files. Folders keep it, or nobody could remove them afterwards."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def _lend_font_list(home: Path) -> None:
    """Give matplotlib its list of fonts, which takes it seconds to make in an empty home folder."""
    known = Path.home() / ".cache" / "matplotlib"
    own = home / ".cache" / "matplotlib"
    for path in known.glob("fontlist-v*.json"):
        own.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, own / path.name)
