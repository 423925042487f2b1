"""Work that outlives the process that did it: what is finished is kept under a key and not done twice.

DVC deletes a stage's outputs before it runs, so this lies in `.cache/pilsa/work/<key>/`. The key holds
everything that decides the numbers: the specs, our own code that they reach (comments and docstrings aside)
and the versions of the distributions that this code imports.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import numpy as np

from features import blocks
from pipelines.plumbing import paths, process, progress, sources
from pipelines.plumbing.atomic import content_hash, read_arrays, write_arrays
from pipelines.plumbing.errors import MemberFailed, PilsaError
from pipelines.training import fits
from pipelines.training.fits import Fit, FitSpec, Message

_BACKEND = Path("pipelines/training/backend.py")


def key(model: str, backend: str | None, competition: str, *engines: str, **what: Any) -> str:
    """The key of a model's work.

    Args:
        model: its name.
        backend: that it computes with; None for a model without one, which no backend's version concerns.
        competition: whose feature block counts; those of others do not.
        engines: further modules whose code decides what is done.
        what: all else that decides the numbers.
    """
    plugins = {"models": [model], "blocks": [blocks.name_of(competition)]}
    files = sources.closure(fits.__name__, *engines, plugins=plugins)
    if backend is not None:
        what["backend_code"] = sources.fingerprint([_BACKEND])
    own = [path for path in files if path != _BACKEND]
    return content_hash(
        {
            **what,
            "competition": competition,
            **sources.identity(own, *([backend] if backend else [])),
        }
    )


@contextmanager
def working(key: str, what: str) -> Iterator[Path]:
    """The folder of a job's work, held by one process at a time; a second one waits and says for whom."""
    folder = paths.work(key)
    with process.exclusive(folder / "lock", what):
        yield folder


@dataclass(frozen=True)
class Store:
    """Finished fits by name, in a folder that this process alone holds."""

    folder: Path

    def load(self, name: str) -> Fit | None:
        """A finished fit, or None where it is not finished.

        Raises:
            UserError: the file is damaged; deleting it repeats this one fit.
        """
        path = self.path(name)
        if not path.is_file():
            return None
        stored = read_arrays(path)
        rest = json.loads(str(stored.pop("rest")))
        parts = tuple(stored[f"part{number}"] for number in range(len(stored)))
        return Fit(parts, rest["history"], rest["seconds"])

    def save(self, name: str, fit: Fit) -> None:
        """Keep a fit, and drop what was half-finished of it."""
        parts = {f"part{number}": part for number, part in enumerate(fit.parts)}
        rest = json.dumps({"history": fit.history, "seconds": fit.seconds})
        write_arrays(self.path(name), {**parts, "rest": np.array(rest)})
        shutil.rmtree(self.unfinished(name), ignore_errors=True)

    def unfinished(self, name: str) -> Path:
        return self.path(name).with_suffix("")

    def path(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.npz"


def run_all(
    specs: Sequence[FitSpec], store: Store, processes: int = 1, title: str = ""
) -> list[Fit]:
    """Run every spec that is not finished, and keep each when it is.

    Args:
        specs: in the order in which their fits are wanted.
        store: of finished fits.
        processes: fits at a time; 1 runs them one after the other in this process. The bytes are the same.
        title: of the progress bar.

    Raises:
        MemberFailed: a fit failed, with its name; finished ones stay.
    """
    found: dict[str, Fit | None] = {spec.name: store.load(spec.name) for spec in specs}
    missing = [
        replace(spec, folder=store.unfinished(spec.name))
        for spec in specs
        if found[spec.name] is None
    ]
    with progress.bar(title, len(specs)) as bar:
        if len(missing) < len(specs):
            bar.step(f"{len(specs) - len(missing)} kept", advance=len(specs) - len(missing))
        for name, fit in _map(
            missing, processes, lambda said: bar.note(f"{said.fit}: {said.note}")
        ):
            store.save(name, fit)
            found[name] = fit
            bar.step(f"{name} done in {fit.seconds:.1f} s")
    return [done for spec in specs if (done := found[spec.name]) is not None]


def _map(
    specs: Sequence[FitSpec], processes: int, post: Callable[[Message], None]
) -> Iterator[tuple[str, Fit]]:
    """Each spec's name and fit as they are finished."""
    if processes == 1 or len(specs) < 2:
        yield from (_named(spec, post) for spec in specs)
        return
    from joblib import Parallel, delayed, parallel_config

    # Started anew and not forked: a fork would hold this process's locks, also after it was killed.
    manager = SyncManager(ctx=get_context("spawn"))
    manager.start(process.die_with_parent)
    with manager, ThreadPoolExecutor(1) as listener:
        queue = manager.Queue()
        listener.submit(_listen, queue, post)
        try:
            with parallel_config("loky", inner_max_num_threads=_threads()):
                yield from Parallel(processes, return_as="generator_unordered", batch_size=1)(
                    delayed(_in_another_process)(spec, queue) for spec in specs
                )
        except BrokenProcessPool:
            raise MemberFailed(
                f"every process must live until its fit ends, and one of {specs[0].model} was killed or ended itself, "
                "perhaps for lack of memory: set parallel: 1 in local.yaml"
            ) from None
        finally:
            queue.put(None)


def _threads() -> int:
    """As many as this process computes with: fewer or more would add up in another order."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit():
        return int(asked)
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _named(spec: FitSpec, post: Callable[[Message], None]) -> tuple[str, Fit]:
    try:
        return spec.name, fits.run(spec, post)
    except MemberFailed as error:
        raise MemberFailed(f"{spec.model} failed on {spec.name}: {error}") from error


def _in_another_process(spec: FitSpec, queue: Any) -> tuple[str, Fit]:
    _die_with_parent()
    try:
        return _named(spec, queue.put)
    except PilsaError:
        raise
    except Exception as error:  # of any class, which might not come through as it is
        said = f"{type(error).__name__}: {error}"
        raise RuntimeError(f"{spec.model} failed on {spec.name}: {said}") from None


@cache
def _die_with_parent() -> None:
    process.die_with_parent()


def _listen(queue: Any, post: Callable[[Message], None]) -> None:
    for message in iter(queue.get, None):
        post(message)
