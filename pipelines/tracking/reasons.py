"""Why a run ended, in words that may be committed and shown: short, and without secrets."""

from typing import Any

from pipelines.plumbing.errors import PilsaError
from pipelines.plumbing.secrets import masked

_LENGTH = 500


def of(error: BaseException) -> str:
    """Why a run ended, in at most 500 characters and without secrets."""
    text = str(error)
    if not isinstance(error, PilsaError) or not text:
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return shown(text)


def shown(text: str) -> str:
    """The first 500 characters, without secrets."""
    # A secret that the cut went through would no longer be recognised, so the cut comes last.
    return masked(writable(text))[:_LENGTH]


def writable(value: Any) -> str:
    """Any value as text that a file takes: without half of a surrogate pair or a number of 5000 digits."""
    try:
        return str(value).encode("utf-8", "replace").decode()
    except ValueError:
        return "a number too long to be written"
