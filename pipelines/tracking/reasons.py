"""Why a run ended, in words that may be committed and shown: short, and without secrets."""

import os
import re
from typing import Any

from pipelines.plumbing.errors import PilsaError

_LENGTH = 500
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|CREDENTIAL|AUTH(?!OR)|COOKIE|(^|_)(API_?)?KEY(_|$)", re.I
)
_SECRET_TEXT = re.compile(
    r"(?i:\bbearer\s+|\b[\w-]*(?:token|secret|password|api[_-]?key|authorization)[\"']?\s*[:=]\s*(?:bearer\s+|basic\s+)?)[\"']?[^\s\"',;&]+"
    r"|://[^/\s@]+@"
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])\w{32,}\b"
)


def of(error: BaseException) -> str:
    """Why a run ended, in at most 500 characters and without secrets."""
    text = str(error)
    if not isinstance(error, PilsaError) or not text:
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return shown(text)


def shown(text: str) -> str:
    """The first 500 characters, without what looks like a token and without secrets of the environment."""
    text = writable(text)
    # A secret that the cut went through would no longer be recognised, so the cut comes last.
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= 4:
            text = text.replace(value, "***")
    return _SECRET_TEXT.sub("***", text)[:_LENGTH]


def writable(value: Any) -> str:
    """Any value as text that a file takes: without half of a surrogate pair or a number of 5000 digits."""
    try:
        return str(value).encode("utf-8", "replace").decode()
    except ValueError:
        return "a number too long to be written"
