"""Notebooks and notes as HTML that runs nothing and loads nothing, whoever wrote them.

nbconvert's own cleaning is not enough: it shows headings, paragraphs and tables as escaped tags, and lets a
notebook's metadata put attributes into its pictures' tags. So it is given a copy without metadata, and another
cleaner.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TAGS = (
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "mark",
    "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
)  # fmt: skip
_ATTRIBUTES = ("align", "alt", "class", "colspan", "height", "rowspan", "title", "width")
_STYLES = (
    "background-color", "border", "color", "font-family", "font-size", "font-style", "font-weight", "height",
    "line-height", "margin", "padding", "text-align", "text-decoration", "vertical-align", "white-space", "width",
)  # fmt: skip
_SHOWN_AS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml")  # fmt: skip
# Their text is no text to be read; the cleaner would show it.
_NOT_TEXT = re.compile(r"<(script|style|template|noscript)\b.*?(?:</\1\s*>|\Z)", re.S | re.I)
# How scikit-learn marks its diagrams: without their style and script they are a plea to trust the notebook.
_DIAGRAM = "sk-top-container"
_EMBEDDED = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=\s]*")
_TAG = re.compile(
    r"<(/?)(?!(?:area|br|col|embed|hr|img|input|link|meta|source|wbr)\b)[A-Za-z]", re.I
)
# The parser takes seconds for some thousand tags, and minutes where they are never closed: what is beyond
# these limits is shown as text.
_MOST_MARKUP = 100_000  # characters of one text, embedded pictures not counted
_MOST_TAGS, _MOST_TEXT = 40_000, 2_000_000  # of one page
_MOST_OPEN = 200  # tags not closed yet, or closed without having been opened
_MOST_CODE = 200_000  # characters of one cell that are coloured


def cells(notebook: "NotebookNode") -> str:
    """The cells and outputs of a notebook as a piece of HTML.

    Text, tables, pictures and errors are shown; scripts, frames, widgets, forms and pictures from elsewhere
    are not.
    """
    from nbconvert import HTMLExporter

    filters = {"clean_html": _Cleaning(), "highlight_code": _highlighted}
    exporter = HTMLExporter(template_name="basic", sanitize_html=True, filters=filters)
    body, _ = exporter.from_notebook_node(_plain(notebook))
    return str(body)


def markdown(text: str) -> str:
    """Markdown as a piece of HTML, cleaned."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    return clean(markdown2html_mistune(text)) if _is_short(text) else _as_text(text)


def clean(html: str) -> str:
    """HTML with nothing in it that runs, loads or lays itself over the page; its links stay."""
    return _Cleaning()(html)


class _Ours(str):
    """HTML made here, of text that was escaped."""

    __slots__ = ()


class _Cleaning:
    """The cleaner of one page, which grows more tired with every tag."""

    def __init__(self) -> None:
        self._tags_left, self._text_left = _MOST_TAGS, _MOST_TEXT

    def __call__(self, html: object) -> str:
        if isinstance(html, _Ours):
            return html
        text = html.decode("utf-8", "replace") if isinstance(html, bytes) else str(html)
        text = _NOT_TEXT.sub("", text)
        signs = [-1 if tag[1] else 1 for tag in _TAG.finditer(text)]
        self._tags_left -= len(signs)
        self._text_left -= len(_EMBEDDED.sub("", text))
        is_balanced = all(abs(open_now) <= _MOST_OPEN for open_now in accumulate(signs))
        if min(self._tags_left, self._text_left) < 0 or not is_balanced:
            return _as_text(text)
        return str(_cleaner().clean(text))


def _is_short(text: str) -> bool:
    return len(text) <= _MOST_MARKUP or len(_EMBEDDED.sub("", text)) <= _MOST_MARKUP


def _highlighted(source: str, metadata: object = None) -> str:
    """The source of a cell in colours; `metadata` is what nbconvert gives, and is empty here."""
    from nbconvert.filters.highlight import Highlight2HTML

    if len(source) > _MOST_CODE:
        return _Ours(_as_text(source))
    return _Ours(Highlight2HTML(pygments_lexer="ipython3")(source))


@cache
def _cleaner() -> Any:
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    return bleach.Cleaner(
        tags=_TAGS,
        attributes=_is_harmless,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
    )


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    if name == "href":
        return tag == "a" and value.startswith(("http://", "https://", "mailto:", "#"))
    return name in _ATTRIBUTES or name == "style"


def _as_text(text: str) -> str:
    from html import escape

    return f"<pre>{escape(text[:_MOST_CODE])}</pre>"


def _plain(notebook: "NotebookNode") -> "NotebookNode":
    """A copy that holds what is shown, and nothing else: no metadata, no unknown kinds of output."""
    from nbformat import v4

    made = v4.new_notebook()
    for number, cell in enumerate(notebook.cells, 1):
        name, source = f"cell-{number}", str(cell.get("source", ""))
        if cell.cell_type == "code":
            count = cell.get("execution_count")
            new = v4.new_code_cell(source, id=name)
            new.execution_count = count if isinstance(count, int) else None
            new.outputs = [_output(output) for output in cell.get("outputs", [])]
        elif cell.cell_type == "markdown":
            if not _is_short(source):
                source = f"```\n{source[:_MOST_MARKUP].replace('```', '` ` `')}\n```"
            new = v4.new_markdown_cell(source, id=name)
            new.attachments = _attachments(cell.get("attachments"))
        else:
            continue  # raw cells are meant for other formats
        made.cells.append(new)
    return made


def _output(output: Any) -> Any:
    from nbformat import v4

    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return v4.new_output("stream", name=name, text=_joined(output.get("text")))
    if kind == "error":
        lines = [str(line) for line in output.get("traceback") or []]
        name, value = str(output.get("ename", "")), str(output.get("evalue", ""))
        lines = lines or [f"{name}: {value}"]
        return v4.new_output("error", ename=name, evalue=value, traceback=lines)
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    shown = {key: _joined(data[key]) for key in _SHOWN_AS if key in data}
    if "text/plain" in shown and _DIAGRAM in shown.get("text/html", ""):
        del shown["text/html"]
    if not shown:
        shown = {"text/plain": f"({', '.join(map(str, data)) or kind}: not shown here)"}
    return v4.new_output("display_data", data=shown)


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")


def _attachments(found: Any) -> dict[str, dict[str, str]]:
    """Pictures within a markdown cell."""
    kept: dict[str, dict[str, str]] = {}
    for name, by_kind in found.items() if isinstance(found, dict) else ():
        pictures: Sequence[tuple[str, Any]] = (
            list(by_kind.items()) if isinstance(by_kind, dict) else []
        )
        kept[str(name)] = {
            kind: _joined(data) for kind, data in pictures if kind in ("image/png", "image/jpeg")
        }
    return kept
