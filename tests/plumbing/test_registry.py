"""Plugins are found by their file's name; every one of ours loads, and a broken one says why."""

import importlib
import sys
from abc import ABC
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.plumbing import registry
from pipelines.plumbing.errors import UserError

BASE = "from abc import ABC\nclass Base(ABC): ...\n"
PLUGINS = {
    "__init__": BASE,
    "good": "from pipelines.family import Base\nclass Good(Base): ...\nclass Other: ...\n",
    "better": "from pipelines.family.good import Good\nclass Better(Good): ...\n",
    "_shared": "raise RuntimeError('a shared part is no plugin')\n",
    "empty": "from pipelines.family import Base\nfrom pipelines.family.good import Good\n",
    "double": "from pipelines.family import Base\nclass A(Base): ...\nclass B(Base): ...\n",
    "needy": "import a_library_that_nobody_has\n",
    "broken": "def (:\n",
    "바람": "from pipelines.family import Base\nclass Wind(Base): ...\n",
}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[ABC]]:
    """The base class of a family that lies in a temporary folder."""
    import pipelines

    folder = tmp_path / "family"
    folder.mkdir()
    for name, code in PLUGINS.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(pipelines, "__path__", [*pipelines.__path__, str(tmp_path)])
    yield importlib.import_module("pipelines.family").Base
    for name in [name for name in sys.modules if name.startswith("pipelines.family")]:
        del sys.modules[name]
    del pipelines.family  # type: ignore[attr-defined]


def test_every_file_is_a_plugin_and_nothing_is_imported(base: type[ABC]) -> None:
    assert registry.names("family") == [
        "better",
        "broken",
        "double",
        "empty",
        "good",
        "needy",
        "바람",
    ]
    assert "pipelines.family.good" not in sys.modules


def test_the_files_own_class_is_found(base: type[ABC]) -> None:
    assert registry.load(base, "good").__name__ == "Good"
    assert registry.load(base, "better").__name__ == "Better"
    assert registry.load(base, "바람").__name__ == "Wind"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("godo", r"family must be files of pipelines/family/, found 'godo'; did you mean 'good'\?"),
        ("zzzz", "found 'zzzz'; known: better, "),
        ("_shared", "found '_shared'"),
        ("good.Good", r"found 'good\.Good'"),
        ("../core/paths", "found '../core/paths'"),
        ("", "found ''"),
        ("empty", r"empty\.py must define one class that extends Base, found 0"),
        ("double", r"double\.py must define one class that extends Base, found 2"),
        ("needy", "needy.py must be importable, found No module named 'a_library_that_nobody_has'"),
        ("broken", r"broken\.py must be importable, found invalid syntax"),
    ],
)
def test_what_is_wrong_is_named(base: type[ABC], name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        registry.load(base, name)


@pytest.mark.parametrize("family", ["models", "ensembles", "platforms"])
def test_a_family_of_ours_lists_its_files(family: str) -> None:
    folder = Path(importlib.import_module(f"pipelines.{family}").__file__ or "").parent
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert set(registry.names(family)) == files
    assert registry.names(family) == sorted(files)
