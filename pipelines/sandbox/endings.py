"""Why an execution ended before its last cell: one sentence each, with what to do next."""

import re
import signal

from pipelines.sandbox.outputs import of_the_cell, plain
from pipelines.sandbox.watching import amount


class Ended(Exception):
    """The execution is over; the text says why."""

    @property
    def reason(self) -> str:
        return str(self)


def raised(number: int, error: str, message: str) -> Ended:
    """An exception in a cell."""
    if error == "OSError" and "[Errno 27]" in message:
        return Ended(f"cell {number} wrote a larger file than it may ({plain(message, 300)})")
    said = plain(of_the_cell(message), 500).replace("\n", " ")
    return Ended(f"cell {number} raised {error}" + (f": {said}" if said else ""))


def took_too_long(number: int, seconds: float) -> Ended:
    return Ended(
        f"took more than its {seconds:g} s, and was ended in cell {number}: make it faster, or raise "
        "`time_limit` in kernel.yaml"
    )


def printed_too_much(number: int, most: int) -> Ended:
    return Ended(f"printed more than {amount(most)} and was ended in cell {number}: print less")


def exited(number: int) -> Ended:
    return Ended(f"ended its process in cell {number} (exit() or quit()): remove that")


def died(number: int, code: int | None) -> Ended:
    """Its process is gone.

    Args:
        number: the cell that ran.
        code: exit status; below 0, or above 128, it was ended by a signal.
    """
    ending = None if code is None else -code if code < 0 else code - 128 if code > 128 else None
    if ending is None:
        return Ended(
            f"ended its process in cell {number} (exit status {code}): remove what ends it"
        )
    if ending == signal.SIGKILL:
        return Ended(
            f"its process was killed in cell {number} (SIGKILL), most likely because this machine ran out of "
            "memory: load less at a time"
        )
    return Ended(
        f"its process crashed in cell {number} ({_name(ending)}): a library failed below Python"
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def never_started(said: str) -> Ended:
    """Its process did not answer.

    Args:
        said: what it printed before.
    """
    lines = [line for line in plain(said).splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "it said nothing"
    missing = re.search(r"No module named '?ipykernel", last)
    advice = "its environment must have ipykernel" if missing else "see `pilsa doctor`"
    return Ended(f"its process did not start ({last}): {advice}")


def unreadable(number: int, error: Exception) -> Ended:
    """Its process sent what no kernel sends."""
    said = plain(f"{type(error).__name__}: {error}", 300)
    return Ended(f"its process sent a message that cannot be read, in cell {number} ({said})")
