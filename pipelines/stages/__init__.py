"""Stages: one file per stage of dvc.yaml. Read parameters and files, call the engine, write files."""

import argparse
import inspect
import shutil
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pipelines.plumbing import paths, process, stage_deps
from pipelines.plumbing.errors import PilsaError, UserError
from pipelines.plumbing.printing import say
from pipelines.plumbing.schema import NAME
from pipelines.tracking import failures


def run(stage: Callable[..., None], arguments: Sequence[str] | None = None) -> int:
    """Run a stage as DVC does, and say in its exit status whether it worked.

    One process at a time works on a stage of one repository; it dies with the one that started it. A
    failure leaves its reason in `.cache/pilsa/failures/`, where `pilsa scores` finds it, and no output.

    Args:
        stage: its parameters are names, and the options of its command line: `--competition digits`.
        arguments: their values; by default those of the command line.
    """
    process.raise_on_signals()
    process.die_with_parent()
    given = _command_line(stage) if arguments is None else list(arguments)
    try:
        _check(given)
        stage_deps.check(stage.__name__, dict(zip(_names_of(stage), given, strict=True)))
        with process.exclusive(
            _lock_file(stage.__name__, given), f"{stage.__name__} {' '.join(given)}"
        ):
            return _run(stage, given)
    except UserError as error:
        say(f"{stage.__name__}: {error}", is_error=True)
        return 1
    except process.Killed as killed:
        say(f"{stage.__name__} {' '.join(given)}: stopped by {killed}", is_error=True)
        return killed.exit_code


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
    # Written first: a process that is killed, of memory for one, can say nothing any more.
    since = f"{datetime.now():%Y-%m-%d %H:%M}"
    failures.remember(
        f"started {since} and has not ended: it is running, or was killed", stage.__name__, *given
    )
    try:
        stage(*given)
    except process.Killed:
        failures.forget(stage.__name__, *given)
        raise
    except PilsaError as error:
        reason = str(error)
    except Exception as error:
        # Anything else is a fault of ours: show where, and let the others go on.
        say(traceback.format_exc(), is_error=True)
        reason = f"{type(error).__name__}: {error}"
    else:
        failures.forget(stage.__name__, *given)
        return 0
    say(f"{stage.__name__} {' '.join(given)}: {reason}", is_error=True)
    failures.remember(reason, stage.__name__, *given)
    return 1


def _command_line(stage: Callable[..., None]) -> list[str]:
    """The values of the stage's options, in the order of its parameters.

    Options and not positions, since DVC writes them itself: `${item}` in a `cmd` becomes `--name value`
    with each value quoted, so that no name in params.yaml can be more than a name to the shell.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m pipelines.stages.{stage.__name__}", description=stage.__doc__
    )
    for name in _names_of(stage):
        parser.add_argument(f"--{name}", required=True, help=f"name of the {name}")
    return list(vars(parser.parse_args()).values())


def _names_of(stage: Callable[..., None]) -> list[str]:
    return list(inspect.signature(stage).parameters)


def _check(given: list[str]) -> None:
    for name in given:
        if not all(NAME.fullmatch(part) for part in name.split("/")):
            raise UserError(
                f"names must be letters, digits, Hangul, '_' or '-', found {name!r}: change params.yaml"
            )


def _lock_file(stage: str, given: list[str]) -> Path:
    place = sha256(str(paths.root()).encode()).hexdigest()[:8]
    return paths.cache() / "locks" / f"{place}-{failures.file_name(stage, *given)}"
