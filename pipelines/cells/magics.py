"""Magics in a percent-cell script: comments there (`# %matplotlib inline`), magics again in the notebook.

jupytext can do so too, but takes a comment that begins with the name of a shell command for that command:
`# rm old rows` and `# copy the frame` would be run. Here only `%` and `!` make a magic.
"""

import re
from collections.abc import Iterator

# `%magic`, `%%magic`, `!command`, `name = %magic` and `name = !command`. A lone letter (`%d`) is none: it is
# more likely a word about a format, except for R.
_MAGIC = re.compile(
    r"\s*(?P<marks>(?:# )*)"
    r"(?:%{1,2}(?:[A-Za-z]\w+|R\b)|![\w./~$]|[A-Za-z_]\w*\s*=\s*(?:%[A-Za-z]\w+|![\w./~$]))",
    re.ASCII,
)
_CELL_MARKER = re.compile(r"\s*(?P<marks>(?:# )+)%%(?:\s|$)")
# jupytext writes these as comments below `# %% language="bash"`, and reads them so.
_LANGUAGE = re.compile(r"%%(?:R|bash|sh|html|javascript|latex|perl|ruby|sql)\b")
_MARK = "# "
# Cell magics around this notebook's own Python; what stands under any other is another language, or a file.
AROUND_PYTHON = ("time", "timeit", "capture", "prun")


def marked(source: str) -> str:
    """The source of a cell as it stands in a script.

    Magics get `# ` before them; so does what already looks like a marked magic or a cell marker, in order
    that `unmarked` gives back what was there.
    """
    if _LANGUAGE.match(source):
        return source
    lines, goes_on = [], False
    for line, is_code in _lines(source):
        changes = goes_on or (is_code and bool(_MAGIC.match(line) or _CELL_MARKER.match(line)))
        lines.append(re.sub(r"^(\s*)", rf"\1{_MARK}", line, count=1) if changes else line)
        goes_on = changes and line.endswith("\\")
    return "\n".join(lines)


def unmarked(source: str) -> str:
    """What `marked` was given."""
    if _LANGUAGE.match(source):
        return source
    lines, goes_on = [], False
    for line, is_code in _lines(source):
        changes = (goes_on and line.lstrip().startswith(_MARK)) or (is_code and _is_marked(line))
        lines.append(re.sub(rf"^(\s*){_MARK}", r"\1", line, count=1) if changes else line)
        goes_on = changes and line.endswith("\\")
    return "\n".join(lines)


def _is_marked(line: str) -> bool:
    magic, marker = _MAGIC.match(line), _CELL_MARKER.match(line)
    # One mark alone makes a cell marker what it is: `# %%`.
    return bool((magic and magic["marks"]) or (marker and marker["marks"] != _MARK))


def _lines(source: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it begins outside of every string."""
    from jupytext.stringparser import StringParser

    parser = StringParser("python")
    for line in source.split("\n"):
        yield line, not parser.is_quoted()
        parser.read_line(line)
