"""What shall go wrong, on request: a status instead of an answer, a cut, a wait, a wrong byte, a lost reply."""

import threading

from pydantic import Field

from pipelines.plumbing.schema import Strict


class Fault(Strict):
    """One thing that goes wrong.

    Attributes:
        op: where: an operation such as `ListDataFiles` or `CreateSubmission`; `GET` (a file), `PUT` (an upload),
            `dacon`, or `grade`.
        times: how often.
        status, message: answered instead; of `grade` the message becomes a submission's error.
        retry_after: seconds, sent along with the status.
        drop_after: bytes of a file after which the connection is cut.
        wait: seconds before anything happens.
        rate: bytes of a file a second, as over a slow line.
        wrong_byte: one byte of the file differs, its size does not.
        lose_reply: what was asked is done, and the connection is cut instead of an answer.
        html: a web page is answered with status 200, as from a login page in between.
    """

    op: str
    times: int = Field(default=1, ge=1)
    status: int | None = Field(default=None, ge=400, le=599)
    message: str = "asked for by a fault"
    retry_after: int | None = None
    drop_after: int | None = Field(default=None, ge=0)
    wait: float = Field(default=0, ge=0, le=600)
    rate: float | None = Field(default=None, gt=0)
    wrong_byte: bool = False
    lose_reply: bool = False
    html: bool = False


class Faults:
    """The faults that are still to come; each counts down by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._left.append((fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def take(self, op: str) -> Fault:
        """What goes wrong with this call: one that changes nothing where nothing does."""
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if fault.op == op:
                    self._left[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return Fault(op=op)
