"""What is printed: no secrets, and of untrusted text nothing that a terminal obeys.

Names of files and columns, titles, reasons and cells may be a stranger's: `say`, `say_json` and `shown` are the ways
to a terminal. rich's own `escape` lets control and direction characters through.
"""

import json
import sys
from typing import TYPE_CHECKING, Any

from pipelines.plumbing.secrets import masked

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# C0, DEL, C1, what has no width, what turns the direction of writing, line separators, halves of surrogate pairs.
_OBEYED = (
    *range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F),
    *range(0x2060, 0x2070), *range(0xD800, 0xE000), 0xFEFF,
)  # fmt: skip
_ESCAPES = {code: f"\\u{code:04x}" for code in _OBEYED if chr(code) not in "\n\t"}
_IN_ONE_LINE = {ord("\n"): "\\n", ord("\t"): "\\t"}
_LOG_WIDTH = 140  # characters


def visible(text: str) -> str:
    """Text whose control and direction characters are written out, ESC as u001b after a backslash; lines stay."""
    return text.translate(_ESCAPES)


def one_line(text: str) -> str:
    """As `visible`, the ends of lines written out too: no line of another's looks like one of ours."""
    return visible(text).translate(_IN_ONE_LINE)


def say(text: object, *, is_error: bool = False, end: str = "\n") -> None:
    """Print text to standard output, or to standard error."""
    file = sys.stderr if is_error else sys.stdout
    print(visible(masked(str(text))), file=file, end=end, flush=True)


def say_json(content: Any) -> None:
    """Print JSON; what is escaped in its strings is read back as it was."""
    text = json.dumps(_masked(content), indent=2, ensure_ascii=False, default=str)
    print(visible(text))


def shown(text: object, style: str = "") -> "Text":
    """Text in one line, for a cell of a table; what looks like rich's markup is none."""
    from rich.text import Text

    return Text(one_line(masked(str(text))), style)


def console() -> "Console":
    """Standard output for tables; as wide as the terminal, or wide enough for a log."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _LOG_WIDTH)


def _masked(content: Any) -> Any:
    if isinstance(content, str):
        return masked(content)
    if isinstance(content, dict):
        return {_masked(key): _masked(value) for key, value in content.items()}
    return [_masked(item) for item in content] if isinstance(content, list | tuple) else content
