"""A comparison in the terminal, on a page, and as JSON: readable, and nothing of a cell is obeyed."""

import io
import json
import re

import pytest
from rich.console import Console

from pipelines.transcription import comparing
from pipelines.transcription.alignment import compare, matrix
from tests.html_elements import Elements

ORIGINAL = ["import pandas as pd", "df = pd.read_csv('a.csv')\ndf.head()", "model = KNN(3)\nmodel.fit(df)", "df.plot()"]  # fmt: skip
HOSTILE = "<script>alert(1)</script><img src=http://127.0.0.1/x onerror=alert(2)>{{ 7*7 }}[bold]"
OURS = ["import pandas as p", "train = p.read_csv('a.csv')\ntrain.head()", "model = KNN(5)\nmodel.fit(train)",
        f"# 한글\nprint('''{HOSTILE}''')\nprint('정확도 \u202e')\ny = 1", "\x1b]0;title\x07 not python"]  # fmt: skip


def printed(width: int, language: str) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    comparing.show(compare(OURS, ORIGINAL), console, language)
    comparing.show_matrix(
        matrix({"m01": OURS, "m02": ORIGINAL, "m[red]": OURS}, ORIGINAL), console, language
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("language", "said"), [("en", "left out"), ("ko", "빠짐")])
def test_the_terminal_shows_states_and_differences(language: str, said: str) -> None:
    text = printed(100, language)
    for line in (
        "- model = KNN(3)",
        "+ model = KNN(5)",
        "  model.fit(train)",
        "df → train",
        said,
        "정확도",
        "m[red]",
    ):
        assert line in text
    assert HOSTILE in text


def test_the_terminal_obeys_no_cell_and_keeps_its_width() -> None:
    text = printed(50, "ko")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    widths = [sum(2 if "가" <= char <= "힣" else 1 for char in line) for line in text.splitlines()]
    assert max(widths) <= 50


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_runs_and_loads_nothing(language: str) -> None:
    likeness = matrix({"m01": OURS, HOSTILE: ORIGINAL}, ORIGINAL)
    html = comparing.page(compare(OURS, ORIGINAL), HOSTILE, language, likeness)
    parsed = Elements(html)
    assert {tag for tag, _ in parsed.elements} & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
    } == set()
    assert not any(
        name.startswith("on") or name in ("src", "href")
        for _, given in parsed.elements
        for name in given
    )
    assert "default-src 'none'" in html
    assert HOSTILE in parsed.text
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_the_page_marks_what_differs_and_opens_only_that() -> None:
    parsed = Elements(comparing.page(compare(OURS, ORIGINAL), "m01/knn"))
    opened = [
        given.get("class") for tag, given in parsed.elements if tag == "details" and "open" in given
    ]
    closed = [
        given.get("class")
        for tag, given in parsed.elements
        if tag == "details" and "open" not in given
    ]
    assert closed == ["renamed", "renamed"]
    assert sorted(filter(None, opened)) == ["added", "added", "changed", "left"]


def test_of_a_long_statement_only_the_changed_line_differs() -> None:
    rows = [f"    'k{number}': {number}," for number in range(30)]
    old, new = (
        "\n".join(["d = {", *rows, "}"]),
        "\n".join(["d = {", *rows, "}"]).replace("15,", "99,"),
    )
    console = Console(file=io.StringIO(), width=80)
    comparing.show(compare([new], [old]), console)
    assert isinstance(console.file, io.StringIO)
    marked = re.findall(r"^  ([-+] .*)$", console.file.getvalue(), re.MULTILINE)
    assert [line.split() for line in marked] == [["-", "'k15':", "15,"], ["+", "'k15':", "99,"]]


def test_json_holds_all_of_it() -> None:
    comparison = compare(OURS, ORIGINAL)
    found = json.loads(json.dumps(comparing.as_json(comparison)))
    assert found["coverage"] == comparison.coverage
    assert [pair["state"] for pair in found["pairs"]] == [pair.state for pair in comparison.pairs]
    assert json.loads(json.dumps(comparing.as_json(matrix({"m01": OURS}, None))))["shares"] == [
        [1.0]
    ]


def test_only_what_is_complete_reads_100() -> None:
    assert [comparing.percent(share) for share in (0, 0.29, 0.999, 1)] == [
        "0 %",
        "29 %",
        "99 %",
        "100 %",
    ]


def test_nothing_to_compare_is_shown_too() -> None:
    console = Console(file=io.StringIO(), width=80)
    comparing.show(compare([], []), console)
    assert isinstance(console.file, io.StringIO)
    assert "100 %" in console.file.getvalue()
    assert "100 %" in comparing.page(compare([], []), "m01/empty")


def test_many_members_fit_beside_each_other() -> None:
    """Numbers stand above the columns, and the names beside the rows."""
    members = {f"m{number:02}/타이타닉": [f"x = {number}"] for number in range(1, 13)}
    found = Elements(comparing.page(None, "members", "ko", matrix(members, [])))
    titles = [attributes["title"] for tag, attributes in found.elements if "title" in attributes]
    assert titles == list(members)
    assert re.search(r"1\s*2\s*3\s*4\s*5\s*6\s*7\s*8\s*9\s*10\s*11\s*12\s*직접 쓴 문장", found.text)
    assert "12\xa0·\xa0m12/타이타닉" in found.text


def test_a_korean_page_is_korean() -> None:
    """But for names and code."""
    html = comparing.page(
        compare(OURS, ORIGINAL), "m01/knn", "ko", matrix({"m01": OURS, "m02": OURS}, ORIGINAL)
    )
    text = Elements(re.sub("<code.*?</code>|<style.*?</style>", "", html, flags=re.S)).text
    assert set(re.findall("[A-Za-z]+", text)) <= {"m", "knn", "dftrain"}
    for word in ("같음", "바뀜", "더함", "필사율", "원본을 뺀 나머지의 유사도"):
        assert word in text
