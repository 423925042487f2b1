"""The members' kernels at a glance, without running any."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipelines.cells import conversion
from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import one_line
from pipelines.plumbing.schema import validate
from pipelines.transcription import originals
from pipelines.values import kernel
from pipelines.values.kernel import NOTES, Kernel

BROKEN = "broken"
CHANGED = "changed since"  # the scores are of another kernel.py, or of other settings
_APART = ("settings", "result", "changed")  # what `describe` found that has lines of its own


class _Shown(BaseModel):
    """What is shown of a result.json, also of an older pilsa's: what it lacks is None, what it has must fit."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    status: str
    metric: str | None = None
    fold0: float | None = None
    cv_mean: float | None = None
    cv_std: float | None = None
    fold_scores: list[float | None] | None = None
    marks: list[str] | None = None
    reason: str | None = None
    kernel: dict[str, Any] | None = None


@dataclass(frozen=True)
class Line:
    """One kernel in `pilsa kernel list`.

    Attributes:
        status: of result.json: FINISHED, FAILED or KILLED; `not run` without one; `broken` where kernel.yaml
            or result.json cannot be read.
        fold0, cv_mean: of the last run; None where there is none.
        marks: of the record; and `changed since`, where the kernel was.
        reason: why it failed or is broken.
    """

    name: str
    kind: str
    competition: str | None
    week: int | None
    platform: str
    author: str | None
    status: str
    fold0: float | None = None
    cv_mean: float | None = None
    marks: tuple[str, ...] = ()
    reason: str | None = None


def listing(competition: str | None = None, member: str | None = None) -> list[Line]:
    """Every kernel, in alphabetical order; a broken one is shown as broken, with its reason.

    Args:
        competition, member: only theirs.
    """
    lines = [_line(name) for name in kernel.names() if member in (None, name.partition("/")[0])]
    return [line for line in lines if competition in (None, line.competition)]


def _line(name: str) -> Line:
    try:
        found = kernel.load(name)
    except UserError as error:
        shown = one_line(name)  # a folder's name may be in no encoding
        return Line(shown, "?", None, None, "?", None, BROKEN, reason=str(error))
    try:
        result = result_of(found)
    except UserError as error:
        result = {"status": BROKEN, "reason": str(error)}
    file = found.file
    said: dict[str, Any] = {"status": "not run"} if result is None else result
    marks = [*(said.get("marks") or ()), *([CHANGED] if is_changed(found, result) else [])]
    return Line(
        name, file.kind, file.competition, file.week, file.source.platform, file.source.author,
        said["status"], said.get("fold0"), said.get("cv_mean"), tuple(marks), said.get("reason"),
    )  # fmt: skip


def result_of(found: Kernel) -> dict[str, Any] | None:
    """The committed result.json; None where the kernel was never run.

    Raises:
        UserError: it is no file, no JSON, not a mapping, or what is shown of it does not fit.
    """
    path = found.folder / "result.json"
    if not os.path.lexists(path):
        return None
    again = "delete it and run the kernel again"
    try:
        content = atomic.read_json(path)
        # Neither NaN, which is no JSON, nor half of a surrogate pair can be printed.
        json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
    except (OSError, RecursionError, ValueError) as error:
        raise UserError(f"{path} must be JSON and cannot be read ({error}): {again}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} must be a record, and is not: {again}")
    try:
        validate(_Shown, content, str(path.relative_to(paths.root())))
    except UserError as error:
        raise UserError(f"{error}, or {again}") from None
    return content


def is_changed(found: Kernel, result: Mapping[str, Any] | None) -> bool:
    """Whether a result is known to be of other code, or of other settings, than the kernel has now."""
    facts = (result or {}).get("kernel")
    then = facts.get("code_hash") if isinstance(facts, Mapping) else None
    return then is not None and then != found.code_hash


def describe(name: str) -> dict[str, Any]:
    """All that is known of a kernel without running it, for `pilsa kernel show`.

    Returns:
        name, folder, settings (kernel.yaml), cells (counts by kind), broken (code cells that are no Python),
        notes (heading → whether anything stands below it), original (committed, here, or missing), result,
        changed (whether the result is of the code before).

    Raises:
        UserError: there is no such kernel, or a file of it cannot be read.
    """
    found = kernel.load(name)
    notebook = conversion.from_percent(found.code)
    kinds = [cell.cell_type for cell in notebook.cells]
    result = result_of(found)
    return {
        "name": name,
        "folder": str(found.folder.relative_to(paths.root())),
        "settings": found.file.model_dump(mode="json", exclude_none=True),
        "cells": {kind: kinds.count(kind) for kind in ("code", "markdown")},
        "broken": [str(cell) for cell in conversion.broken_cells(notebook)],
        "notes": {heading: bool(text) for heading, text in notes(found.folder).items()},
        "original": _whereabouts(found),
        "result": result,
        "changed": is_changed(found, result),
    }


def as_lines(found: Mapping[str, Any]) -> list[str]:
    """What `describe` found, as lines for a terminal; what is empty is left out.

    Such as `notes: 특징 ✓, 질문 (empty)`, and `W: printed 0.0792 ± 0.048` for a claim.
    """
    known = {key: value for key, value in found.items() if key not in _APART}
    settings = dict(found["settings"])
    known["notes"] = [
        f"{heading} {'✓' if is_written else '(empty)'}"
        for heading, is_written in found["notes"].items()
    ]
    settings["claims"] = [_claim(*claim) for claim in settings.get("claims", {}).items()]
    lines = [
        f"{key}: {_line_of(value)}"
        for key, value in {**known, **settings}.items()
        if value not in (None, [], {}, "")
    ]
    lines.append(_result_line(found["result"]))
    if found["changed"]:
        lines.append(
            f"{CHANGED}: the result is of the code or the settings before: `pilsa kernel run {found['name']}`"
        )
    return [one_line(line) for line in lines]


def _claim(name: str, claim: Mapping[str, Any]) -> str:
    tolerance = f" ± {claim['tolerance']:g}" if claim.get("tolerance") else ""
    return f"{name} printed {claim['printed']:g}{tolerance}"


def _line_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key} {item}" for key, item in value.items() if item not in (None, "", [])
        )
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _result_line(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "result: not run yet"
    parts = [str(result["status"])]
    if result.get("metric") is not None:  # a study kernel has no score
        fold0, cv = result.get("fold0"), result.get("cv_mean")
        parts.append(f"fold 0 {'–' if fold0 is None else f'{fold0:.4f}'}")
        parts.append("no CV" if cv is None else f"CV {cv:.4f}")
    parts += [f"marked: {mark}" for mark in result.get("marks") or ()]
    parts += [str(result["reason"])] if result.get("reason") else []
    return f"result: {', '.join(parts)}"


def _whereabouts(found: Kernel) -> str | None:
    """Where the original is; None for own work."""
    if found.file.source.platform == "own":
        return None
    if (found.folder / originals.COMMITTED).is_file():
        return "committed"
    return "here" if originals.load(found.file.source) is not None else "missing"


def notes(folder: Path) -> dict[str, str]:
    """What notes.md says under each heading; empty where it says nothing, or where there is no file."""
    path = folder / "notes.md"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    found, current = dict.fromkeys(NOTES, ""), None
    for line in text.splitlines():
        title = line.lstrip("#").strip()
        if line.startswith("#") and title in found:
            current = title
        elif current is not None:
            found[current] += line + "\n"
    return {heading: text.strip() for heading, text in found.items()}
