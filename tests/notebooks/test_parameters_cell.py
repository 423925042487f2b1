"""Every variable of the cell tagged `parameters`: its value, its text, or that it was computed."""

from typing import Any

import pytest

from pipelines.cells import conversion
from pipelines.notebooks import parameters_cell


def values(source: str) -> dict[str, Any]:
    code = f'# %% tags=["parameters"]\n{source}\n\n# %%\nother = 1\n'
    return parameters_cell.values(conversion.from_percent(code))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("SEED = 1", {"SEED": 1}),
        ("학습률: float = 0.1", {"학습률": 0.1}),
        ("SEED: int", {}),
        ("a = b = 'x'", {"a": "x", "b": "x"}),
        ("ROWS, (DEPTH, NAME) = 60, (2, 'n')", {"ROWS": 60, "DEPTH": 2, "NAME": "n"}),
        ("first, *rest = 1, 2, 3", {"first": "(computed)", "rest": "(computed)"}),
        ("a, b = shape", {"a": "(computed)", "b": "(computed)"}),
        ("LIST = list(range(3000))", {"LIST": "list(range(3000))"}),
        ("LONG = '가' * 7000", {"LONG": "'가' * 7000"}),
        ("NAN, INF = float('nan'), -np.inf", {"NAN": "float('nan')", "INF": "-np.inf"}),
        ("BAD = {[]}", {"BAD": "{[]}"}),
        ("N = 1\nN *= 2", {"N": "(computed)"}),
        (
            "N = 1\nif N:\n    N = 3\nfor i in range(N): pass",
            {"N": "(computed)", "i": "(computed)"},
        ),
        ("import os\ndef f():\n    inner = 1\n%matplotlib inline\nx = 1", {"x": 1}),
        ("print 'old'", {}),
    ],
)
def test_no_variable_is_dropped(source: str, expected: dict[str, Any]) -> None:
    assert values(source) == expected


def test_quick_values_replace_those_of_the_cell() -> None:
    notebook = conversion.from_percent('# %% tags=["parameters"]\nROWS, SEED = 60, 1\n')
    quick = conversion.with_quick(notebook, {"ROWS": 3})
    assert parameters_cell.values(quick) == {"ROWS": 3, "SEED": 1}
