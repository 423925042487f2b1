"""What stops this process must stop its notebooks, wherever in an event loop it is raised.

A signal raises Killed in whatever runs at that moment. Raised inside a callback of the loop it would only be
printed, inside a task that nobody waits for it would be lost: this process would go on, deaf to signals.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

End = Callable[[BaseException], None]
_ENDS: set[End] = set()  # one for every notebook that runs


def is_stop(error: BaseException) -> bool:
    """Whether an exception is to stop this process, not one task."""
    return not isinstance(error, Exception | asyncio.CancelledError | GeneratorExit)


@contextmanager
def heeded(end: End) -> Iterator[None]:
    """For the length of the block call `end` with what is raised inside any callback of the running loop."""
    _listen(asyncio.get_running_loop())
    _ENDS.add(end)
    try:
        yield
    finally:
        _ENDS.discard(end)


@contextmanager
def passed_on(end: End) -> Iterator[None]:
    """Call `end` with what stops this process and is raised in the block, and let it go on."""
    try:
        yield
    except BaseException as error:
        if is_stop(error):
            end(error)
        raise


def _listen(loop: asyncio.AbstractEventLoop) -> None:
    before = loop.get_exception_handler()
    if getattr(before, "heeds_stops", False):
        return

    def heed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException) and is_stop(error):
            for end in list(_ENDS):
                end(error)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    heed.heeds_stops = True  # type: ignore[attr-defined]
    loop.set_exception_handler(heed)
