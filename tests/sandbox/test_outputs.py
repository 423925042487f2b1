import pytest
from nbformat.v4 import new_output

from pipelines.sandbox.outputs import last_line, last_object, of_the_cell, plain, settle, size_of


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


def test_pieces_of_a_stream_are_joined_and_other_outputs_stay_between_them() -> None:
    outputs = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b\n"),
        new_output("stream", name="stderr", text="warning"),
        new_output("display_data", data={"text/plain": "picture"}),
        new_output("stream", name="stdout", text="c"),
    ]
    told = [output.get("text", "picture") for output in settle(outputs)]
    assert told == ["ab\n", "warning", "picture", "c"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("1/3\r2/3\r3/3\nnext", "3/3\nnext"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("1/2\b\b\b2/2", "2/2"),
        ("\b\ba", "a"),
    ],
)
def test_what_is_overwritten_is_gone(text: str, left: str) -> None:
    (output,) = settle([new_output("stream", name="stdout", text=text)])
    assert output.text == left


def test_millions_of_backspaces_take_no_longer_than_other_characters() -> None:
    # Taken away a layer at a time this would take hours, and the test's time limit would end it.
    (output,) = settle(
        [new_output("stream", name="stdout", text="a" * 2_000_000 + "\b" * 2_000_000)]
    )
    assert output.text == ""


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
