"""Secrets in a notebook: where they stand and of what kind, never what they are."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.cells import conversion

if TYPE_CHECKING:
    from nbformat import NotebookNode

_KINDS = {
    "a Kaggle token": re.compile(r"\bKGAT_\w{16,}|[\"']key\\?[\"']\s*:\s*\\?[\"'][0-9a-f]{32}\b"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "an access token": re.compile(
        r"\b(?:gh[pousr]_[0-9A-Za-z]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|hf_[0-9A-Za-z]{30,}|sk-(?=[\w-]{0,60}\d)[\w-]{20,}"
        r"|AIza[\w-]{35}|xox[abprs]-[\w-]{10,}|ya29\.[\w-]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
        r"|(?i:\bbearer\s+(?=\S*\d)[\w.~+/-]{16,})"
    ),
    "a password": re.compile(r"://[^/\s:@\"'{}<]+:[^/\s:@\"'{}<]+@"),
}
# A name, perhaps as the key of a mapping, and the text given to it. What of it is a secret, `_is_given` says.
# Bounded on both sides, so that a printed megabyte without spaces costs no more than its length.
_GIVEN = re.compile(
    r"(?<!\w)(?P<name>[A-Za-z_]\w{0,60})\\?[\"']?\]?\s{0,9}(?::\s{0,9}str\s{0,9}=|[:=](?!=))\s{0,9}[rbuf]{0,2}"
    r"\\?[\"'](?P<text>[^\"'\n\\]{4,500})\\?[\"']"
)
# `%env KAGGLE_KEY=…`, `!export KAGGLE_KEY=…`: no quotes there, and in kernel.py a `#` before it.
_COMMAND = re.compile(r"(?m)^\s*(?:#\s*)?[%!].*$")
_EXPORTED = re.compile(r"(?<!\w)(?P<name>[A-Za-z_]\w{0,60})[= ](?=(?P<text>[^\s\"'$]{4,500}))")
_PASSWORD = re.compile(r"(?i)(?:^|_)(?:pass(?:word|wd|phrase)?|pwd|secret|credentials?)$|password$")
_TOKEN = re.compile(r"(?i)(?:token|api_?key|access_?key|auth)(?:_?id)?$|secret_|kaggle_key$")
_KEY = re.compile(r"(?i)(?:^|_)key$")
_PLACEHOLDER = re.compile(
    r"(?i)^[<{\[$%]|\.\.\.|…|\*\*\*|xxxx|^my[_-]|your|example|dummy|changeme|placeholder|^(?:none|null|true|false)$"
)
# A variable of the environment whose value must stand nowhere.
_ENVIRONMENT = re.compile(r"(?i)TOKEN|SECRET|PASSW|CREDENTIAL|AUTH(?!OR)|(^|_)(API_?)?KEY(_|$)")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Secret:
    """Where a secret stands.

    Attributes:
        where: source (`number` = line of kernel.py, from 1), output (`number` = code cell, from 1), or notes
            (`number` = line of notes.md).
        kind: `a Kaggle token`, `an AWS key`, `a private key`, `an access token`, `a password`, or
            `a value of this machine's environment`.
    """

    where: Literal["source", "output", "notes"]
    number: int
    kind: str


def search(code: str, executed: "NotebookNode | None", notes: str | None) -> list[Secret]:
    """Every place that seems to hold a secret, the source's first.

    Args:
        code: of kernel.py.
        executed: the notebook whose outputs are read; None has none.
        notes: of notes.md.
    """
    found = [Secret("source", line, kind) for line, kind in _in_text(code)]
    found += [Secret("notes", line, kind) for line, kind in _in_text(notes or "")]
    cells = [] if executed is None else conversion.code_cells(executed)
    for number, cell in enumerate(cells, start=1):
        kinds = {kind for output in cell.get("outputs", []) for kind in _in_output(output)}
        found += [Secret("output", number, kind) for kind in sorted(kinds)]
    return found


def _in_text(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        yield from ((number, kind) for kind in _kinds(line, is_written=True))


def _in_output(output: Any) -> Iterator[str]:
    """Kinds in what one output shows as text; pictures hold none, and pages made by libraries no names."""
    data = output.get("data", {})
    written = [output.get("text", ""), output.get("evalue", ""), data.get("text/plain", "")]
    written.append("\n".join(output.get("traceback", [])))
    for text in written:
        yield from _kinds(_ANSI.sub("", _joined(text)), is_written=True)
    for kind, text in data.items():
        if kind != "text/plain" and not kind.startswith("image/"):
            yield from _kinds(_joined(text), is_written=False)


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def _kinds(text: str, *, is_written: bool) -> list[str]:
    """Kinds of secrets in a text; `is_written`: by a person, so that the names in it mean something."""
    found = [kind for kind, pattern in _KINDS.items() if _is_real(pattern.search(text))]
    if not found and is_written:  # what is known by its form needs no name
        given = list(_GIVEN.finditer(text))
        for command in _COMMAND.findall(text):
            given += _EXPORTED.finditer(command)
        named = {_is_given(match["name"], match["text"]) for match in given}
        found = sorted(kind for kind in named if kind is not None)
    if not found and any(value in text for value in _environment()):
        return ["a value of this machine's environment"]
    return found


def _is_real(match: "re.Match[str] | None") -> bool:
    return match is not None and not _PLACEHOLDER.search(match[0])


def _is_given(name: str, text: str) -> str | None:
    """The kind of secret that a name was given, or None: `pad_token = "[PAD]"` is none."""
    is_path = text.startswith(("/", "./", "../", "~"))
    if is_path or " " in text or text == name or _PLACEHOLDER.search(text):
        return None
    if _PASSWORD.search(name):
        return "a password"
    if not (re.search(r"\d", text) and re.search(r"[A-Za-z]", text)):
        return None
    if _TOKEN.search(name) and re.fullmatch(r"[\w.+/=~:-]{16,}", text):
        return "an access token"
    # `key` names many things that are none: only what looks drawn at random counts.
    is_random = re.fullmatch(r"[0-9A-Za-z+/=]{20,}", text) is not None
    return "an access token" if _KEY.search(name) and is_random else None


def _environment() -> list[str]:
    """Values that this machine's own environment keeps under a name like a token's."""
    return [
        value for name, value in os.environ.items() if _ENVIRONMENT.search(name) and len(value) >= 8
    ]
