from typing import Any

import pytest
from ipykernel.compiler import XCachingCompiler
from nbformat.v4 import new_code_cell

from pipelines.sandbox.outputs import Outputs, last_line, last_object, of_the_cell, plain, size_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nepoch 2\n\n", "epoch 2"),
        ("10%\r20%\r", "20%"),
        ("\x1b[1mbold\x1b[0m\ttext\x07", "bold text"),
        ("\x1b]0;a title\x07shown", "shown"),
        (" \n\r\n", ""),
        ("x" * 200, "x" * 40 + " … " + "x" * 40),
    ],
)
def test_the_last_line_with_something_on_it(text: str, expected: str) -> None:
    assert last_line(text) == expected


def test_a_very_long_text_is_cut_in_the_middle() -> None:
    cut = plain("a" + "b" * 10_000_000 + "c")
    assert len(cut) < 5000
    assert (cut[0], cut[-1]) == ("a", "c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('noise\n{"a": NaN}\n', {"a": None}),
        ('{"a": 1}\nnoise', None),
        ("[1]", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_the_object_on_the_last_line(text: str, expected: dict[str, object] | None) -> None:
    assert last_object(text) == expected


def message(kind: str, **content: Any) -> dict[str, Any]:
    return {"msg_type": kind, "header": {"msg_type": kind}, "content": content}


def text(words: str, name: str = "stdout") -> dict[str, Any]:
    return message("stream", name=name, text=words)


def shown(words: str, kind: str = "display_data", **transient: str) -> dict[str, Any]:
    return message(kind, data={"text/plain": words}, metadata={}, transient=transient)


def told(*messages: dict[str, Any]) -> list[str]:
    """What is left of a cell's messages."""
    cell, outputs = new_code_cell(), Outputs()
    for each in messages:
        outputs.measure(each)
        outputs.add(cell, each)
    outputs.settle(cell)
    return [o.text if "text" in o else o.data["text/plain"] for o in cell.outputs]


def test_pieces_of_a_stream_are_joined_and_other_outputs_stay_between_them() -> None:
    found = told(text("a"), text("b\n"), text("warning", "stderr"), shown("picture"), text("c"))
    assert found == ["ab\n", "warning", "picture", "c"]


@pytest.mark.parametrize(
    ("printed", "left"),
    [
        ("1/3\r2/3\r3/3\nnext", "3/3\nnext"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("1/2\b\b\b2/2", "2/2"),
        ("\b\ba", "a"),
    ],
)
def test_what_is_overwritten_is_gone(printed: str, left: str) -> None:
    assert told(text(printed)) == [left]


def test_millions_of_backspaces_take_no_longer_than_other_characters() -> None:
    # Taken away a layer at a time this would take hours, and the test's time limit would end it.
    assert told(text("a" * 2_000_000 + "\b" * 2_000_000)) == [""]


def test_an_output_is_cleared_at_once_or_when_the_next_comes() -> None:
    now, later = message("clear_output", wait=False), message("clear_output", wait=True)
    assert told(text("a"), now) == []
    assert told(text("a"), later) == ["a"]
    assert told(text("a"), later, shown("b"), shown("c")) == ["b", "c"]


def test_an_update_changes_what_is_displayed_and_adds_nothing() -> None:
    update = shown("new", "update_display_data", display_id="x")
    assert told(shown("old", display_id="x"), shown("other"), update) == ["new", "other"]
    assert told(update) == []


def test_messages_of_widgets_are_passed_over() -> None:
    widget = message("comm_open", comm_id="1", target_name="jupyter.widget", data={"state": {}})
    assert told(widget, text("a"), message("comm_msg", comm_id="1", data={})) == ["a"]


def test_more_outputs_than_are_kept_are_counted_and_said() -> None:
    *kept, said = told(*(shown(str(number)) for number in range(2500)))
    assert kept == [str(number) for number in range(2000)]
    assert said == "500 more outputs were dropped: 2000 are kept of a notebook\n"
    cleared = (m for n in range(2500) for m in (message("clear_output", wait=True), shown(str(n))))
    assert told(*cleared) == ["2499"]
    assert told(*[text("x")] * 2500) == ["x" * 2500]


def test_size_counts_every_text_at_every_depth() -> None:
    assert size_of({"data": {"text/plain": ["x" * 1000, {"y": "한" * 1000}]}}) > 4000
    assert size_of({}) > 0


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("bad (1510359640.py, line 4)", "bad (line 4 of the cell)"),
        ("bad (<ipython-input-7-0a1b>, line 4)", "bad (line 4 of the cell)"),
        ("bad (model.py, line 4)", "bad (model.py, line 4)"),
        ("(3.py)", "(3.py)"),
    ],
)
def test_a_line_of_the_cell(message: str, expected: str) -> None:
    assert of_the_cell(message) == expected


def test_a_syntax_error_names_the_line_of_the_cell() -> None:
    source = "a = 1\nb = (1,\n"
    name = XCachingCompiler().get_code_name(source, source, 1)
    with pytest.raises(SyntaxError) as error:
        compile(source, name, "exec")
    assert of_the_cell(str(error.value)) == "'(' was never closed (line 2 of the cell)"
