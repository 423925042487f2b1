"""Parameters of a run: none is dropped, none is endless, none is a secret."""

import pytest

from pipelines.tracking.parameters import flat


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "a", None], "1, a, None"), ([], ""), ({}, "{}"), ({"b", "a"}, "a, b"), (b"x", "b'x'"),
        (float("nan"), "nan"), (float("-inf"), "-inf"), ("가" * 500, "가" * 500),
        ("가" * 7000, "가" * 500 + "… (7000 characters)"),
        (list(range(3000)), ", ".join(map(str, range(3000)))[:500] + "… (3000 values)"),
    ],
)  # fmt: skip
def test_every_value_is_kept_as_short_text(value: object, text: str) -> None:
    assert flat({"a": value}) == {"a": text}


def test_a_large_mapping_is_one_parameter() -> None:
    large = flat({"a": {str(number): number for number in range(3000)}})
    assert list(large) == ["a"]
    assert str(large["a"]).startswith("{'0': 0, '1': 1")
    assert str(large["a"]).endswith(" characters)")


def test_no_secret_is_kept() -> None:
    token = "KGAT_" + "0a1b2c3d" * 4
    kept = flat({"a": f"x {token}", "b": [token], "API_KEY": "0a1b2c3d" * 4, "c": {"password": "hush1"}})  # fmt: skip
    assert kept == {"a": "x ***", "b": "***", "API_KEY": "***", "c.password": "***"}
