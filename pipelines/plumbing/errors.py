"""Two families of errors: the user must act, or one member of many failed.

Every message says what must hold, what was found, and what to do next.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

_CONFLICT = re.compile(r"^(<{7} .*|={7}|>{7} .*)\r?$", re.MULTILINE)
_SHOWN = 12  # a table may have hundreds of columns


class PilsaError(Exception):
    """Base of everything that pilsa raises on purpose; its text is shown without a traceback."""


class UserError(PilsaError):
    """The user must act before anything can go on: a wrong key, a missing file, a full disk."""


class MemberFailed(PilsaError):
    """One model, method, trial or notebook failed; the others go on and this one is shown failed."""


def refuse_conflict(path: Path, text: str, instead: str | None = None) -> None:
    """Raise UserError where git has left both sides of a merge in a file, given with its text.

    Args:
        instead: of taking one side from git, which a file that git ignores has not.
    """
    whole = instead or f"take one side whole (git checkout --ours {path}, or --theirs)"
    if found := _CONFLICT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UserError(
            f"{path} must be merged, and line {line} is a conflict marker of git ({found[1][:40]}): keep the "
            f"lines that are right and delete the markers, or {whole}"
        )


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the nearest known name, or the first of those that are known."""
    names = sorted({str(name) for name in known})
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(str(found).casefold(), by_folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {by_folded[near[0]]!r}?"
    more = f" … ({len(names)} in all)" if len(names) > _SHOWN else ""
    return f"; known: {', '.join(names[:_SHOWN]) or 'none'}{more}"
