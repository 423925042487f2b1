"""Reasons of an end name cells and their lines, and no file that nobody has."""

import pytest
from ipykernel.compiler import XCachingCompiler

from pipelines.sandbox import endings


def said_of(source: str) -> str:
    """What Python says of a cell that ipykernel compiles."""
    name = XCachingCompiler().get_code_name(source, source, 1)
    with pytest.raises(SyntaxError) as error:
        compile(source, name, "exec")
    return str(error.value)


def test_a_syntax_error_names_the_line_of_the_cell() -> None:
    message = said_of("a = 1\nb = (1,\n")
    assert ".py, line 2)" in message
    reason = endings.raised(3, "SyntaxError", message).reason
    assert reason == "cell 3 raised SyntaxError: '(' was never closed (line 2 of the cell)"


def test_a_module_of_the_member_keeps_its_name() -> None:
    reason = endings.raised(1, "SyntaxError", "invalid syntax (model.py, line 4)").reason
    assert reason.endswith("invalid syntax (model.py, line 4)")
