"""What is printed: nothing that a terminal obeys, no secrets."""

import io
import json
import re

import pytest
from rich.console import Console

from pipelines.plumbing import printing

OBEYED = [
    "\x1b]0;title\x07", "\x1b[2J", "\x9b2J", "\x90q", "\r", "\b", "\x00", "\x7f", "\u202e", "\u2066", "\u200e", "\u200f",
    "\u061c", "\u2028", "\ud800", "\udcff", "\u200b", "\ufeff",
]  # fmt: skip
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")  # fmt: skip
TOKEN = "KGAT_" + "0a1b2c3d" * 4


@pytest.mark.parametrize("evil", OBEYED)
def test_nothing_is_obeyed_and_what_stood_there_is_seen(
    evil: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printing.say(f"before{evil}[red]after")
    printing.say(f"before{evil}", is_error=True)
    printed = capsys.readouterr()
    for text in printed:
        assert not CONTROL.search(text)
        assert f"before\\u{ord(evil[0]):04x}" in text
    assert printed.out.endswith("[red]after\n")


@pytest.mark.parametrize("evil", OBEYED)
def test_json_is_read_back_as_it_was(evil: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = {f"이름{evil}": [evil, {"a": (1, None, evil)}]}
    printing.say_json(content)
    text = capsys.readouterr().out
    assert not CONTROL.search(text)
    assert "이름" in text
    assert json.loads(text) == {f"이름{evil}": [evil, {"a": [1, None, evil]}]}


def test_plain_text_of_any_language_stays(capsys: pytest.CaptureFixture[str]) -> None:
    text = "정확도 0.9\n\té ü 日本 👩‍🔬 🇰🇷 → … \\u001b"
    printing.say(text)
    assert capsys.readouterr().out == text + "\n"


def test_a_cell_is_one_line_without_markup() -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    console.print(printing.shown("a\n[red]b[/red]\x1b[2J\tc"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "a\\n[red]b[/red]\\u001b[2J\\tc\n"


def test_no_secret_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printing.say(f"sent {TOKEN}")
    printing.say_json({"a": [TOKEN], TOKEN: '{"username":"m01","key":"' + "0a1b2c3d" * 4 + '"}'})
    text = capsys.readouterr().out
    assert "0a1b2c3d" not in text
    assert TOKEN not in printing.shown(TOKEN).plain
    assert json.loads(text.partition("\n")[2])["a"] == ["***"]
