"""What a notebook prints: measured and bounded while it arrives, joined and made plain when it has ended."""

import json
import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

# Escape sequences of a terminal: colours, cursor movements, window titles.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The file that a cell is compiled as: a number of ipykernel, or a name of older ones.
_CELL_FILE = re.compile(r"\((?:\d+\.py|<ipython-input-[^>]*>), (line \d+)\)")
_MESSAGE = 64  # bytes that an output takes beside its text
_LINE = 80  # characters of a line that progress shows
_OUTPUTS = 2000  # kept of a notebook, each a stretch of text or a picture; a page with more takes minutes to make
_MESSAGES = ("stream", "display_data", "execute_result", "error")


class Outputs:
    """The outputs of a notebook's cells, as they arrive.

    Attributes:
        printed: bytes so far, kept or not.
        last_line: of what was printed last.
    """

    def __init__(self) -> None:
        self.printed = 0
        self.last_line = ""
        self._kept = 0
        self._dropped = 0  # of the running cell
        self._displayed: dict[str, list[NotebookNode]] = {}
        self._clears = False  # when the next output comes

    def measure(self, message: dict[str, Any]) -> int:
        """Count a message, of whatever cell; returns the bytes printed so far."""
        if message["msg_type"] not in ("status", "execute_input"):
            self.printed += size_of(message["content"])
        if message["msg_type"] == "stream":
            self.last_line = last_line(message["content"]["text"]) or self.last_line
        return self.printed

    def add(self, cell: NotebookNode, message: dict[str, Any]) -> None:
        """Carry out a message of a cell: an output, or what changes or clears earlier ones.

        What no notebook shows, such as a widget's `comm_open`, is passed over. The text of a stream is a
        list of its pieces until `settle` joins them.
        """
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output" and content.get("wait"):
            self._clears = True
        elif kind == "clear_output":
            self._clear(cell)
        name = str((content.get("transient") or {}).get("display_id") or "")
        for shown in self._displayed.get(name, []):
            shown.update(data=content["data"], metadata=content["metadata"])
        if kind not in _MESSAGES:
            return
        if self._clears:
            self._clear(cell)
        output, last = output_from_msg(message), cell.outputs[-1] if cell.outputs else {}
        if kind == "stream" and last.get("name") == output.name:
            last["text"].append(output.text)
        elif self._kept >= _OUTPUTS + (kind == "error"):
            self._dropped += 1
        else:
            self._kept += 1
            cell.outputs.append(output)
            if kind == "stream":
                output["text"] = [output.text]
            elif name:
                self._displayed.setdefault(name, []).append(output)

    def _clear(self, cell: NotebookNode) -> None:
        self._kept -= len(cell.outputs)
        cell.outputs, self._clears = [], False

    def settle(self, cell: NotebookNode) -> None:
        """Join the pieces of each stream of a cell that has ended, and carry out what they overwrite.

        Of a progress bar only what a terminal would show in the end is left. What was dropped is said.
        """
        for output in cell.outputs:
            if output.output_type == "stream":
                output["text"] = _overwrite("".join(output["text"]))
        if self._dropped:
            said = f"{self._dropped} more outputs were dropped: {_OUTPUTS} are kept of a notebook\n"
            cell.outputs.append(new_output("stream", name="stderr", text=said))
        self._dropped, self._clears = 0, False


def size_of(value: Any) -> int:
    """Bytes that a JSON value takes, and a little for the value itself."""
    text = json.dumps(value, ensure_ascii=False)
    return _MESSAGE + len(text.encode("utf-8", "surrogatepass"))


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
