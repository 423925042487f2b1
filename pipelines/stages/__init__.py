"""Stages: one file per stage of dvc.yaml. Read parameters and files, call the engine, write files."""

import inspect
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from pipelines.core import paths, process
from pipelines.core.errors import PilsaError, UserError
from pipelines.core.schema import NAME
from pipelines.tracking import failures


def run(stage: Callable[..., None], arguments: Sequence[str] | None = None) -> int:
    """Run a stage as DVC does, and say in its exit status whether it worked.

    One process at a time works on a stage of one repository; it dies with the one that started it. A
    failure leaves its reason in `.cache/pilsa/failures/`, where `pilsa scores` finds it, and no output.

    Args:
        stage: its parameters are the command line's arguments, all of them names.
        arguments: the command line without the program; by default that of this process.
    """
    _die_when_told()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _check(stage, given)
        with process.exclusive(
            _lock_file(stage.__name__, given), f"{stage.__name__} {' '.join(given)}"
        ):
            return _run(stage, given)
    except UserError as error:
        print(f"{stage.__name__}: {error}", file=sys.stderr)
        return 1
    except process.Killed as killed:
        print(f"{stage.__name__} {' '.join(given)}: stopped by {killed}", file=sys.stderr)
        return killed.exit_code


def _die_when_told() -> None:
    """Let SIGTERM, Ctrl-C and the death of the parent raise Killed, wherever they meet this process.

    A signal may arrive inside a finalizer or a weakref's callback (of TensorFlow thousands run per epoch).
    What is raised there is only printed, and the process would go on, deaf to every further signal: so the
    same signal is sent again a moment later.
    """
    process.raise_on_signals()
    process.die_with_parent()
    shown = sys.unraisablehook

    def insist(unraisable: "sys.UnraisableHookArgs") -> None:
        killed = unraisable.exc_value
        if not isinstance(killed, process.Killed):
            shown(unraisable)
            return
        process.raise_on_signals()
        again = threading.Timer(0.1, os.kill, (os.getpid(), killed.signal_number))
        again.daemon = True
        again.start()

    sys.unraisablehook = insist


@contextmanager
def all_or_nothing(*outputs: Path) -> Iterator[None]:
    """Remove every output of a stage whose block does not end well.

    DVC leaves what a failed stage wrote, and a stage that depends on the whole folder would take it for a
    result.
    """
    try:
        yield
    except BaseException:
        for path in outputs:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise


def _run(stage: Callable[..., None], given: list[str]) -> int:
    try:
        stage(*given)
    except PilsaError as error:
        reason = str(error)
    except (
        Exception
    ) as error:  # anything else is a fault of ours: show where, and let the others go on
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    else:
        failures.forget(stage.__name__, *given)
        return 0
    print(f"{stage.__name__} {' '.join(given)}: {reason}", file=sys.stderr)
    failures.remember(reason, stage.__name__, *given)
    return 1


def _check(stage: Callable[..., None], given: list[str]) -> None:
    wanted = list(inspect.signature(stage).parameters)
    if len(given) != len(wanted):
        usage = f"python -m pipelines.stages.{stage.__name__} {' '.join(wanted).upper()}"
        raise UserError(f"the stage takes {len(wanted)} names, found {len(given)}: {usage}")
    for name in given:
        if not all(NAME.fullmatch(part) for part in name.split("/")):
            raise UserError(
                f"names must be letters, digits, Hangul, '_' or '-', found {name!r}: change params.yaml"
            )


def _lock_file(stage: str, given: list[str]) -> Path:
    place = sha256(str(paths.root()).encode()).hexdigest()[:8]
    return paths.cache() / "locks" / f"{place}-{failures.file_name(stage, *given)}"
