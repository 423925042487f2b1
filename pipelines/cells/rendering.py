"""Notebooks and notes as HTML that runs nothing and loads nothing, whoever wrote them.

nbconvert's own cleaning is not enough: it shows headings, paragraphs and tables as escaped tags, and lets a
notebook's metadata put attributes into its pictures' tags. So it is given a copy without metadata, and another
cleaner.
"""

import re
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipelines.plumbing.errors import MemberFailed

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "mark",
    "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"align", "alt", "class", "colspan", "height", "rowspan", "style", "title", "width"},
    "a": {"href"},
    "img": {"src"},
}
_STYLES = {
    "background-color", "border", "color", "font-family", "font-size", "font-style", "font-weight", "height",
    "line-height", "margin", "padding", "text-align", "text-decoration", "vertical-align", "white-space", "width",
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto", "data"}
# Their text is no text to be read.
_NOT_TEXT = {"script", "style", "template", "noscript"}
_SHOWN_AS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml")  # fmt: skip
# How scikit-learn marks its diagrams: without their style and script they are a plea to trust the notebook.
_DIAGRAM = "sk-top-container"
_ATTACHED = re.compile(r"(?<=[(<\"'\s])attachment:(?=\S)")
_EMBEDDED = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=\s]*")
_TAG = re.compile(
    r"<(/?)(?!(?:area|br|col|embed|hr|img|input|link|meta|source|wbr)\b)[A-Za-z]|&", re.I
)
# The parser's time grows with the tags times those that are open around them (100,000 unclosed ones take 13 s),
# and with the ampersands, as if each had ten around it. What is beyond is shown as text.
_MOST_WORK, _LEAST_OPEN = 4_000_000, 10  # of one page
_MOST_MARKUP = 100_000  # characters of one text in Markdown, embedded pictures not counted
_MOST_CODE = 200_000  # characters of one cell that are coloured, or of a text instead of its markup


def cells(notebook: "NotebookNode") -> str:
    """The cells and outputs of a notebook as a piece of HTML.

    Text, tables, pictures and errors are shown; scripts, frames, widgets, forms and pictures from elsewhere
    are not.

    Raises:
        MemberFailed: nbconvert cannot show it.
    """
    from nbconvert import HTMLExporter

    filters = {"clean_html": _Cleaning(), "highlight_code": _highlighted}
    exporter = HTMLExporter(template_name="basic", sanitize_html=True, filters=filters)
    try:
        body, _ = exporter.from_notebook_node(_plain(notebook))
    except Exception as error:  # every library on the way fails in its own way
        raise _unshown("a notebook", error) from error
    return str(body)


def markdown(text: str) -> str:
    """Markdown as a piece of HTML, cleaned.

    Raises:
        MemberFailed: it cannot be shown.
    """
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    text = _joined(text)
    if not _is_short(text):
        return _as_text(text)
    try:
        return clean(markdown2html_mistune(_embedded(text, {})))
    except Exception as error:
        raise _unshown("notes", error) from error


def clean(html: str) -> str:
    """HTML with nothing in it that runs, loads or lays itself over the page; its links stay."""
    return _Cleaning()(html)


def _unshown(what: str, error: Exception) -> MemberFailed:
    return MemberFailed(
        f"{what} must be such that a page can show it, and the page failed ({type(error).__name__}: "
        f"{str(error)[:200]}): find the cell that holds this and write it more simply"
    )


class _Ours(str):
    """HTML made here, of text that was escaped."""

    __slots__ = ()


class _Cleaning:
    """The cleaner of one page; what it may cost is shared by all texts of the page."""

    def __init__(self) -> None:
        self._work_left = _MOST_WORK

    def __call__(self, html: object) -> str:
        import nh3

        if isinstance(html, _Ours):
            return html
        text = html.decode("utf-8", "replace") if isinstance(html, bytes) else str(html)
        signs = [0 if tag[1] is None else -1 if tag[1] else 1 for tag in _TAG.finditer(text)]
        deepest = max(_LEAST_OPEN, *map(abs, accumulate(signs)), 0)
        self._work_left -= len(signs) * deepest
        if self._work_left < 0:
            return _as_text(text)
        return nh3.clean(
            text, tags=_TAGS, clean_content_tags=_NOT_TEXT, attributes=_ATTRIBUTES, attribute_filter=_harmless,
            url_schemes=_SCHEMES, filter_style_properties=_STYLES,
        )  # fmt: skip


def _is_short(text: str) -> bool:
    return len(text) <= _MOST_MARKUP or len(_EMBEDDED.sub("", text)) <= _MOST_MARKUP


def _highlighted(source: str, metadata: object = None) -> str:
    """The source of a cell in colours; `metadata` is what nbconvert gives, and is empty here."""
    from nbconvert.filters.highlight import Highlight2HTML

    if len(source) > _MOST_CODE:
        return _Ours(_as_text(source))
    return _Ours(Highlight2HTML(pygments_lexer="ipython3")(source))


def _harmless(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute, or None where it must go."""
    if name == "src" and not value.startswith("data:image/"):
        return None
    if name == "href" and not value.startswith(("http://", "https://", "mailto:", "#")):
        return None
    # None of the styles needs an address; a backslash could spell one.
    is_loading = name == "style" and ("url" in value.casefold() or "\\" in value)
    return None if is_loading else value


def _as_text(text: str) -> str:
    return f"<pre>{escape(text[:_MOST_CODE])}</pre>"


def _plain(notebook: "NotebookNode") -> "NotebookNode":
    """A copy that holds what is shown, and nothing else: no metadata, no unknown kinds of output."""
    from nbformat import v4

    made = v4.new_notebook()
    for number, cell in enumerate(notebook.cells, 1):
        name, source = f"cell-{number}", _joined(cell.get("source"))
        if cell.cell_type == "code":
            count = cell.get("execution_count")
            new = v4.new_code_cell(source, id=name)
            new.execution_count = count if isinstance(count, int) else None
            new.outputs = [_output(output) for output in cell.get("outputs", [])]
        elif cell.cell_type == "markdown":
            if not _is_short(source):
                source = f"```\n{source[:_MOST_MARKUP].replace('```', '` ` `')}\n```"
            new = v4.new_markdown_cell(_embedded(source, cell.get("attachments")), id=name)
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
        lines = [_joined(line) for line in output.get("traceback") or []]
        name, value = _joined(output.get("ename")), _joined(output.get("evalue"))
        lines = lines or [f"{name}: {value}"]
        return v4.new_output("error", ename=name, evalue=value, traceback=lines)
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    shown = {key: _joined(data[key]) for key in _SHOWN_AS if key in data}
    if "text/plain" in shown and _DIAGRAM in shown.get("text/html", ""):
        del shown["text/html"]
    if not shown:
        shown = {"text/plain": _joined(f"({', '.join(map(str, data)) or kind}: not shown here)")}
    return v4.new_output("display_data", data=shown)


def _joined(text: Any) -> str:
    """Text in one piece, without halves of surrogate pairs, which no file and no parser takes."""
    whole = "".join(map(str, text)) if isinstance(text, list) else str(text or "")
    return whole.encode("utf-8", "replace").decode()


def _embedded(source: str, attached: Any) -> str:
    """Markdown with its attached pictures in it; of one that is not there (anymore) its name is left.

    Each is put in once, so that a text that names one a thousand times grows no page beyond measure.
    """
    for name, by_kind in attached.items() if isinstance(attached, dict) else ():
        for kind in ("image/png", "image/jpeg"):
            if isinstance(by_kind, dict) and kind in by_kind:
                picture = f"data:{kind};base64,{''.join(_joined(by_kind[kind]).split())}"
                for written in (str(name), quote(str(name))):
                    source = source.replace(f"attachment:{written}", picture, 1)
    return _ATTACHED.sub("", source)
