"""The parameters of a run: flat, short enough to be read, and without secrets."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pipelines.plumbing.secrets import kind_given, masked
from pipelines.tracking.reasons import writable

Plain = str | int | float | bool | None
_HUGE = 1e300  # beyond: infinity, nan, and integers longer than Python writes
_LONGEST = 500  # characters of one value
_MOST = 100  # entries of a mapping that become parameters of their own


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, Plain]:
    """A nested mapping as a flat one: `{"a": {"b": 1}}` → `{"a.b": 1}`.

    What JSON has no value for becomes text: a list, infinity, NaN. Long text is cut, and says how long it was.
    """
    found: dict[str, Plain] = {}
    for key, value in parameters.items():
        name = f"{prefix}{writable(key)}"
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, Mapping) and 0 < len(value) <= _MOST:
            found |= flat(value, f"{name}.")
        elif value is None or (isinstance(value, int | float) and abs(value) < _HUGE):
            found[name] = value
        else:
            found[name] = _text(name.rpartition(".")[2], value)
    return found


def _text(name: str, value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        parts = [writable(item) for item in value]
        # Python orders the texts of a set anew in every process.
        text = ", ".join(sorted(parts) if isinstance(value, set | frozenset) else parts)
        size = f"{len(parts)} values"
    else:
        text = writable(value)
        size = f"{len(text)} characters"
    text = "***" if kind_given(name, text) else masked(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({size})"
