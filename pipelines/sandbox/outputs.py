"""What a notebook prints: measured while it arrives, joined and made plain when it has ended."""

import json
import re
from typing import Any

# Escape sequences of a terminal: colours, cursor movements, window titles.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The file that a cell is compiled as: a number of ipykernel, or a name of older ones.
_CELL_FILE = re.compile(r"\((?:\d+\.py|<ipython-input-[^>]*>), (line \d+)\)")
_MESSAGE = 64  # bytes that an output takes beside its text
_LINE = 80  # characters of a line that progress shows


def size_of(value: Any) -> int:
    """Bytes that the text in a JSON value takes, and a little for the value itself."""
    waiting, size = [value], _MESSAGE
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            size += len(part.encode("utf-8", "surrogatepass"))
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
        else:
            size += 8
    return size


def plain(text: str, most: int = 4000) -> str:
    """Text without escape sequences and control characters, cut in the middle where it is very long."""
    if len(text) > 20 * most:  # before it costs anything
        text = text[: 10 * most] + text[-10 * most :]
    clean = _CONTROLS.sub("", _ESCAPES.sub("", text)).strip()
    return clean if len(clean) <= most else f"{clean[: most // 2]} … {clean[-most // 2 :]}"


def of_the_cell(message: str) -> str:
    """An error's message that speaks of a line of the cell, where it named the file the cell was compiled as."""
    return _CELL_FILE.sub(r"(\1 of the cell)", message)


def last_line(text: str) -> str:
    """The last line with something on it, as progress shows it; "" where there is none."""
    for line in reversed(re.split(r"[\r\n]", text[-4000:])):
        clean = plain(line.replace("\b", ""), _LINE).replace("\t", " ")
        if clean:
            return clean
    return ""


def last_object(text: str) -> dict[str, Any] | None:
    """The JSON object that the last line is; None where it is none. What JSON cannot hold (NaN) is None."""
    lines = text.strip().splitlines()
    try:
        found = json.loads(lines[-1], parse_constant=lambda _: None) if lines else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def settle(outputs: list[Any]) -> list[Any]:
    """Join neighbouring pieces of one stream, and carry out what they overwrite, as a terminal would.

    Args:
        outputs: of one cell, in the order of arrival.

    Returns:
        The same outputs; of a progress bar only what was left standing of it.
    """
    settled: list[Any] = []
    pieces: list[list[str]] = []  # of the streams in `settled`
    for output in outputs:
        if output["output_type"] != "stream":
            settled.append(output)
            continue
        last = settled[-1] if settled else None
        if last is None or last.get("name") != output["name"]:
            settled.append(output)
            pieces.append([])
        pieces[-1].append(output["text"])
    streams = [output for output in settled if output["output_type"] == "stream"]
    for stream, texts in zip(streams, pieces, strict=True):
        stream["text"] = _overwrite("".join(texts))
    return settled


def _overwrite(text: str) -> str:
    if "\r" not in text and "\b" not in text:
        return text
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    """One line after its carriage returns and backspaces."""
    line = line.rstrip("\r").rpartition("\r")[2]
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
