"""Notebooks as HTML: readable, and harmless whoever wrote them."""

import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from nbformat import NotebookNode, v4

from pipelines.cells import rendering
from pipelines.notebooks import page
from pipelines.plumbing.errors import MemberFailed

DATA_FRAME = (
    "<div><style scoped>.dataframe tbody tr th { vertical-align: top; }</style>"
    '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>나이</th></tr></thead>'
    "<tbody><tr><th>0</th><td>22.0</td></tr></tbody></table></div>"
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # fmt: skip


class Loads(HTMLParser):
    """Everything of a page that a browser would run or load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "link", "form", "base", "svg", "video"):
            self.found.append(tag)
        for name, value in attrs:
            is_link = tag == "a" and name == "href" and not str(value).startswith(("javascript", "data"))  # fmt: skip
            loads = name in ("src", "href", "srcset", "data", "action", "background", "poster")
            if name.startswith("on") or (loads and not is_link and not str(value).startswith("data:image/")):  # fmt: skip
                self.found.append(f"{tag} {name}={value}")
            if name == "style" and ("url" in str(value) or "position" in str(value)):
                self.found.append(f"{tag} {name}={value}")


def shown(*outputs: Any, text: str = "", source: str = "x") -> str:
    cells = [v4.new_markdown_cell(text), v4.new_code_cell(source, outputs=list(outputs))]
    return rendering.cells(v4.new_notebook(cells=cells))


def display(**data: str) -> Any:
    return v4.new_output("display_data", data={key.replace("_", "/"): value for key, value in data.items()})  # fmt: skip


def test_what_a_notebook_shows_is_shown() -> None:
    html = shown(
        v4.new_output("stream", text="에폭 1 <loss> \x1b[31m0.3\x1b[0m"),
        display(text_html=DATA_FRAME, text_plain="no"),
        display(image_png=PIXEL),
        display(text_latex="$x<1$"),
        v4.new_output("error", ename="ValueError", evalue="bad", traceback=["\x1b[0;31mValueError\x1b[0m: bad"]),
        text="# 제목\n\n> 인용 `a<b`\n\n|a|b|\n|-|-|\n|1|2|\n\n[링크](https://example.org)\n\n$x^2$<br>" + "줄<br>" * 300,
        source="if a < 1:  # 주석\n    %time f('s')",
    )  # fmt: skip
    for part in (
        "<h1", "<blockquote>", "<code>a&lt;b</code>", "<td>2</td>", 'href="https://example.org"', "$x^2$",
        "&lt;loss&gt;", "<td>22.0</td>", f"data:image/png;base64,{PIXEL}", "$x&lt;1$", "ValueError", "주석",
    ):  # fmt: skip
        assert part in html
    for part in ("vertical-align: top", "&lt;h1", "&lt;p&gt;", "\x1b"):
        assert part not in html
    assert Loads(html).found == []


def test_an_estimator_is_shown_as_its_text() -> None:
    """Its diagram needs a style and a script of its own."""
    from sklearn.linear_model import LogisticRegression

    bundle = LogisticRegression(C=3)._repr_mimebundle_()
    assert "Jupyter environment" in bundle["text/html"]
    html = shown(v4.new_output("execute_result", data=bundle))
    assert "LogisticRegression(C=3)" in html
    assert "Jupyter environment" not in html
    alone = shown(v4.new_output("execute_result", data={"text/html": bundle["text/html"]}))
    assert "LogisticRegression" in alone


HOSTILE = [
    "<script>alert(1)</script>",
    "<scr<script></script>ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/x.png">',
    '<img src="data:text/html,<script>1</script>">',
    "<svg onload=alert(1)><use href='https://evil.example/x'/></svg>",
    "<iframe src='https://evil.example'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,x'>x</a>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css'</style>",
    "<div style='background-image: url(https://evil.example/x); position: fixed; inset: 0'>x</div>",
    "<div style='background-color: url(https://evil.example/x); color: \\75rl(//evil.example/x)'>x</div>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<form action='https://evil.example'><input></form>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<video src='https://evil.example/x' autoplay></video>",
    "</div></div></body></html><script>alert(1)</script>",
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_runs_or_loads_wherever_it_stands(evil: str) -> None:
    html = shown(
        display(text_html=evil), display(text_markdown=evil), display(image_png=f'"{evil}'),
        display(application_javascript=evil, text_plain=evil), display(image_svgxml=evil),
        v4.new_output("stream", text=evil),
        v4.new_output("error", ename=evil, evalue=evil, traceback=[evil]),
        text=evil, source=evil,
    )  # fmt: skip
    assert Loads(html + rendering.markdown(evil)).found == []
    assert "http-equiv" not in rendering.clean(evil)


def test_metadata_puts_nothing_into_the_page() -> None:
    """nbconvert writes width and file names of a picture as they are."""
    output = display(image_png=PIXEL)
    output.metadata = {"image/png": {"width": "1 onerror=alert(1)"}, "filenames": {"image/png": "https://evil.example/x"}}  # fmt: skip
    cell = v4.new_code_cell("x", outputs=[output], metadata={"tags": ['"><script>']})
    cell["id"] = '"><script>alert(1)</script>'
    html = rendering.cells(NotebookNode({"cells": [cell], "metadata": {}}))
    assert Loads(html).found == []
    assert PIXEL in html


def test_pictures_within_a_text_are_kept() -> None:
    cell = v4.new_markdown_cell("![그림](attachment:a.png)", attachments={"a.png": {"image/png": PIXEL}})  # fmt: skip
    large = v4.new_markdown_cell(f"![큰 그림](data:image/png;base64,{'A' * 300_000})")
    html = rendering.cells(v4.new_notebook(cells=[cell, large]))
    assert f'src="data:image/png;base64,{PIXEL}"' in html
    assert f'src="data:image/png;base64,{"A" * 300_000}"' in html


ATTACHED = [
    ("![그림](attachment:a.png)", {}),  # its cell was copied without it
    ("![그림](attachment:a.png)", {"a.png": {"image/gif": PIXEL}}),
    ("![그림](attachment:a.png)", {"a.png": {}}),
    ("![그림](attachment:a.png)", {"a.png": "x"}),
    ("![그림](attachment:a.png)", {"a.png": {"image/png": None}}),
    ("![그림][1]\n\n[1]: attachment:a.png", None),
    ("<img src='attachment:a.png' alt='그림'>", ["a.png"]),
]


@pytest.mark.parametrize(("text", "attached"), ATTACHED)
def test_a_picture_that_is_not_there_leaves_its_text(text: str, attached: Any) -> None:
    cell: Any = v4.new_markdown_cell(f"앞\n\n{text}\n\n뒤")
    cell.attachments = attached
    html = rendering.cells(NotebookNode({"cells": [cell], "metadata": {}}))
    for part in ("앞", "그림", "뒤"):
        assert part in html
    assert Loads(html + rendering.markdown(text)).found == []


@pytest.mark.parametrize("name", ["그림 1.png", "a(1).png", "a.png"])
def test_an_attached_picture_is_found_however_its_name_is_written(name: str) -> None:
    text = f"![x](attachment:{quote(name)})\n\n" + f"![x](attachment:{quote(name)})\n\n" * 99
    cell = v4.new_markdown_cell(text, attachments={name: {"image/png": [PIXEL[:9], PIXEL[9:]]}})
    html = rendering.cells(v4.new_notebook(cells=[cell]))
    assert 1 <= html.count(f'src="data:image/png;base64,{PIXEL}"') <= 2


def test_halves_of_characters_are_shown_as_something_else() -> None:
    half = "\ud83d"
    html = shown(
        v4.new_output("stream", text=half), display(text_html=f"<b>{half}</b>"),
        v4.new_output("error", ename=half, evalue=half, traceback=[half]), text=half, source=f"'{half}'",
    )  # fmt: skip
    assert (html + rendering.markdown(half)).encode()


def test_what_no_page_can_show_is_said_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("nbconvert.filters.markdown_mistune.markdown2html_mistune", fails)
    monkeypatch.setattr("nbconvert.HTMLExporter.from_notebook_node", fails)
    for show in (lambda: shown(text="x"), lambda: rendering.markdown("x")):
        with pytest.raises(MemberFailed, match=r"must .*RecursionError: too deep.*: find the cell"):
            show()


@pytest.mark.parametrize(
    "evil",
    ["<div>" * 100_000, "</p>" * 100_000, "<a><i>" * 20_000, "&" * 1_000_000,
     "".join(f"<b class=x{number}>" for number in range(200)) + "<p>t</p>" * 20_000],
)  # fmt: skip
def test_what_would_take_minutes_is_shown_as_text(evil: str) -> None:
    assert rendering.clean(evil).startswith("<pre>")
    assert "<pre>" in shown(display(text_html=evil), text="**" * 100_000)


def test_a_large_table_is_shown_in_less_than_a_second() -> None:
    cells = "".join(f"<td>{number}.5</td>" for number in range(10))
    table = f"<table>{f'<tr>{cells}</tr>' * 8_000}</table>"
    assert len(table) > 1_000_000
    started = time.process_time()
    html = rendering.clean(table)
    assert time.process_time() - started < 1
    assert html.count("<td>") == 80_000


@pytest.mark.slow
def test_all_outputs_of_a_page_share_one_bound() -> None:
    table = "<table>" + "<tr><td>1</td></tr>" * 4_000 + "</table>"
    html = shown(*[display(text_html=table) for _ in range(40)])
    assert 0 < html.count("<table") < 40
    assert "&lt;table&gt;" in html


def test_long_code_is_shown_without_colours() -> None:
    html = shown(source="x = '" + "<a>" * 100_000 + "'")
    assert "&lt;a&gt;" in html
    assert Loads(html).found == []


def test_colours_are_no_markup_of_others_and_wear_nothing_out() -> None:
    html = shown(display(text_html="<b>table</b>"), source="x = 1\n" * 9_000)
    assert "&lt;span" not in html
    assert "<b>table</b>" in html


def test_a_page_of_its_own_is_whole(damaged: NotebookNode) -> None:
    assert "<title>노트북</title>" in page.executed_html(damaged)
    html = page.executed_html(damaged, "en")
    assert html.startswith("<!doctype html>")
    assert "default-src 'none'" in html
    assert "<title>notebook</title>" in html
    assert Loads(html).found == []
    assert "odd: not shown here" in html


@pytest.fixture
def damaged() -> NotebookNode:
    """Cells and outputs with fields missing or of the wrong kind."""
    cell: Any = v4.new_code_cell("x = 1")
    cell.outputs = [NotebookNode({"output_type": "odd"}), NotebookNode({"output_type": "stream"})]
    cell.outputs += [NotebookNode({"output_type": "display_data", "data": {"text/plain": ["a", "b"]}})]  # fmt: skip
    cell.execution_count = "three"
    text: Any = v4.new_markdown_cell("text")
    text.attachments = {"a": 3}
    return NotebookNode({"cells": [cell, text], "metadata": {}})
