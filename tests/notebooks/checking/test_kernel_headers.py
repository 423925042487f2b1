"""Every kernel of this repository says in its first cell whose work it is."""

import pytest

from pipelines.notebooks.checking.check import CheckInput, judge
from pipelines.values import kernel


@pytest.mark.parametrize("name", kernel.names())
def test_the_first_step_of_the_check_passes(name: str) -> None:
    (header, *_) = judge(CheckInput(kernel.load(name), None, [], language="en")).steps
    assert header.name == "header"
    assert header.passed, header.sentence
    source = kernel.load(name).file.source
    first = kernel.load(name).code.partition("\n# %%")[0].splitlines()
    assert source.platform == "own" or f"# Source: {source.title}" in first
