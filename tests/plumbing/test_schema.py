"""YAML from people: typos, shell characters, keys twice, and other accidents."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import (
    KernelName,
    Name,
    Strict,
    check_kernel_name,
    check_name,
    read_yaml,
    validate,
)

PATIENT = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Leaf(Strict):
    trials: int = 0
    minutes: float = 10


class Branch(Strict):
    leaf: Leaf = Leaf()
    by_name: dict[Name, Leaf] = {}
    listed: list[Leaf] = []
    maybe: dict[str, list[Leaf]] | None = None


class Tree(Strict):
    name: Name
    kernels: list[KernelName] = []
    branch: Branch = Branch()


def refused(content: dict[str, object]) -> str:
    with pytest.raises(UserError) as caught:
        validate(Tree, {"name": "a", **content}, "tree.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "key", "nearest"),
    [
        ({"brnch": {}}, "brnch", "branch"),
        ({"branch": {"laef": {}}}, "branch.laef", "leaf"),
        ({"branch": {"leaf": {"trails": 3}}}, "branch.leaf.trails", "trials"),
        ({"branch": {"by_name": {"knn": {"minuets": 3}}}}, "branch.by_name.knn.minuets", "minutes"),
        ({"branch": {"by_name": {"trials": {"Trials": 3}}}}, "branch.by_name.trials.Trials", "trials"),
        ({"branch": {"listed": [{}, {"trail": 3}]}}, "branch.listed.1.trail", "trials"),
        ({"branch": {"maybe": {"x": [{"minute": 3}]}}}, "branch.maybe.x.0.minute", "minutes"),
    ],
)  # fmt: skip
def test_an_unknown_key_names_the_nearest_at_any_depth(
    content: dict[str, object], key: str, nearest: str
) -> None:
    assert f"tree.yaml: unknown key {key!r}; did you mean {nearest!r}?" in refused(content)


def test_all_findings_come_in_one_message() -> None:
    message = refused({"brnch": {}, "name": "a b", "branch": {"leaf": {"trials": "many"}}})
    assert len(message.splitlines()) == 3
    assert all(line.startswith("tree.yaml: ") for line in message.splitlines())


def test_a_missing_key_is_named() -> None:
    with pytest.raises(
        UserError, match=r"tree\.yaml: key 'name' must be given and is missing: add it"
    ):
        validate(Tree, {}, "tree.yaml")


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), "nan", "inf", "1e999"]
)
def test_nan_and_infinity_are_no_numbers(number: object) -> None:
    assert "finite number" in refused({"branch": {"leaf": {"minutes": number}}})


def test_a_number_that_yaml_takes_for_text_is_a_number() -> None:
    """YAML 1.1 reads 1e-3, without a dot, as text."""
    found = validate(Leaf, {"minutes": "1e-3"}, "leaf")
    assert found.minutes == 0.001


@pytest.mark.parametrize("name", ["digits", "a", "_x", "0", "한글-2_b", "A" * 64, "breast-cancer"])
def test_names_of_letters_digits_and_hangul_pass(name: str) -> None:
    assert check_name(name) == name
    assert check_kernel_name(f"m01/{name}") == f"m01/{name}"


DANGEROUS = ["a;b", "$(id)", "`id`", "a'b", 'a"b', "a b", "..", ".", "a/b", "a\n", "\na", "a\r", "a\t", "a\0",
             "", "-rf", "--help", "a|b", "a&b", "a>b", "a<b", "a*", "a?", "a#b", "~", "a\\b", "${x}", "a=b", "a,b",
             "a.b", "%s", "!x", "é", "ａ", "٣", "a\u200b", "a\u202eb", "ㄱ", "ﬁ", "a" * 65,
             "a\u0301", "가\u3000", "a\u00a0", "\ufeffa"]  # fmt: skip


@pytest.mark.parametrize("name", DANGEROUS, ids=ascii)
def test_whatever_a_shell_or_a_reader_could_stumble_over_is_refused(name: str) -> None:
    assert "1 to 64 letters, digits, Hangul" in refused({"name": name})
    assert refused({"kernels": [f"m01/{name}"]})
    assert refused({"kernels": [f"{name}/first"]})


@PATIENT
@given(name=st.text())
def test_no_other_name_passes(name: str) -> None:
    try:
        check_name(name)
    except ValueError:
        return
    assert 1 <= len(name) <= 64
    assert all(sign in "_-" or (sign.isascii() and sign.isalnum()) or "가" <= sign <= "힣" for sign in name)  # fmt: skip


@pytest.mark.parametrize("name", ["knn", "m01/a/b", "m01//b", "/b", "m01/", "/"])
def test_a_kernel_is_member_and_kernel(name: str) -> None:
    assert "must be" in refused({"kernels": [name]})


@pytest.mark.parametrize("value", [False, 7, None, ["a"], {"a": 1}])
def test_what_is_no_text_is_no_name(value: object) -> None:
    assert "tree.yaml: name: Input should be a valid string" in refused({"name": value})


def test_values_cannot_be_changed_afterwards() -> None:
    leaf = Leaf(trials=1)
    with pytest.raises(ValueError, match="frozen"):
        leaf.trials = 2


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "tree.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_yaml_is_read_as_text_numbers_and_lists(tmp_path: Path) -> None:
    path = written(tmp_path, "제목: 손글씨\nrate: 0.5\nlist:\n  - a\n  - {b: 1}\n")
    assert read_yaml(path) == {"제목": "손글씨", "rate": 0.5, "list": ["a", {"b": 1}]}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: 1\nb: 2\na: 3\n", "a"),
        ("tune:\n  knn: {}\n  cnn: {}\n  knn: {}\n", "knn"),
        ("x:\n  - {y: 1, y: 1}\n", "y"),
        ("한글: 1\n한글: 2\n", "한글"),
    ],
)
def test_a_key_given_twice_is_an_error(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(UserError, match=f"key '{key}' must be given once and is given twice"):
        read_yaml(written(tmp_path, text))


def test_the_same_key_in_two_sections_is_fine(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, "a: {x: 1}\nb: {x: 2}\n")) == {"a": {"x": 1}, "b": {"x": 2}}


@pytest.mark.parametrize(
    "content",
    ["a: [1\n", "a:\tb: c\n", "a: 2024-13-45\n", b"\xff\xfea", "a: \x07", "a: !!python/name:os.system\n",
     "a: !!python/object/apply:os.system [id]\n", "[" * 5000, "a: *b\n", "{a: 1}: 2\n",
     'a: ["b\\ud800"]\n', '"\\udfff": 1\n'],
    ids=lambda content: ascii(content)[:20],
)  # fmt: skip
def test_what_is_no_plain_yaml_is_an_error(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(UserError, match=r"tree\.yaml must be YAML in UTF-8"):
        read_yaml(written(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "found"),
    [("", "nothing"), ("# only\n", "nothing"), ("- a\n", "list"), ("a\n", "str")],
)
def test_a_file_must_hold_keys(tmp_path: Path, content: str, found: str) -> None:
    with pytest.raises(UserError, match=f"must hold `key: value` lines, found {found}"):
        read_yaml(written(tmp_path, content))


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml must exist and was not found: restore it"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize("is_link", [True, False])
def test_what_is_no_file_cannot_be_read(tmp_path: Path, is_link: bool) -> None:
    path = tmp_path / "tree.yaml"
    path.symlink_to(path.name) if is_link else path.mkdir()
    with pytest.raises(UserError, match=r"tree\.yaml must be a file and cannot be read"):
        read_yaml(path)


def test_a_syllable_that_a_mac_took_apart_is_put_together() -> None:
    assert check_name("\u1100\u1161") == "가"
