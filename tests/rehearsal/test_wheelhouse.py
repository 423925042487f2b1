"""Packed wheels: the same inputs give the same hashes, and nothing is resolved or fetched twice. The index is pretended."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.notebooks import package_index
from pipelines.notebooks.package_index import Unresolved
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.rehearsal import wheelhouse
from pipelines.rehearsal.wheelhouse import Wheelhouse
from pipelines.values import kernel as kernels
from tests.conftest import Workshop

WHEELS = {"emoji==2.0": "emoji-2.0-py3-none-any.whl", "numpy==2.0": "numpy-2.0-cp311-linux_x86_64.whl"}  # fmt: skip


class Index:
    """Counts what is asked of it."""

    def __init__(self) -> None:
        self.resolved, self.fetched = 0, list[str]()

    def pin(self, *_: object) -> dict[str, list[str]]:
        self.resolved += 1
        return {pin: [] for pin in WHEELS}

    def fetch(
        self, pins: Mapping[str, Sequence[str]], python: str, into: Path, home: Path
    ) -> list[str]:
        for pin in pins:
            self.fetched.append(WHEELS[pin])
            (into / WHEELS[pin]).write_text(pin, encoding="utf-8")
        return [WHEELS[pin] for pin in pins]


@pytest.fixture
def index(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Index:
    made = Index()
    monkeypatch.setattr(package_index, "pin", made.pin)
    monkeypatch.setattr(package_index, "fetch", made.fetch)
    workshop.write_kernel("m01/one", "# %%\nimport emoji\n", requires=["emoji"])
    return made


def pack(python: str | None = None) -> Wheelhouse:
    return wheelhouse.pack(kernels.load("m01/one"), python, lambda _: None)


def test_what_is_frozen_is_neither_resolved_nor_fetched_again(index: Index) -> None:
    first, again = pack(), pack()
    assert (first.fetched, again.fetched, index.resolved) == (2, 0, 1)
    assert first.hash == again.hash
    assert [path.is_file() for path in again.files] == [True, True]


def test_a_wheel_that_is_gone_or_damaged_is_fetched_alone(index: Index) -> None:
    house = pack()
    house.files[0].unlink()
    house.files[1].write_text("something else", encoding="utf-8")
    index.fetched.clear()
    assert pack().fetched == 2
    house.files[0].unlink()
    assert pack().fetched == 1
    assert index.fetched[2:] == [house.files[0].name]
    assert index.resolved == 1


def test_other_requirements_or_another_python_are_resolved_anew(
    index: Index, workshop: Workshop
) -> None:
    pack()
    assert pack("3.99").hash != pack().hash
    workshop.write_kernel("m01/one", "# %%\nimport emoji\n", requires=["emoji>1"])
    pack()
    assert index.resolved == 4


def test_a_kernel_without_requirements_packs_nothing(index: Index, workshop: Workshop) -> None:
    workshop.write_kernel("m01/one", "# %%\nimport emoji\n")
    assert (pack().frozen, pack().hash, index.resolved) == (None, "", 0)


def test_wheels_of_another_python_are_not_rehearsed_here(index: Index) -> None:
    with pytest.raises(UserError, match=r"wheels for Python 3\.99"):
        wheelhouse.environment(kernels.load("m01/one"), pack("3.99"), lambda _: None)


def test_a_wheel_that_is_not_built_for_the_site_is_said(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> dict[str, list[str]]:
        raise Unresolved("error: emoji has no wheels with a matching Python ABI tag (e.g., `cp399`)")  # fmt: skip

    monkeypatch.setattr(package_index, "pin", none)
    with pytest.raises(MemberFailed, match=r"site's Python 3\.99 .* no wheels with a matching"):
        pack("3.99")


def test_pip_hears_of_the_index_and_no_process_list_shows_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index = "https://member:secret@example.org/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    heard = dict[str, Any]()

    def ran(words: Sequence[str], **given: Any) -> subprocess.CompletedProcess[str]:
        heard.update(given, words=words)
        return subprocess.CompletedProcess(words, 0, "Saved ./emoji-2.0-py3-none-any.whl\n", "")

    monkeypatch.setattr(subprocess, "run", ran)
    pins = {"emoji==2.0": ["0" * 64]}
    assert package_index.fetch(pins, "3.11", tmp_path, tmp_path) == ["emoji-2.0-py3-none-any.whl"]
    assert heard["env"]["PIP_INDEX_URL"] == index
    assert not any("secret" in word for word in heard["words"])
